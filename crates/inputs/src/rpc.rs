//! Transactions by hash from a node. The state before a transaction comes from its `prestateTracer`,
//! or, from a node without debug methods, account by account and slot by slot as of the parent block,
//! the block's earlier transactions executed first. Either way it ends in a bundle, which runs without
//! the node. Nothing else in Tandem is asynchronous: a runtime of one thread lives here.

mod remote;

use std::{fmt, time::Duration};

use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS};
use alloy_rpc_client::RpcClient;
use serde_json::{Value, json};
use tandem_evm::{
    Evm, Fork,
    primitives::{B256, U256},
};

use self::remote::{HashSource, Recorder, Remote};
use crate::{
    Bundle, InputError,
    bundle::{Header, header_of, parse_fork, transaction_of},
    chain,
};

/// How long a node may take to answer; a tracer executes the block up to its transaction first.
const PATIENCE: Duration = Duration::from_secs(120);

/// A node's JSON-RPC endpoint.
pub struct Node {
    runtime: tokio::runtime::Runtime,
    client: RpcClient,
    url: String,
    traces: bool,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A transaction fetched from a node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The transaction, with all it needs.
    pub bundle: Bundle,
    /// The same as a file that [`Bundle::read`] reads.
    pub document: Value,
    /// Why the state had to be asked for piece by piece, if it had.
    pub without_tracer: Option<String>,
}

/// Why a call has no result.
#[derive(Clone, Debug)]
pub(crate) enum CallError {
    /// The node answers that it cannot or will not.
    Refused(String),
    /// There is no answer.
    Silent(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::Silent(text) => f.write_str(text),
        }
    }
}

impl Node {
    /// An endpoint, `http://` or `https://`; it is not contacted yet.
    ///
    /// # Errors
    /// If that is no URL.
    pub fn new(url: &str) -> Result<Self, InputError> {
        let parsed = url.parse().ok().filter(|_| url.starts_with("http"));
        let Some(parsed) = parsed else {
            let what = format!("{url} is no endpoint: give a URL like http://127.0.0.1:8545");
            return Err(InputError::Node(what));
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| InputError::Node(error.to_string()))?;
        let client = {
            let _inside = runtime.enter();
            RpcClient::new_http(parsed)
        };
        Ok(Self { runtime, client, url: url.to_owned(), traces: true })
    }

    /// Asks for the state piece by piece, even if the node has the `prestateTracer`.
    #[must_use]
    pub const fn without_tracer(mut self) -> Self {
        self.traces = false;
        self
    }

    /// Fetches a mined transaction. The fork follows from the chain and the block, unless it is said.
    ///
    /// # Errors
    /// If the node cannot be reached, does not know the transaction, or has neither debug methods
    /// nor the state of the parent block; or if nothing says which fork it is.
    pub fn fetch(&self, hash: B256, fork: Option<Fork>) -> Result<Fetched, InputError> {
        let hex = format!("{hash:#x}");
        let tx: Value = self.ask("eth_getTransactionByHash", json!([hex]))?;
        if tx.is_null() {
            return Err(InputError::Node(format!("{} knows no transaction {hex}", self.url)));
        }
        let Some(number) = tx.get("blockNumber").filter(|number| !number.is_null()) else {
            return Err(InputError::Node(format!("the transaction {hex} is not in a block yet")));
        };
        let receipt: Value = self.ask("eth_getTransactionReceipt", json!([hex]))?;
        let block: Value = self.ask("eth_getBlockByNumber", json!([number, true]))?;
        let header = header_of(block.clone())?;
        let chain_id = self.number("eth_chainId")?;
        let fork = match fork.or_else(|| self.own_fork(chain_id)) {
            Some(fork) => fork,
            None => chain::fork(chain_id, &header).ok_or_else(|| {
                InputError::Node(format!(
                    "which fork is chain {chain_id} on at block {}? Say it with --fork",
                    header.number.0
                ))
            })?,
        };
        let traced = if self.traces {
            let tracer = json!([hex, {"tracer": "prestateTracer"}]);
            self.call("debug_traceTransaction", tracer)
        } else {
            Err(CallError::Refused("not asked".into()))
        };
        let (prestate, hashes, why) = match traced {
            Ok(prestate) => (prestate, json!({}), None),
            Err(CallError::Silent(what)) => return Err(InputError::Node(what)),
            Err(CallError::Refused(why)) => {
                let (prestate, hashes) =
                    self.walk(&tx, &block, &header, fork, chain_id).map_err(|error| {
                        InputError::Node(format!(
                            "no debug_traceTransaction ({why}), and without it: {error}"
                        ))
                    })?;
                (prestate, hashes, Some(why))
            }
        };
        let mut document = json!({
            "schema": "tandem-bundle/1",
            "fork": fork.name(),
            "chainId": chain_id,
            "block": bare(block),
            "transaction": tx,
            "prestate": prestate,
            "blockHashes": hashes,
            "receipt": {"gasUsed": receipt["gasUsed"], "status": receipt["status"]},
        });
        let mut bundle = Bundle::from_value(document.clone(), None)?;
        if why.is_none() {
            // A tracer tells the state, and no hashes of earlier blocks.
            let mut state = HashSource::new(self, bundle.state.clone());
            // Why it does not run is said when it is to.
            let _ =
                Evm::builder(bundle.fork).build().transact(&mut state, &bundle.block, &bundle.tx);
            document["blockHashes"] = Value::Object(state.hashes);
            bundle = Bundle::from_value(document.clone(), None)?;
        }
        Ok(Fetched { bundle, document, without_tracer: why })
    }

