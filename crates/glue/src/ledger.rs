//! The ledger: who got which gas. One row per (unit, operation), with count and gas.
//!
//! Coprocessor requests, memory growth and burnt gas are posted as they are charged. The glue's own
//! opcodes are not counted one by one: a metered machine notes at each taken jump and at each
//! frame's end which stretch of code ran, and the rows follow from the code. Off, none of it runs.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use tandem_code::Code;
use tandem_coprocessor::Unit;
use tandem_schedule::{Gas, Row, RowId, Schedule, op, opcode};

/// The stretches of a code that ran.
#[derive(Debug)]
struct Profile {
    code: Arc<Code>,
    /// The first ones, as they were: a short transaction is not to walk all of a long code.
    first: Vec<(usize, usize)>,
    /// The others, as differences by byte: the running sum is how often a byte was run through.
    others: Vec<i32>,
}

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
    const FIRST: usize = 64;

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
        self.profiles.push(Profile { code, first: Vec::new(), others: Vec::new() });
    }

    /// Notes that the opcodes from `start` up to `end`, exclusive, ran in the `code`th code opened.
    #[inline(never)]
    pub(crate) fn ran(&mut self, code: usize, start: usize, end: usize) {
        let Profile { code, first, others } = &mut self.profiles[code];
        // The STOP behind the end of the code is no opcode of it.
        let end = end.min(code.bytes.len());
        // Stretches that start among immediates are not on one walk with the others.
        if first.len() < Self::FIRST || !code.is_aligned {
            return first.push((start, end));
        }
        if others.is_empty() {
            *others = vec![0; code.bytes.len() + 1];
        }
        others[start] = others[start].wrapping_add(1);
        others[end] = others[end].wrapping_sub(1);
    }

    /// Closes the last code opened, which will not run again: init code.
    pub(crate) fn close_last(&mut self) {
        if let Some(profile) = self.profiles.pop() {
            self.book(&profile);
        }
    }

    /// The rows so far, and none are left.
    pub(crate) fn take_rows(&mut self, schedule: &Schedule) -> Vec<Row> {
        for profile in core::mem::take(&mut self.profiles) {
            self.book(&profile);
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

    fn book(&mut self, profile: &Profile) {
        let bytes = &profile.code.bytes;
        for &(mut pc, end) in &profile.first {
            while pc < end {
                self.ran[bytes[pc] as usize] += 1;
                pc += profile.code.instruction_len(pc);
            }
        }
        let (mut pc, mut count, mut summed) = (0, 0_i32, 0);
        while pc < bytes.len() && !profile.others.is_empty() {
            // A stretch starts and ends at opcodes, but one may end behind data cut off by the end.
            while summed <= pc {
                count = count.wrapping_add(profile.others[summed]);
                summed += 1;
            }
            self.ran[bytes[pc] as usize] += u64::from(count as u32);
            pc += profile.code.instruction_len(pc);
        }
    }
}
