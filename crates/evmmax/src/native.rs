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
    kernel::{self, Arithmetic, File, Kernels, Tallies},
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
        kernels.arithmetic = with_mulx(modulus);
        kernels.multiply_many = ifma::multiply(modulus);
    }
    kernels
}

/// The arithmetic for an odd modulus, on processors with MULX and ADX.
#[cfg(target_arch = "x86_64")]
fn with_mulx(modulus: &Modulus) -> fn(&mut File, &[Arithmetic]) -> Tallies {
    let free = modulus.free_bits();
    match modulus.len {
        1 => mulx::arithmetic::<1>(free),
        2 => mulx::arithmetic::<2>(free),
        3 => mulx::arithmetic::<3>(free),
        4 => adx::four_limbs(free),
        5 => mulx::arithmetic::<5>(free),
        6 if free >= 2 => adx::six_limbs(),
        6 => mulx::arithmetic::<6>(free),
        7 => mulx::arithmetic::<7>(free),
        8 => mulx::arithmetic::<8>(free),
        9 => mulx::arithmetic::<9>(free),
        10 => mulx::arithmetic::<10>(free),
        11 => mulx::arithmetic::<11>(free),
        _ => mulx::arithmetic::<12>(free),
    }
}
