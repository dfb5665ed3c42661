//! Finds where a transaction's gas went from the steps it took, whoever took them: as a [`Tracer`] of
//! an execution, or fed with the steps of somebody else's trace. A step tells what it cost, and the
//! price list how that splits: forwarded gas is taken out of calls, precompiles are told from their
//! callers, memory growth, stipends, code deposits and what a halt burns go to rows of their own.
//! Every step is checked against the prices, so a trace of another fork is found out. What a trace
//! does not tell is noted, never guessed. How traces are written and read is elsewhere.

mod calls;
mod end;
mod inquest;
mod instruction;
mod price;
mod settle;

use std::collections::{HashMap, HashSet};

use tandem_evm::{
    Coprocessor, Failure, Fork, Gas, Instructions, PREFIX, Precompile, RowId, Schedule, Status,
    Step, Tracer, Transaction, TransactionKind, Unit, backends, op,
    primitives::{Address, FixedBytes, U256},
};

pub use end::End;

use self::{
    instruction::{Work, prefixed_byte},
    price::{Event, Operation, Surroundings, WORDS},
};
use crate::{CallFrame, Cell, FrameKind};

/// Why steps do not make an attribution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The steps do not follow from each other.
    #[error("step {step} (pc {pc}, depth {depth}): {what}")]
    Step {
        /// Which step, counted from 0.
        step: u64,
        /// Its program counter.
        pc: usize,
        /// Its depth.
        depth: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The steps do not lead to the result.
    #[error("{0}")]
    Result(String),
}

/// One step as traces tell it. What a trace does not have is `None`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever reads traces")]
pub struct TraceStep<'a> {
    /// Where the opcode is in the code.
    pub pc: usize,
    /// The code's byte there.
    pub op: u8,
    /// The byte behind it, if it is the prefix of an extension's opcode.
    pub behind_prefix: Option<u8>,
    /// Gas left before it.
    pub gas: u64,
    /// The frame's depth, 1 for the transaction's own.
    pub depth: usize,
    /// The stack, its top last.
    pub stack: &'a [U256],
    /// The frame's memory.
    pub memory: Option<&'a [u8]>,
    /// How many bytes the last call returned.
    pub return_data: Option<u64>,
    /// The refund counter.
    pub refund: Option<i64>,
}

/// What became of a step.
#[derive(Clone, Debug, Default)]
pub(crate) enum Fate {
    /// It did what it does, as far as anybody said.
    #[default]
    Done,
    /// It halted, and the machine says how.
    Failed(Failure),
    /// It halted, and a trace says so in words.
    Error(String),
}

/// A step whose outcome is still open: it shows in the steps behind it.
#[derive(Debug)]
struct Pending {
    number: u64,
    pc: usize,
    operation: Operation,
    gas: u64,
    /// What it took, forwarded gas included, if anybody said. Some tell only an opcode's base price
    /// there, so it is believed where the gas left does not say better.
    cost: Option<u64>,
    /// What a call's callee began with, the stipend taken off.
    forwarded: u64,
    /// Whether the account it looks at is cold, as far as that is known.
    cold: Option<bool>,
    fate: Fate,
    /// For a call to a precompile its calldata, for another call the start of it; for RETURN the
    /// first byte.
    input: Option<Vec<u8>>,
}

/// A frame that has ended and whose caller has not gone on yet.
#[derive(Clone, Copy, Debug)]
struct Ended {
    gas_left: u64,
    status: Status,
    output_len: u64,
}

/// A frame that runs.
#[derive(Debug)]
struct Running {
    frame: usize,
    is_static: bool,
    creates: bool,
    memory: u64,
    /// Bytes of registers, and who keeps them.
    registers: u64,
    instructions: Option<Box<dyn Instructions>>,
    return_data: Option<u64>,
    input_len: Option<u64>,
    pending: Option<Pending>,
    callee: Option<Ended>,
    cells: Cells,
    /// Length of the list of warm accounts when it began.
    warm_before: usize,
    /// Length of the list of destroyed accounts then.
    destroyed_before: usize,
}

