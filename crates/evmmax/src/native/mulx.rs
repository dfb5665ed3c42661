//! The portable multiplication, compiled for processors with MULX: products that leave the flags alone keep
//! more of the carries in registers.

use crate::kernel::{self, Arithmetic, File, Kind, Odd, Tallies};

/// The arithmetic for odd moduli of `N` limbs with so many bits free, on processors with BMI2 and ADX.
pub(super) fn arithmetic<const N: usize>(free: u32) -> fn(&mut File, &[Arithmetic]) -> Tallies {
    match free {
        0 => run::<Odd<0>, N>,
        1 => run::<Odd<1>, N>,
        _ => run::<Odd<2>, N>,
    }
}

fn run<K: Kind, const N: usize>(file: &mut File, instructions: &[Arithmetic]) -> Tallies {
    // SAFETY: whoever chose this made sure of the processor's features.
    unsafe { compiled::<K, N>(file, instructions) }
}

#[target_feature(enable = "bmi2,adx")]
fn compiled<K: Kind, const N: usize>(file: &mut File, instructions: &[Arithmetic]) -> Tallies {
    kernel::arithmetic_of::<K, N>(file, instructions)
}
