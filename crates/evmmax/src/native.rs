//! The native backend: the portable one's kernels, but for multiplications of many elements on
//! processors that have AVX-512 IFMA. No C compiler is needed.

#[cfg(target_arch = "x86_64")]
mod ifma;

use alloc::boxed::Box;

use tandem_coprocessor::{Coprocessor, Fault, Instructions, Op, Work};

use crate::{
    kernel::{self, Kernels},
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
    if let Some(multiply) = ifma::multiply(modulus) {
        return Kernels { multiply, ..kernels };
    }
    kernels
}
