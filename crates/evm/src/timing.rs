//! Time beside gas: a stopwatch around every call of a coprocessor, and what it makes of a transaction.
//! Reading the clock takes longer than an ADD, so nothing else is timed: the glue's time is what is left.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U256};
use quanta::Clock as Tsc;
use tandem_coprocessor::{
    Access, Account, AccountId, Checkpoint, Coprocessor, Creation, Facts, Fault, Instruction,
    Instructions, Log, ModularRun, Op, SelfDestruct, SlotId, State, StorageChange, Work,
};
use tandem_glue::Clock;

/// How long a transaction took, and who.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// The whole transaction: its rules, payment, execution and the list of changes.
    pub total: Duration,
    /// The execution of its own frame, all others in it, from when its code is found and its value paid.
    pub execution: Duration,
    /// What of the execution the coprocessors worked, the clock's part of it taken off; the rows of
    /// the ledger have it by operation.
    pub coprocessors: Duration,
    /// How often a coprocessor was timed.
    pub timed_calls: u64,
    /// What timing one call costs.
    pub clock: Duration,
}

impl Timing {
    /// What the clock itself took of the execution.
    pub fn overhead(&self) -> Duration {
        self.clock.saturating_mul(u32::try_from(self.timed_calls).unwrap_or(u32::MAX))
    }

    /// The glue's part of the execution: what neither the coprocessors nor the clock took.
    pub fn glue(&self) -> Duration {
        self.execution.saturating_sub(self.coprocessors).saturating_sub(self.overhead())
    }
}

/// What a stopwatch shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// When that was, in ticks.
    at: u64,
    /// What the calls took so far, in ticks, and how many there were.
    ticks: u64,
    calls: u64,
}

/// Adds up the time of calls.
pub(crate) struct Stopwatch {
    tsc: Tsc,
    ticks: AtomicU64,
    calls: AtomicU64,
    /// When the running transaction's own frame started; 0 before it does, while nothing is timed.
    started: AtomicU64,
    /// Ticks that a pair of readings with nothing between them sees.
    inside: u64,
    /// What such a pair takes.
    pair: Duration,
}

impl fmt::Debug for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopwatch").field("pair", &self.pair).finish_non_exhaustive()
    }
}

impl Stopwatch {
    const ROUNDS: u64 = 1000;

    /// A stopwatch that knows what reading its clock costs: the least of a few thousand pairs, since
    /// the machine only ever makes them longer.
    pub(crate) fn new() -> Self {
        let mut watch = Self {
            tsc: Tsc::new(),
            ticks: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            started: AtomicU64::new(0),
            inside: 0,
            pair: Duration::MAX,
        };
        let (mut inside, mut pair) = (u64::MAX, u64::MAX);
        for _ in 0..20 {
            let start = watch.now();
            for _ in 0..Self::ROUNDS {
                let start = watch.now();
                inside = inside.min(watch.now() - start);
            }
            pair = pair.min((watch.now() - start) / Self::ROUNDS);
        }
        (watch.inside, watch.pair) = (inside, Duration::from_nanos(watch.nanoseconds(pair)));
        watch
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.tsc.raw()
    }

    /// Ends the execution of a transaction: the ticks it took.
    pub(crate) fn finish(&self) -> u64 {
        let started = self.started.load(Relaxed);
        self.started.store(0, Relaxed);
        if started == 0 { 0 } else { self.now() - started }
    }

    /// Times a call.
    #[inline]
    fn time<T>(&self, call: impl FnOnce() -> T) -> T {
        if self.started.load(Relaxed) == 0 {
            return call();
        }
        let start = self.now();
        let result = call();
        self.stop(start);
        result
    }

    #[inline]
    fn stop(&self, start: u64) {
        let ticks = (self.now() - start).saturating_sub(self.inside);
        self.ticks.store(self.ticks.load(Relaxed) + ticks, Relaxed);
        self.calls.store(self.calls.load(Relaxed) + 1, Relaxed);
    }

    pub(crate) fn reading(&self) -> Reading {
        let (ticks, calls) = (self.ticks.load(Relaxed), self.calls.load(Relaxed));
        Reading { at: self.now(), ticks, calls }
    }

