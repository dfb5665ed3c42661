//! The portable multiplication, compiled for processors with MULX: products that leave the flags alone keep
//! more of the carries in registers.

use tandem_coprocessor::ModularSize;

use crate::{
    kernel::{self, Arithmetic, File},
    operands::Operands,
};

/// The kernels for odd moduli of `N` limbs, with a bit to spare or not, on processors with BMI2 and ADX: for
/// one element, and for any other count.
pub(super) fn multiply<const N: usize>(spare: bool) -> [Arithmetic; 2] {
    if spare {
        [run::<N, true, true>, run::<N, true, false>]
    } else {
        [run::<N, false, true>, run::<N, false, false>]
    }
}

fn run<const N: usize, const SPARE: bool, const ONE: bool>(
    file: &mut File,
    operands: Operands,
) -> Option<ModularSize> {
    // SAFETY: whoever chose this kernel made sure of the processor's features.
    unsafe { compiled::<N, SPARE, ONE>(file, operands) }
}

#[target_feature(enable = "bmi2,adx")]
fn compiled<const N: usize, const SPARE: bool, const ONE: bool>(
    file: &mut File,
    operands: Operands,
) -> Option<ModularSize> {
    kernel::multiply_odd::<N, SPARE, ONE>(file, operands)
}
