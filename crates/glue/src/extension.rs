//! Opcodes of extensions: measured, paid for and executed by their coprocessors, which keep registers
//! for as long as a frame runs. Registers are priced as if they were memory (EIP-6690).

use tandem_code::push_len;
use tandem_coprocessor::{Coprocessor, Fault, Instruction, Unit};
use tandem_schedule::{Bill, Extension, Halt, Opcode, RowId, prefixed};

use crate::{
    body::row,
    machine::{Ip, Machine},
    stack::Stack,
};

/// One of EVM-MAX's opcodes, as a plain byte. Returns the gas left.
pub(crate) fn plain<const OP: u8>(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<i64> {
    // SAFETY: set with the frame; the code is in `codes` as long as a frame runs it.
    let immediates = unsafe { &*m.code }.eight_bytes(ip.addr() - m.code_at.addr());
    m.instruct(row(OP), OP, &immediates, stack, gas)
}

/// An opcode behind the prefix. Its immediates and its words are known only now, so that the driver has
/// to take the registers from the frame.
pub(crate) fn behind_prefix(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<()> {
    // SAFETY: as in `plain`.
    let [byte, immediates @ ..] = unsafe { &*m.code }.eight_bytes(ip.addr() - m.code_at.addr());
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

    /// Has an instruction measured, charges for it and has it executed. Its result goes where its last
    /// input was.
    #[inline(always)]
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
        let simd = row.extension == Some(Extension::Simd);
        let Self { frames, memory, schedule, coprocessors, .. } = self;
        let frame = &mut frames[self.depth];
        let kept = &mut frame.instructions[usize::from(simd)];
        if kept.is_none() {
            *kept = coprocessors.get(unit).ok().and_then(Coprocessor::instructions);
        }
        let Some(instructions) = kept else { return self.broken(Fault::Unsupported) };
        let memory = memory.bytes_mut(frame.memory_start, self.memory_len);

        let (registers, paid) = (self.register_bytes, self.memory_paid);
        let mut bill = Bill::new(schedule, row, op, memory.len(), registers, paid);
        let result = instructions.carry_out(&instruction, memory, &mut |facts| {
            if bill.fill_in(facts)? <= gas as u64 { Ok(()) } else { Err(Fault::Unpaid) }
        });
        let Bill { registers: needed, growth, price, .. } = bill;
        let mut left = gas;
        if needed != registers {
            (frame.register_bytes, self.register_bytes) = (needed, needed);
            self.memory_paid = paid + growth;
            left = self.charge(left, RowId::MEMORY_GROWTH, growth)?;
        }
        if let Some(price) = price {
            let id = if simd { RowId::prefixed(op) } else { RowId::opcode(op) };
            left = self.charge(left, id, price)?;
        }
        match result {
            // It did what nobody was asked to pay for.
            Ok(_) if price.is_none() => return self.broken(Fault::Unpaid),
            Ok(word) if row.outputs > 0 => stack.set(words.len() - 1, word),
            Ok(_) => {}
            Err(fault) => return self.refused(fault, (Halt::InvalidOperand, unit), left),
        }
        Some(left)
    }
}
