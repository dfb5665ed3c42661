//! What an extension's instruction will take, found as the machine finds it: by asking its coprocessor,
//! which keeps a frame's fields. The values in registers are none of the prices' business, so nothing
//! is computed. Immediates are in no step: what depends on them, the gas left tells.

use tandem_evm::{Extension, Instruction, Opcode, Unit, backends, op, prefixed, primitives::U256};

use super::{Collector, TraceStep, price::Operation};

/// What is known of an instruction before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing: it is no instruction of an extension, or its immediates say.
    Untold,
    /// Its operands are invalid.
    Invalid,
    /// Its price, and how many bytes of registers there are once it is done.
    Known { gas: u64, registers: u64 },
}

/// The byte behind the prefix that an opcode has.
pub(super) fn prefixed_byte(row: &'static Opcode) -> Option<u8> {
    (0..=u8::MAX).find(|byte| prefixed(*byte) == Some(row))
}

impl Collector {
    /// What the running frame's next instruction will take, as far as the step tells.
    ///
    /// # Errors
    /// If it makes registers by a modulus that the trace does not tell.
    pub(super) fn work(
        &mut self,
        operation: &Operation,
        step: &TraceStep<'_>,
    ) -> Result<Work, String> {
        let row = operation.opcode().filter(|row| self.schedule.has(row));
        let Some((row, extension)) = row.and_then(|row| Some((row, row.extension?))) else {
            return Ok(Work::Untold);
        };
        if step.stack.len() < usize::from(row.inputs) {
            return Ok(Work::Untold);
        }
        match extension {
            Extension::EvmMax if row.immediate == 0 => self.modular_work(row, operation, step),
            Extension::Simd => {
                let gas = u64::from(self.schedule.prefixed[usize::from(operation.behind_byte())]);
                Ok(Work::Known { gas, registers: 0 })
            }
            _ => Ok(Work::Untold),
        }
    }

    /// SETMODX, LOADX and STOREX, whose operands are on the stack.
    fn modular_work(
        &mut self,
        row: &'static Opcode,
        operation: &Operation,
        step: &TraceStep<'_>,
    ) -> Result<Work, String> {
        let Some(frame) = self.running.last_mut() else { return Ok(Work::Untold) };
        // Some do not write memory where there is none.
        let memory = step.memory.or((frame.memory == 0).then_some(&[]));
        let Some(memory) = memory else {
            return Err(format!(
                "{} without the memory, which attribution needs: trace again with it",
                row.name
            ));
        };
        if frame.instructions.is_none() {
            let coprocessor = backends(Unit::EvmMax).iter().find(|one| one.portable);
            frame.instructions = coprocessor.and_then(|one| (one.new)().instructions());
        }
        let Some(instructions) = &mut frame.instructions else { return Ok(Work::Untold) };
        let words: &[U256] = &step.stack[step.stack.len() - usize::from(row.inputs)..];
        let byte = operation.plain_byte();
        let instruction = Instruction { op: byte, immediates: &[], words };
        let Ok(facts) = instructions.measure(&instruction, memory) else {
            return Ok(Work::Invalid);
        };
        let gas = self.schedule.instruction_gas(row, byte, &facts.size).unwrap_or_default();
        if byte == op::SETMODX {
            // Only makes or chooses a field; if it is not paid for, the frame is over.
            let _ = instructions.execute(&instruction, &mut memory.to_vec());
        }
        Ok(Work::Known { gas, registers: facts.register_bytes as u64 })
    }
}

impl Operation {
    /// The byte behind the prefix; 0 without one.
    fn behind_byte(&self) -> u8 {
        self.behind.unwrap_or_default()
    }

    /// The byte of EVM-MAX's plain form: behind the prefix its opcodes are moved by 16.
    fn plain_byte(&self) -> u8 {
        self.behind.map_or(self.op, |byte| byte - 0x10)
    }
}
