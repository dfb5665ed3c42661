//! The one trait an embedder implements to give Tandem its state.

use tandem_coprocessor::{
    AccountInfo,
    primitives::{Address, B256, Bytes, U256},
};

/// What the embedder's state could not do, in its own words.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StateError(Box<dyn std::error::Error + Send + Sync>);

impl StateError {
    /// Wraps the embedder's error, or a message.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// Accounts, code, storage slots and block hashes, as of before the transaction.
///
/// Within a transaction each value is asked for at most once.
pub trait Database {
    /// The account, or `None` if the state has none at that address.
    ///
    /// # Errors
    /// Whatever kept the embedder from answering; the same holds for the other methods.
    fn account(&mut self, address: &Address) -> Result<Option<AccountInfo>, StateError>;

    /// The code with that Keccak-256 hash; asked only for hashes that `account` returned.
    ///
    /// # Errors
    /// See [`account`](Self::account).
    fn code(&mut self, hash: &B256) -> Result<Bytes, StateError>;

    /// The value of a storage slot, zero if it was never set.
    ///
    /// # Errors
    /// See [`account`](Self::account).
    fn slot(&mut self, address: &Address, key: &U256) -> Result<U256, StateError>;

    /// Whether the account has any storage; asked before a contract is created there (EIP-7610).
    /// No account on mainnet has storage but neither nonce nor code, so `false` is a fair default.
    ///
    /// # Errors
    /// See [`account`](Self::account).
    fn has_storage(&mut self, address: &Address) -> Result<bool, StateError> {
        let _ = address;
        Ok(false)
    }

    /// The hash of a block, one of the 256 before the current one.
    ///
    /// # Errors
    /// See [`account`](Self::account).
    fn block_hash(&mut self, number: u64) -> Result<B256, StateError>;
}
