//! The kernels, compiled: once for any machine and, with the feature `native`, again for AVX2 and for
//! AVX-512, chosen when they run. All from the same source, so that they differ in speed alone.

use tandem_coprocessor::primitives::U256;

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

    /// Decodes an instruction as [`Instruction::decode`] does and puts its result in place of the first of
    /// `words`, its last operand; the other, if there is one, lay above it on the stack. `None` if it is no
    /// instruction for so many words.
    #[inline]
    fn words(opcode: u8, types: [u8; 2], words: &mut [U256]) -> Option<()> {
        let instruction = Instruction::decode(opcode, types)?;
        if words.len() != instruction.inputs() {
            return None;
        }
        let (a, mut b) = (words.last()?.to_le_bytes(), words.first()?.to_le_bytes());
        Self::word(instruction, &a, &mut b);
        words[0] = U256::from_le_bytes(b);
        Some(())
    }

    /// Answers a request of the list precompile into `out`, which is [`List::output_len`] long.
    fn list(request: &List<'_>, out: &mut [u8]);
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
        arch::{
            asm,
            x86_64::{__m256i, _mm256_set_epi64x},
        },
        mem, ptr,
    };

    use super::*;

    /// [`kernel::word`] of one operation and width: `a`, `b` and the result, and which of its bits are kept.
    /// Unsafe, since it may use instructions that not every machine has.
    type ByLane = unsafe fn(&[u8; WORD], &mut [u8; WORD], &[u8; WORD]);

    macro_rules! by_lane {
        ($($op:literal)*) => {
            [$([by_lane::<$op, 0>, by_lane::<$op, 1>, by_lane::<$op, 2>, by_lane::<$op, 3>]),*]
        };
    }

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
                pub(crate) fn words(
                    opcode: u8,
                    types: [u8; 2],
                    words: &mut [U256],
                ) -> Option<()> {
                    let instruction = Instruction::decode(opcode, types)?;
                    if words.len() != instruction.inputs() {
                        return None;
                    }
                    let (last, top) = (words.first()?.as_limbs(), words.last()?.as_limbs());
                    let (a, b) = (gather(top), gather(last));
                    // SAFETY: both are 32 bytes, and on this processor a word's bytes are its limbs'.
                    let result = unsafe { mem::transmute::<&mut U256, &mut [u8; WORD]>(&mut words[0]) };
                    *result = b;
                    match instruction {
                        Instruction::Lanes(op, ty) => {
                            let kernel = BY_LANE[op as usize][ty.width() as usize];
                            // SAFETY: it is compiled for the same instructions as this function.
                            unsafe { kernel(&a, result, word::live(ty)) };
                        }
                        other => others(other, &a, result),
                    }
                    Some(())
                }

                /// Apart, since `words` would save registers for them each time.
                #[inline(never)]
                #[target_feature(enable = $features)]
                fn others(instruction: Instruction, a: &[u8; WORD], b: &mut [u8; WORD]) {
                    word::word(instruction, a, b);
                }

                /// [`kernel::word`] by operation and width, so that one jump leads to it.
                static BY_LANE: [[ByLane; 4]; LaneOp::ALL.len()] = by_lane!(
                    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22
                );

                #[target_feature(enable = $features)]
                fn by_lane<const OP: usize, const WIDTH: usize>(
                    a: &[u8; WORD],
                    b: &mut [u8; WORD],
                    mask: &[u8; WORD],
                ) {
                    kernel::word(LaneOp::ALL[OP], Width::ALL[WIDTH], a, b, mask);
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
                    let mut word = _mm256_set_epi64x(limb(3), limb(2), limb(1), limb(0));
                    // SAFETY: no instruction, in which the compiler cannot see that the word was made of
                    // pieces: it would hand it on in such, to be put together again by a wide load.
                    unsafe { asm!("/* {} */", inout(ymm_reg) word, options(pure, nomem, nostack)) };
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
    fn words(opcode: u8, types: [u8; 2], words: &mut [U256]) -> Option<()> {
        best!(words(opcode, types, words))
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
                    let expected = U256::from_le_bytes(portable);
                    let stack = [b, a].map(U256::from_le_bytes::<WORD>);
                    let [mut on512, mut on2] = [stack; 2];
                    let inputs = one.inputs();
                    if has_avx512::get() {
                        // SAFETY: the machine has the instructions.
                        unsafe {
                            x86::avx512::word(one, &a, &mut avx512);
                            x86::avx512::words(opcode, [ty, 0x22], &mut on512[..inputs]);
                        }
                        assert_eq!((avx512, on512[0]), (portable, expected), "{one:?}");
                    }
                    if has_avx2::get() {
                        // SAFETY: as above.
                        unsafe {
                            x86::avx2::word(one, &a, &mut avx2);
                            x86::avx2::words(opcode, [ty, 0x22], &mut on2[..inputs]);
                        }
                        assert_eq!((avx2, on2[0]), (portable, expected), "{one:?}");
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