impl Running {
    const fn surroundings(&self) -> Surroundings {
        Surroundings {
            memory: self.memory,
            registers: self.registers,
            is_static: self.is_static,
            return_data: self.return_data,
        }
    }
}

/// What a frame spent, by place and row.
type Cells = HashMap<(usize, RowKey), Sum>;

/// What a row took at one place, and what stands there.
#[derive(Clone, Copy, Debug)]
struct Sum {
    opcode: u8,
    behind_prefix: Option<u8>,
    count: u64,
    gas: u64,
}

/// A row as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct RowKey(usize);

/// Follows a transaction step by step and finds out what each of them spent on what.
#[derive(Debug)]
pub struct Collector {
    schedule: Schedule,
    /// Coprocessors, which measure what precompiles are asked.
    measures: HashMap<Unit, std::sync::Arc<dyn Coprocessor>>,
    frames: Vec<CallFrame>,
    running: Vec<Running>,
    /// The transaction's own frame, when it is over.
    root: Option<Ended>,
    first: Option<First>,
    steps: u64,
    /// The refund counter, as last told, and what the last step may have added.
    refund: i64,
    /// Whether any step told it.
    refund_told: bool,
    /// Whether costs are told as base prices only.
    costs_are_partial: bool,
    destroyed: Vec<Address>,
    /// Accounts known to be warm, in the order in which they became so.
    warm: HashSet<Address>,
    warmed: Vec<Address>,
    /// Whether every other account is cold.
    warm_is_complete: bool,
    /// Accounts being created, or not created after all, whose addresses nobody told: warm, too.
    unnamed: usize,
    /// Accounts that turned out not to be delegated.
    undelegated: HashSet<Address>,
    tx: Option<Transaction>,
    notes: Vec<String>,
    error: Option<CollectError>,
}

/// What the first step tells of the transaction.
#[derive(Clone, Copy, Debug)]
struct First {
    gas: u64,
    refund: i64,
}

impl Collector {
    /// A collector for a transaction that runs by these prices.
    pub fn new(schedule: Schedule) -> Self {
        let mut warm = HashSet::new();
        if schedule.access_lists {
            warm.extend(schedule.precompiles.iter().map(|row| row.address));
        }
        Self {
            schedule,
            measures: HashMap::new(),
            frames: Vec::new(),
            running: Vec::new(),
            root: None,
            first: None,
            steps: 0,
            refund: 0,
            refund_told: false,
            costs_are_partial: false,
            destroyed: Vec::new(),
            warm,
            warmed: Vec::new(),
            warm_is_complete: false,
            unnamed: 0,
            undelegated: HashSet::new(),
            tx: None,
            notes: Vec::new(),
            error: None,
        }
    }

    /// Says which transaction the steps are of, and who gets its fees if that is known.
    #[must_use]
    pub fn transaction(mut self, tx: &Transaction, coinbase: Option<Address>) -> Self {
        let needs_coinbase = self.schedule.fork >= Fork::Shanghai;
        self.warm_is_complete =
            tx.authorizations.is_empty() && (coinbase.is_some() || !needs_coinbase);
        let to = tx.to.unwrap_or_else(|| tx.sender.create(tx.nonce));
        for address in [tx.sender, to].into_iter().chain(coinbase.filter(|_| needs_coinbase)) {
            self.warm_up(address);
        }
        if tx.kind != TransactionKind::Legacy {
            for item in &tx.access_list {
                self.warm_up(item.address);
            }
        }
        self.tx = Some(tx.clone());
        self
    }

    /// The fork whose prices it takes.
    pub fn fork(&self) -> Fork {
        self.schedule.fork
    }

    /// Takes the next step, before it runs. [`ends`](Self::ends) says what came of it, if anybody
    /// knows.
    ///
    /// # Errors
    /// If the step cannot follow on the ones before it by the prices in force.
    pub fn begins(&mut self, step: &TraceStep<'_>) -> Result<(), CollectError> {
        let number = self.steps;
        self.steps += 1;
        self.advance(step).map_err(|what| CollectError::Step {
            step: number,
            pc: step.pc,
            depth: step.depth,
            what,
        })
    }

