//! Opcodes of extensions: measured, paid for and executed by their coprocessors, which keep registers
//! for as long as a frame runs. Registers are priced as if they were memory (EIP-6690).

use tandem_code::push_len;
use tandem_coprocessor::{Coprocessor, Fault, Instruction, Unit};
use tandem_schedule::{Extension, Halt, Opcode, RowId, op, prefixed};

use crate::{
    body::row,
    machine::{Ip, Machine},
    stack::Stack,
};

/// An extension's opcode as the code has it, and its byte as in [`Instruction::op`]. As many of the eight
/// bytes are immediates as the row says.
pub(crate) type Asked = (&'static Opcode, u8, [u8; 8]);

/// One of EVM-MAX's opcodes, as a plain byte, and as many behind it as can be executed at once. Returns the gas left.
pub(crate) fn plain<const OP: u8>(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<i64> {
    // SAFETY: as in `immediates`; the image has the count where all jumps go to where an instruction starts.
    let (code, run) = unsafe { (&*m.code, if (*m.code).is_aligned { *ip } else { 1 }) };
    let rest = code.bytes.get(ip.addr() - m.code_at.addr() - 1..).unwrap_or_default();
    m.taken = (row(OP).inputs, row(OP).immediate.into());
    let run = if const { row(OP).on_registers() } { run.into() } else { 0 };
    let done = m.on_registers(rest, run, gas);
    done.or_else(|| m.instruct((row(OP), OP, m.immediates(ip)), stack, gas))
}

/// An opcode behind the prefix; what it takes is known only now.
pub(crate) fn behind_prefix(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<i64> {
    let bytes = u64::from_le_bytes(m.immediates(ip));
    let (byte, immediates) = (bytes as u8, (bytes >> 8).to_le_bytes());
    let row = prefixed(byte).filter(|row| m.schedule.has(row));
    let Some(row) = row else { return m.fail(Halt::InvalidOpcode, Unit::Glue, gas) };
    if stack.height() < row.inputs as usize {
        return m.fail(Halt::StackUnderflow, Unit::Glue, gas);
    }
    let simd = row.extension == Some(Extension::Simd);
    // EVM-MAX's bytes are moved behind SIMD's.
    let op = if simd { byte } else { byte - 0x10 };
    let (asked, alone) = ((row, op, immediates), (bytes & !0xff | u64::from(op)).to_le_bytes());
    let done = if simd { m.on_words(asked, stack, gas) } else { m.on_registers(&alone, 1, gas) };
    let left = done.or_else(|| m.instruct(asked, stack, gas));
    m.taken = (row.inputs - row.outputs, 1 + usize::from(row.immediate));
    m.lap(RowId::prefixed(byte), None);
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
    m.taken = (0, push_len(byte));
    Some(left)
}

impl Machine {
    /// The bytes behind an opcode.
    #[inline(always)]
    pub(crate) fn immediates(&self, ip: Ip) -> [u8; 8] {
        // SAFETY: set with the frame; the code is in `codes` as long as a frame runs it.
        unsafe { &*self.code }.eight_bytes(ip.addr() - self.code_at.addr())
    }

    /// Has an instruction on words alone executed, whose price is known before. A frame's first, those that the
    /// gas does not reach for and those that fail go the way of the others. SHA-256 takes half the time so.
    #[inline(always)]
    fn on_words(&mut self, (row, op, immediates): Asked, stack: Stack, gas: i64) -> Option<i64> {
        let price = u64::from(self.schedule.prefixed[op as usize]);
        let kept = &mut self.frames[self.depth].instructions[Extension::Simd as usize];
        let instructions = kept.as_mut().filter(|_| price <= gas as u64)?;
        let immediates = &immediates[..row.immediate.into()];
        instructions.on_words(op, immediates, stack.top(row.inputs.into())).ok()?;
        self.charge(gas, RowId::prefixed(op), price)
    }

    /// Has instructions on registers executed, so many of which a code begins with, as far as the gas surely reaches.
    #[inline(always)]
    fn on_registers(&mut self, code: &[u8], run: i64, mut gas: i64) -> Option<i64> {
        let run = run.min(if self.tracer().is_some() { 1 } else { self.run });
        let each = self.upfront[usize::from(op::MULMODX)];
        let most = if run * each <= gas { run } else { gas / each };
        let kept = &mut self.frames[self.depth].instructions[Extension::EvmMax as usize];
        let run = kept.as_mut()?.on_registers(code, most as usize)?;
        // Behind others no instruction need start.
        let done = Some(run.instructions()).filter(|done| (1..=most as u32).contains(done))?;
        for (n, count, size) in run.sizes() {
            let (byte, row) = (op::ADDMODX + n, RowId::opcode(op::ADDMODX + n));
            gas = self.charge_for(count, gas, row, self.schedule.run_gas(byte, count, &size))?;
            self.lap(row, None);
        }
        self.taken = (0, 8 * done as usize - 1);
        Some(gas)
    }

    /// Has an instruction measured, charges for it and has it executed. Its result goes where its last
    /// input was.
    fn instruct(&mut self, (row, op, immediates): Asked, stack: Stack, gas: i64) -> Option<i64> {
        let (words, failed) = (stack.top(row.inputs.into()), (Halt::InvalidOperand, row.unit));
        let immediates = &immediates[..row.immediate.into()];
        let instruction = Instruction { op, immediates, words };
        let extension = row.extension.unwrap_or(Extension::EvmMax);
        let kept = self.frame_mut().instructions[extension as usize].take();
        let new = || self.coprocessors.get(row.unit).ok().and_then(Coprocessor::instructions);
        let mut instructions = self.ask(kept.or_else(new).ok_or(Fault::Unsupported))?;
        let facts = instructions.measure(&instruction, self.memory());
        let facts = facts.map_err(|fault| self.refused(fault, failed, gas)).ok()?;
        let price = self.schedule.instruction_gas(row, op, &facts.size);
        let (price, mut left) = (self.ask(price.ok_or(Fault::Unsupported))?, gas);
        // Lanes have none, and a frame's registers get no fewer.
        if facts.register_bytes > self.register_bytes {
            let bytes = facts.register_bytes;
            (self.register_bytes, self.frame_mut().register_bytes) = (bytes, bytes);
            left = self.grow(left, self.memory_len)?;
        }
        left = self.charge(left, RowId::instruction(row, op), price)?;
        let memory = self.memory.bytes_mut(self.frame().memory_start, self.memory_len);
        let word = instructions.execute(&instruction, memory);
        let word = word.map_err(|fault| self.refused(fault, failed, left)).ok()?;
        if row.outputs > 0 {
            stack.set(words.len() - 1, word);
        }
        self.frame_mut().instructions[extension as usize] = Some(instructions);
        Some(left)
    }
}
