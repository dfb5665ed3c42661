//! The ledger: who got which gas, and with a clock which time. One row per (unit, operation).
//!
//! Coprocessor requests, memory growth and burnt gas are posted as they are charged. The glue's own
//! opcodes are not counted one by one: a metered machine notes at each taken jump and at each
//! frame's end which stretch of code ran, and the rows follow from the code. Off, none of it runs.
//! What is charged, and when, is the glue's.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod profile;

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use core::fmt;

use tandem_code::Code;
use tandem_coprocessor::Unit;
use tandem_schedule::{Gas, Row, RowId, Schedule, op, opcode};

use profile::Profile;

/// Says how long the coprocessors have worked. They are timed around each call, by whoever handed
/// them to the machine; the machine only asks whose time it was.
pub trait Clock: Send + Sync {
    /// Time spent in coprocessors so far, in ticks.
    fn elapsed(&self) -> u64;

    /// So many ticks in nanoseconds.
    fn nanoseconds(&self, ticks: u64) -> u64;
}

/// Collects one transaction's rows.
pub struct Meter {
    /// Count, gas and ticks by row.
    tallies: Box<[(u64, u64, u64); RowId::COUNT]>,
    clock: Option<Arc<dyn Clock>>,
    /// What of the time elapsed has been booked.
    booked: u64,
    /// How often each opcode ran, whoever's it is, as far as profiles are booked.
    ran: Box<[u64; 256]>,
    profiles: Vec<Profile>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("timed", &self.clock.is_some()).finish_non_exhaustive()
    }
}

impl Meter {
    /// A meter of gas, and with a clock of coprocessors' time.
    pub fn new(clock: Option<Arc<dyn Clock>>) -> Self {
        let (tallies, ran) = (Box::new([(0, 0, 0); RowId::COUNT]), Box::new([0; 256]));
        Self { tallies, clock, booked: 0, ran, profiles: Vec::new() }
    }

    /// Books `count` operations and their gas.
    pub fn post(&mut self, row: RowId, count: u64, gas: u64) {
        let tally = &mut self.tallies[row.index()];
        (tally.0, tally.1) = (tally.0 + count, tally.1 + gas);
    }

    /// The time elapsed, to be handed to [`lap`](Self::lap); 0 without a clock.
    pub fn elapsed(&self) -> u64 {
        self.clock.as_ref().map_or(0, |clock| clock.elapsed())
    }

    /// Books the time that coprocessors worked since `start`, or without one all that is not booked.
    pub fn lap(&mut self, row: RowId, start: Option<u64>) {
        let ticks = self.elapsed() - start.unwrap_or(self.booked);
        self.tallies[row.index()].2 += ticks;
        self.booked += ticks;
    }

    /// Leaves what is not booked to nobody.
    pub fn skip(&mut self) {
        self.booked = self.elapsed();
    }

    /// Makes room for a code that is about to run for the first time in this transaction.
    pub fn open(&mut self, code: Arc<Code>) {
        self.profiles.push(Profile::new(code));
    }

    /// Notes that the opcodes from `start` up to `end`, exclusive, ran in the `code`th code opened.
    #[inline(never)]
    pub fn ran(&mut self, code: usize, start: usize, end: usize) {
        self.profiles[code].ran(start, end);
    }

    /// Closes the last code opened, which will not run again: init code.
    pub fn close_last(&mut self) {
        if let Some(profile) = self.profiles.pop() {
            profile.count(&mut self.ran);
        }
    }

    /// The rows so far, and none are left.
    pub fn take_rows(&mut self, schedule: &Schedule) -> Vec<Row> {
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
            let (count, gas, ticks) = core::mem::take(tally);
            if count > 0 || gas > 0 || ticks > 0 {
                let (unit, op) = RowId::from_index(id).name();
                let mut row = Row::new(unit, op, count, Gas { execution: gas, state: 0 });
                row.nanoseconds = self.clock.as_ref().map_or(0, |clock| clock.nanoseconds(ticks));
                rows.push(row);
            }
        }
        rows
    }
}
