//! The machine: what lasts from frame to frame (prices, coprocessors, caches, buffers) and what the
//! running frame has beside its registers. Also its way in, [`Machine::execute`], and the two
//! functions through which gas leaves: [`Machine::charge`] and [`Machine::fail`].

use alloc::{sync::Arc, vec::Vec};
use core::{fmt, mem::transmute, ptr::NonNull};

use tandem_code::{Code, CodeCache, Dialect};
use tandem_coprocessor::{
    AccountId, Checkpoint, Coprocessors, Fault, Log, State, Unit,
    primitives::{Address, B256, Bytes, U256},
};
use tandem_ledger::{Clock, Meter};
use tandem_memory::Memory;
use tandem_schedule::{Halt, Precompile, Row, RowId, Schedule, opcode};
use tandem_word::Modulus;

use crate::{
    Tracer,
    memory::Range,
    stack::{Stack, StackBlock},
};

/// The transaction's and block's values that opcodes read.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the word its opcode pushes")]
pub struct Env {
    pub origin: Address,
    pub gas_price: U256,
    pub chain_id: U256,
    pub coinbase: Address,
    pub timestamp: U256,
    pub number: u64,
    /// PREVRANDAO since Paris, DIFFICULTY before.
    pub prevrandao: U256,
    pub gas_limit: U256,
    pub base_fee: U256,
    pub blob_base_fee: U256,
    pub blob_hashes: Vec<B256>,
}

/// What the transaction asks of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The caller; its nonce was already raised and the gas paid.
    pub caller: Address,
    /// The caller's handle; it is warm.
    pub caller_id: AccountId,
    /// The account to call, with its handle, or `None` to create one.
    pub to: Option<(Address, AccountId)>,
    /// The caller's nonce before the transaction, which makes a created contract's address.
    pub nonce: u64,
    /// Value in wei.
    pub value: U256,
    /// Calldata, or init code.
    pub input: &'a [u8],
    /// Gas for the execution, the intrinsic gas taken off.
    pub gas: u64,
}

/// How a frame ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// By STOP, RETURN, SELFDESTRUCT or the end of the code.
    Success,
    /// By REVERT: state undone, gas left given back.
    Revert,
    /// Exceptionally: state undone, gas gone.
    Halt(Halt),
}

/// The result of [`Machine::execute`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Completion {
    /// How the transaction's own frame ended.
    pub status: Status,
    /// Gas not used.
    pub gas_left: u64,
    /// The refund counter, not capped.
    pub refund: u64,
    /// What the frame returned.
    pub output: Bytes,
    /// The contract created.
    pub created: Option<Address>,
    /// The ledger's rows, if the machine has a meter.
    pub rows: Option<Vec<Row>>,
}

/// The gas of a byte's static part, as a driver charges it: nothing for an opcode that has to tell a
/// coprocessor's work first and pays in one sum.
fn upfront(schedule: &Schedule, byte: u8) -> i64 {
    match opcode(byte) {
        Some(row) if row.unit != Unit::Glue => 0,
        _ => tandem_code::price(schedule, byte),
    }
}

/// What a frame was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Call,
    Create,
}

/// What a frame is started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub(crate) purpose: Purpose,
    pub(crate) is_static: bool,
    pub(crate) account: AccountId,
    pub(crate) address: Address,
    pub(crate) caller: Address,
    pub(crate) value: U256,
    /// Calldata, in the buffer of all memory.
    pub(crate) input: Range,
    /// Where the caller wants the output, in the caller's memory.
    pub(crate) output: Range,
}

/// One frame. The registers are here only while another frame runs.
pub(crate) struct Frame {
    pub(crate) ip: *const u8,
    pub(crate) stack: Stack,
    pub(crate) gas: i64,
    pub(crate) block: StackBlock,
    pub(crate) code: usize,
    pub(crate) context: Context,
    pub(crate) memory_start: usize,
    pub(crate) memory_len: usize,
    pub(crate) state_checkpoint: Checkpoint,
    pub(crate) log_checkpoint: Checkpoint,
    pub(crate) refund: i64,
    /// Where the stretch of code that is running started; see `ledger`.
    pub(crate) stretch: usize,
}

