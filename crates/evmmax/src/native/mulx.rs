//! The portable multiplication, compiled for processors with MULX: products that leave the flags alone keep
//! more of the carries in registers.

use crate::kernel::{self, File, Operands};

/// The kernel for odd moduli of `N` limbs, with a bit to spare or not, on processors with BMI2 and ADX.
pub(super) fn multiply<const N: usize>(spare: bool) -> fn(File<'_>, &Operands) {
    if spare { run::<N, true> } else { run::<N, false> }
}

fn run<const N: usize, const SPARE: bool>(file: File<'_>, operands: &Operands) {
    // SAFETY: whoever chose this kernel made sure of the processor's features.
    unsafe { compiled::<N, SPARE>(file, operands) }
}

#[target_feature(enable = "bmi2,adx")]
fn compiled<const N: usize, const SPARE: bool>(file: File<'_>, operands: &Operands) {
    kernel::multiply_odd::<N, SPARE>(file, operands);
}
