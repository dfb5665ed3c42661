//! The kernels, compiled: once for any machine and, with the feature `native`, again for AVX2 and for
//! AVX-512, chosen when they run. All from the same source, so that they differ in speed alone.

use crate::{
    kernel::{self, LaneOp},
    lane::{Order, WORD, Width},
    list::{self, List},
    word::{self, Instruction},
};

/// What the backends differ in: the three ways into the kernels.
pub trait Kernels {
    /// One operation on the lanes of byte slices, as many bytes of them as the shortest has; what is
    /// behind in `out` stays. Unary operations do not look at `a`.
    fn lanes(op: LaneOp, width: Width, order: Order, a: &[u8], b: &[u8], out: &mut [u8]);

    /// Puts an instruction's result in place of its last operand `b`; `a` is the word above it on the
    /// stack, at which unary instructions do not look. The least significant byte comes first.
    fn word(instruction: Instruction, a: &[u8; WORD], b: &mut [u8; WORD]);

    /// Decodes an instruction as [`Instruction::decode`] does and returns its result, with words as
    /// they lie on the stack: limbs of 64 bits, the least significant first. `None` if it is none. `b`
    /// is the last operand, and `a` the word above it.
    #[inline]
    fn limbs(opcode: u8, types: [u8; 2], a: &[u64; 4], b: &[u64; 4]) -> Option<[u64; 4]> {
        let instruction = Instruction::decode(opcode, types)?;
        let (a, mut b) = (bytes(a), bytes(b));
        Self::word(instruction, &a, &mut b);
        let (limbs, _) = b.as_chunks::<8>();
        Some(core::array::from_fn(|i| u64::from_le_bytes(limbs[i])))
    }

    /// Answers a request of the list precompile into `out`, which is [`List::output_len`] long.
    fn list(request: &List<'_>, out: &mut [u8]);
}

/// A word's bytes, the least significant first.
#[inline(always)]
fn bytes(limbs: &[u64; 4]) -> [u8; WORD] {
    let mut word = [0; WORD];
    let (groups, _) = word.as_chunks_mut::<8>();
    for (group, limb) in groups.iter_mut().zip(limbs) {
        *group = limb.to_le_bytes();
    }
    word
}

/// The kernels for any machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Kernels for Portable {
    fn lanes(op: LaneOp, width: Width, order: Order, a: &[u8], b: &[u8], out: &mut [u8]) {
        kernel::lanes(op, width, order, a, b, out);
    }
    fn word(instruction: Instruction, a: &[u8; WORD], b: &mut [u8; WORD]) {
        word::word(instruction, a, b);
    }
    fn list(request: &List<'_>, out: &mut [u8]) {
        list::list(request, out);
    }
}

/// The kernels for the widest instructions this machine has.
#[cfg(feature = "native")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

#[cfg(all(feature = "native", target_arch = "x86_64"))]
cpufeatures::new!(has_avx2, "avx2", "bmi1", "bmi2");
#[cfg(all(feature = "native", target_arch = "x86_64"))]
cpufeatures::new!(
    has_avx512, "avx2", "bmi1", "bmi2", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"
);

#[cfg(all(feature = "native", target_arch = "x86_64"))]
mod x86 {
    use core::{
        arch::x86_64::{__m256i, _mm256_set_epi64x},
        hint, mem, ptr,
    };

    use super::*;

    macro_rules! compiled {
        ($name:ident, $features:literal) => {
            pub(super) mod $name {
                use super::*;

                #[target_feature(enable = $features)]
                pub(crate) fn lanes(
                    op: LaneOp,
                    width: Width,
                    order: Order,
                    a: &[u8],
                    b: &[u8],
                    out: &mut [u8],
                ) {
                    kernel::lanes(op, width, order, a, b, out);
                }
                #[target_feature(enable = $features)]
                pub(crate) fn word(instruction: Instruction, a: &[u8; WORD], b: &mut [u8; WORD]) {
                    word::word(instruction, a, b);
                }
                #[target_feature(enable = $features)]
                pub(crate) fn limbs(
                    opcode: u8,
                    types: [u8; 2],
                    a: &[u64; 4],
                    b: &[u64; 4],
                ) -> Option<[u64; 4]> {
                    let instruction = Instruction::decode(opcode, types)?;
                    let (a, mut b) = (gather(a), gather(b));
                    word::word(instruction, hint::black_box(&a), hint::black_box(&mut b));
                    // SAFETY: both are 32 bytes, and on this processor a word's bytes are its limbs'.
                    Some(unsafe { mem::transmute::<[u8; WORD], [u64; 4]>(b) })
                }

                /// A word in one piece. The stack's words have mostly just been written limb by limb; a
                /// wide load would wait until those stores have left the processor.
                #[inline]
                #[target_feature(enable = $features)]
                fn gather(limbs: &[u64; 4]) -> [u8; WORD] {
                    let limb = |i: usize| {
                        // SAFETY: a reference may be read from. Volatile keeps the loads apart.
                        unsafe { ptr::from_ref(&limbs[i]).read_volatile() as i64 }
                    };
                    let word = _mm256_set_epi64x(limb(3), limb(2), limb(1), limb(0));
                    // SAFETY: both are 32 bytes, and any are a word.
                    unsafe { mem::transmute::<__m256i, [u8; WORD]>(word) }
                }

                #[target_feature(enable = $features)]
                pub(crate) fn list(request: &List<'_>, out: &mut [u8]) {
                    list::list(request, out);
                }
            }
        };
    }