impl Frame {
    /// A frame to be filled, with an empty stack.
    fn new(context: Context) -> Self {
        let block = StackBlock::new();
        Self {
            ip: core::ptr::null(),
            stack: block.bottom(),
            gas: 0,
            block,
            code: 0,
            context,
            memory_start: 0,
            memory_len: 0,
            state_checkpoint: Checkpoint(0),
            log_checkpoint: Checkpoint(0),
            refund: 0,
            stretch: 0,
        }
    }
}

/// The state and the logs of the running transaction. The lifetimes are erased, since the machine
/// outlives them; `execute` sets them and takes them back.
struct Borrowed {
    state: NonNull<dyn State>,
    log: NonNull<dyn Log>,
    tracer: Option<NonNull<dyn Tracer>>,
}

impl Borrowed {
    fn new(state: &mut dyn State, log: &mut dyn Log, tracer: Option<&mut dyn Tracer>) -> Self {
        // SAFETY: only lifetimes change. The pointers are used until `execute` takes them back,
        // during which the references they come from are borrowed.
        unsafe {
            Self {
                state: transmute::<NonNull<dyn State + '_>, NonNull<dyn State>>(state.into()),
                log: transmute::<NonNull<dyn Log + '_>, NonNull<dyn Log>>(log.into()),
                tracer: tracer.map(|tracer| {
                    transmute::<NonNull<dyn Tracer + '_>, NonNull<dyn Tracer>>(tracer.into())
                }),
            }
        }
    }
}

/// The stack machine. Made once for a schedule, it keeps its caches and buffers from transaction to
/// transaction.
pub struct Machine {
    /// Static gas by opcode, as the drivers charge it.
    pub(crate) upfront: [i64; 256],
    /// The running frame's memory; see [`Frame::memory_start`].
    pub(crate) memory_at: *mut u8,
    pub(crate) memory_len: usize,
    /// What the running frame's memory has cost.
    pub(crate) memory_paid: u64,
    pub(crate) code_at: *const u8,
    pub(crate) code: *const Code,
    pub(crate) memory: Memory,
    pub(crate) frames: Vec<Frame>,
    /// Index of the running frame.
    pub(crate) depth: usize,
    /// Frames started and not ended; 0 before and after the transaction's own.
    pub(crate) running: usize,
    pub(crate) return_data: Vec<u8>,
    pub(crate) modulus: Modulus,
    pub(crate) refund: i64,
    /// Why the last step failed, whose request it was, and the gas that burns.
    pub(crate) failure: (Halt, Unit, i64),
    pub(crate) fault: Option<Fault>,
    /// How the transaction's own frame ended, and its gas left.
    pub(crate) done: Option<(Status, i64)>,
    /// What the last call took from its caller, for tracers: the forwarded gas included.
    pub(crate) call_cost: i64,
    /// Codes of the running transaction, by the index that frames keep.
    pub(crate) codes: Vec<Arc<Code>>,
    /// Index into `codes` of the code last run for an account.
    pub(crate) code_of: Vec<Option<usize>>,
    pub(crate) cache: CodeCache,
    pub(crate) env: Env,
    pub(crate) schedule: Schedule,
    pub(crate) dialect: Dialect,
    pub(crate) coprocessors: Coprocessors,
    pub(crate) meter: Option<Meter>,
    borrowed: Option<Borrowed>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("fork", &self.schedule.fork).finish_non_exhaustive()
    }
}

// SAFETY: the raw pointers point into buffers that the machine owns, or are set and taken back
// within one call of `execute`.
unsafe impl Send for Machine {}

impl Machine {
    /// A machine with a fork's prices; with `metered`, it keeps a ledger.
    pub fn new(schedule: Schedule, coprocessors: Coprocessors, metered: bool) -> Self {
        Self::with_meter(schedule, coprocessors, metered.then(|| Meter::new(None)))
    }

    /// A machine that keeps a ledger and asks a clock how long its coprocessors worked: those it is
    /// given, and the state that [`execute`](Self::execute) is.
    pub fn timed(schedule: Schedule, coprocessors: Coprocessors, clock: Arc<dyn Clock>) -> Self {
        Self::with_meter(schedule, coprocessors, Some(Meter::new(Some(clock))))
    }

