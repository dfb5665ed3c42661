//! The state coprocessor: accounts, storage, transient storage and code of one transaction, over the
//! embedder's [`Database`], with a journal to revert by. It says warm or cold and which transition a
//! store made; what that costs is the glue's. Tries and roots are not here.

#![forbid(unsafe_code)]

mod database;
mod journal;
mod keys;
mod memory;

pub use database::{Database, StateError};
pub use journal::{AccountChange, Changes, Journal, Session};
pub use memory::{InMemoryState, MemoryAccount};
pub use tandem_coprocessor::AccountInfo;
