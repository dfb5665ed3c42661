//! The ledger: who got which gas, and with a clock which time. One row per (unit, operation).
//!
//! Coprocessor requests, memory growth and burnt gas are posted as they are charged. The glue's own
//! opcodes are not counted one by one: a metered machine notes at each taken jump and at each
//! frame's end which stretch of code ran, and the rows follow from the code, when somebody asks for
//! them. Off, none of it runs. What is charged, and when, is the glue's.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

mod jumps;
mod ledger;
mod profile;
#[expect(unsafe_code, reason = "a loan between machine and rows, without locked instructions")]
mod rows;

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use core::fmt;

use tandem_code::Code;
use tandem_coprocessor::Unit;
use tandem_schedule::{Gas, Row, RowId, Schedule, op, opcode};

use jumps::Kept;
use profile::Profiles;

pub use jumps::Jumps;
pub use ledger::{Intrinsic, Ledger, Refund, Settlement};
pub use rows::LastRows;

/// Says how long the coprocessors have worked. They are timed around each call, by whoever handed
/// them to the machine; the machine only asks whose time it was.
pub trait Clock: Send + Sync {
    /// The transaction's own frame is about to run: calls that are timed come from here on.
    fn start(&self) {}

    /// Time spent in coprocessors so far, in ticks.
    fn elapsed(&self) -> u64;

    /// So many ticks in nanoseconds.
    fn nanoseconds(&self, ticks: u64) -> u64;
}

/// Collects one transaction's rows.
pub struct Meter {
    profiles: Profiles,
    /// Those of the last transaction, until one runs.
    jumps: Jumps,
    /// Which rows there are, bit by bit.
    posted: [u64; Self::WORDS],
    /// Count, gas and ticks by row, of those posted to.
    tallies: [(u64, u64, u64); Self::ROWS],
    /// Count and gas of memory's growth, apart since every frame posts it.
    growth: (u64, u64),
    /// What an opcode costs that is counted by the code that ran, rather than posted.
    counted: [Option<u32>; 256],
    clock: Option<Arc<dyn Clock>>,
    /// What of the time elapsed has been booked.
    booked: u64,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("timed", &self.is_timed()).finish_non_exhaustive()
    }
}

impl Meter {
    /// As many as there are and some more, so that an index need not be checked.
    const ROWS: usize = RowId::COUNT.next_power_of_two();
    const WORDS: usize = Self::ROWS / 64;

    /// A meter of gas by a schedule's prices, and with a clock of coprocessors' time.
    pub fn new(schedule: &Schedule, clock: Option<Arc<dyn Clock>>) -> Box<Self> {
        // A coprocessor's opcodes are posted when they tell their work; INVALID costs nothing.
        let counted = |byte: u8| {
            let row = opcode(byte).filter(|row| row.unit == Unit::Glue && byte != op::INVALID)?;
            schedule.has(row).then_some(schedule.base[byte as usize])
        };
        Box::new(Self {
            profiles: Profiles::new(),
            jumps: Jumps::new(),
            posted: Default::default(),
            tallies: [(0, 0, 0); Self::ROWS],
            growth: (0, 0),
            counted: core::array::from_fn(|byte| counted(byte as u8)),
            clock,
            booked: 0,
        })
    }

    /// Books `count` operations and their gas.
    #[inline]
    pub fn post(&mut self, row: RowId, count: u64, gas: u64) {
        self.add(row, (count, gas, 0));
    }

    /// Adds count, gas and ticks to a row.
    #[inline]
    fn add(&mut self, row: RowId, (count, gas, ticks): (u64, u64, u64)) {
        let index = row.index();
        let (posted, bit) = (&mut self.posted[index / 64 % Self::WORDS], 1 << (index % 64));
        let tally = &mut self.tallies[index % Self::ROWS];
        *tally = match *posted & bit {
            0 => (count, gas, ticks),
            _ => (tally.0 + count, tally.1 + gas, tally.2 + ticks),
        };
        *posted |= bit;
    }

    /// Books what memory cost a frame that ends, and how often any grew since the last time.
    #[inline]
    pub fn post_growth(&mut self, count: u64, gas: u64) {
        self.growth = (self.growth.0 + count, self.growth.1 + gas);
    }

    /// Whether time is booked, too.
    pub fn is_timed(&self) -> bool {
        self.clock.is_some()
    }

    /// The time elapsed, to be handed to [`lap`](Self::lap); 0 without a clock.
    pub fn elapsed(&self) -> u64 {
        self.clock.as_ref().map_or(0, |clock| clock.elapsed())
    }

