//! The native backend: the portable one's kernels, but for multiplications, which use what the processor
//! has: AVX-512 IFMA for many elements, MULX and ADX for few. No C compiler is needed.

#[cfg(target_arch = "x86_64")]
mod adx;
#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod mulx;

use alloc::boxed::Box;

use tandem_coprocessor::{Coprocessor, Fault, Instructions, Op, Work};

use crate::{
    kernel::{self, File, Kernels, Operands},
    modulus::Modulus,
    registers::Registers,
};

/// Modular arithmetic with the processor's widest multiplier.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Coprocessor for Native {
    fn measure(&self, _op: Op, _input: &[u8]) -> Result<Work, Fault> {
        Err(Fault::Unsupported)
    }

    fn execute(&self, _op: Op, _input: &[u8], _output: &mut [u8]) -> Result<usize, Fault> {
        Err(Fault::Unsupported)
    }

    fn instructions(&self) -> Option<Box<dyn Instructions>> {
        Some(Box::new(Registers::new(choose)))
    }
}

/// The fastest kernels for a modulus on this processor.
fn choose(modulus: &Modulus) -> Kernels {
    let kernels = kernel::portable(modulus);
    #[cfg(target_arch = "x86_64")]
    if let Some(multiply) = adx::multiply(modulus).or_else(|| one_by_one(modulus)) {
        let several = ifma::multiply(modulus).unwrap_or(multiply);
        return Kernels { multiply, several, ..kernels };
    }
    kernels
}

/// The kernel for few elements: one after the other, by MULX where the processor has it.
#[cfg(target_arch = "x86_64")]
fn one_by_one(modulus: &Modulus) -> Option<fn(File<'_>, &Operands)> {
    if !modulus.odd {
        return None;
    }
    match modulus.len {
        1 => mulx::multiply::<1>(modulus),
        2 => mulx::multiply::<2>(modulus),
        3 => mulx::multiply::<3>(modulus),
        4 => mulx::multiply::<4>(modulus),
        5 => mulx::multiply::<5>(modulus),
        6 => mulx::multiply::<6>(modulus),
        7 => mulx::multiply::<7>(modulus),
        8 => mulx::multiply::<8>(modulus),
        9 => mulx::multiply::<9>(modulus),
        10 => mulx::multiply::<10>(modulus),
        11 => mulx::multiply::<11>(modulus),
        _ => mulx::multiply::<12>(modulus),
    }
}
