//! The state at a block, asked of a node as an execution needs it, with what was executed since on
//! top; and a recorder of what an execution read of a state.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tandem_evm::{
    AccountInfo, Changes, Database, InMemoryState, StateError, keccak256,
    primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256},
};

use super::{CallError, Node};
use crate::InputError;

/// The state at a block of a node.
pub(crate) struct Remote<'n> {
    node: &'n Node,
    block: String,
    accounts: HashMap<Address, Option<AccountInfo>>,
    codes: HashMap<B256, Bytes>,
    /// Whose code has a hash.
    code_at: HashMap<B256, Address>,
    slots: HashMap<(Address, U256), U256>,
    /// Accounts that have no storage but what is in `slots`.
    bare: HashSet<Address>,
    /// Whether the node has `eth_getProof`.
    proves: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    balance: U256,
    nonce: U256,
    code_hash: B256,
}

fn state_error(error: &CallError) -> StateError {
    StateError::new(error.to_string())
}

impl<'n> Remote<'n> {
    pub(crate) fn new(node: &'n Node, block: u64) -> Self {
        Self {
            node,
            block: format!("{block:#x}"),
            accounts: HashMap::new(),
            codes: HashMap::new(),
            code_at: HashMap::new(),
            slots: HashMap::new(),
            bare: HashSet::new(),
            proves: true,
        }
    }

    /// Takes over what a transaction changed.
    pub(crate) fn apply(&mut self, changes: &Changes) {
        for change in changes.iter() {
            self.accounts.insert(change.address, change.account);
            if change.account.is_none() {
                self.slots.retain(|(address, _), _| *address != change.address);
                self.bare.insert(change.address);
            }
            if let (Some(info), Some(code)) = (change.account, &change.code) {
                self.codes.insert(info.code_hash, code.clone());
            }
            for (key, value) in &change.storage {
                self.slots.insert((change.address, *key), *value);
            }
        }
    }

    /// Writes a slot of a system contract, if there is one.
    pub(crate) fn system_write(
        &mut self,
        address: Address,
        key: U256,
        value: U256,
    ) -> Result<(), StateError> {
        let account = self.account(&address)?;
        if account.is_some_and(|account| account.code_hash != KECCAK256_EMPTY) {
            self.slots.insert((address, key), value);
        }
        Ok(())
    }

    fn fetch_account(&mut self, address: &Address) -> Result<Option<AccountInfo>, CallError> {
        if self.proves {
            let params = json!([address, [], self.block]);
            match self.node.call::<Proof>("eth_getProof", params) {
                Ok(proof) => return Ok(self.known(address, proof)),
                Err(CallError::Refused(_)) => self.proves = false,
                Err(error) => return Err(error),
            }
        }
        let at = json!([address, self.block]);
        let balance = self.node.call("eth_getBalance", at.clone())?;
        let nonce = self.node.call("eth_getTransactionCount", at.clone())?;
        let code: Bytes = self.node.call("eth_getCode", at)?;
        let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
        self.codes.insert(code_hash, code);
        Ok(self.known(address, Proof { balance, nonce, code_hash }))
    }

    fn known(&mut self, address: &Address, proof: Proof) -> Option<AccountInfo> {
        // A proof that there is no account has no code hash in some nodes.
        let has_code = proof.code_hash != KECCAK256_EMPTY && !proof.code_hash.is_zero();
        if proof.balance.is_zero() && proof.nonce.is_zero() && !has_code {
            return None;
        }
        let code_hash = if has_code { proof.code_hash } else { KECCAK256_EMPTY };
        self.code_at.insert(code_hash, *address);
        let nonce = u64::try_from(proof.nonce).unwrap_or(u64::MAX);
        Some(AccountInfo { balance: proof.balance, nonce, code_hash })
    }
}

