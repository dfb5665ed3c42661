//! The machine: what lasts from frame to frame (prices, coprocessors, caches, buffers) and what the
//! running frame has beside its registers. Also its way in, [`Machine::execute`], and the two
//! functions through which gas leaves: [`Machine::charge`] and [`Machine::fail`].

use alloc::{boxed::Box, vec::Vec};
use core::{mem::transmute, ptr::NonNull};

use tandem_code::{Code, Codes, Dialect};
use tandem_coprocessor::{
    AccountId, Checkpoint, Coprocessors, Fault, Instructions, Log, State, Unit,
    primitives::{Address, Bytes, U256},
};
use tandem_ledger::{Jumps, LastRows, Ledger, Meter, Settlement};
use tandem_memory::Memory;
use tandem_message::{Completion, Env, Message, Status};
use tandem_schedule::{Halt, RowId, Schedule};
use tandem_word::Modulus;

use crate::{
    Tracer,
    memory::Range,
    stack::{Stack, StackBlock},
};

/// An instruction pointer: a place in the running code's image.
pub(crate) type Ip = *const u8;

/// What a frame is started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// Whether it runs init code, to make a contract.
    pub(crate) creates: bool,
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

impl Context {
    /// Of an account's own code, with no data in and out.
    pub(crate) fn new(account: AccountId, address: Address, caller: Address, value: U256) -> Self {
        let (input, output) = (Range::default(), Range::default());
        let (creates, is_static) = (false, false);
        Self { creates, is_static, account, address, caller, value, input, output }
    }
}

/// One frame. The registers are here only while another frame runs.
pub(crate) struct Frame {
    pub(crate) ip: Ip,
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
    /// By [`Extension`](tandem_schedule::Extension), if the frame used it, and the registers in bytes.
    pub(crate) instructions: [Option<Box<dyn Instructions>>; 2],
    pub(crate) register_bytes: usize,
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
            instructions: [None, None],
            register_bytes: 0,
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
#[expect(missing_debug_implementations, reason = "its buffers say nothing")]
pub struct Machine {
    /// Static gas by opcode, as the drivers charge it; see [`tandem_code::upfront`].
    pub(crate) upfront: [i64; 256],
    /// The running frame's memory; see [`Frame::memory_start`].
    pub(crate) memory_at: *mut u8,
    pub(crate) memory_len: usize,
    /// What the running frame's memory has cost.
    pub(crate) memory_paid: u64,
    /// How often memory grew that is not posted.
    pub(crate) growths: u64,
    pub(crate) register_bytes: usize,
    pub(crate) code_at: *const u8,
    pub(crate) code: *const Code,
    /// What is kept at jumps, lent by the meter while a transaction runs.
    pub(crate) jumps: Jumps,
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
    /// Words that the last opcode of an extension takes from the stack on balance, and bytes of the code.
    pub(crate) taken: (u8, usize),
    /// The most instructions on registers that are executed at once untraced: 16 bits count their elements.
    pub(crate) run: i64,
    pub(crate) codes: Codes,
    pub(crate) env: Env,
    pub(crate) schedule: Schedule,
    pub(crate) dialect: Dialect,
    pub(crate) coprocessors: Coprocessors,
    /// There while a transaction runs, on a metered machine.
    pub(crate) meter: Option<Box<Meter>>,
    last_rows: LastRows,
    borrowed: Option<Borrowed>,
}

// SAFETY: the raw pointers point into buffers that the machine owns, or are set and taken back
// within one call of `execute`.
unsafe impl Send for Machine {}

impl Machine {
    /// A machine with a fork's prices; with a meter, it keeps a ledger.
    pub fn new(schedule: Schedule, coprocessors: Coprocessors, meter: Option<Box<Meter>>) -> Self {
        let is_timed = meter.as_ref().is_some_and(|meter| meter.is_timed());
        Self {
            upfront: core::array::from_fn(|byte| tandem_code::upfront(&schedule, byte as u8)),
            memory_at: NonNull::dangling().as_ptr(),
            memory_len: 0,
            memory_paid: 0,
            growths: 0,
            register_bytes: 0,
            code_at: core::ptr::null(),
            code: core::ptr::null(),
            jumps: Jumps::default(),
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
            taken: (0, 0),
            run: if is_timed || !schedule.modular.are_whole() { 1 } else { 64 },
            codes: Codes::default(),
            env: Env::default(),
            dialect: Dialect::new(&schedule, meter.is_some()),
            schedule,
            coprocessors,
            meter,
            last_rows: LastRows::default(),
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
        self.take_meter_back();
        // A tracer wants code that is not fused.
        if tracer.is_some() {
            self.codes.clear();
        }
        let codes = self.codes.len();
        self.meter.iter_mut().for_each(|meter| meter.begin(&mut self.jumps, codes));
        self.borrowed = Some(Borrowed::new(state, log, tracer));
        self.refund = refund as i64;
        let created = self.start(message);
        let completion = created.and_then(|created| {
            self.run();
            self.complete(created)
        });
        self.borrowed = None;
        self.codes.end_transaction();
        completion
    }

    fn complete(&mut self, created: Option<Address>) -> Result<Completion, Fault> {
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
        })
    }

    /// Makes the last transaction's rows, if they are held and not made; else [`execute`](Self::execute) does.
    pub fn take_meter_back(&mut self) {
        if self.meter.is_none() {
            self.last_rows.take_back(&mut self.meter);
        }
    }

    /// The ledger of the transaction just executed, if the machine has a meter.
    pub fn take_ledger(&mut self, settlement: &Settlement) -> Option<Ledger> {
        self.meter.as_mut()?.end(&mut self.jumps);
        Some(self.last_rows.hand_out(&mut self.meter, settlement))
    }

    /// Takes `amount` from `gas` and posts it. Returns the gas left; nothing if the frame halts for
    /// want of it, as everywhere in the glue.
    #[inline]
    pub(crate) fn charge(&mut self, gas: i64, row: RowId, amount: u64) -> Option<i64> {
        self.charge_for(1, gas, row, amount)
    }

    /// Like [`charge`](Self::charge), for `n` operations; none for a part of one counted before.
    #[inline]
    pub(crate) fn charge_for(&mut self, n: u64, gas: i64, row: RowId, amount: u64) -> Option<i64> {
        if amount > gas as u64 {
            return self.fail(Halt::OutOfGas, row.name().0, gas);
        }
        if let Some(meter) = &mut self.meter {
            meter.post(row, n, amount);
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
