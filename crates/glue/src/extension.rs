//! Opcodes of extensions: measured, paid for and executed by their coprocessors, which keep registers
//! for as long as a frame runs. Registers are priced as if they were memory (EIP-6690).

use tandem_code::push_len;
use tandem_coprocessor::{Coprocessor, Fault, Instruction, Instructions, Unit};
use tandem_schedule::{Extension, Halt, Opcode, RowId, prefixed};

use crate::{
    body::{immediate, row},
    machine::{Ip, Machine},
    stack::{LIMIT, Stack},
};

/// One of EVM-MAX's opcodes, as a plain byte. Returns the gas left.
pub(crate) fn plain<const OP: u8>(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<i64> {
    let immediates = m.code().eight_bytes(ip.addr() - m.code_at.addr());
    instruct(m, row(OP), RowId::opcode(OP), OP, &immediates, stack, gas)
}

/// An opcode behind the prefix. Its immediates and its words are known only now, so that the driver has
/// to take the registers from the frame.
pub(crate) fn behind_prefix(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<()> {
    let [byte, immediates @ ..] = m.code().eight_bytes(ip.addr() - m.code_at.addr());
    let row = prefixed(byte).filter(|row| m.schedule.has(row));
    let Some(row) = row else { return m.fail(Halt::InvalidOpcode, Unit::Glue, gas) };
    if stack.height() < row.inputs as usize {
        return m.fail(Halt::StackUnderflow, Unit::Glue, gas);
    }
    // EVM-MAX's bytes are moved behind SIMD's.
    let op = if row.unit == Unit::EvmMax { byte - 0x10 } else { byte };
    let left = instruct(m, row, RowId::prefixed(byte), op, &immediates, stack, gas)?;
    let mut behind = stack;
    behind.drop(usize::from(row.inputs - row.outputs));
    go_on(m, ip.wrapping_add(1 + usize::from(row.immediate)), behind, gas, left);
    Some(())
}

/// A PUSH whose data in the image is not its own.
pub(crate) fn shadowed_push(m: &mut Machine, ip: Ip, mut stack: Stack, gas: i64) -> Option<()> {
    let (code, pc) = (m.code(), ip.addr() - m.code_at.addr());
    let byte = code.bytes[pc - 1];
    let mut data = [0; 32 + 8];
    let rest = &code.bytes[pc..code.bytes.len().min(pc + push_len(byte))];
    data[..rest.len()].copy_from_slice(rest);
    if stack.height() == LIMIT {
        return m.fail(Halt::StackOverflow, Unit::Glue, gas);
    }
    let left = gas - i64::from(m.schedule.base[usize::from(byte)]);
    if left < 0 {
        return m.fail(Halt::OutOfGas, Unit::Glue, gas);
    }
    stack.push(immediate(push_len(byte), data.as_ptr()));
    go_on(m, ip.wrapping_add(push_len(byte)), stack, gas, left);
    Some(())
}

/// Leaves the registers where the driver takes them from.
fn go_on(m: &mut Machine, ip: Ip, stack: Stack, gas: i64, left: i64) {
    m.call_cost = gas - left;
    let frame = m.frame_mut();
    (frame.ip, frame.stack, frame.gas) = (ip, stack, left);
}

/// Measures, charges and executes an instruction. Its result goes where its last input was.
fn instruct(
    m: &mut Machine,
    row: &Opcode,
    id: RowId,
    op: u8,
    immediates: &[u8],
    stack: Stack,
    gas: i64,
) -> Option<i64> {
    let (words, immediates) =
        (stack.top(row.inputs.into()), &immediates[..usize::from(row.immediate)]);
    let instruction = Instruction { op, immediates, words };
    let place = usize::from(row.extension == Some(Extension::Simd));
    let Some((instructions, memory)) = m.instructions(place, row.unit) else {
        return m.broken(Fault::Unsupported);
    };
    let facts = match instructions.measure(&instruction, memory) {
        Ok(facts) => facts,
        Err(fault) => return m.refused(fault, Halt::InvalidOperand, row.unit, gas),
    };
    let Some(price) = m.schedule.instruction_gas(row, op, &facts.size) else {
        return m.broken(Fault::Unsupported);
    };
    let mut left = gas;
    if place == 0 && facts.register_bytes != m.register_bytes {
        left = m.allocate(left, facts.register_bytes)?;
    }
    left = m.charge(left, id, price)?;
    let (instructions, memory) = m.instructions(place, row.unit)?;
    match instructions.execute(&instruction, memory) {
        Ok(word) if row.outputs > 0 => stack.set(usize::from(row.inputs) - 1, word),
        Ok(_) => {}
        Err(fault) => return m.refused(fault, Halt::InvalidOperand, row.unit, left),
    }
    m.lap(id, None);
    Some(left)
}

impl Machine {
    /// The running frame's instructions of an extension, made when it first needs them, and its memory.
    #[inline]
    fn instructions(
        &mut self,
        place: usize,
        unit: Unit,
    ) -> Option<(&mut dyn Instructions, &mut [u8])> {
        let frame = &mut self.frames[self.depth];
        let slot = &mut frame.instructions[place];
        if slot.is_none() {
            *slot = self.coprocessors.get(unit).ok().and_then(Coprocessor::instructions);
        }
        let memory = self.memory.bytes_mut(frame.memory_start, self.memory_len);
        Some((&mut **slot.as_mut()?, memory))
    }

    /// Pays for the frame's registers as for memory of their size (EIP-6690).
    fn allocate(&mut self, gas: i64, bytes: usize) -> Option<i64> {
        self.register_bytes = bytes;
        self.frame_mut().register_bytes = bytes;
        let paid = self.memory_cost(self.memory_len);
        let gas = self.charge(gas, RowId::MEMORY_GROWTH, paid - self.memory_paid)?;
        self.memory_paid = paid;
        Some(gas)
    }
}