    /// Says what the step last begun cost, forwarded gas included, as far as it is known.
    pub fn ends(&mut self, cost: Option<u64>, error: Option<&str>) {
        let fate = error.map_or(Fate::Done, |error| Fate::Error(error.to_owned()));
        self.close_step(cost, fate);
    }

    fn close_step(&mut self, cost: Option<u64>, fate: Fate) {
        if let Some(pending) = self.running.last_mut().and_then(|frame| frame.pending.as_mut()) {
            (pending.cost, pending.fate) = (cost, fate);
        }
    }

    fn advance(&mut self, step: &TraceStep<'_>) -> Result<(), String> {
        let depth = self.running.len();
        if self.root.is_some() {
            return Err("the transaction's own frame has ended".into());
        }
        if depth == 0 {
            self.start(step)?;
        } else if step.depth == depth {
            self.go_on(step)?;
        } else if step.depth == depth + 1 {
            self.enter(step)?;
        } else if step.depth + 1 == depth {
            let succeeded = step.stack.last().map(|top| !top.is_zero());
            self.leave(succeeded, step.stack.last(), Some(step.gas))?;
            self.go_on(step)?;
        } else {
            return Err(format!("the trace has a gap: the step before is at depth {depth}"));
        }
        self.hold(step)
    }

    /// The transaction's own frame begins.
    fn start(&mut self, step: &TraceStep<'_>) -> Result<(), String> {
        if step.depth != 1 {
            return Err("the trace does not begin with the transaction's own frame".into());
        }
        let refund = step.refund.unwrap_or(0);
        (self.refund, self.first) = (refund, Some(First { gas: step.gas, refund }));
        let frame = self.root_frame();
        let input_len = self.tx.as_ref().map(|tx| tx.data.len() as u64);
        self.open(input_len, frame, false);
        Ok(())
    }

    /// The transaction's own frame, as far as the transaction is known.
    fn root_frame(&self) -> CallFrame {
        let kind = match &self.tx {
            Some(Transaction { to: None, .. }) => FrameKind::Create,
            _ => FrameKind::Call,
        };
        let mut frame = CallFrame::new(None, kind);
        if let Some(tx) = &self.tx {
            let address = tx.to.unwrap_or_else(|| tx.sender.create(tx.nonce));
            (frame.address, frame.code_address) = (address, address);
            let selector = tx.data.get(..4).filter(|_| tx.to.is_some());
            frame.selector = selector.map(FixedBytes::from_slice);
        }
        frame
    }

    fn open(&mut self, input_len: Option<u64>, frame: CallFrame, is_static: bool) {
        let creates = matches!(frame.kind, FrameKind::Create | FrameKind::Create2);
        self.frames.push(frame);
        self.running.push(Running {
            frame: self.frames.len() - 1,
            is_static,
            creates,
            memory: 0,
            registers: 0,
            instructions: None,
            return_data: Some(0),
            input_len,
            pending: None,
            callee: None,
            cells: HashMap::new(),
            warm_before: self.warmed.len(),
            destroyed_before: self.destroyed.len(),
        });
    }

    /// Keeps the step until its outcome shows.
    fn hold(&mut self, step: &TraceStep<'_>) -> Result<(), String> {
        let mut top = [U256::ZERO; WORDS];
        for (word, from) in top.iter_mut().zip(step.stack.iter().rev()) {
            *word = *from;
        }
        let (op, behind) = (step.op, step.behind_prefix);
        let height = step.stack.len();
        let mut operation = Operation { op, behind, work: Work::Untold, height, top };
        operation.work = self.work(&operation, step)?;
        let input = self.input(&operation, step.memory);
        let cold = self.is_cold(&operation);
        if let Some(refund) = step.refund {
            (self.refund, self.refund_told) = (refund, true);
        }
        let number = self.steps - 1;
        let frame = self.running.last_mut().ok_or("no frame runs")?;
        if step.return_data.is_some() {
            frame.return_data = step.return_data;
        }
        frame.pending = Some(Pending {
            number,
            pc: step.pc,
            operation,
            gas: step.gas,
            cost: None,
            forwarded: 0,
            cold,
            fate: Fate::Done,
            input,
        });
        Ok(())
    }

