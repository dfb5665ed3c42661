//! What an extension's instruction costs a frame: its work, and the registers it adds, which are priced as
//! if they were memory (EIP-6690). Charging is the glue's.

use tandem_coprocessor::{Facts, Fault};

use crate::{Extension, Opcode, Schedule};

/// The bill of one instruction. One value, since the coprocessor that has it filled in is handed a pointer.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'s> {
    /// The prices in force.
    pub schedule: &'s Schedule,
    /// The opcode's row.
    pub row: &'s Opcode,
    /// Its byte, as in [`Instruction::op`](tandem_coprocessor::Instruction::op).
    pub op: u8,
    /// The frame's gas.
    pub gas: i64,
    /// Bytes of the frame's memory.
    pub memory: usize,
    /// Bytes of its registers; once filled in, with those that the instruction adds.
    pub registers: usize,
    /// What memory and registers have cost so far.
    pub paid: u64,
    /// What more registers cost.
    pub growth: u64,
    /// What the work costs; nothing before that is known.
    pub price: Option<u64>,
}

impl Bill<'_> {
    /// Prices what a coprocessor measured.
    ///
    /// # Errors
    /// [`Fault::Unpaid`] if the gas does not reach, [`Fault::Unsupported`] if there is no price for that.
    #[inline(always)]
    pub fn fill_in(&mut self, facts: &Facts) -> Result<(), Fault> {
        self.price = self.schedule.instruction_gas(self.row, self.op, &facts.size);
        let price = self.price.ok_or(Fault::Unsupported)?;
        if facts.register_bytes != self.registers && self.row.extension != Some(Extension::Simd) {
            self.registers = facts.register_bytes;
            self.growth = self.schedule.memory(self.memory + self.registers) - self.paid;
        }
        let reaches = price.saturating_add(self.growth) <= self.gas as u64;
        if reaches { Ok(()) } else { Err(Fault::Unpaid) }
    }
}