    compiled!(avx2, "avx2,bmi1,bmi2");
    compiled!(avx512, "avx2,bmi1,bmi2,avx512f,avx512bw,avx512cd,avx512dq,avx512vl");
}

#[cfg(all(feature = "native", target_arch = "x86_64"))]
/// Calls a kernel as compiled for this machine.
macro_rules! best {
    ($kernel:ident($($argument:expr),*)) => {
        if has_avx512::get() {
            // SAFETY: the machine has the instructions the kernel is compiled for.
            unsafe { x86::avx512::$kernel($($argument),*) }
        } else if has_avx2::get() {
            // SAFETY: as above.
            unsafe { x86::avx2::$kernel($($argument),*) }
        } else {
            Portable::$kernel($($argument),*)
        }
    };
}

#[cfg(all(feature = "native", target_arch = "x86_64"))]
impl Kernels for Native {
    fn lanes(op: LaneOp, width: Width, order: Order, a: &[u8], b: &[u8], out: &mut [u8]) {
        best!(lanes(op, width, order, a, b, out));
    }
    fn word(instruction: Instruction, a: &[u8; WORD], b: &mut [u8; WORD]) {
        best!(word(instruction, a, b));
    }
    #[inline]
    fn limbs(opcode: u8, types: [u8; 2], a: &[u64; 4], b: &[u64; 4]) -> Option<[u64; 4]> {
        best!(limbs(opcode, types, a, b))
    }
    fn list(request: &List<'_>, out: &mut [u8]) {
        best!(list(request, out));
    }
}

#[cfg(all(feature = "native", not(target_arch = "x86_64")))]
impl Kernels for Native {
    fn lanes(op: LaneOp, width: Width, order: Order, a: &[u8], b: &[u8], out: &mut [u8]) {
        Portable::lanes(op, width, order, a, b, out);
    }
    fn word(instruction: Instruction, a: &[u8; WORD], b: &mut [u8; WORD]) {
        Portable::word(instruction, a, b);
    }
    fn list(request: &List<'_>, out: &mut [u8]) {
        Portable::list(request, out);
    }
}

#[cfg(all(test, feature = "native", target_arch = "x86_64"))]
mod tests {
    use super::*;

    // The backend uses the machine's best instructions alone; the others must be right too.
    #[test]
    fn every_set_of_instructions_this_machine_has_agrees_with_the_portable_kernels() {
        let mut seed = 1_u64;
        let mut word = || -> [u8; WORD] {
            core::array::from_fn(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 56) as u8 & ((seed >> 40) as u8 >> (seed >> 61))
            })
        };
        for _ in 0..20 {
            for opcode in 0xb1..=0xcf {
                for ty in 0..=0x3f {
                    let Some(one) = Instruction::decode(opcode, [ty, 0x22]) else { continue };
                    let (a, b) = (word(), word());
                    let [mut portable, mut avx512, mut avx2] = [b; 3];
                    Portable::word(one, &a, &mut portable);
                    if has_avx512::get() {
                        // SAFETY: the machine has the instructions.
                        unsafe { x86::avx512::word(one, &a, &mut avx512) };
                        assert_eq!(avx512, portable, "{one:?}");
                    }
                    if has_avx2::get() {
                        // SAFETY: as above.
                        unsafe { x86::avx2::word(one, &a, &mut avx2) };
                        assert_eq!(avx2, portable, "{one:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn lists_too() {
        let mut input = [0; 6 + 8 * 61];
        for (i, byte) in input.iter_mut().enumerate() {
            *byte = ((i * i) >> 3) as u8;
        }
        for op in 0x01..=0x0f {
            for width in [4, 8] {
                let lists = if op == 0x0a { 1 } else { 2 };
                let modulus = usize::from((0x0c..=0x0e).contains(&op));
                input[..6].copy_from_slice(&[op, width, 0, 0, 0, 30]);
                let len = 6 + width as usize * (lists * 30 + modulus);
                let request = List::decode(&input[..len]).expect("a request");
                let mut answers = [[0; 8 * 30]; 3];
                let [portable, avx512, avx2] =
                    answers.each_mut().map(|out| &mut out[..request.output_len()]);
                Portable::list(&request, portable);
                if has_avx512::get() {
                    // SAFETY: the machine has the instructions.
                    unsafe { x86::avx512::list(&request, avx512) };
                    assert_eq!(portable, avx512, "{op:#x}");
                }
                if has_avx2::get() {
                    // SAFETY: as above.
                    unsafe { x86::avx2::list(&request, avx2) };
                    assert_eq!(portable, avx2, "{op:#x}");
                }
            }
        }
    }
}
