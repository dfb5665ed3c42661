//! Programs as benchmarks keep them (`fixtures/programs`, `benches/programs`): code, what it is called
//! with and the state it meets. The gas limit is the frame's, and no fork's cap is on it.

use serde::Deserialize;
use tandem_evm::{
    Block, Extension, Fork, Schedule, Transaction,
    primitives::{Address, Bytes, U256},
};

use crate::{
    Bundle, InputError,
    bundle::{Account, Accounts, fields, parse_fork, state_of},
    number::{Number, Quantity},
};

/// A program with all it needs to run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Program {
    /// What it is called.
    pub name: String,
    /// The transaction that calls it, and the state.
    pub bundle: Bundle,
    /// Extensions that it needs.
    pub extensions: Vec<Extension>,
}

#[derive(Debug, Deserialize)]
struct Document {
    name: String,
    spec: String,
    caller: Address,
    to: Address,
    gas_limit: Number,
    value: Option<Quantity>,
    #[serde(default)]
    calldata: Bytes,
    #[serde(default)]
    env: Environment,
    #[serde(default)]
    pre: Accounts,
    #[serde(default)]
    extensions: Vec<String>,
    /// The account at `to`.
    #[serde(flatten)]
    called: Account,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Environment {
    number: Number,
    timestamp: Number,
    coinbase: Address,
    prevrandao: Quantity,
}

impl Program {
    /// Reads a file. `fork` overrides what it says.
    ///
    /// # Errors
    /// If it is no JSON or lacks something, or names a fork or an extension that is none.
    pub fn read(json: &[u8], fork: Option<Fork>) -> Result<Self, InputError> {
        let what = "the program";
        let value = serde_json::from_slice(json).map_err(InputError::json(what))?;
        let program: Document = fields(value, what)?;
        let fork = fork.map_or_else(|| parse_fork(&program.spec), Ok)?;
        let extensions = program.extensions.iter().map(|name| {
            let unknown = || InputError::Input(format!("no extension is called {name}"));
            Extension::from_name(name).ok_or_else(unknown)
        });
        let extensions = extensions.collect::<Result<_, _>>()?;
        let mut tx = Transaction::call(program.caller, program.to, program.calldata);
        tx.value = program.value.unwrap_or_default().0;
        let caller = program.pre.get(&program.caller);
        tx.nonce = caller.and_then(|account| account.nonce).unwrap_or_default().0;
        tx.chain_id = Some(1);
        let (intrinsic, _) = tx.intrinsic_gas(&Schedule::new(fork).transaction);
        tx.gas_limit = program.gas_limit.0.saturating_add(intrinsic.total());
        let mut block = Block::default();
        (block.number, block.timestamp) = (program.env.number.0, program.env.timestamp.0);
        (block.coinbase, block.gas_limit) = (program.env.coinbase, u64::MAX);
        block.prevrandao = program.env.prevrandao.0;
        let mut accounts = program.pre;
        accounts.insert(program.to, program.called);
        // An account without anything is none.
        accounts.retain(|_, account| !account.is_empty());
        let state = state_of(accounts);
        let bundle = Bundle { fork, block, tx, state, receipt: None };
        Ok(Self { name: program.name, bundle, extensions })
    }
}

impl Account {
    fn is_empty(&self) -> bool {
        self.balance.unwrap_or_default().0 == U256::ZERO
            && self.nonce.unwrap_or_default().0 == 0
            && self.code.as_ref().is_none_or(|code| code.is_empty())
    }
}
