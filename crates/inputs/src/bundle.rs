//! A transaction with all it needs to run: the state before it as geth's `prestateTracer` gives it,
//! the block, and the transaction, signed and raw or as `eth_getTransactionByHash` gives it. As one
//! file, as separate files, or in the shape of geth's own tracer tests (`genesis`, `context`, `input`).

use std::{collections::BTreeMap, fmt};

use alloy_consensus::{Transaction as _, TxEnvelope, Typed2718, transaction::SignerRecoverable};
use alloy_eips::eip2718::Decodable2718;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use tandem_evm::{
    AccessListItem, AccountInfo, Authorization, Block, Database, Error, Evm, Fork, InMemoryState,
    Invalid, Meter, Status, Transaction, TransactionKind, keccak256,
    primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256},
};
use tandem_report::{Attribution, Collector};

use crate::{
    chain,
    number::{Number, Quantity},
};

/// Why there is no attribution of a transaction; in one line, with what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The input is cut off or no JSON.
    #[error("{what} is no valid JSON: {error}")]
    Json {
        /// Which input.
        what: &'static str,
        /// What is wrong, with line and column.
        error: serde_json::Error,
    },
    /// Something is missing from it, or does not fit.
    #[error("{0}")]
    Input(String),
    /// The transaction cannot be executed.
    #[error("{0}")]
    Execution(String),
    /// The node could not be reached, or did not answer as it should.
    #[error("{0}")]
    Node(String),
}

impl InputError {
    pub(crate) fn json(what: &'static str) -> impl Fn(serde_json::Error) -> Self {
        move |error| Self::Json { what, error }
    }
}

/// A transaction and all it needs to run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bundle {
    /// The fork it runs on.
    pub fork: Fork,
    /// Its block.
    pub block: Block,
    /// The transaction.
    pub tx: Transaction,
    /// The state before it, as much of it as it touches.
    pub state: InMemoryState,
    /// What its receipt says, if it is there.
    pub receipt: Option<Receipt>,
}

/// What of a receipt a result is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever reads receipts")]
pub struct Receipt {
    /// The gas paid for.
    pub gas_used: u64,
    /// Whether it succeeded; `None` before Byzantium.
    pub success: Option<bool>,
}

/// What a bundle came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Executed {
    /// Where the gas went.
    pub attribution: Attribution,
    /// How the result differs from the receipt, in a line; `None` if it does not, or there is none.
    pub difference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    prestate: Value,
    transaction: Value,
    block: Value,
    fork: Option<String>,
    chain_id: Option<Number>,
    #[serde(default)]
    block_hashes: BTreeMap<String, B256>,
    receipt: Option<ReceiptFields>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptFields {
    gas_used: Number,
    status: Option<Number>,
}

impl ReceiptFields {
    pub(crate) fn receipt(&self) -> Receipt {
        Receipt { gas_used: self.gas_used.0, success: self.status.map(|status| status.0 == 1) }
    }
}

/// An account as `prestateTracer` and genesis files have it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Account {
    pub(crate) balance: Option<Quantity>,
    pub(crate) nonce: Option<Number>,
    pub(crate) code: Option<Bytes>,
    #[serde(default)]
    storage: BTreeMap<String, Quantity>,
}

pub(crate) type Accounts = BTreeMap<Address, Account>;

/// A block as `eth_getBlockByNumber` has it, or the `context` of geth's tracer tests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) number: Number,
    pub(crate) timestamp: Number,
    #[serde(alias = "coinbase")]
    miner: Option<Address>,
    gas_limit: Number,
    base_fee_per_gas: Option<Quantity>,
    difficulty: Option<Quantity>,
    #[serde(alias = "prevRandao", alias = "random")]
    mix_hash: Option<Quantity>,
    excess_blob_gas: Option<Number>,
    pub(crate) withdrawals_root: Option<IgnoredAny>,
    pub(crate) requests_hash: Option<IgnoredAny>,
    #[cfg_attr(not(feature = "rpc"), expect(dead_code, reason = "a node's state needs it"))]
    pub(crate) parent_beacon_block_root: Option<B256>,
    #[cfg_attr(not(feature = "rpc"), expect(dead_code, reason = "a node's state needs it"))]
    pub(crate) parent_hash: Option<B256>,
}

impl Header {
    pub(crate) fn block(&self, fork: Fork, chain_id: u64) -> Block {
        let mut block = Block::default();
        block.number = self.number.0;
        block.timestamp = self.timestamp.0;
        block.coinbase = self.miner.unwrap_or_default();
        block.gas_limit = self.gas_limit.0;
        block.base_fee = self.base_fee_per_gas.unwrap_or_default().0;
        let random = if fork >= Fork::Paris { self.mix_hash } else { None };
        block.prevrandao = random.or(self.difficulty).unwrap_or_default().0;
        block.excess_blob_gas = self.excess_blob_gas.unwrap_or_default().0;
        block.blobs = chain::blob_params(fork, chain_id, self.timestamp.0);
        block.chain_id = chain_id;
        block
    }

