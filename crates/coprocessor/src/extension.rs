//! Extensions: coprocessors that are asked through opcodes of their own, and may keep registers for as
//! long as a frame runs. Here live what such an instruction brings along and the trait that carries it
//! out. Which bytes are whose opcodes, and what they cost, is the schedule's affair.

use core::fmt::Debug;

use alloy_primitives::U256;

use crate::{Fault, ModularRun, Size};

/// One instruction, as the glue found it in the code and on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Instruction<'a> {
    /// The opcode's byte; of a prefixed opcode the byte behind the prefix. EVM-MAX's prefixed opcodes
    /// come with the bytes of their plain form.
    pub op: u8,
    /// The immediate bytes, as many as the opcode table says; zeros behind the end of the code.
    pub immediates: &'a [u8],
    /// The words it takes from the stack, as many as the opcode table says, the top last.
    pub words: &'a [U256],
}

impl Instruction<'_> {
    /// The `n`th word from the top of the stack, counted from 0; zero where there is none.
    pub fn word(&self, n: usize) -> U256 {
        let index = self.words.len().checked_sub(n + 1);
        index.map_or(U256::ZERO, |index| self.words[index])
    }
}

/// What an instruction will take, as facts; the glue turns them into gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How big the work is, in the measure its price depends on.
    pub size: Size,
    /// Bytes of registers that the frame has allocated once the instruction is done.
    pub register_bytes: usize,
}

/// An extension's instructions in one frame, with the registers they work on. Every frame gets an
/// instance of its own, made when it first needs one and dropped with it; see
/// [`Coprocessor::instructions`](crate::Coprocessor::instructions).
///
/// The glue calls [`measure`](Self::measure), charges, and calls [`execute`](Self::execute). Where it knows
/// before that the gas reaches, it calls one of the other two instead, and charges then. Nothing panics,
/// whatever the instruction. `memory` is the frame's own, which an instruction reads and writes, but never
/// grows.
pub trait Instructions: Send + Sync + Debug {
    /// The facts a price list needs about this instruction. Touches nothing.
    ///
    /// # Errors
    /// [`Fault::Input`] if the operands are not valid, which halts the frame; [`Fault::Unsupported`]
    /// for an opcode of another unit.
    fn measure(&self, instruction: &Instruction<'_>, memory: &[u8]) -> Result<Facts, Fault>;

    /// Does the work, and returns the word for the stack; zero from an opcode that leaves none.
    ///
    /// # Errors
    /// As in `measure`, and [`Fault::Input`] if what the operands refer to turns out not to be valid.
    /// Registers and memory are then in no defined condition: the frame is over.
    fn execute(&mut self, instruction: &Instruction<'_>, memory: &mut [u8]) -> Result<U256, Fault>;

    /// Both for an instruction that takes and leaves words alone and is of [`Size::Constant`]: the glue knows
    /// its price and that the gas reaches. Puts the result in place of the deepest of `words`, which are as in
    /// [`Instruction::words`]. To be overridden where the work is as short as handing words on.
    ///
    /// # Errors
    /// As in `measure`, and [`Fault::Unsupported`] for an instruction of another size or without words. The words
    /// are then in no defined condition.
    fn on_words(&mut self, op: u8, immediates: &[u8], words: &mut [U256]) -> Result<(), Fault> {
        let instruction = Instruction { op, immediates, words };
        if self.measure(&instruction, &[])?.size != Size::Constant {
            return Err(Fault::Unsupported);
        }
        let result = self.execute(&instruction, &mut [])?;
        words.first_mut().map(|word| *word = result).ok_or(Fault::Unsupported)
    }

    /// Both for instructions on registers alone that stand one behind the other, without words, memory and
    /// registers that they add: the glue knows that the gas reaches whatever their sizes, which this tells. `code`
    /// begins with the first one's opcode, each has eight bytes with its immediates, and any other instruction
    /// may follow. Does as many as it can, at most `most` and 256. Nothing if it did none: for the first one `measure`
    /// then says why. To be overridden where the work is as short as looking at the immediates.
    fn on_registers(&mut self, _code: &[u8], _most: usize) -> Option<ModularRun> {
        None
    }
}