    /// The bytes of memory that a step's outcome may depend on.
    fn input(&self, operation: &Operation, memory: Option<&[u8]>) -> Option<Vec<u8>> {
        let memory = memory?;
        let (offset, len) = match operation.op {
            op::RETURN => (operation.peek(0), operation.peek(1).min(U256::ONE)),
            _ if operation.is_call() => {
                let (offset, len) = operation.input();
                let precompile = self.precompile(&to_address(operation.peek(1))).is_some();
                (offset, if precompile { len } else { len.min(U256::from(4)) })
            }
            _ => return None,
        };
        // Longer than any gas pays for: the step halts before it reads.
        let len = usize::try_from(len).ok().filter(|len| *len <= 1 << 26)?;
        let mut input = vec![0; len];
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(memory.len());
        let there = len.min(memory.len() - start);
        input[..there].copy_from_slice(&memory[start..start + there]);
        Some(input)
    }

    /// The next step of the running frame: the one before it, or the call it comes back from, is done.
    fn go_on(&mut self, step: &TraceStep<'_>) -> Result<(), String> {
        let Some(frame) = self.running.last_mut() else { return Ok(()) };
        let Some(pending) = frame.pending.take() else { return Ok(()) };
        let top = step.stack.last().copied();
        if let Some(callee) = frame.callee.take() {
            return self.come_back(&pending, callee, step.gas, top);
        }
        if pending.operation.is_call() || pending.operation.is_create() {
            return self.call_without_steps(&pending, step.gas, top);
        }
        let cost = pending.gas.checked_sub(step.gas).ok_or("there is more gas than before")?;
        // A failed step's cost may be anything, another's is what it took, or its base price alone.
        self.costs_are_partial |= pending.cost.is_some_and(|told| told != cost);
        self.learn(&pending, top);
        self.post_step(&pending, cost)
    }

    /// What a step's result tells of the frame.
    fn learn(&mut self, pending: &Pending, top: Option<U256>) {
        let Some(frame) = self.running.last_mut() else { return };
        let Some(top) = top else { return };
        match pending.operation.op {
            op::CALLDATASIZE => frame.input_len = u64::try_from(top).ok(),
            op::RETURNDATASIZE => frame.return_data = u64::try_from(top).ok(),
            op::CALLDATALOAD if pending.operation.peek(0).is_zero() => {
                let known = frame.input_len.is_some_and(|len| len >= 4) && !frame.creates;
                let entry = &mut self.frames[frame.frame];
                if known && entry.selector.is_none() {
                    entry.selector = Some(FixedBytes::from_slice(&top.to_be_bytes::<32>()[..4]));
                }
            }
            // Only the frame knows who it is.
            op::ADDRESS => {
                let entry = &mut self.frames[frame.frame];
                if entry.address.is_zero() {
                    entry.address = to_address(top);
                }
            }
            _ => {}
        }
    }

    fn around(&self) -> Surroundings {
        let nowhere = Surroundings { memory: 0, registers: 0, is_static: false, return_data: None };
        self.running.last().map_or(nowhere, Running::surroundings)
    }