impl Database for Remote<'_> {
    fn account(&mut self, address: &Address) -> Result<Option<AccountInfo>, StateError> {
        if let Some(known) = self.accounts.get(address) {
            return Ok(*known);
        }
        let account = self.fetch_account(address).map_err(|error| state_error(&error))?;
        self.accounts.insert(*address, account);
        Ok(account)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, StateError> {
        if *hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        if let Some(known) = self.codes.get(hash) {
            return Ok(known.clone());
        }
        let Some(address) = self.code_at.get(hash) else {
            return Err(StateError::new(format!("no account has code with the hash {hash}")));
        };
        let params = json!([address, self.block]);
        let code: Bytes =
            self.node.call("eth_getCode", params).map_err(|error| state_error(&error))?;
        self.codes.insert(*hash, code.clone());
        Ok(code)
    }

    fn slot(&mut self, address: &Address, key: &U256) -> Result<U256, StateError> {
        if let Some(known) = self.slots.get(&(*address, *key)) {
            return Ok(*known);
        }
        if self.bare.contains(address) {
            return Ok(U256::ZERO);
        }
        let params = json!([address, format!("{key:#x}"), self.block]);
        let word: B256 =
            self.node.call("eth_getStorageAt", params).map_err(|error| state_error(&error))?;
        self.slots.insert((*address, *key), word.into());
        Ok(word.into())
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        block_hash(self.node, number)
    }
}

fn block_hash(node: &Node, number: u64) -> Result<B256, StateError> {
    let params = json!([format!("{number:#x}"), false]);
    let block: Value =
        node.call("eth_getBlockByNumber", params).map_err(|error| state_error(&error))?;
    let hash = block.get("hash").and_then(Value::as_str).and_then(|hash| hash.parse().ok());
    hash.ok_or_else(|| StateError::new(format!("the node has no block {number}")))
}

/// A state at hand, and hashes of blocks from a node, which it keeps.
pub(crate) struct HashSource<'n> {
    node: &'n Node,
    state: InMemoryState,
    pub(crate) hashes: Map<String, Value>,
}

impl<'n> HashSource<'n> {
    pub(crate) fn new(node: &'n Node, state: InMemoryState) -> Self {
        Self { node, state, hashes: Map::new() }
    }
}

impl Database for HashSource<'_> {
    fn account(&mut self, address: &Address) -> Result<Option<AccountInfo>, StateError> {
        self.state.account(address)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, StateError> {
        self.state.code(hash)
    }

    fn slot(&mut self, address: &Address, key: &U256) -> Result<U256, StateError> {
        self.state.slot(address, key)
    }

    fn has_storage(&mut self, address: &Address) -> Result<bool, StateError> {
        self.state.has_storage(address)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        let hash = block_hash(self.node, number)?;
        self.hashes.insert(number.to_string(), json!(hash));
        Ok(hash)
    }
}

/// A state, and what an execution read of it.
pub(crate) struct Recorder<'r, 'n> {
    remote: &'r mut Remote<'n>,
    accounts: BTreeMap<Address, AccountInfo>,
    slots: BTreeMap<Address, Map<String, Value>>,
    hashes: Map<String, Value>,
}

impl<'r, 'n> Recorder<'r, 'n> {
    pub(crate) fn new(remote: &'r mut Remote<'n>) -> Self {
        let (accounts, slots) = (BTreeMap::new(), BTreeMap::new());
        Self { remote, accounts, slots, hashes: Map::new() }
    }

    /// What was read, as `prestateTracer` writes it, and the block hashes.
    pub(crate) fn finish(mut self) -> Result<(Value, Value), InputError> {
        let mut prestate = Map::new();
        for (address, info) in &self.accounts {
            let code = self.remote.code(&info.code_hash);
            let code = code.map_err(|error| InputError::Node(error.to_string()))?;
            let mut account = json!({"balance": info.balance, "nonce": info.nonce});
            if !code.is_empty() {
                account["code"] = json!(code);
            }
            if let Some(slots) = self.slots.remove(address) {
                account["storage"] = Value::Object(slots);
            }
            prestate.insert(format!("{address:#x}"), account);
        }
        Ok((Value::Object(prestate), Value::Object(self.hashes)))
    }
}

impl Database for Recorder<'_, '_> {
    fn account(&mut self, address: &Address) -> Result<Option<AccountInfo>, StateError> {
        let account = self.remote.account(address)?;
        if let Some(info) = account {
            self.accounts.insert(*address, info);
        }
        Ok(account)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, StateError> {
        self.remote.code(hash)
    }

    fn slot(&mut self, address: &Address, key: &U256) -> Result<U256, StateError> {
        let value = self.remote.slot(address, key)?;
        let word = |word: U256| format!("{:#x}", B256::from(word));
        let slots = self.slots.entry(*address).or_default();
        slots.insert(word(*key), Value::String(word(value)));
        Ok(value)
    }

    fn has_storage(&mut self, address: &Address) -> Result<bool, StateError> {
        self.remote.has_storage(address)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        let hash = self.remote.block_hash(number)?;
        self.hashes.insert(number.to_string(), json!(hash));
        Ok(hash)
    }
}
