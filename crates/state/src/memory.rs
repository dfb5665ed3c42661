//! A state in memory: the default for tests, tools and whoever has no database.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use tandem_coprocessor::{
    AccountInfo,
    primitives::{Address, B256, Bytes, U256},
};

use crate::{Changes, Database, StateError, keys::FixedKeys};

/// An account with its storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryAccount {
    /// Balance, nonce and code hash.
    pub info: AccountInfo,
    /// Storage; no value is zero.
    storage: HashMap<U256, U256, FixedKeys>,
}

impl MemoryAccount {
    /// The slots that are not zero, in no order.
    pub fn storage(&self) -> impl Iterator<Item = (&U256, &U256)> {
        self.storage.iter()
    }
}

/// A whole state in memory.
#[derive(Clone, Debug, Default)]
pub struct InMemoryState {
    accounts: HashMap<Address, MemoryAccount, FixedKeys>,
    codes: HashMap<B256, Bytes, FixedKeys>,
    block_hashes: BTreeMap<u64, B256>,
}

impl InMemoryState {
    /// Puts an account in place of whatever was there. `code` must hash to `info.code_hash`.
    pub fn insert_account(&mut self, address: Address, info: AccountInfo, code: Bytes) {
        if !code.is_empty() {
            self.codes.insert(info.code_hash, code);
        }
        self.accounts.entry(address).or_default().info = info;
    }

    /// Sets a storage slot, making the account if there is none; zero removes it.
    pub fn insert_slot(&mut self, address: Address, key: U256, value: U256) {
        let storage = &mut self.accounts.entry(address).or_default().storage;
        if value.is_zero() {
            storage.remove(&key);
        } else {
            storage.insert(key, value);
        }
    }

    /// Sets the hash of a block.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
    }

    /// The account at an address.
    pub fn get(&self, address: &Address) -> Option<&MemoryAccount> {
        self.accounts.get(address)
    }

    /// Every account, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (&Address, &MemoryAccount)> {
        self.accounts.iter()
    }

    /// The code with that hash, empty if unknown.
    pub fn code_by_hash(&self, hash: &B256) -> Bytes {
        self.codes.get(hash).cloned().unwrap_or_default()
    }

    /// Carries out what a transaction changed.
    pub fn apply(&mut self, changes: &Changes) {
        for change in changes.iter() {
            let Some(info) = change.account else {
                self.accounts.remove(&change.address);
                continue;
            };
            if let Some(code) = &change.code {
                self.codes.insert(info.code_hash, code.clone());
            }
            let account = self.accounts.entry(change.address).or_default();
            account.info = info;
            for (key, value) in &change.storage {
                if value.is_zero() {
                    account.storage.remove(key);
                } else {
                    account.storage.insert(*key, *value);
                }
            }
        }
    }
}

impl Database for InMemoryState {
    fn account(&mut self, address: &Address) -> Result<Option<AccountInfo>, StateError> {
        let Some(account) = self.accounts.get(address) else { return Ok(None) };
        Ok(Some(account.info))
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, StateError> {
        let code = self.codes.get(hash).cloned();
        code.ok_or_else(|| StateError::new(format!("no code with hash {hash}")))
    }

    fn slot(&mut self, address: &Address, key: &U256) -> Result<U256, StateError> {
        let account = self.accounts.get(address);
        Ok(account.and_then(|account| account.storage.get(key)).copied().unwrap_or_default())
    }

    fn has_storage(&mut self, address: &Address) -> Result<bool, StateError> {
        Ok(self.accounts.get(address).is_some_and(|account| !account.storage.is_empty()))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        Ok(self.block_hashes.get(&number).copied().unwrap_or_default())
    }
}
