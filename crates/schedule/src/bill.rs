//! What an extension's instruction costs a frame: its work, and the registers it adds, which are priced as
//! if they were memory (EIP-6690). Charging is the glue's.

use tandem_coprocessor::{Facts, Fault};

use crate::{Extension, Opcode, Schedule};

/// The bill of one instruction. One value, since the coprocessor that has it filled in is handed a pointer.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'s> {
    schedule: &'s Schedule,
    row: &'s Opcode,
    /// The opcode's byte, as in [`Instruction::op`](tandem_coprocessor::Instruction::op).
    op: u8,
    /// Bytes of the frame's memory.
    memory: usize,
    /// Bytes of the frame's registers; once filled in, with those that the instruction adds.
    pub registers: usize,
    /// What memory and registers have cost so far.
    paid: u64,
    /// What more registers cost.
    pub growth: u64,
    /// What the work costs; nothing before that is known.
    pub price: Option<u64>,
}

impl<'s> Bill<'s> {
    /// The bill of an opcode for a frame with so many bytes of memory and of registers, which have cost `paid`.
    #[inline(always)]
    pub const fn new(
        schedule: &'s Schedule,
        row: &'s Opcode,
        op: u8,
        memory: usize,
        registers: usize,
        paid: u64,
    ) -> Self {
        Self { schedule, row, op, memory, registers, paid, growth: 0, price: None }
    }

    /// Prices what a coprocessor measured; returns the whole in gas.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] if there is no price for that.
    #[inline(always)]
    pub fn fill_in(&mut self, facts: &Facts) -> Result<u64, Fault> {
        self.price = self.schedule.instruction_gas(self.row, self.op, &facts.size);
        let price = self.price.ok_or(Fault::Unsupported)?;
        if facts.register_bytes != self.registers && self.row.extension != Some(Extension::Simd) {
            self.registers = facts.register_bytes;
            self.growth = self.schedule.memory(self.memory + self.registers) - self.paid;
        }
        Ok(price.saturating_add(self.growth))
    }
}