    /// Posts a step of the running frame that went well and took `cost` from it, nothing forwarded.
    fn post_step(&mut self, pending: &Pending, cost: u64) -> Result<(), String> {
        let events = pending.operation.events(&self.schedule, &self.around());
        let (mut known, mut fact) = (0_u64, None);
        for event in &events.list {
            match *event {
                Event::Charge { gas, .. } => known = known.saturating_add(gas),
                Event::Fact { row } => fact = Some(row),
                Event::Fail { halt, .. } => {
                    return Err(self.disagree(pending, &format!("halts ({halt})"), "goes on"));
                }
            }
        }
        let rest = cost.checked_sub(known).filter(|rest| fact.is_some() || *rest == 0);
        let Some(rest) = rest else {
            let least = if fact.is_some() { "at least " } else { "" };
            let (ours, theirs) = (format!("costs {least}{known} gas"), format!("costs {cost}"));
            return Err(self.disagree(pending, &ours, &theirs));
        };
        if fact.is_some() && !self.is_price(&pending.operation, rest) {
            return Err(self.disagree(pending, "has other prices", &format!("costs {cost}")));
        }
        for event in &events.list {
            match *event {
                Event::Charge { row, count, gas } => self.post(pending, row, count, gas),
                Event::Fact { row } => self.post(pending, row, 1, rest),
                Event::Fail { .. } => {}
            }
        }
        self.touch(&pending.operation);
        if let Some(frame) = self.running.last_mut() {
            (frame.memory, frame.registers) = (events.memory, events.registers);
        }
        Ok(())
    }

    fn disagree(&self, pending: &Pending, ours: &str, theirs: &str) -> String {
        let name = pending.operation.opcode().map_or("INVALID", |row| row.name);
        format!(
            "{name} of step {} (pc {}) {ours} on {}, and {theirs} in the trace: is it a trace of \
             another fork?",
            pending.number,
            pending.pc,
            self.schedule.fork.name()
        )
    }

    /// Books gas under a row at the place of a step in the running frame.
    fn post(&mut self, pending: &Pending, row: RowId, count: u64, gas: u64) {
        let Some(frame) = self.running.last_mut() else { return };
        let key = (pending.pc, RowKey(row.index()));
        let (opcode, behind_prefix) = (pending.operation.op, pending.operation.behind);
        let new = Sum { opcode, behind_prefix, count: 0, gas: 0 };
        let sum = frame.cells.entry(key).or_insert(new);
        (sum.count, sum.gas) = (sum.count + count, sum.gas + gas);
    }

    /// The account an opcode looks at is warm from then on.
    fn touch(&mut self, operation: &Operation) {
        let address = match operation.op {
            op::BALANCE
            | op::EXTCODESIZE
            | op::EXTCODECOPY
            | op::EXTCODEHASH
            | op::SELFDESTRUCT => operation.peek(0),
            _ if operation.is_call() => operation.peek(1),
            _ => return,
        };
        self.warm_up(to_address(address));
    }

    /// Says that an account is warm.
    pub(crate) fn warm_up(&mut self, address: Address) {
        if self.schedule.access_lists && self.warm.insert(address) {
            self.warmed.push(address);
        }
    }

    /// A callee's first step. What the call took for itself shows when its caller goes on.
    fn enter(&mut self, step: &TraceStep<'_>) -> Result<(), String> {
        let caller = self.running.last_mut().ok_or("no frame runs")?;
        let (is_static, parent) = (caller.is_static, caller.frame);
        let Some(mut pending) = caller.pending.take() else {
            return Err("no call before it".into());
        };
        let operation = pending.operation;
        if !operation.is_call() && !operation.is_create() {
            return Err("a callee begins, but the step before is no call".into());
        }
        let Some(forwarded) = step.gas.checked_sub(operation.stipend(&self.schedule)) else {
            return Err("a callee begins with less than its stipend".into());
        };
        pending.forwarded = forwarded;
        self.touch(&operation);
        self.unnamed += usize::from(operation.is_create());
        let frame = self.callee_frame(&pending, parent);
        let input_len = operation.is_call().then(|| u64::try_from(operation.input().1).ok());
        if let Some(caller) = self.running.last_mut() {
            caller.pending = Some(pending);
        }
        let is_static = is_static || operation.op == op::STATICCALL;
        self.open(input_len.flatten().or(Some(0)), frame, is_static);
        Ok(())
    }

    /// Posts what a call took for itself; the stipend in it is the callee's.
    fn post_call(&mut self, pending: &Pending, own: u64) -> Result<(), String> {
        let own = own.checked_sub(pending.operation.stipend(&self.schedule));
        let own = own.ok_or_else(|| self.disagree(pending, "sends value", "costs less"))?;
        self.learn_delegation(pending, own);
        self.post_step(pending, own)
    }

