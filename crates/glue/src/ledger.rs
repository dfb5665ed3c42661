//! The ledger: who got which gas. One row per (unit, operation), with count and gas.
//!
//! Coprocessor requests, memory growth and burnt gas are posted as they are charged. The glue's own
//! opcodes are not counted one by one: a metered machine notes at each taken jump and at each
//! frame's end which stretch of code ran, and the rows follow from the code. Off, none of it runs.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use tandem_code::{Code, Profile};
use tandem_coprocessor::Unit;
use tandem_schedule::{Gas, Row, RowId, Schedule, op, opcode};

/// Collects one transaction's rows.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Count and gas by row.
    tallies: Box<[(u64, u64); RowId::COUNT]>,
    /// How often each opcode ran, whoever's it is, as far as profiles are booked.
    ran: Box<[u64; 256]>,
    profiles: Vec<Profile>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let (tallies, ran) = (Box::new([(0, 0); RowId::COUNT]), Box::new([0; 256]));
        Self { tallies, ran, profiles: Vec::new() }
    }

    /// Books `count` operations and their gas.
    pub(crate) fn post(&mut self, row: RowId, count: u64, gas: u64) {
        let tally = &mut self.tallies[row.index()];
        *tally = (tally.0 + count, tally.1 + gas);
    }

    /// Makes room for a code that is about to run for the first time in this transaction.
    pub(crate) fn open(&mut self, code: Arc<Code>) {
        self.profiles.push(Profile::new(code));
    }

    /// Notes that the opcodes from `start` up to `end`, exclusive, ran in the `code`th code opened.
    #[inline(never)]
    pub(crate) fn ran(&mut self, code: usize, start: usize, end: usize) {
        self.profiles[code].ran(start, end);
    }

    /// Closes the last code opened, which will not run again: init code.
    pub(crate) fn close_last(&mut self) {
        if let Some(profile) = self.profiles.pop() {
            profile.count(&mut self.ran);
        }
    }

    /// The rows so far, and none are left.
    pub(crate) fn take_rows(&mut self, schedule: &Schedule) -> Vec<Row> {
        for profile in core::mem::take(&mut self.profiles) {
            profile.count(&mut self.ran);
        }
        for byte in 0..=u8::MAX {
            // A coprocessor's opcodes were posted when they told their work; INVALID costs nothing.
            let count = core::mem::take(&mut self.ran[byte as usize]);
            let row = opcode(byte).filter(|row| row.unit == Unit::Glue && byte != op::INVALID);
            if row.is_some_and(|row| row.since <= schedule.fork) {
                let gas = count * u64::from(schedule.base[byte as usize]);
                self.post(RowId::opcode(byte), count, gas);
            }
        }
        let mut rows = Vec::new();
        for (id, tally) in self.tallies.iter_mut().enumerate() {
            let (count, gas) = core::mem::take(tally);
            if count > 0 || gas > 0 {
                let (unit, op) = RowId::from_index(id).name();
                rows.push(Row::new(unit, op, count, Gas { execution: gas, state: 0 }));
            }
        }
        rows
    }
}
