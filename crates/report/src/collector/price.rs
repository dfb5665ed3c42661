//! What an opcode is charged, part by part, in the order in which the glue charges it: so a step that
//! fails shows which parts were paid. Prices come from the schedule and from the words on the stack;
//! what only the state knows (warm or cold, new or not) is a fact to be found elsewhere.

use tandem_evm::{
    Extension, Halt, Opcode, RowId, Schedule, Unit, op, opcode, prefixed, primitives::U256,
};

use super::instruction::Work;

/// The most words an opcode is told by: CALL's.
pub(crate) const WORDS: usize = 7;

/// An opcode and the words it finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) op: u8,
    /// The byte behind the prefix, if `op` is the prefix.
    pub(crate) behind: Option<u8>,
    /// What an extension's instruction will take.
    pub(crate) work: Work,
    /// How many words are on the stack.
    pub(crate) height: usize,
    /// The topmost words, the top first.
    pub(crate) top: [U256; WORDS],
}

/// What the frame it runs in knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    /// Length of the frame's memory in bytes.
    pub(crate) memory: u64,
    /// Bytes of its registers, which are priced as if they were memory.
    pub(crate) registers: u64,
    /// Whether the frame may not change the state (EIP-214).
    pub(crate) is_static: bool,
    /// Length of the return data; `None` if nobody said.
    pub(crate) return_data: Option<u64>,
}

/// One thing that happens on the way through an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// So much is charged.
    Charge { row: RowId, count: u64, gas: u64 },
    /// Something is charged that depends on the state.
    Fact { row: RowId },
    /// The opcode fails whatever gas there is.
    Fail { halt: Halt, unit: Unit },
}

/// The events of an opcode in order. After a [`Event::Fail`] there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    pub(crate) list: Vec<Event>,
    /// Length of the memory afterwards, in bytes.
    pub(crate) memory: u64,
    /// Bytes of the registers afterwards.
    pub(crate) registers: u64,
}

