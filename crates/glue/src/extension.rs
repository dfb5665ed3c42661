//! Opcodes of extensions: measured, paid for and executed by their coprocessors, which keep registers
//! for as long as a frame runs. Registers are priced as if they were memory (EIP-6690).

use alloc::boxed::Box;

use tandem_code::push_len;
use tandem_coprocessor::{Coprocessor, Fault, Instruction, Instructions, Unit};
use tandem_schedule::{Extension, Halt, Opcode, RowId, prefixed};

use crate::{
    body::row,
    machine::{Ip, Machine},
    memory::Range,
    stack::Stack,
};

/// One of EVM-MAX's opcodes, as a plain byte. Returns the gas left.
pub(crate) fn plain<const OP: u8>(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<i64> {
    let immediates = m.code().eight_bytes(ip.addr() - m.code_at.addr());
    m.instruct(row(OP), OP, &immediates, stack, gas)
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
    let left = m.instruct(row, op, &immediates, stack, gas);
    m.lap(RowId::prefixed(byte), None);
    let (mut behind, len) = (stack, 1 + usize::from(row.immediate));
    behind.drop(usize::from(row.inputs - row.outputs));
    m.go_on(ip.wrapping_add(len), behind, gas, left?)
}

/// A PUSH whose data in the image is not its own.
pub(crate) fn shadowed_push(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<()> {
    let (byte, word) = m.code().pushed(ip.addr() - m.code_at.addr() - 1);
    let left = gas - m.upfront[usize::from(byte)];
    if left < 0 {
        return m.fail(Halt::OutOfGas, Unit::Glue, gas);
    }
    let mut above = stack;
    above.push(word);
    m.go_on(ip.wrapping_add(push_len(byte)), above, gas, left)
}

impl Machine {
    /// Leaves the registers where the driver takes them from.
    fn go_on(&mut self, ip: Ip, stack: Stack, gas: i64, left: i64) -> Option<()> {
        self.call_cost = gas - left;
        let frame = self.frame_mut();
        (frame.ip, frame.stack, frame.gas) = (ip, stack, left);
        Some(())
    }

    /// Measures, charges and executes an instruction. Its result goes where its last input was.
    fn instruct(
        &mut self,
        row: &Opcode,
        op: u8,
        data: &[u8],
        stack: Stack,
        gas: i64,
    ) -> Option<i64> {
        let (words, immediates) = (stack.top(row.inputs.into()), &data[..row.immediate.into()]);
        let (instruction, unit) = (Instruction { op, immediates, words }, row.unit);
        let (simd, invalid) =
            (row.extension == Some(Extension::Simd), (Halt::InvalidOperand, unit));
        // Out of the frame while they work; if they fail, the frame is over anyway.
        let Some(mut instructions) = self.take_instructions(simd, unit) else {
            return self.broken(Fault::Unsupported);
        };
        let facts = match instructions.measure(&instruction, self.memory()) {
            Ok(facts) => facts,
            Err(fault) => return self.refused(fault, invalid, gas),
        };
        let Some(price) = self.schedule.instruction_gas(row, op, &facts.size) else {
            return self.broken(Fault::Unsupported);
        };
        let id = if simd { RowId::prefixed(op) } else { RowId::opcode(op) };
        let mut left = gas;
        if !simd && facts.register_bytes != self.register_bytes {
            self.register_bytes = facts.register_bytes;
            self.frame_mut().register_bytes = facts.register_bytes;
            let paid = self.memory_cost(self.memory_len);
            left = self.charge(left, RowId::MEMORY_GROWTH, paid - self.memory_paid)?;
            self.memory_paid = paid;
        }
        left = self.charge(left, id, price)?;
        let all = Range { offset: 0, len: self.memory_len };
        match instructions.execute(&instruction, self.memory_range(all)) {
            Ok(word) if row.outputs > 0 => stack.set(words.len() - 1, word),
            Ok(_) => {}
            Err(fault) => return self.refused(fault, invalid, left),
        }
        self.frame_mut().instructions[usize::from(simd)] = Some(instructions);
        Some(left)
    }

    /// The running frame's instructions of an extension, made when it first needs them.
    #[inline]
    fn take_instructions(&mut self, simd: bool, unit: Unit) -> Option<Box<dyn Instructions>> {
        let kept = self.frame_mut().instructions[usize::from(simd)].take();
        kept.or_else(|| self.coprocessors.get(unit).ok().and_then(Coprocessor::instructions))
    }
}