    /// What a transaction comes to that began at a reading and ends now; its execution took so many ticks.
    pub(crate) fn timing(&self, start: Reading, execution: u64) -> Timing {
        let end = self.reading();
        let duration = |ticks| Duration::from_nanos(self.nanoseconds(ticks));
        let calls = end.calls - start.calls;
        Timing {
            total: duration(end.at - start.at),
            execution: duration(execution),
            coprocessors: if calls == 0 {
                Duration::ZERO
            } else {
                duration(end.ticks - start.ticks)
            },
            timed_calls: calls,
            clock: self.pair,
        }
    }
}

impl Clock for Stopwatch {
    fn start(&self) {
        self.started.store(self.now(), Relaxed);
    }

    fn elapsed(&self) -> u64 {
        self.ticks.load(Relaxed)
    }

    fn nanoseconds(&self, ticks: u64) -> u64 {
        self.tsc.delta_as_nanos(0, ticks)
    }
}

/// A coprocessor under the stopwatch, which it shares for good (a state or a log: borrows for a transaction).
#[derive(Debug)]
pub(crate) struct Timed<C, W = Arc<Stopwatch>> {
    pub(crate) watch: W,
    pub(crate) inner: C,
}

impl Coprocessor for Timed<Arc<dyn Coprocessor>> {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        self.watch.time(|| self.inner.measure(op, input))
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        self.watch.time(|| self.inner.execute(op, input, output))
    }

    fn instructions(&self) -> Option<Box<dyn Instructions>> {
        let (watch, inner) = (self.watch.clone(), self.inner.instructions()?);
        Some(Box::new(Timed { watch, inner }))
    }
}

impl Instructions for Timed<Box<dyn Instructions>> {
    fn measure(&self, instruction: &Instruction<'_>, memory: &[u8]) -> Result<Facts, Fault> {
        self.watch.time(|| self.inner.measure(instruction, memory))
    }

    fn execute(&mut self, instruction: &Instruction<'_>, memory: &mut [u8]) -> Result<U256, Fault> {
        self.watch.time(|| self.inner.execute(instruction, memory))
    }

    fn on_words(&mut self, op: u8, immediates: &[u8], words: &mut [U256]) -> Result<(), Fault> {
        self.watch.time(|| self.inner.on_words(op, immediates, words))
    }

    fn on_registers(&mut self, code: &[u8], most: usize) -> Option<ModularRun> {
        self.watch.time(|| self.inner.on_registers(code, most))
    }
}

macro_rules! timed {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(fn $name(&mut self, $($arg: $type),*) $(-> $result)? {
            self.watch.time(|| self.inner.$name($($arg),*))
        })*
    };
}

impl State for Timed<&mut dyn State, &Stopwatch> {
    timed! {
        access(address: &Address) -> (AccountId, Access);
        account(id: AccountId) -> Result<&Account, Fault>;
        code(id: AccountId) -> Result<Bytes, Fault>;
        block_hash(number: u64) -> Result<B256, Fault>;
        access_slot(id: AccountId, key: &U256) -> (SlotId, Access);
        load(slot: SlotId) -> Result<U256, Fault>;
        store(slot: SlotId, value: &U256) -> Result<StorageChange, Fault>;
        load_transient(id: AccountId, key: &U256) -> U256;
        store_transient(id: AccountId, key: &U256, value: &U256);
        transfer(from: AccountId, to: AccountId, value: &U256) -> Result<bool, Fault>;
        increment_nonce(id: AccountId) -> Result<bool, Fault>;
        create(id: AccountId, nonce: u64) -> Result<Creation, Fault>;
        set_code(id: AccountId, code: Bytes, hash: B256) -> Result<(), Fault>;
        self_destruct(id: AccountId, beneficiary: AccountId, only_if_created: bool)
            -> Result<SelfDestruct, Fault>;
        revert(checkpoint: Checkpoint);
    }

    fn checkpoint(&self) -> Checkpoint {
        self.inner.checkpoint()
    }
}

impl Log for Timed<&mut dyn Log, &Stopwatch> {
    timed! {
        emit(address: Address, topics: &[B256], data: &[u8]);
        revert(checkpoint: Checkpoint);
    }

    fn checkpoint(&self) -> Checkpoint {
        self.inner.checkpoint()
    }
}