impl Operation {
    /// The opcode, whether the fork has it or not.
    pub(crate) fn opcode(&self) -> Option<&'static Opcode> {
        self.behind.map_or_else(|| opcode(self.op), prefixed)
    }

    /// The row of its own price.
    pub(crate) fn row(&self) -> RowId {
        self.behind.map_or(RowId::opcode(self.op), RowId::prefixed)
    }

    /// The `n`th word from the top; zero if the stack is shorter.
    pub(crate) fn peek(&self, n: usize) -> U256 {
        self.top.get(n).copied().unwrap_or_default()
    }

    pub(crate) fn is_call(&self) -> bool {
        matches!(self.op, op::CALL | op::CALLCODE | op::DELEGATECALL | op::STATICCALL)
    }

    pub(crate) fn is_create(&self) -> bool {
        matches!(self.op, op::CREATE | op::CREATE2)
    }

    /// The value a CALL or CALLCODE sends.
    pub(crate) fn value(&self) -> U256 {
        if matches!(self.op, op::CALL | op::CALLCODE) { self.peek(2) } else { U256::ZERO }
    }

    /// Gas a callee gets on top of what is forwarded, which the caller does not pay.
    pub(crate) fn stipend(&self, schedule: &Schedule) -> u64 {
        if self.value().is_zero() { 0 } else { schedule.call_stipend }
    }

    /// Where a call's calldata or a creation's init code lies: offset and length.
    pub(crate) fn input(&self) -> (U256, U256) {
        match self.op {
            op::CALL | op::CALLCODE => (self.peek(3), self.peek(4)),
            op::DELEGATECALL | op::STATICCALL => (self.peek(2), self.peek(3)),
            op::CREATE | op::CREATE2 => (self.peek(1), self.peek(2)),
            _ => (U256::ZERO, U256::ZERO),
        }
    }

    /// What happens on the way through the opcode.
    pub(crate) fn events(&self, schedule: &Schedule, around: &Surroundings) -> Events {
        let mut list = Walk {
            schedule,
            events: Events {
                list: Vec::with_capacity(4),
                memory: around.memory,
                registers: around.registers,
            },
        };
        // Only the first failure counts, and it ends the walk.
        let _ = self.walk(&mut list, around);
        list.events
    }

    /// What the price list alone charges.
    pub(crate) fn charges(&self, schedule: &Schedule, around: &Surroundings) -> u64 {
        let events = self.events(schedule, around);
        events.list.iter().fold(0, |sum, event| match event {
            Event::Charge { gas, .. } => gas.saturating_add(sum),
            _ => sum,
        })
    }

    fn walk(&self, w: &mut Walk<'_>, around: &Surroundings) -> Option<()> {
        let schedule = w.schedule;
        let row = self.opcode().filter(|row| schedule.has(row) && self.op != op::INVALID);
        let Some(row) = row else { return w.fail(Halt::InvalidOpcode, Unit::Glue) };
        if self.height < usize::from(row.inputs) {
            return w.fail(Halt::StackUnderflow, Unit::Glue);
        }
        if self.height + usize::from(row.outputs) > 1024 + usize::from(row.inputs) {
            return w.fail(Halt::StackOverflow, Unit::Glue);
        }
        if let Some(extension) = row.extension {
            return self.walk_instruction(w, row, extension);
        }
        let own = RowId::opcode(self.op);
        let base = u64::from(schedule.base[usize::from(self.op)]);
        if row.unit == Unit::Glue {
            w.charge(own, 1, base);
        }
        match self.op {
            op::EXP => w.charge(own, 0, schedule.exp_byte * self.peek(1).byte_len() as u64),
            op::MLOAD | op::MSTORE => w.reach(self.peek(0), U256::from(32))?,
            op::MSTORE8 => w.reach(self.peek(0), U256::ONE)?,
            op::CALLDATACOPY | op::CODECOPY => w.copy(own, self.peek(0), self.peek(2))?,
            op::RETURNDATACOPY => {
                let end = self.peek(1).saturating_add(self.peek(2));
                if around.return_data.is_some_and(|len| end > U256::from(len)) {
                    return w.fail(Halt::ReturnDataOutOfBounds, Unit::Glue);
                }
                w.copy(own, self.peek(0), self.peek(2))?;
            }
            op::MCOPY => w.copy(own, self.peek(0).max(self.peek(1)), self.peek(2))?,
            op::RETURN | op::REVERT => w.reach(self.peek(0), self.peek(1))?,
            op::KECCAK256 => {
                w.reach(self.peek(0), self.peek(1))?;
                w.charge(own, 1, base + schedule.keccak_word * words(self.peek(1)));
            }
            op::LOG0..=op::LOG4 => {
                w.deny_static(around, Unit::Log)?;
                w.reach(self.peek(0), self.peek(1))?;
                let topics = schedule.log_topic * u64::from(self.op - op::LOG0);
                w.charge(own, 1, base + topics + schedule.log_byte * length(self.peek(1)));
            }
            op::EXTCODECOPY => {
                w.fact(own);
                w.copy(RowId::EXTCODECOPY_WORDS, self.peek(1), self.peek(3))?;
            }
            op::SSTORE => {
                w.deny_static(around, Unit::State)?;
                w.fact(own);
            }
            op::TSTORE => {
                w.deny_static(around, Unit::State)?;
                w.charge(own, 1, base);
            }
            op::TLOAD | op::BLOCKHASH | op::SELFBALANCE => w.charge(own, 1, base),
            op::SLOAD | op::BALANCE | op::EXTCODESIZE | op::EXTCODEHASH => w.fact(own),
            op::SELFDESTRUCT => {
                w.deny_static(around, Unit::State)?;
                w.fact(own);
            }
            op::CALL | op::CALLCODE | op::DELEGATECALL | op::STATICCALL => {
                if self.op == op::CALL && !self.value().is_zero() {
                    w.deny_static(around, Unit::State)?;
                }
                let first = 2 + usize::from(matches!(self.op, op::CALL | op::CALLCODE));
                w.reach(self.peek(first), self.peek(first + 1))?;
                w.reach(self.peek(first + 2), self.peek(first + 3))?;
                w.fact(own);
            }
            op::CREATE | op::CREATE2 => self.walk_create(w, around, base)?,
            _ => {}
        }
        Some(())
    }

    /// In the order of `Machine::instruct`: operands, registers, price.
    fn walk_instruction(&self, w: &mut Walk<'_>, row: &Opcode, extension: Extension) -> Option<()> {
        match self.work {
            Work::Untold => w.fact(self.row()),
            Work::Invalid => return w.fail(Halt::InvalidOperand, row.unit),
            Work::Known { gas, registers } => {
                if extension == Extension::EvmMax && registers != w.events.registers {
                    w.grow(w.events.memory, registers);
                }
                w.charge(self.row(), 1, gas);
            }
        }
        Some(())
    }

    fn walk_create(&self, w: &mut Walk<'_>, around: &Surroundings, base: u64) -> Option<()> {
        let schedule = w.schedule;
        w.deny_static(around, Unit::State)?;
        w.reach(self.peek(1), self.peek(2))?;
        let len = length(self.peek(2));
        if len > schedule.max_initcode_size as u64 {
            return w.fail(Halt::InitcodeTooLarge, Unit::State);
        }
        w.charge(RowId::opcode(self.op), 1, base);
        let creates2 = self.op == op::CREATE2;
        let row = if creates2 { RowId::CREATE2_WORDS } else { RowId::CREATE_WORDS };
        w.charge_some(row, schedule.initcode_word * len.div_ceil(32));
        if creates2 {
            w.charge_some(RowId::CREATE2_HASH, schedule.keccak_word * len.div_ceil(32));
        }
        Some(())
    }
}