    pub(crate) fn has_base_fee(&self) -> bool {
        self.base_fee_per_gas.is_some()
    }

    pub(crate) fn has_blobs(&self) -> bool {
        self.excess_blob_gas.is_some()
    }

    pub(crate) fn has_difficulty(&self) -> bool {
        self.difficulty.is_some_and(|difficulty| !difficulty.0.is_zero())
    }
}

/// geth's tracer tests.
#[derive(Debug, Deserialize)]
struct TracerTest {
    genesis: Genesis,
    context: Value,
    input: Value,
}

#[derive(Debug, Deserialize)]
struct Genesis {
    alloc: Value,
    config: alloy_genesis::ChainConfig,
}

/// What a JSON-RPC response wraps, if it is one.
fn unwrapped(mut value: Value, what: &'static str) -> Result<Value, InputError> {
    if value.get("jsonrpc").is_none() {
        return Ok(value);
    }
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        let text = error.get("message").and_then(Value::as_str);
        let text = text.map_or_else(|| error.to_string(), str::to_owned);
        return Err(InputError::Input(format!("{what} is an error response: {text}")));
    }
    match value.get_mut("result").map(Value::take) {
        Some(result) if !result.is_null() => Ok(result),
        _ => Err(InputError::Input(format!("{what} is a response without a result"))),
    }
}

fn parse(json: &[u8], what: &'static str) -> Result<Value, InputError> {
    unwrapped(serde_json::from_slice(json).map_err(InputError::json(what))?, what)
}

pub(crate) fn fields<T: for<'de> Deserialize<'de>>(
    value: Value,
    what: &'static str,
) -> Result<T, InputError> {
    serde_json::from_value(value).map_err(|error| {
        InputError::Input(format!("{what} does not have the shape it should: {error}"))
    })
}

impl Bundle {
    /// Reads one file with everything: `{prestate, transaction, block}` with optional `fork`,
    /// `chainId`, `blockHashes` and `receipt`; or geth's `{genesis, context, input}`. `fork`
    /// overrides what the file says.
    ///
    /// # Errors
    /// If the file is no JSON or lacks something, or nothing says which fork it is of.
    pub fn read(json: &[u8], fork: Option<Fork>) -> Result<Self, InputError> {
        let value: Value = serde_json::from_slice(json).map_err(InputError::json("the bundle"))?;
        Self::from_value(value, fork)
    }

    /// Reads a bundle that is already parsed; see [`read`](Self::read).
    ///
    /// # Errors
    /// See [`read`](Self::read).
    pub fn from_value(value: Value, fork: Option<Fork>) -> Result<Self, InputError> {
        if value.get("genesis").is_some() {
            return Self::of_tracer_test(fields(value, "the tracer test")?, fork);
        }
        if value.get("prestate").is_none() {
            return Err(InputError::Input(
                "no bundle: it has neither prestate, transaction and block nor genesis, context \
                 and input"
                    .into(),
            ));
        }
        let document: Document = fields(value, "the bundle")?;
        let named = document.fork.as_deref().map(parse_fork).transpose()?;
        let mut bundle = Self::assemble(
            unwrapped(document.prestate, "the prestate")?,
            unwrapped(document.transaction, "the transaction")?,
            unwrapped(document.block, "the block")?,
            fork.or(named),
            document.chain_id.map(|id| id.0),
        )?;
        for (number, hash) in document.block_hashes {
            let number = number.parse().map_err(|_| {
                InputError::Input(format!("blockHashes has {number}, which is no block number"))
            })?;
            bundle.state.insert_block_hash(number, hash);
        }
        bundle.receipt = document.receipt.map(|receipt| receipt.receipt());
        Ok(bundle)
    }

