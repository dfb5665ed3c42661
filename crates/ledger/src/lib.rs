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

use profile::Profiles;

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
    /// Which rows there are, bit by bit.
    posted: [u64; RowId::COUNT.div_ceil(64)],
    clock: Option<Arc<dyn Clock>>,
    /// What of the time elapsed has been booked.
    booked: u64,
    profiles: Box<Profiles>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("timed", &self.clock.is_some()).finish_non_exhaustive()
    }
}

impl Meter {
    /// A meter of gas, and with a clock of coprocessors' time.
    pub fn new(clock: Option<Arc<dyn Clock>>) -> Self {
        let (tallies, posted) = (Box::new([(0, 0, 0); RowId::COUNT]), Default::default());
        Self { tallies, posted, clock, booked: 0, profiles: Box::new(Profiles::new()) }
    }

    fn tally(&mut self, row: RowId) -> &mut (u64, u64, u64) {
        let index = row.index();
        self.posted[index / 64] |= 1 << (index % 64);
        &mut self.tallies[index]
    }

    /// Books `count` operations and their gas.
    pub fn post(&mut self, row: RowId, count: u64, gas: u64) {
        let tally = self.tally(row);
        (tally.0, tally.1) = (tally.0 + count, tally.1 + gas);
    }

    /// The time elapsed, to be handed to [`lap`](Self::lap); 0 without a clock.
    pub fn elapsed(&self) -> u64 {
        self.clock.as_ref().map_or(0, |clock| clock.elapsed())
    }

    /// Books the time that coprocessors worked since `start`, or without one all that is not booked.
    pub fn lap(&mut self, row: RowId, start: Option<u64>) {
        let ticks = self.elapsed() - start.unwrap_or(self.booked);
        self.booked += ticks;
        if ticks > 0 {
            self.tally(row).2 += ticks;
        }
    }

    /// Leaves what is not booked to nobody.
    pub fn skip(&mut self) {
        self.booked = self.elapsed();
    }

    /// Forgets which code ran, of a transaction that was broken off.
    pub fn clear(&mut self) {
        if !self.profiles.is_empty() {
            self.profiles.take(|_, _| {});
        }
    }

    /// Makes room for a code that is about to run for the first time in this transaction.
    pub fn open(&mut self, code: Arc<Code>) {
        self.profiles.open(code);
    }

    /// Leaves the running code until [`resume`](Self::resume): returns what that is to be told.
    pub fn suspend(&mut self) -> usize {
        self.profiles.suspend()
    }

    /// Starts to run the `code`th code opened at the byte `start`, or goes on in it with what
    /// [`suspend`](Self::suspend) said.
    pub fn resume(&mut self, code: usize, start: usize) {
        self.profiles.resume(code, start);
    }

    /// Notes that the running code ran up to `end`, exclusive, and goes on at `next`. True if
    /// [`count`](Self::count) has to be called before the next time.
    #[inline(always)]
    pub fn jump(&mut self, end: usize, next: usize) -> bool {
        self.profiles.jump(end, next)
    }

    /// Makes room for more jumps.
    pub fn count(&mut self) {
        self.profiles.count();
    }

    /// Notes that the running code ran up to `end`, exclusive, and no further.
    pub fn leave(&mut self, end: usize) {
        self.profiles.leave(end);
    }

    /// Closes the last code opened, which will not run again: init code.
    pub fn close_last(&mut self) {
        self.profiles.close_last();
    }

    /// The rows so far, and none are left.
    pub fn take_rows(&mut self, schedule: &Schedule) -> Vec<Row> {
        let Self { profiles, .. } = self;
        let mut ran: Vec<(u8, u64)> = Vec::with_capacity(64);
        profiles.take(|byte, count| ran.push((byte, count)));
        for (byte, count) in ran {
            // A coprocessor's opcodes were posted when they told their work; INVALID costs nothing.
            let row = opcode(byte).filter(|row| row.unit == Unit::Glue && byte != op::INVALID);
            if row.is_some_and(|row| schedule.has(row)) {
                let gas = count * u64::from(schedule.base[byte as usize]);
                self.post(RowId::opcode(byte), count, gas);
            }
        }
        let posted = core::mem::take(&mut self.posted);
        let mut rows =
            Vec::with_capacity(posted.iter().map(|word| word.count_ones()).sum::<u32>() as usize);
        for (n, mut word) in posted.into_iter().enumerate() {
            while word != 0 {
                let id = 64 * n + word.trailing_zeros() as usize;
                word &= word - 1;
                rows.extend(self.take_row(id));
            }
        }
        rows
    }

    /// The row that was posted to; none if it was with nothing.
    fn take_row(&mut self, id: usize) -> Option<Row> {
        let (count, gas, ticks) = core::mem::take(&mut self.tallies[id]);
        if (count, gas, ticks) == (0, 0, 0) {
            return None;
        }
        let (unit, op) = RowId::from_index(id).name();
        let mut row = Row::new(unit, op, count, Gas { execution: gas, state: 0 });
        row.nanoseconds = self.clock.as_ref().map_or(0, |clock| clock.nanoseconds(ticks));
        Some(row)
    }
}
