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
    kernel::{self, Arithmetic, Kernels, MULTIPLY},
    modulus::Modulus,
    registers::Registers,
};

#[cfg(target_arch = "x86_64")]
cpufeatures::new!(processor, "bmi2", "adx");

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
    let mut kernels = kernel::portable(modulus);
    #[cfg(target_arch = "x86_64")]
    if modulus.odd && processor::get() {
        let [one, few] = one_by_one(modulus);
        (kernels.one[MULTIPLY], kernels.few[MULTIPLY]) = (one, few);
        kernels.many[MULTIPLY] = ifma::multiply(modulus).unwrap_or(few);
    }
    kernels
}

/// The kernels for elements of an odd modulus one after the other, on processors with MULX and ADX: for one
/// element, and for any other count.
#[cfg(target_arch = "x86_64")]
fn one_by_one(modulus: &Modulus) -> [Arithmetic; 2] {
    let spare = !modulus.bits().is_multiple_of(64);
    match modulus.len {
        1 => mulx::multiply::<1>(spare),
        2 => mulx::multiply::<2>(spare),
        3 => mulx::multiply::<3>(spare),
        4 => adx::multiply_four(spare),
        5 => mulx::multiply::<5>(spare),
        6 if spare => adx::multiply_six(),
        6 => mulx::multiply::<6>(spare),
        7 => mulx::multiply::<7>(spare),
        8 => mulx::multiply::<8>(spare),
        9 => mulx::multiply::<9>(spare),
        10 => mulx::multiply::<10>(spare),
        11 => mulx::multiply::<11>(spare),
        _ => mulx::multiply::<12>(spare),
    }
}
