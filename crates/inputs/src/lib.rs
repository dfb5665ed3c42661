//! What people have in hand of a transaction, and how its gas is attributed from it: a trace that
//! somebody else made ([`TraceReader`]), read without executing anything; or a transaction with all it
//! needs to be executed ([`Bundle`]), which a node has, too (`Node`, with the feature `rpc`); or code
//! to call ([`Program`]). Formats of test suites are in `tandem-fixtures`; how an attribution is found
//! and shown, in `tandem-report`.

#![forbid(unsafe_code)]

mod bundle;
mod chain;
mod number;
mod program;
#[cfg(feature = "rpc")]
mod rpc;
mod trace;

pub use bundle::{Bundle, Executed, InputError, Receipt, read_coinbase, read_transaction, refused};
pub use program::Program;
#[cfg(feature = "rpc")]
pub use rpc::{Fetched, Node};
pub use trace::{TraceError, TraceReader, is_trace};
