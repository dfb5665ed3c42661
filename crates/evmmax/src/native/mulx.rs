//! The portable multiplication, compiled for processors with MULX: products that leave the flags alone keep
//! more of the carries in registers.

use crate::{
    kernel::{self, File, Operands},
    modulus::Modulus,
};

cpufeatures::new!(processor, "bmi2", "adx");

/// The kernel for an odd modulus of `N` limbs, if the processor has what it takes.
pub(super) fn multiply<const N: usize>(modulus: &Modulus) -> Option<fn(File<'_>, &Operands)> {
    if !processor::get() {
        return None;
    }
    Some(if modulus.bits() < 64 * N { run::<N, true> } else { run::<N, false> })
}

fn run<const N: usize, const SPARE: bool>(file: File<'_>, operands: &Operands) {
    // SAFETY: `multiply` made sure of the processor's features.
    unsafe { compiled::<N, SPARE>(file, operands) }
}

#[target_feature(enable = "bmi2,adx")]
fn compiled<const N: usize, const SPARE: bool>(file: File<'_>, operands: &Operands) {
    kernel::multiply_odd::<N, SPARE>(file, operands);
}
