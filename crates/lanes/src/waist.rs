//! What the waist asks of a coprocessor, answered with the kernels: instructions by opcode and type
//! bytes, and requests of the list precompile. The same for every backend.

use alloc::boxed::Box;
use core::{fmt::Debug, marker::PhantomData};

use tandem_coprocessor::{
    Coprocessor, Facts, Fault, Instructions, ListWork, Op, Size, Work, primitives::U256,
};

#[cfg(feature = "native")]
use crate::Native;
use crate::{Instruction, Kernels, LaneOp, List, ListOp, ModularOp, Portable};

/// What an element of a list takes, in the classes that a price list knows.
const fn work(op: ListOp) -> ListWork {
    match op {
        ListOp::Lanes(LaneOp::Mul) | ListOp::Modular(ModularOp::Add | ModularOp::Sub) => {
            ListWork::Multiply
        }
        ListOp::Lanes(LaneOp::Mod) | ListOp::Modular(ModularOp::Mul) => ListWork::Divide,
        ListOp::Dot => ListWork::Dot,
        ListOp::Lanes(_) | ListOp::Sum | ListOp::Shuffle => ListWork::Simple,
    }
}

/// The request, if it is one of this unit.
fn request(op: Op, input: &[u8]) -> Result<List<'_>, Fault> {
    if op == Op::Vecmath { List::decode(input) } else { Err(Fault::Unsupported) }
}

fn measure(op: Op, input: &[u8]) -> Result<Work, Fault> {
    let list = request(op, input)?;
    let size = Size::List(list.count().into(), work(list.op()));
    Ok(Work { size, max_output: list.output_len() })
}

fn execute<K: Kernels>(op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
    let list = request(op, input)?;
    let output = output.get_mut(..list.output_len()).ok_or(Fault::Output)?;
    K::list(&list, output);
    Ok(output.len())
}

/// The vector instructions, which keep nothing from one to the next.
struct Vectors<K>(PhantomData<fn() -> K>);

impl<K> Debug for Vectors<K> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Vectors")
    }
}

/// The type bytes, filled up to two.
#[inline(always)]
fn types(immediates: &[u8]) -> Result<[u8; 2], Fault> {
    match *immediates {
        [ty] => Ok([ty, 0]),
        [from, to] => Ok([from, to]),
        _ => Err(Fault::Unsupported),
    }
}

impl<K: Kernels> Instructions for Vectors<K> {
    fn measure(
        &self,
        instruction: &tandem_coprocessor::Instruction<'_>,
        _memory: &[u8],
    ) -> Result<Facts, Fault> {
        let decoded = Instruction::decode(instruction.op, types(instruction.immediates)?);
        if decoded.ok_or(Fault::Input)?.inputs() != instruction.words.len() {
            return Err(Fault::Unsupported);
        }
        Ok(Facts { size: Size::Constant, register_bytes: 0 })
    }

    fn execute(
        &mut self,
        instruction: &tandem_coprocessor::Instruction<'_>,
        _memory: &mut [u8],
    ) -> Result<U256, Fault> {
        let mut words = [U256::ZERO; 2];
        let words = words.get_mut(..instruction.words.len()).ok_or(Fault::Unsupported)?;
        words.copy_from_slice(instruction.words);
        self.on_words(instruction.op, instruction.immediates, words)?;
        words.first().copied().ok_or(Fault::Unsupported)
    }

    fn on_words(&mut self, op: u8, immediates: &[u8], words: &mut [U256]) -> Result<(), Fault> {
        K::words(op, types(immediates)?, words).ok_or(Fault::Input)
    }
}

macro_rules! coprocessor {
    ($backend:ty) => {
        impl Coprocessor for $backend {
            fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
                measure(op, input)
            }

            fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
                execute::<Self>(op, input, output)
            }

            fn instructions(&self) -> Option<Box<dyn Instructions>> {
                Some(Box::new(Vectors::<Self>(PhantomData)))
            }
        }
    };
}

coprocessor!(Portable);
#[cfg(feature = "native")]
coprocessor!(Native);
