//! What Tandem says about transactions: a gas ledger as a table for people ([`Breakdown::to_table`])
//! and as JSON for programs ([`Breakdown::to_json`]), the gas from other sides ([`View`]), as a tree for
//! flame graphs ([`Tree`]), beside time ([`Timed`]) or another's ([`Comparison`]), as rows for data
//! people ([`Records`]) and as a page ([`Page`]); steps as EIP-3155 lines ([`Eip3155`]).
//! Where its gas went, place by place ([`Attribution`]), is found from its steps by [`Collector`].
//! Nothing is executed or printed here: everything comes from an outcome, a tracer or a trace, and
//! goes into a string or into the caller's writer.

#![forbid(unsafe_code)]

mod attribution;
mod collector;
mod comparison;
mod eip3155;
mod grid;
mod html;
mod json;
mod names;
mod number;
mod records;
mod speedscope;
#[cfg(feature = "svg")]
mod svg;
mod table;
mod time;
mod tree;
mod view;

pub use attribution::{Attribution, CallFrame, Cell, FrameKind};
pub use collector::{CollectError, Collector, End, TraceStep};
pub use comparison::Comparison;
pub use eip3155::{Eip3155, state_root_line};
pub use html::Page;
pub use names::{Names, NamesError};
pub use records::{Column, Datum, Records, csv_header};
#[cfg(feature = "parquet")]
pub use records::{ParquetError, ParquetRecords};
pub use time::{Sample, Timed, TimedRow};
pub use tree::{Node, NodeKind, Tree};
pub use view::{By, Item, Part, Places, Sort, View};

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
        table::table(self, false)
    }

    /// The same in the colours of a terminal.
    pub fn to_coloured_table(&self) -> String {
        table::table(self, true)
    }

    /// One line of JSON, schema `tandem-gas/1`: every row, the glue's too; numbers are gas or counts.
    pub fn to_json(&self) -> String {
        json::json(self)
    }
}

impl View {
    /// A table for people, at most 80 columns wide, with the terminal's colours if `colour` says so.
    pub fn to_table(&self, colour: bool) -> String {
        table::view(self, colour)
    }

    /// One line of JSON, schema `tandem-gas-view/1`.
    pub fn to_json(&self) -> String {
        json::view(self)
    }
}

/// A transaction as one line of a table of many: its name, gas used, and the shares of it.
pub fn summary_line(breakdown: &Breakdown) -> String {
    table::summary(breakdown)
}

/// The names of the columns of [`summary_line`].
pub fn summary_header() -> String {
    table::summary_header()
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
