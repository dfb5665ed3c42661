//! Roots and hashes over results, and two shortcuts to fill a state: what tests and tools need, and
//! the machine does not.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Log, U256};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, TrieAccount};
use tandem_state::{AccountInfo, InMemoryState, MemoryAccount};

/// Keccak-256, by the preferred backend.
pub fn keccak256(bytes: &[u8]) -> B256 {
    tandem_hash::keccak256(bytes).into()
}

/// Puts an account without code into a state, with a balance in wei.
pub fn fund(state: &mut InMemoryState, address: Address, balance: U256) {
    let info = AccountInfo { balance, ..AccountInfo::default() };
    state.insert_account(address, info, Bytes::new());
}

/// Puts a contract into a state, with nonce 1 and no balance.
pub fn deploy(state: &mut InMemoryState, address: Address, code: Bytes) {
    let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
    let info = AccountInfo { balance: U256::ZERO, nonce: 1, code_hash };
    state.insert_account(address, info, code);
}

/// Keccak-256 of the RLP list of logs, as state tests give it.
pub fn logs_hash(logs: &[Log]) -> B256 {
    let mut rlp = Vec::new();
    alloy_rlp::encode_list(logs, &mut rlp);
    keccak256(&rlp)
}

/// The root of the state's Merkle Patricia trie (Yellow Paper, section 4.1).
pub fn state_root(state: &InMemoryState) -> B256 {
    let leaves = state.accounts().map(|(address, account)| {
        let leaf = TrieAccount {
            nonce: account.info.nonce,
            balance: account.info.balance,
            storage_root: storage_root(account),
            code_hash: account.info.code_hash,
        };
        (keccak256(address.as_slice()), alloy_rlp::encode(leaf))
    });
    root(leaves.collect())
}

fn storage_root(account: &MemoryAccount) -> B256 {
    let leaves = account
        .storage()
        .map(|(key, value)| (keccak256(&key.to_be_bytes::<32>()), alloy_rlp::encode(value)));
    root(leaves.collect())
}

fn root(mut leaves: Vec<(B256, Vec<u8>)>) -> B256 {
    if leaves.is_empty() {
        return EMPTY_ROOT_HASH;
    }
    leaves.sort_unstable_by_key(|(key, _)| *key);
    let mut builder = HashBuilder::default();
    for (key, value) in &leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    builder.root()
}