    /// Puts a bundle together from separate files: the prestate, the transaction (JSON, or a signed
    /// raw one in hex), and the block. Each may be wrapped in a JSON-RPC response.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_parts(
        prestate: &[u8],
        transaction: &[u8],
        block: &[u8],
        fork: Option<Fork>,
    ) -> Result<Self, InputError> {
        Self::assemble(
            parse(prestate, "the prestate")?,
            transaction_value(transaction)?,
            parse(block, "the block")?,
            fork,
            None,
        )
    }

    fn assemble(
        prestate: Value,
        transaction: Value,
        block: Value,
        fork: Option<Fork>,
        chain_id: Option<u64>,
    ) -> Result<Self, InputError> {
        if prestate.get("pre").is_some() && prestate.get("post").is_some() {
            return Err(InputError::Input(
                "the prestate is a difference, which lacks what is only read: trace again \
                 without diffMode"
                    .into(),
            ));
        }
        let tx = transaction_of(transaction)?;
        let header: Header = fields(block, "the block")?;
        let chain_id = chain_id.or(tx.chain_id).unwrap_or(1);
        let fork = fork.or_else(|| chain::fork(chain_id, &header)).ok_or_else(|| {
            InputError::Input(format!(
                "which fork is chain {chain_id} on at block {}? Say it with --fork",
                header.number.0
            ))
        })?;
        let block = header.block(fork, chain_id);
        let state = state_of(fields(prestate, "the prestate")?);
        Ok(Self { fork, block, tx, state, receipt: None })
    }

    fn of_tracer_test(test: TracerTest, fork: Option<Fork>) -> Result<Self, InputError> {
        let header: Header = fields(test.context, "the context")?;
        let config = &test.genesis.config;
        let (number, time) = (header.number.0, header.timestamp.0);
        let fork = fork.unwrap_or_else(|| chain::configured(config, number, time));
        let mut block = header.block(fork, config.chain_id);
        if let Some(params) = chain::configured_blobs(config, fork) {
            block.blobs = params;
        }
        let tx = transaction_of(test.input)?;
        let state = state_of(fields(test.genesis.alloc, "the genesis alloc")?);
        Ok(Self { fork, block, tx, state, receipt: None })
    }

    /// Executes the transaction and attributes its gas.
    ///
    /// # Errors
    /// If the transaction is invalid in its block and state.
    pub fn execute(&self) -> Result<Executed, InputError> {
        let mut state = self.state.clone();
        execute(self.fork, &mut state, &self.block, &self.tx, self.receipt)
    }
}

/// Executes a transaction on any state, attributes its gas, and compares it with a receipt.
pub(crate) fn execute(
    fork: Fork,
    state: &mut dyn Database,
    block: &Block,
    tx: &Transaction,
    receipt: Option<Receipt>,
) -> Result<Executed, InputError> {
    let mut evm = Evm::builder(fork).meter(Meter::Gas).build();
    let mut collector =
        Collector::new(evm.schedule().clone()).transaction(tx, Some(block.coinbase));
    let outcome = evm
        .transact_traced(state, block, tx, &mut collector)
        .map_err(|error| refused(&error, fork, tx))?;
    let attribution =
        collector.finish(&outcome).map_err(|error| InputError::Execution(error.to_string()))?;
    let success = outcome.status == Status::Success;
    let difference = receipt.and_then(|receipt| receipt.difference(outcome.gas_used, success));
    Ok(Executed { attribution, difference })
}