    fn with_meter(schedule: Schedule, coprocessors: Coprocessors, meter: Option<Meter>) -> Self {
        Self {
            upfront: core::array::from_fn(|byte| upfront(&schedule, byte as u8)),
            memory_at: NonNull::dangling().as_ptr(),
            memory_len: 0,
            memory_paid: 0,
            code_at: core::ptr::null(),
            code: core::ptr::null(),
            memory: Memory::default(),
            frames: Vec::new(),
            depth: 0,
            running: 0,
            return_data: Vec::new(),
            modulus: Modulus::default(),
            refund: 0,
            failure: (Halt::OutOfGas, Unit::Glue, 0),
            fault: None,
            done: None,
            call_cost: 0,
            codes: Vec::new(),
            code_of: Vec::new(),
            cache: CodeCache::default(),
            env: Env::default(),
            dialect: Dialect::new(schedule.fork, meter.is_some()),
            schedule,
            coprocessors,
            meter,
            borrowed: None,
        }
    }

    /// The prices and rules the machine runs by.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The coprocessors the machine asks.
    pub fn coprocessors(&self) -> &Coprocessors {
        &self.coprocessors
    }

    /// The values that opcodes read, to be set before [`execute`](Self::execute).
    pub fn env_mut(&mut self) -> &mut Env {
        &mut self.env
    }

    /// Runs a transaction's message to its end. `refund` is what the transaction's own rules already
    /// put into the refund counter (EIP-7702).
    ///
    /// # Errors
    /// [`Fault::State`] if the state could not answer, [`Fault::Unsupported`] if a coprocessor is
    /// missing. The state is then in no defined condition and has to be thrown away.
    pub fn execute(
        &mut self,
        state: &mut dyn State,
        log: &mut dyn Log,
        message: &Message<'_>,
        refund: u64,
        tracer: Option<&mut dyn Tracer>,
    ) -> Result<Completion, Fault> {
        self.borrowed = Some(Borrowed::new(state, log, tracer));
        self.refund = refund as i64;
        let created = self.start(message);
        // The transaction's own frame is started at nobody's cost.
        self.meter.iter_mut().for_each(Meter::skip);
        let completion = created.and_then(|created| {
            self.run();
            self.complete(created)
        });
        self.borrowed = None;
        self.codes.clear();
        self.code_of.clear();
        completion
    }

    fn complete(&mut self, created: Option<Address>) -> Result<Completion, Fault> {
        let take_rows = |meter: &mut Meter| meter.take_rows(&self.schedule);
        let rows = self.meter.as_mut().map(take_rows);
        let done = self.done.take();
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let (status, gas_left) = done.unwrap_or((Status::Success, 0));
        Ok(Completion {
            status,
            gas_left: gas_left.max(0) as u64,
            refund: self.refund.max(0) as u64,
            output: Bytes::copy_from_slice(&self.return_data),
            created: created.filter(|_| status == Status::Success),
            rows,
        })
    }

    /// Takes `amount` from `gas` and posts it. Returns the gas left; nothing if the frame halts for
    /// want of it, as everywhere in the glue.
    #[inline]
    pub(crate) fn charge(&mut self, gas: i64, row: RowId, amount: u64) -> Option<i64> {
        self.charge_for(1, gas, row, amount)
    }

    /// Like [`charge`](Self::charge), for a further part of an operation already counted.
    #[inline]
    pub(crate) fn charge_more(&mut self, gas: i64, row: RowId, amount: u64) -> Option<i64> {
        self.charge_for(0, gas, row, amount)
    }

    #[inline]
    fn charge_for(&mut self, count: u64, gas: i64, row: RowId, amount: u64) -> Option<i64> {
        if amount > gas as u64 {
            return self.fail(Halt::OutOfGas, row.name().0, gas);
        }
        if let Some(meter) = &mut self.meter {
            meter.post(row, count, amount);
        }
        Some(gas - amount as i64)
    }

