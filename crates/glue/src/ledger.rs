//! The ledger: who got which gas. One row per (unit, operation), with count and gas.
//!
//! Coprocessor requests, memory growth and burnt gas are posted as they are charged. The glue's own
//! opcodes are not counted one by one: a metered machine notes at each taken jump and at each
//! frame's end which stretch of code ran, and the rows follow from the code. Off, none of it runs.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use tandem_coprocessor::Unit;

use tandem_code::{Code, push_len};
use tandem_schedule::{Gas, Row, RowId, Schedule, op, opcode};

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    gas: u64,
}

/// How often each byte of a code was run through, as differences: the running sum is the count.
#[derive(Debug)]
struct Profile {
    code: Arc<Code>,
    differences: Vec<i32>,
}

/// Collects one transaction's rows.
#[derive(Debug)]
pub(crate) struct Meter {
    tallies: Box<[Tally; RowId::COUNT]>,
    profiles: Vec<Profile>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { tallies: Box::new([Tally::default(); RowId::COUNT]), profiles: Vec::new() }
    }

    /// Books `count` operations and their gas.
    pub(crate) fn post(&mut self, row: RowId, count: u64, gas: u64) {
        let tally = &mut self.tallies[row.index()];
        tally.count += count;
        tally.gas += gas;
    }

    /// Makes room for a code that is about to run for the first time in this transaction.
    pub(crate) fn open(&mut self, code: Arc<Code>) {
        let differences = vec![0; code.bytes.len() + 1];
        self.profiles.push(Profile { code, differences });
    }

    /// Notes that the opcodes from `start` up to `end`, exclusive, ran in the `code`th code opened.
    #[inline(always)]
    pub(crate) fn ran(&mut self, code: usize, start: usize, end: usize) {
        let differences = &mut self.profiles[code].differences;
        // The STOP behind the end of the code is no opcode of it.
        let end = end.min(differences.len() - 1);
        differences[start] = differences[start].wrapping_add(1);
        differences[end] = differences[end].wrapping_sub(1);
    }

    /// Closes the last code opened, which will not run again: init code.
    pub(crate) fn close_last(&mut self, schedule: &Schedule) {
        if let Some(profile) = self.profiles.pop() {
            self.book(&profile, schedule);
        }
    }

    /// The rows so far, and none are left.
    pub(crate) fn take_rows(&mut self, schedule: &Schedule) -> Vec<Row> {
        for profile in core::mem::take(&mut self.profiles) {
            self.book(&profile, schedule);
        }
        let mut rows = Vec::new();
        for (id, tally) in self.tallies.iter_mut().enumerate() {
            let Tally { count, gas } = core::mem::take(tally);
            if count > 0 || gas > 0 {
                let (unit, op) = RowId::from_index(id).name();
                rows.push(Row::new(unit, op, count, Gas { execution: gas, state: 0 }));
            }
        }
        rows
    }

    fn book(&mut self, profile: &Profile, schedule: &Schedule) {
        let bytes = &profile.code.bytes;
        let (mut pc, mut count, mut summed) = (0, 0_i32, 0);
        while pc < bytes.len() {
            // A stretch starts and ends at opcodes, but one may end behind data cut off by the end.
            while summed <= pc {
                count = count.wrapping_add(profile.differences[summed]);
                summed += 1;
            }
            let byte = bytes[pc];
            let glue = opcode(byte)
                .is_some_and(|row| row.unit == Unit::Glue && row.since <= schedule.fork);
            if count != 0 && glue && byte != op::INVALID {
                let count = u64::from(count as u32);
                self.post(
                    RowId::opcode(byte),
                    count,
                    count * u64::from(schedule.base[byte as usize]),
                );
            }
            pc += 1 + push_len(byte);
        }
    }
}