    /// Books the time that coprocessors worked since `start`, or without one all that is not booked.
    #[inline]
    pub fn lap(&mut self, row: RowId, start: Option<u64>) {
        let Some(clock) = &self.clock else { return };
        let ticks = clock.elapsed() - start.unwrap_or(self.booked);
        self.booked += ticks;
        if ticks > 0 {
            self.add(row, (0, 0, ticks));
        }
    }

    /// Starts the clock, the transaction's own frame being about to run: it got there at nobody's cost.
    pub fn start(&mut self) {
        if let Some(clock) = &self.clock {
            clock.start();
            self.booked = clock.elapsed();
        }
    }

    /// Starts anew for a transaction, for which the first `codes` codes of those opened stay open. The
    /// machine is lent the jumps, to be handed to all that follows.
    pub fn begin(&mut self, jumps: &mut Jumps, codes: usize) {
        match jumps.kept {
            Kept::Not => jumps.change_hands(&mut self.jumps),
            // The last transaction broke off and left them.
            _ => _ = self.profiles.put_back(jumps),
        }
        self.profiles.begin(jumps, codes);
        (self.posted, self.growth) = Default::default();
    }

    /// Takes the jumps back, the transaction being over.
    pub fn end(&mut self, jumps: &mut Jumps) {
        jumps.change_hands(&mut self.jumps);
    }

    /// Makes room for a code that is about to run for the first time in this transaction.
    pub fn open(&mut self, code: Arc<Code>) {
        self.profiles.open(code);
    }

    /// Leaves the running code until [`resume`](Self::resume): returns what that is to be told.
    pub fn suspend(&mut self, jumps: &mut Jumps) -> usize {
        self.profiles.suspend(jumps)
    }

    /// Starts to run the `code`th code opened at the byte `start`, or goes on in it with what
    /// [`suspend`](Self::suspend) said.
    #[inline]
    pub fn resume(&mut self, jumps: &mut Jumps, code: usize, start: usize) {
        self.profiles.resume(jumps, code, start);
    }

    /// Makes room for more jumps.
    pub fn count(&mut self, jumps: &mut Jumps) {
        self.profiles.count(jumps);
    }

    /// Notes that the running code ran up to `end`, exclusive, and no further; `astray` if that was a jump
    /// to no JUMPDEST.
    pub fn leave(&mut self, jumps: &mut Jumps, end: usize, astray: bool) {
        self.profiles.leave(jumps, end, astray);
    }

    /// Closes the last code opened, which will not run again: init code.
    pub fn close_last(&mut self, jumps: &mut Jumps) {
        self.profiles.close_last(jumps);
    }

    /// The rows so far, and none are left.
    fn take_rows(&mut self) -> Vec<Row> {
        let mut ran: Vec<(u8, u64)> = Vec::with_capacity(64);
        self.profiles.take(&mut self.jumps, |byte, count| ran.push((byte, count)));
        for (byte, count) in ran {
            if let Some(price) = self.counted[usize::from(byte)] {
                self.post(RowId::opcode(byte), count, count * u64::from(price));
            }
        }
        let (count, gas) = core::mem::take(&mut self.growth);
        self.post(RowId::MEMORY_GROWTH, count, gas);
        Bits::of(core::mem::take(&mut self.posted)).filter_map(|id| self.row(id)).collect()
    }

    /// The row that was posted to; none if it was with nothing.
    fn row(&self, id: usize) -> Option<Row> {
        let (count, gas, ticks) = self.tallies[id];
        if (count, gas, ticks) == (0, 0, 0) {
            return None;
        }
        let (unit, op) = RowId::from_index(id).name();
        let mut row = Row::new(unit, op, count, Gas { execution: gas, state: 0 });
        row.nanoseconds = self.clock.as_ref().map_or(0, |clock| clock.nanoseconds(ticks));
        Some(row)
    }
}

/// The numbers of the bits that are set, in order.
struct Bits<const N: usize> {
    words: [u64; N],
    n: usize,
}

impl<const N: usize> Bits<N> {
    const fn of(words: [u64; N]) -> Self {
        Self { words, n: 0 }
    }
}

impl<const N: usize> Iterator for Bits<N> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.words.get(self.n) == Some(&0) {
            self.n += 1;
        }
        let word = self.words.get_mut(self.n)?;
        let bit = word.trailing_zeros() as usize;
        *word &= *word - 1;
        Some(64 * self.n + bit)
    }
}
