//! The preferred backend: the Keccak kernel for the instructions this machine has, found out at run
//! time. The kernels live in `keccak`; here is only the choice. Where none fits, the portable
//! backend's is used.

use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::{Keccak, Portable};

#[cfg(target_arch = "x86_64")]
mod keccak;

/// Hashing with the widest instructions the machine has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Coprocessor for Native {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        crate::measure(op, input)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        crate::execute::<Self>(op, input, output)
    }
}

#[cfg(target_arch = "x86_64")]
cpufeatures::new!(avx512, "avx512f", "avx512vl");
#[cfg(target_arch = "x86_64")]
cpufeatures::new!(bmi, "bmi1", "bmi2");

impl Keccak for Native {
    #[inline]
    fn keccak256(input: &[u8]) -> [u8; 32] {
        #[cfg(target_arch = "x86_64")]
        if avx512::get() {
            // SAFETY: the machine has the instructions the kernel is compiled for.
            return unsafe { keccak::avx512(input) };
        } else if bmi::get() {
            // SAFETY: as above.
            return unsafe { keccak::bmi(input) };
        }
        Portable::keccak256(input)
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    // Requests reach only the machine's best kernel; the others must be right too.
    #[test]
    fn every_kernel_this_machine_can_run_agrees_with_the_portable_one() {
        let input: alloc::vec::Vec<u8> = (0..600u32).map(|i| (i * 7) as u8).collect();
        for length in 0..input.len() {
            let (input, expected) = (&input[..length], Portable::keccak256(&input[..length]));
            if avx512::get() {
                // SAFETY: the machine has the instructions.
                assert_eq!(unsafe { keccak::avx512(input) }, expected, "{length}");
            }
            if bmi::get() {
                // SAFETY: the machine has the instructions.
                assert_eq!(unsafe { keccak::bmi(input) }, expected, "{length}");
            }
        }
    }
}