impl Receipt {
    /// How a result differs from it, in a line; `None` if it does not.
    pub fn difference(&self, gas_used: u64, success: bool) -> Option<String> {
        let status = self.success.filter(|it| *it != success).map(|told| {
            let name = |success| if success { "success" } else { "failure" };
            format!("status {}, the receipt says {}", name(success), name(told))
        });
        let gas = (gas_used != self.gas_used)
            .then(|| format!("{gas_used} gas used, the receipt says {}", self.gas_used));
        let parts: Vec<_> = [status, gas].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Why a transaction that was put together from parts is refused, with what may be wrong with them.
pub fn refused(error: &Error, fork: Fork, tx: &Transaction) -> InputError {
    let hint = match error {
        // An account that is not there has no balance and the nonce 0.
        Error::Invalid(
            Invalid::InsufficientFunds { .. } | Invalid::NonceTooHigh { expected: 0, .. },
        ) => {
            format!(": does the prestate have the sender, {}?", tx.sender)
        }
        Error::Invalid(Invalid::NonceTooLow { .. } | Invalid::NonceTooHigh { .. }) => {
            format!(": is the prestate of just before it, with the sender, {}?", tx.sender)
        }
        Error::Invalid(Invalid::TypeNotInFork(_)) => {
            format!(": it is executed on {}; another fork is chosen with --fork", fork.name())
        }
        _ => String::new(),
    };
    InputError::Execution(format!("{error}{hint}"))
}

pub(crate) fn parse_fork(name: &str) -> Result<Fork, InputError> {
    Fork::from_name(name).ok_or_else(|| {
        let known: Vec<_> = Fork::ALL.iter().map(|fork| fork.name()).collect();
        InputError::Input(format!("no fork {name}; there are {}", known.join(", ")))
    })
}

pub(crate) fn state_of(accounts: Accounts) -> InMemoryState {
    let mut state = InMemoryState::default();
    for (address, account) in accounts {
        let code = account.code.unwrap_or_default();
        let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
        let balance = account.balance.unwrap_or_default().0;
        let nonce = account.nonce.unwrap_or_default().0;
        state.insert_account(address, AccountInfo { balance, nonce, code_hash }, code);
        for (key, value) in account.storage {
            let key = key.strip_prefix("0x").unwrap_or(&key);
            if let Ok(key) = U256::from_str_radix(key, 16) {
                state.insert_slot(address, key, value.0);
            }
        }
    }
    state
}

#[cfg(feature = "rpc")]
pub(crate) fn header_of(block: Value) -> Result<Header, InputError> {
    fields(block, "the block")
}

/// Reads a transaction: signed and raw in hex, or as `eth_getTransactionByHash` gives it.
///
/// # Errors
/// If it is neither.
pub fn read_transaction(file: &[u8]) -> Result<Transaction, InputError> {
    transaction_of(transaction_value(file)?)
}

/// Reads who gets the fees of a block, as `eth_getBlockByNumber` gives it.
///
/// # Errors
/// If that is no block.
pub fn read_coinbase(file: &[u8]) -> Result<Address, InputError> {
    let header: Header = fields(parse(file, "the block")?, "the block")?;
    Ok(header.miner.unwrap_or_default())
}

/// A file with a transaction: JSON, or hex.
pub(crate) fn transaction_value(file: &[u8]) -> Result<Value, InputError> {
    let text = String::from_utf8_lossy(file);
    let text = text.trim();
    if text.starts_with("0x") || (!text.is_empty() && text.bytes().all(|it| it.is_ascii_hexdigit()))
    {
        return Ok(Value::String(text.to_owned()));
    }
    parse(file, "the transaction")
}

/// The transaction of a JSON value: raw in hex, or an object.
pub(crate) fn transaction_of(value: Value) -> Result<Transaction, InputError> {
    if let Value::String(hex) = &value {
        let raw = const_hex::decode(hex).map_err(|error| {
            InputError::Input(format!("the raw transaction is not in hex: {error}"))
        })?;
        let envelope = TxEnvelope::decode_2718(&mut raw.as_slice()).map_err(|error| {
            InputError::Input(format!("the raw transaction cannot be decoded: {error}"))
        })?;
        let sender = envelope.recover_signer().map_err(|error| {
            InputError::Input(format!("nobody signed the raw transaction: {error}"))
        })?;
        return convert(&envelope, sender);
    }
    let tx: alloy_rpc_types_eth::Transaction = fields(value, "the transaction")?;
    let sender = tx.inner.signer();
    convert(tx.inner.inner(), sender)
}

fn convert(envelope: &TxEnvelope, sender: Address) -> Result<Transaction, InputError> {
    let mut tx = Transaction::default();
    tx.kind = match envelope.ty() {
        0 => TransactionKind::Legacy,
        1 => TransactionKind::AccessList,
        2 => TransactionKind::DynamicFee,
        3 => TransactionKind::Blob,
        4 => TransactionKind::SetCode,
        byte => {
            return Err(InputError::Input(format!("Tandem knows no transactions of type {byte}")));
        }
    };
    tx.sender = sender;
    tx.to = envelope.to();
    tx.nonce = envelope.nonce();
    tx.gas_limit = envelope.gas_limit();
    tx.gas_price = U256::from(envelope.max_fee_per_gas());
    tx.max_priority_fee = U256::from(envelope.max_priority_fee_per_gas().unwrap_or_default());
    tx.value = envelope.value();
    tx.data = envelope.input().clone();
    tx.max_fee_per_blob_gas = U256::from(envelope.max_fee_per_blob_gas().unwrap_or_default());
    tx.blob_hashes = envelope.blob_versioned_hashes().unwrap_or_default().to_vec();
    let list = envelope.access_list().map(|list| list.iter()).into_iter().flatten();
    tx.access_list = list
        .map(|item| AccessListItem {
            address: item.address,
            keys: item.storage_keys.iter().map(|key| U256::from_be_bytes(key.0)).collect(),
        })
        .collect();
    let authorizations = envelope.authorization_list().unwrap_or_default().iter();
    tx.authorizations = authorizations
        .map(|signed| Authorization {
            chain_id: signed.chain_id,
            address: signed.address,
            nonce: signed.nonce,
            y_parity: signed.y_parity(),
            r: signed.r(),
            s: signed.s(),
        })
        .collect();
    tx.chain_id = envelope.chain_id();
    Ok(tx)
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} gas used", self.gas_used)
    }
}
