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

/// An extension's opcode as the code has it.
struct Asked<'a> {
    row: &'static Opcode,
    /// As in [`Instruction::op`].
    op: u8,
    immediates: &'a [u8],
}

/// One of EVM-MAX's opcodes, as a plain byte. Returns the gas left.
pub(crate) fn plain<const OP: u8>(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<i64> {
    // SAFETY: set with the frame; the code is in `codes` as long as a frame runs it.
    let immediates = &unsafe { &*m.code }.eight_bytes(ip.addr() - m.code_at.addr());
    m.instruct(Asked { row: row(OP), op: OP, immediates }, stack, gas)
}

/// An opcode behind the prefix; what it takes is known only now.
pub(crate) fn behind_prefix(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<i64> {
    // SAFETY: as in `plain`.
    let [byte, immediates @ ..] = &unsafe { &*m.code }.eight_bytes(ip.addr() - m.code_at.addr());
    let row = prefixed(*byte).filter(|row| m.schedule.has(row));
    let Some(row) = row else { return m.fail(Halt::InvalidOpcode, Unit::Glue, gas) };
    if stack.height() < row.inputs as usize {
        return m.fail(Halt::StackUnderflow, Unit::Glue, gas);
    }
    m.taken = (row.inputs - row.outputs, 1 + row.immediate);
    let left = if row.extension == Some(Extension::Simd) {
        m.on_words(Asked { row, op: *byte, immediates }, stack, gas)
    } else {
        // EVM-MAX's bytes are moved behind SIMD's.
        m.instruct(Asked { row, op: byte - 0x10, immediates }, stack, gas)
    };
    m.lap(RowId::prefixed(*byte), None);
    left
}

/// A PUSH whose data in the image is not its own; the word's place is on the stack.
pub(crate) fn shadowed_push(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<i64> {
    let (byte, word) = m.code().pushed(ip.addr() - m.code_at.addr() - 1);
    let left = gas - m.upfront[usize::from(byte)];
    if left < 0 {
        return m.fail(Halt::OutOfGas, Unit::Glue, gas);
    }
    stack.set(0, word);
    m.taken = (0, push_len(byte) as u8);
    Some(left)
}

impl Machine {
    /// Has an instruction on words alone executed, whose price is known before. Where the gas does not reach
    /// for it, and a frame's first, go the way of the others. SHA-256 on lanes takes half the time so.
    #[inline(always)]
    fn on_words(&mut self, asked: Asked<'_>, stack: Stack, gas: i64) -> Option<i64> {
        let Asked { row, op, immediates } = asked;
        let price = u64::from(self.schedule.prefixed[op as usize]);
        let kept = &mut self.frames[self.depth].instructions[Extension::Simd as usize];
        let Some(instructions) = kept.as_mut().filter(|_| price <= gas as u64) else {
            return self.instruct(asked, stack, gas);
        };
        let immediates = &immediates[..row.immediate.into()];
        match instructions.on_words(op, immediates, stack.top(row.inputs.into())) {
            Ok(()) => self.charge(gas, RowId::prefixed(op), price),
            Err(fault) => self.refused(fault, (Halt::InvalidOperand, row.unit), gas),
        }
    }

    /// Has an instruction measured, charges for it and has it executed. Its result goes where its last
    /// input was.
    #[inline(always)]
    fn instruct(&mut self, asked: Asked<'_>, stack: Stack, gas: i64) -> Option<i64> {
        let Asked { row, op, immediates } = asked;
        let (words, immediates) =
            (&*stack.top(row.inputs.into()), &immediates[..row.immediate.into()]);
        let (instruction, unit) = (Instruction { op, immediates, words }, row.unit);
        let extension = row.extension.unwrap_or(Extension::EvmMax);
        let Self { frames, memory, schedule, coprocessors, .. } = self;
        let frame = &mut frames[self.depth];
        let kept = &mut frame.instructions[extension as usize];
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
            left = self.pay_memory(left, paid + growth)?;
        }
        if let Some(price) = price {
            let simd = extension == Extension::Simd;
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
