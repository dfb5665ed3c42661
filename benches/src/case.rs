//! Programs to execute: the case format, one JSON file each, and where cases are found. A case is one
//! transaction on a state; which engine executes it is not said here.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, Bytes, U256};
use regex::Regex;
use serde::Deserialize;
use tandem_evm::Fork;

use crate::Error;

/// A program, the state it meets, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// The case's name, for example `main/weierstrudel/15`.
    pub name: String,
    /// The fork's name.
    pub spec: String,
    /// Who sends the transaction.
    pub caller: Address,
    /// Who is called.
    pub to: Address,
    /// Gas the top frame gets, intrinsic gas not included.
    pub gas_limit: u64,
    /// Runtime code at `to`.
    #[serde(default)]
    pub code: Bytes,
    /// Storage of `to`.
    #[serde(default)]
    pub storage: BTreeMap<U256, U256>,
    /// Balance of `to`, in wei.
    #[serde(default)]
    pub balance: U256,
    /// Nonce of `to`.
    #[serde(default)]
    pub nonce: U256,
    /// Wei sent along.
    #[serde(default)]
    pub value: U256,
    /// The transaction's data.
    #[serde(default)]
    pub calldata: Bytes,
    /// The block.
    #[serde(default)]
    pub env: BlockOf,
    /// The other accounts.
    #[serde(default)]
    pub pre: BTreeMap<Address, Account>,
    /// Extensions that the program needs, by name.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// What must come of it; without it the two engines must agree.
    pub expect: Option<Expect>,
    /// The file it was read from, if it was.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// The block a case runs in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct BlockOf {
    /// Block number.
    pub number: U256,
    /// Unix time in seconds.
    pub timestamp: U256,
    /// Who gets the fees.
    pub coinbase: Address,
    /// The random value of the beacon chain.
    pub prevrandao: B256,
}

/// An account of a case.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Balance in wei.
    pub balance: U256,
    /// Nonce.
    pub nonce: U256,
    /// Runtime code.
    pub code: Bytes,
    /// Storage.
    pub storage: BTreeMap<U256, U256>,
}

/// What must come of a case.
#[derive(Clone, Debug, Deserialize)]
pub struct Expect {
    /// `success` or another word.
    pub status: String,
    /// Gas of the top frame before refunds, intrinsic gas not included.
    pub gas_used: u64,
    /// How many logs.
    pub logs: usize,
    /// What was returned.
    pub output: Bytes,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// If the file cannot be read or is no case.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let at_path = |error: &dyn Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| at_path(&error))?;
        let case: Self = serde_json::from_str(&text).map_err(|error| at_path(&error))?;
        Ok(Self { file: Some(path.to_owned()), ..case })
    }

    /// A program of one's own at an address of its own, on Osaka: what benches built in code start
    /// from.
    pub fn of_code(name: impl Into<String>, code: Bytes) -> Self {
        Self {
            name: name.into(),
            spec: Fork::Osaka.name().into(),
            caller: Address::repeat_byte(0x11),
            to: Address::repeat_byte(0xcc),
            gas_limit: 1_000_000_000_000,
            code,
            storage: BTreeMap::new(),
            balance: U256::ZERO,
            nonce: U256::ONE,
            value: U256::ZERO,
            calldata: Bytes::new(),
            env: BlockOf { number: U256::ONE, timestamp: U256::ONE, ..BlockOf::default() },
            pre: BTreeMap::new(),
            extensions: Vec::new(),
            expect: None,
            file: None,
        }
    }

    /// The fork.
    ///
    /// # Errors
    /// If Tandem has no fork of that name.
    pub fn fork(&self) -> Result<Fork, Error> {
        let unknown = || format!("{}: no fork is called {}", self.name, self.spec).into();
        Fork::from_name(&self.spec).ok_or_else(unknown)
    }

    /// Every account that is not empty, the one called among them.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, Account)> {
        let called = Account {
            balance: self.balance,
            nonce: self.nonce,
            code: self.code.clone(),
            storage: self.storage.clone(),
        };
        let others = self.pre.iter().map(|(address, account)| (*address, account.clone()));
        others.chain([(self.to, called)]).filter(|(_, account)| !account.is_empty())
    }

    /// Whether the case calibrates the machinery around the glue, and so stays out of the mean: it is
    /// in a directory `overhead`.
    pub fn is_overhead(&self) -> bool {
        let mut directories = self.file.iter().filter_map(|file| file.parent()?.file_name());
        directories.any(|name| name == "overhead")
    }
}

impl Account {
    fn is_empty(&self) -> bool {
        self.balance.is_zero() && self.nonce.is_zero() && self.code.is_empty()
    }
}

/// The project's own programs.
pub fn own_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

/// The cases beside the workspace if they are there, else the project's own programs.
pub fn default_directory() -> PathBuf {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases");
    if shared.is_dir() { shared } else { own_directory() }
}

/// Every case of a directory whose name the filter matches, by name.
///
/// # Errors
/// If a file cannot be read or is no case, or if there is none.
pub fn load(directory: &Path, filter: Option<&Regex>) -> Result<Vec<Case>, Error> {
    let mut cases = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory);
        for entry in entries.map_err(|error| format!("{}: {error}", directory.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                cases.push(Case::read(&path)?);
            }
        }
    }
    cases.retain(|case| filter.is_none_or(|filter| filter.is_match(&case.name)));
    if cases.is_empty() {
        return Err(format!("no case to run in {}", directory.display()).into());
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}
