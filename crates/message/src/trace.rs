//! What a tracer is told: each step before it runs, and what it cost. How a trace is written down
//! is the tracer's affair.

use tandem_coprocessor::primitives::U256;
use tandem_schedule::{Failure, Opcode};

/// The state of the machine before an opcode runs.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Step<'a> {
    /// Where the opcode is in the code.
    pub pc: usize,
    /// The code's byte at `pc`; 0 behind the end of the code.
    pub op: u8,
    /// The opcode, behind its prefix if it has one; `None` for a byte that is none.
    pub opcode: Option<&'static Opcode>,
    /// Gas left in the frame.
    pub gas: u64,
    /// The frame's depth, 1 for the transaction's own.
    pub depth: usize,
    /// The stack, its top last.
    pub stack: &'a [U256],
    /// The frame's memory.
    pub memory: &'a [u8],
    /// What the last call returned.
    pub return_data: &'a [u8],
    /// The transaction's refund counter, in gas.
    pub refund: i64,
}

/// Follows an execution step by step.
pub trait Tracer {
    /// An opcode is about to run.
    fn before(&mut self, step: &Step<'_>);

    /// The opcode ran. `cost` is what it took in gas, for calls the forwarded gas included;
    /// `failure` is set if it ended the frame exceptionally.
    fn after(&mut self, cost: u64, failure: Option<Failure>);
}
