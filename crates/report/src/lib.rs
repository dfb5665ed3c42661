//! What Tandem says about a transaction: its gas ledger as a table for people ([`Breakdown::to_table`])
//! and as JSON for programs ([`Breakdown::to_json`]), its steps as EIP-3155 lines ([`Eip3155`]).
//! Where its gas went, place by place ([`Attribution`]), is found from its steps by [`Collector`].
//! Nothing is executed or printed here: everything comes from an outcome, a tracer or a trace, and
//! goes into a string or into the caller's writer.

#![forbid(unsafe_code)]

mod attribution;
mod collector;
mod eip3155;
mod json;
mod number;
mod table;

pub use attribution::{Attribution, CallFrame, Cell, FrameKind};
pub use collector::{CollectError, Collector, End, TraceStep};
pub use eip3155::{Eip3155, state_root_line};

use tandem_evm::{Fork, Ledger, Outcome, Status};

/// Who got which gas of one transaction, and what is needed to say so.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Breakdown {
    /// What the transaction is called, if it has a name.
    pub name: Option<String>,
    /// The fork it ran on.
    pub fork: Fork,
    /// How its execution ended.
    pub status: Status,
    /// Its gas limit.
    pub gas_limit: u64,
    /// The gas paid for, as the receipt has it.
    pub gas_used: u64,
    /// Who got it.
    pub ledger: Ledger,
}

impl Breakdown {
    /// The breakdown of an outcome; `None` if its machine kept no ledger.
    pub fn new(fork: Fork, gas_limit: u64, outcome: &Outcome) -> Option<Self> {
        Some(Self {
            name: None,
            fork,
            status: outcome.status,
            gas_limit,
            gas_used: outcome.gas_used,
            ledger: outcome.ledger.clone()?,
        })
    }

    /// Names the transaction.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A table for people, at most 80 columns wide beside a longer name: the intrinsic parts, the
    /// execution by unit and operation (the glue in one line), the refund and floor where there are
    /// any, and how the execution splits between coprocessors and glue. Shares are of the gas used.
    pub fn to_table(&self) -> String {
        table::table(self)
    }

    /// One line of JSON, schema `tandem-gas/1`: every row, the glue's too; numbers are gas or counts.
    pub fn to_json(&self) -> String {
        json::json(self)
    }
}

/// How an execution ended, in words: `success`, `revert`, or `halt:` and the reason.
pub fn status_text(status: Status) -> &'static str {
    match status {
        Status::Success => "success",
        Status::Revert => "revert",
        Status::Halt(halt) => halt.row_name(),
        _ => "unknown",
    }
}