    /// Charges an opcode's base price and what its facts add to it.
    #[inline]
    pub(crate) fn pay(&mut self, gas: i64, byte: u8, more: u64) -> Option<i64> {
        self.charge(gas, RowId::opcode(byte), u64::from(self.schedule.base[byte as usize]) + more)
    }

    /// Books the time of coprocessors' work; see [`Meter::lap`].
    #[inline]
    pub(crate) fn lap(&mut self, row: RowId, start: Option<u64>) {
        if let Some(meter) = &mut self.meter {
            meter.lap(row, start);
        }
    }

    /// Notes why the frame halts; its `gas` burns.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail<T>(&mut self, halt: Halt, unit: Unit, gas: i64) -> Option<T> {
        self.failure = (halt, unit, gas);
        None
    }

    /// Notes that a coprocessor broke down, which ends the transaction without a result.
    #[cold]
    pub(crate) fn broken<T>(&mut self, fault: Fault) -> Option<T> {
        self.fault = Some(fault);
        self.fail(Halt::OutOfGas, Unit::Glue, 0)
    }

    /// A coprocessor's answer; nothing if it broke down.
    #[inline(always)]
    pub(crate) fn ask<T>(&mut self, answer: Result<T, Fault>) -> Option<T> {
        answer.map_err(|fault| self.broken::<T>(fault)).ok()
    }

    fn borrowed(&self) -> &Borrowed {
        self.borrowed.as_ref().expect("frames run inside `execute`")
    }

    pub(crate) fn state<'s>(&self) -> &'s mut dyn State {
        // SAFETY: set in `execute` from an exclusive reference, which nothing else uses until the
        // end of `execute`; no two of these references are used at once. So below.
        unsafe { { self.borrowed().state }.as_mut() }
    }

    pub(crate) fn log<'s>(&self) -> &'s mut dyn Log {
        // SAFETY: as in `state`.
        unsafe { { self.borrowed().log }.as_mut() }
    }

    pub(crate) fn tracer<'s>(&self) -> Option<&'s mut dyn Tracer> {
        // SAFETY: as in `state`.
        self.borrowed().tracer.map(|mut tracer| unsafe { tracer.as_mut() })
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.frames[self.depth]
    }

    pub(crate) fn frame_mut(&mut self) -> &mut Frame {
        &mut self.frames[self.depth]
    }

    /// The frame at `depth`, a new one if there is none, with an empty stack.
    pub(crate) fn frame_at(&mut self, depth: usize, context: Context) -> &mut Frame {
        if depth == self.frames.len() {
            self.frames.push(Frame::new(context));
        }
        let frame = &mut self.frames[depth];
        frame.stack = frame.block.bottom();
        frame.context = context;
        frame
    }

    /// What the running frame was started with.
    #[inline]
    pub(crate) fn context(&self) -> &Context {
        &self.frame().context
    }

    pub(crate) fn code(&self) -> &Code {
        &self.codes[self.frame().code]
    }

    #[inline(always)]
    pub(crate) fn is_jumpdest(&self, pc: usize) -> bool {
        // SAFETY: set with the frame; the code is in `codes` as long as a frame runs it.
        unsafe { (*self.code).is_jumpdest(pc) }
    }

    pub(crate) fn precompile(&self, address: &Address) -> Option<Precompile> {
        let number = address.0[18..].iter().fold(0, |n, &byte| n << 8 | u16::from(byte));
        if number == 0 || number > 0x1ff || address.0[..18] != [0; 18] {
            return None;
        }
        self.schedule.precompiles.iter().find(|row| row.address == number).copied()
    }

    /// Where the running frame's memory ends, in the buffer of all memory.
    pub(crate) fn memory_end(&self) -> usize {
        self.frames.get(self.depth).map_or(0, |frame| frame.memory_start + self.memory_len)
    }

    /// The running frame's memory.
    pub(crate) fn memory(&self) -> &[u8] {
        self.memory.bytes(self.frame().memory_start, self.memory_len)
    }

    /// A range of the running frame's memory that [`range`](Self::range) returned.
    pub(crate) fn memory_range(&mut self, range: Range) -> &mut [u8] {
        let start = self.frame().memory_start;
        self.memory.bytes_mut(start + range.offset, range.len)
    }
}
