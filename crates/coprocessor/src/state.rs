//! The coprocessors with a memory: state (accounts, storage, transient storage, code) and logs.
//!
//! Both work in two phases, so that the glue can charge in between: first `access`, which says warm
//! or cold and touches no database, then the load or the store. Handles ([`AccountId`], [`SlotId`])
//! stand for a hashed key: a frame resolves its own account once, not at each SLOAD. A handle is
//! good until the end of the transaction, reverts included.

use core::ops::Deref;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};

use crate::Fault;

/// Whether an address or slot was already accessed in this transaction (EIP-2929).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Accessed before.
    Warm,
    /// First access.
    Cold,
}

/// An account of the running transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountId(pub u32);

/// A storage slot of the running transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotId(pub u32);

/// A point to revert to: the length of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint(pub usize);

/// An account as the state keeps it, its storage aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountInfo {
    /// Balance in wei.
    pub balance: U256,
    /// Nonce.
    pub nonce: u64,
    /// Keccak-256 of the code; the hash of no bytes for an account without code, existing or not.
    pub code_hash: B256,
}

impl Default for AccountInfo {
    fn default() -> Self {
        Self { balance: U256::ZERO, nonce: 0, code_hash: KECCAK256_EMPTY }
    }
}

impl AccountInfo {
    /// Whether the account is empty by EIP-161: no balance, nonce or code.
    pub fn is_empty(&self) -> bool {
        self.balance.is_zero() && self.nonce == 0 && !self.has_code()
    }

    /// Whether the account has code, a delegation included.
    pub fn has_code(&self) -> bool {
        self.code_hash != KECCAK256_EMPTY
    }
}

/// What is known of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The account; the default one if it is not there.
    pub info: AccountInfo,
    /// Whether the account is in the state at all; before EIP-161 empty accounts could be.
    pub exists: bool,
}

impl Deref for Account {
    type Target = AccountInfo;

    fn deref(&self) -> &AccountInfo {
        &self.info
    }
}

/// What a store did to a slot, with its value before the transaction (*original*), before the store
/// (*current*) and after it (*new*). `X`, `Y`, `Z` stand for different non-zero values. The same nine
/// transitions price SSTORE on every fork (EIP-1283, 2200, 3529).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StorageChange {
    /// Nothing changed, or a slot changed before changed again with no refund due:
    /// `X→X→X`, `0→0→0`, `0→Y→Z`, `X→Y→Z`, `0→Y→Y`, `X→Y→Y`, `X→0→0`.
    Assigned,
    /// `0→0→Z`
    Added,
    /// `X→X→0`
    Deleted,
    /// `X→X→Z`
    Modified,
    /// `X→0→Z`
    DeletedAdded,
    /// `X→Y→0`
    ModifiedDeleted,
    /// `X→0→X`
    DeletedRestored,
    /// `0→Y→0`
    AddedDeleted,
    /// `X→Y→X`
    ModifiedRestored,
}

impl StorageChange {
    /// Number of transitions.
    pub const COUNT: usize = 9;

    /// Which transition the three values make.
    pub fn of(original: &U256, current: &U256, new: &U256) -> Self {
        if current == new {
            return Self::Assigned;
        }
        if original == current {
            return match (original.is_zero(), new.is_zero()) {
                (true, _) => Self::Added,
                (false, true) => Self::Deleted,
                (false, false) => Self::Modified,
            };
        }
        match (original.is_zero(), current.is_zero(), new.is_zero()) {
            (true, _, true) => Self::AddedDeleted,
            (false, true, _) if original == new => Self::DeletedRestored,
            (false, true, _) => Self::DeletedAdded,
            (false, false, true) => Self::ModifiedDeleted,
            (false, false, false) if original == new => Self::ModifiedRestored,
            _ => Self::Assigned,
        }
    }
}

/// What [`State::create`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// The account is ready for its init code.
    Created,
    /// The address already has a nonce, code or storage (EIP-684, EIP-7610).
    Collision,
}

/// What [`State::self_destruct`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfDestruct {
    /// The account had been marked for destruction earlier in this transaction.
    pub repeated: bool,
}

/// Accounts, storage, transient storage and code of one transaction, with a journal to revert by.
///
/// Methods that may have to ask the embedder's state return [`Fault::State`] when it cannot answer.
pub trait State {
    /// Resolves an address and marks it accessed; says whether it had been. Reads no database.
    fn access(&mut self, address: &Address) -> (AccountId, Access);

    /// What is known of the account.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn account(&mut self, id: AccountId) -> Result<&Account, Fault>;

    /// The account's code, empty if none. A delegation is returned as its 23 bytes.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn code(&mut self, id: AccountId) -> Result<Bytes, Fault>;

    /// Hash of one of the last 256 blocks, or zero.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn block_hash(&mut self, number: u64) -> Result<B256, Fault>;

    /// Resolves a slot and marks it accessed; says whether it had been. Reads no database.
    fn access_slot(&mut self, id: AccountId, key: &U256) -> (SlotId, Access);

    /// The slot's current value.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn load(&mut self, slot: SlotId) -> Result<U256, Fault>;

    /// Sets the slot's value and says which transition that was.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn store(&mut self, slot: SlotId, value: &U256) -> Result<StorageChange, Fault>;

    /// The transient slot's value (EIP-1153).
    fn load_transient(&mut self, id: AccountId, key: &U256) -> U256;

    /// Sets the transient slot's value (EIP-1153).
    fn store_transient(&mut self, id: AccountId, key: &U256, value: &U256);

    /// Moves `value` wei and touches the receiver, and the sender if anything moves (EIP-161): who sends
    /// is never empty. `false`, with nothing done, if the sender has not enough.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn transfer(&mut self, from: AccountId, to: AccountId, value: &U256) -> Result<bool, Fault>;

    /// Adds one to the nonce; `false`, with nothing done, at the maximum 2^64 − 1 (EIP-2681).
    ///
    /// # Errors
    /// [`Fault::State`].
    fn increment_nonce(&mut self, id: AccountId) -> Result<bool, Fault>;

    /// Starts a contract account: marks it created in this transaction and sets its nonce (1 since
    /// EIP-161, 0 before). Its balance stays.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn create(&mut self, id: AccountId, nonce: u64) -> Result<Creation, Fault>;

    /// Sets the account's code; `hash` is its Keccak-256.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn set_code(&mut self, id: AccountId, code: Bytes, hash: B256) -> Result<(), Fault>;

    /// Moves the whole balance to the beneficiary and marks the account for deletion at the end of
    /// the transaction: always, or with `only_if_created` (EIP-6780) only if it was created in this
    /// transaction. To itself, the balance is burnt when the account is marked and stays otherwise.
    ///
    /// # Errors
    /// [`Fault::State`].
    fn self_destruct(
        &mut self,
        id: AccountId,
        beneficiary: AccountId,
        only_if_created: bool,
    ) -> Result<SelfDestruct, Fault>;

    /// A point to come back to with [`revert`](Self::revert).
    fn checkpoint(&self) -> Checkpoint;

    /// Undoes everything since the checkpoint, accesses included.
    fn revert(&mut self, checkpoint: Checkpoint);
}

/// Event logs of one transaction.
pub trait Log {
    /// Appends a log (LOG0 to LOG4).
    fn emit(&mut self, address: Address, topics: &[B256], data: &[u8]);

    /// A point to come back to with [`revert`](Self::revert).
    fn checkpoint(&self) -> Checkpoint;

    /// Drops the logs since the checkpoint.
    fn revert(&mut self, checkpoint: Checkpoint);
}