/// Beyond this no gas pays for memory; the glue halts without a price.
const REACH: u64 = 1 << 32;

fn length(len: U256) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn words(len: U256) -> u64 {
    length(len).div_ceil(32)
}

struct Walk<'s> {
    schedule: &'s Schedule,
    events: Events,
}

impl Walk<'_> {
    fn charge(&mut self, row: RowId, count: u64, gas: u64) {
        self.events.list.push(Event::Charge { row, count, gas });
    }

    /// A row that is not there when it costs nothing.
    fn charge_some(&mut self, row: RowId, gas: u64) {
        if gas > 0 {
            self.charge(row, 1, gas);
        }
    }

    fn fact(&mut self, row: RowId) {
        self.events.list.push(Event::Fact { row });
    }

    fn fail<T>(&mut self, halt: Halt, unit: Unit) -> Option<T> {
        self.events.list.push(Event::Fail { halt, unit });
        None
    }

    fn deny_static(&mut self, around: &Surroundings, unit: Unit) -> Option<()> {
        if around.is_static { self.fail(Halt::StaticViolation, unit) } else { Some(()) }
    }

    /// Memory up to `offset + len` (Yellow Paper, appendix H).
    fn reach(&mut self, offset: U256, len: U256) -> Option<()> {
        if len.is_zero() {
            return Some(());
        }
        let end = offset.saturating_add(len);
        // The glue looks at the offset of a single word or byte alone.
        if end > U256::from(REACH + 32) || (end > U256::from(REACH) && len > U256::from(32)) {
            return self.fail(Halt::OutOfGas, Unit::Glue);
        }
        let end = length(end);
        if end > self.events.memory {
            self.grow(end.next_multiple_of(32), self.events.registers);
        }
        Some(())
    }

    /// Charges for so much memory and so many registers, together more than there were.
    fn grow(&mut self, memory: u64, registers: u64) {
        let price = |bytes: u64| self.schedule.memory(bytes as usize);
        let paid = price(self.events.memory + self.events.registers);
        self.charge(RowId::MEMORY_GROWTH, 1, price(memory + registers) - paid);
        (self.events.memory, self.events.registers) = (memory, registers);
    }

    fn copy(&mut self, row: RowId, offset: U256, len: U256) -> Option<()> {
        self.reach(offset, len)?;
        self.charge(row, 0, self.schedule.copy_word * words(len));
        Some(())
    }
}