    /// A call that cost no more than the access and the value found no delegation.
    fn learn_delegation(&mut self, pending: &Pending, own: u64) {
        let (schedule, to) = (&self.schedule, to_address(pending.operation.peek(1)));
        if !schedule.delegations || !pending.operation.is_call() {
            return;
        }
        let value = match pending.operation.stipend(schedule) {
            0 => 0,
            stipend => schedule.call_value - stipend,
        };
        let access = match pending.cold {
            Some(false) => schedule.warm_account,
            Some(true) => schedule.cold_account,
            None => return,
        };
        let growth = pending.operation.charges(schedule, &self.around());
        let rest = own.checked_sub(growth + value + access);
        if rest.is_some_and(|rest| rest == 0 || rest == schedule.new_account) {
            self.undelegated.insert(to);
        }
    }

    /// The frame that a call or creation starts.
    fn callee_frame(&self, pending: &Pending, parent: usize) -> CallFrame {
        let operation = &pending.operation;
        let kind = match operation.op {
            op::CALL => FrameKind::Call,
            op::CALLCODE => FrameKind::CallCode,
            op::DELEGATECALL => FrameKind::DelegateCall,
            op::STATICCALL => FrameKind::StaticCall,
            op::CREATE => FrameKind::Create,
            _ => FrameKind::Create2,
        };
        let mut frame = CallFrame::new(Some(parent), kind);
        if operation.is_call() {
            let to = to_address(operation.peek(1));
            let keeps = matches!(kind, FrameKind::CallCode | FrameKind::DelegateCall);
            frame.address = if keeps { self.frames[parent].address } else { to };
            frame.code_address = to;
            let start = pending.input.as_deref().and_then(|input| input.get(..4));
            frame.selector = start.map(FixedBytes::from_slice);
        }
        frame
    }

    fn precompile(&self, address: &Address) -> Option<Precompile> {
        self.schedule.precompiles.iter().find(|row| row.address == *address).copied()
    }

    /// Puts a frame that ran no code behind the others.
    fn add_frame(&mut self, mut frame: CallFrame, status: Status, row: Option<(RowId, u64)>) {
        frame.status = status;
        if let Some((row, gas)) = row {
            let (unit, op) = row.name();
            let gas = Gas { execution: gas, state: 0 };
            frame.cells.push(Cell {
                pc: 0,
                opcode: None,
                behind_prefix: None,
                unit,
                op,
                count: 1,
                gas,
            });
        }
        self.frames.push(frame);
    }

    fn note(&mut self, pending: &Pending, what: &str) {
        self.notes.push(format!("step {} (pc {}): {what}", pending.number, pending.pc));
    }

    fn measure(&mut self, unit: Unit) -> Option<std::sync::Arc<dyn Coprocessor>> {
        if let Some(known) = self.measures.get(&unit) {
            return Some(known.clone());
        }
        let coprocessor = (backends(unit).iter().find(|one| one.portable)?.new)();
        self.measures.insert(unit, coprocessor.clone());
        Some(coprocessor)
    }
}

/// An execution's steps. What is wrong with them shows at the end.
impl Tracer for Collector {
    fn before(&mut self, step: &Step<'_>) {
        if self.error.is_some() {
            return;
        }
        let step = TraceStep {
            pc: step.pc,
            op: step.op,
            behind_prefix: step.opcode.filter(|_| step.op == PREFIX).and_then(prefixed_byte),
            gas: step.gas,
            depth: step.depth,
            stack: step.stack,
            memory: Some(step.memory),
            return_data: Some(step.return_data.len() as u64),
            refund: Some(step.refund),
        };
        self.error = self.begins(&step).err();
    }

    fn after(&mut self, cost: u64, failure: Option<Failure>) {
        self.close_step(Some(cost), failure.map_or(Fate::Done, Fate::Failed));
    }
}

fn to_address(word: U256) -> Address {
    Address::from_word(word.into())
}