    /// What a development node says of itself.
    fn own_fork(&self, chain_id: u64) -> Option<Fork> {
        if !chain::DEVELOPMENT.contains(&chain_id) {
            return None;
        }
        let info: Value = self.call("anvil_nodeInfo", json!([])).ok()?;
        parse_fork(info.get("hardFork")?.as_str()?).ok()
    }

    /// The state before the transaction, found by executing: what it reads is asked for.
    fn walk(
        &self,
        tx: &Value,
        block: &Value,
        header: &Header,
        fork: Fork,
        chain_id: u64,
    ) -> Result<(Value, Value), InputError> {
        let parent = header.number.0.checked_sub(1).ok_or_else(|| {
            InputError::Node("the transaction is in the first block, which has no parent".into())
        })?;
        let mut remote = Remote::new(self, parent);
        let env = header.block(fork, chain_id);
        system_calls(&mut remote, header, fork)?;
        let mut evm = Evm::builder(fork).build();
        let empty = Vec::new();
        for earlier in block["transactions"].as_array().unwrap_or(&empty) {
            if earlier["hash"] == tx["hash"] {
                break;
            }
            let parsed = transaction_of(earlier.clone())?;
            let outcome = evm.transact(&mut remote, &env, &parsed).map_err(|error| {
                let hash = earlier["hash"].as_str().unwrap_or_default();
                InputError::Node(format!(
                    "the block's earlier transaction {hash} does not run on {}: {error}",
                    fork.name()
                ))
            })?;
            remote.apply(&outcome.changes);
        }
        let mut recorder = Recorder::new(&mut remote);
        let parsed = transaction_of(tx.clone())?;
        evm.transact(&mut recorder, &env, &parsed).map_err(|error| {
            InputError::Node(format!("it does not run on {}: {error}", fork.name()))
        })?;
        recorder.finish()
    }

    fn number(&self, method: &'static str) -> Result<u64, InputError> {
        let number: U256 = self.ask(method, json!([]))?;
        u64::try_from(number)
            .map_err(|_| InputError::Node(format!("{method} of {} is {number}", self.url)))
    }

    fn ask<T>(&self, method: &'static str, params: Value) -> Result<T, InputError>
    where
        T: serde::de::DeserializeOwned + fmt::Debug + Send + Sync + Unpin + 'static,
    {
        self.call(method, params).map_err(|error| InputError::Node(error.to_string()))
    }

    pub(crate) fn call<T>(&self, method: &'static str, params: Value) -> Result<T, CallError>
    where
        T: serde::de::DeserializeOwned + fmt::Debug + Send + Sync + Unpin + 'static,
    {
        let call = self.client.request::<Value, T>(method, params);
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, call).await });
        match answer {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(match error.as_error_resp() {
                Some(response) => CallError::Refused(format!("{method}: {}", response.message)),
                None if error.is_transport_error() => CallError::Silent(format!(
                    "{} cannot be reached ({method}: {}): is the node running, and is that its URL?",
                    self.url,
                    innermost(&error)
                )),
                None => CallError::Silent(format!("{method}: {error}")),
            }),
            Err(_) => Err(CallError::Silent(format!(
                "{} did not answer {method} within {} s",
                self.url,
                PATIENCE.as_secs()
            ))),
        }
    }
}

/// What an error is down at its root.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// A block without its transactions, which a bundle does not need.
fn bare(mut block: Value) -> Value {
    if let Some(fields) = block.as_object_mut() {
        for field in ["transactions", "withdrawals", "uncles", "logsBloom"] {
            fields.remove(field);
        }
    }
    block
}

/// What a block's system calls write before its transactions (EIP-4788, EIP-2935).
fn system_calls(remote: &mut Remote<'_>, header: &Header, fork: Fork) -> Result<(), InputError> {
    let (beacon_roots, history) = (BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS);
    let ring = U256::from(8191);
    let broken = |error: tandem_evm::StateError| InputError::Node(error.to_string());
    if let Some(root) = header.parent_beacon_block_root.filter(|_| fork >= Fork::Cancun) {
        let time = U256::from(header.timestamp.0);
        let place = time % ring;
        remote.system_write(beacon_roots, place, time).map_err(broken)?;
        remote.system_write(beacon_roots, place + ring, root.into()).map_err(broken)?;
    }
    if let Some(parent) = header.parent_hash.filter(|_| fork >= Fork::Prague) {
        let place = U256::from(header.number.0.saturating_sub(1)) % ring;
        remote.system_write(history, place, parent.into()).map_err(broken)?;
    }
    Ok(())
}
