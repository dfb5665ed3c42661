//! Montgomery multiplication for the moduli that curves have, of four and six limbs, with MULX, ADCX and
//! ADOX: products leave the flags alone, and the carries of low and high halves run in a flag each. Written
//! out, since compilers keep but one carry in a flag: 1.3 times as fast as the compiled one at four limbs, 1.5 at
//! six (`cargo bench -p tandem-evmmax --bench mulmodx`, 64 elements, Zen 3).
//!
//! One limb of y at a time: the product with x is added, then a multiple of the modulus that clears the lowest
//! limb, which is shifted out.

use core::{arch::asm, mem::offset_of};

use crate::{
    kernel::{Arithmetic, File, Odd, Tallies, arithmetic, each},
    modulus::Modulus,
};

/// The arithmetic of a kind with a product and a square below.
macro_rules! arithmetic_with {
    ($kind:ty, $limbs:literal, $product:ident, $square:ident) => {
        |file, instructions| {
            let multiply = |File { registers, modulus, .. }: &mut File, operands| {
                // SAFETY: `arithmetic` hands on valid operands, of which `each` gives registers; whoever chose
                // this made sure of the processor's features.
                each(registers, operands, |out, x, y| unsafe { $product(out, x, y, modulus) });
            };
            let square = |File { registers, modulus, .. }: &mut File, operands| {
                // SAFETY: as above.
                each(registers, operands, |out, x, _| unsafe { $square(out, x, modulus) });
            };
            arithmetic::<$kind, $limbs>(file, instructions, multiply, square)
        }
    };
}

/// The arithmetic for odd moduli of four limbs with so many bits free, on processors with BMI2 and ADX.
pub(super) fn four_limbs(free: u32) -> fn(&mut File, &[Arithmetic]) -> Tallies {
    match free {
        0 => arithmetic_with!(Odd<0>, 4, four_full, square_full),
        1 => arithmetic_with!(Odd<1>, 4, four, square),
        _ => arithmetic_with!(Odd<2>, 4, four_unreduced, square_unreduced),
    }
}

/// The same for six limbs, at least two of whose bits are free.
pub(super) fn six_limbs() -> fn(&mut File, &[Arithmetic]) -> Tallies {
    arithmetic_with!(Odd<2>, 6, six_unreduced, six_squared)
}

// The modulus is where its limbs are.
const _: () = assert!(offset_of!(Modulus, limbs) == 0);

/// x times the lowest limb of y, which one carry does for; what is above t is in `carry`.
macro_rules! first_product {
    ($($at:literal $add:literal $low:literal $high:literal),*) => {
        concat!(
            "mov rdx, [{y}]\n",
            "mulx {t1}, {t0}, [{x}]\n",
            $(
                "mulx {", $high, "}, {low}, [{x} + ", $at, "]\n",
                $add, " {", $low, "}, {low}\n",
            )*
            "adc {carry}, 0\n",
        )
    };
}

/// Adds x times a limb of y to t; what is above t is in `carry`.
macro_rules! product {
    ($y:literal; $($at:literal $low:literal $high:literal),*; $last:literal $top:literal) => {
        concat!(
            "mov rdx, [{y} + ", $y, "]\n",
            "xor {zero:e}, {zero:e}\n",
            $(
                "mulx {high}, {low}, [{x} + ", $at, "]\n",
                "adox {", $low, "}, {low}\n",
                "adcx {", $high, "}, {high}\n",
            )*
            "mulx {carry}, {low}, [{x} + ", $last, "]\n",
            "adox {", $top, "}, {low}\n",
            "adcx {carry}, {zero}\n",
            "adox {carry}, {zero}\n",
        )
    };
}

/// Adds the multiple of the modulus that makes t's lowest limb zero, and shifts that out.
macro_rules! reduction {
    ($($at:literal $to:literal $from:literal),*; $top:literal $above:literal) => {
        concat!(
            "mov rdx, [{m} + {inverse}]\n",
            "imul rdx, {t0}\n",
            "xor {zero:e}, {zero:e}\n",
            "mulx {high}, {low}, [{m}]\n",
            "adcx {low}, {t0}\n",
            "mov {t0}, {high}\n",
            $(
                "adcx {", $to, "}, {", $from, "}\n",
                "mulx {", $from, "}, {low}, [{m} + ", $at, "]\n",
                "adox {", $to, "}, {low}\n",
            )*
            "adcx {", $top, "}, {zero}\n",
            "adox {", $top, "}, {", $above, "}\n",
        )
    };
}

/// A row of four limbs; the first one, or that of the limb of y at an offset.
macro_rules! row_of_four {
    (0) => {
        concat!(
            first_product!(8 "add" "t1" "t2", 16 "adc" "t2" "t3", 24 "adc" "t3" "carry"),
            row_of_four!(),
        )
    };
    ($y:literal) => {
        concat!(product!($y; 0 "t0" "t1", 8 "t1" "t2", 16 "t2" "t3"; 24 "t3"), row_of_four!())
    };
    () => {
        reduction!(8 "t0" "t1", 16 "t1" "t2", 24 "t2" "t3"; "t3" "carry")
    };
}

/// The same with a bit above t, in `top`.
macro_rules! full_row_of_four {
    (0) => {
        concat!(row_of_four!(0), "mov {top:e}, 0\n", "adox {top}, {zero}\n")
    };
    ($y:literal) => {
        concat!(
            product!($y; 0 "t0" "t1", 8 "t1" "t2", 16 "t2" "t3"; 24 "t3"),
            "add {carry}, {top}\n",
            "mov {top:e}, 0\n",
            "adc {top}, 0\n",
            row_of_four!(),
            "adox {top}, {zero}\n",
        )
    };
}

/// A row of six limbs, as above.
macro_rules! row_of_six {
    (0) => {
        concat!(
            first_product!(
                8 "add" "t1" "t2", 16 "adc" "t2" "t3", 24 "adc" "t3" "t4", 32 "adc" "t4" "t5",
                40 "adc" "t5" "carry"
            ),
            row_of_six!(),
        )
    };
    ($y:literal) => {
        concat!(
            product!($y; 0 "t0" "t1", 8 "t1" "t2", 16 "t2" "t3", 24 "t3" "t4", 32 "t4" "t5"; 40 "t5"),
            row_of_six!(),
        )
    };
    () => {
        reduction!(8 "t0" "t1", 16 "t1" "t2", 24 "t2" "t3", 32 "t3" "t4", 40 "t4" "t5"; "t5" "carry")
    };
}

/// Subtracts the modulus from t if t, with what is above it, is not below. Needs another register.
macro_rules! reduce_four {
    ($other:literal $($top:literal)?) => {
        concat!(
            "mov {", $other, "}, {t0}\n",
            "sub {", $other, "}, [{m}]\n",
            "mov {high}, {t1}\n",
            "sbb {high}, [{m} + 8]\n",
            "mov {low}, {t2}\n",
            "sbb {low}, [{m} + 16]\n",
            "mov rdx, {t3}\n",
            "sbb rdx, [{m} + 24]\n",
            $("sbb {", $top, "}, 0\n",)?
            "cmovnc {t0}, {", $other, "}\n",
            "cmovnc {t1}, {high}\n",
            "cmovnc {t2}, {low}\n",
            "cmovnc {t3}, rdx\n",
        )
    };
}

/// Writes t. Here and not by the compiler, which has no registers left to keep it in.
macro_rules! write_four {
    () => {
        "mov [{out}], {t0}\nmov [{out} + 8], {t1}\nmov [{out} + 16], {t2}\nmov [{out} + 24], {t3}"
    };
}

/// x y / 2^256 modulo the modulus, by these rows and what is to follow; with what is above t, if anything is.
macro_rules! four_limbs {
    ($name:ident, $row:ident, $then:expr $(, $top:ident)?) => {
        /// # Safety
        /// The processor has BMI2 and ADX. All are elements, of which `out` may be any.
        #[inline(always)]
        unsafe fn $name(out: *mut [u64; 4], x: *const [u64; 4], y: *const [u64; 4], m: &Modulus) {
            // SAFETY: reads x, y and the modulus, writes registers and out.
            unsafe {
                asm!(
                    $row!(0), $row!(8), $row!(16), $row!(24), $then, write_four!(),
                    out = in(reg) out, x = in(reg) x, y = in(reg) y, m = in(reg) m,
                    inverse = const offset_of!(Modulus, inverse),
                    t0 = out(reg) _, t1 = out(reg) _, t2 = out(reg) _, t3 = out(reg) _,
                    carry = out(reg) _, high = out(reg) _, low = out(reg) _, zero = out(reg) _,
                    $($top = out(reg) _,)?
                    out("rdx") _,
                    options(nostack),
                );
            }
        }
    };
}

// For moduli below 2^254, of and to elements below twice the modulus; below 2^255; and from there on.
four_limbs!(four_unreduced, row_of_four, "");
four_limbs!(four, row_of_four, reduce_four!("carry"));
four_limbs!(four_full, full_row_of_four, reduce_four!("carry" "top"), top);

/// A row of the reduction with nothing above t.
macro_rules! row_of_square {
    () => {
        reduction!(8 "t0" "t1", 16 "t1" "t2", 24 "t2" "t3"; "t3" "zero")
    };
}

/// x x / 2^256 as above: products of two limbs once and doubled, those of one, and rows of the reduction alone. A
/// sixth faster than x y.
macro_rules! square_of_four {
    ($name:ident, $then:expr) => {
        /// # Safety
        /// The processor has BMI2 and ADX. All are elements, of which `out` may be x.
        #[inline(always)]
        unsafe fn $name(out: *mut [u64; 4], x: *const [u64; 4], m: &Modulus) {
            // SAFETY: reads x and the modulus, writes registers and out.
            unsafe {
                asm!(
                    "mov rdx, [{x}]",
                    "mulx {t2}, {t1}, [{x} + 8]",
                    "mulx {t3}, {low}, [{x} + 16]",
                    "add {t2}, {low}",
                    "mulx {t4}, {low}, [{x} + 24]",
                    "adc {t3}, {low}",
                    "adc {t4}, 0",
                    "mov rdx, [{x} + 8]",
                    "xor {zero:e}, {zero:e}",
                    "mulx {high}, {low}, [{x} + 16]",
                    "adcx {t3}, {low}",
                    "adox {t4}, {high}",
                    "mulx {t5}, {low}, [{x} + 24]",
                    "adcx {t4}, {low}",
                    "adcx {t5}, {zero}",
                    "adox {t5}, {zero}",
                    "mov rdx, [{x} + 16]",
                    "mulx {t6}, {low}, [{x} + 24]",
                    "add {t5}, {low}",
                    "adc {t6}, 0",
                    "xor {zero:e}, {zero:e}",
                    "mov rdx, [{x}]",
                    "mulx {high}, {t0}, rdx",
                    "adcx {t1}, {t1}",
                    "adox {t1}, {high}",
                    "mov rdx, [{x} + 8]",
                    "mulx {high}, {low}, rdx",
                    "adcx {t2}, {t2}",
                    "adox {t2}, {low}",
                    "adcx {t3}, {t3}",
                    "adox {t3}, {high}",
                    "mov rdx, [{x} + 16]",
                    "mulx {high}, {low}, rdx",
                    "adcx {t4}, {t4}",
                    "adox {t4}, {low}",
                    "adcx {t5}, {t5}",
                    "adox {t5}, {high}",
                    "mov rdx, [{x} + 24]",
                    "mulx {x}, {low}, rdx",
                    "adcx {t6}, {t6}",
                    "adox {t6}, {low}",
                    "adcx {x}, {zero}",
                    "adox {x}, {zero}",
                    row_of_square!(), row_of_square!(), row_of_square!(), row_of_square!(),
                    "add {t0}, {t4}",
                    "adc {t1}, {t5}",
                    "adc {t2}, {t6}",
                    "adc {t3}, {x}",
                    $then,
                    write_four!(),
                    out = in(reg) out, x = inout(reg) x => _, m = in(reg) m,
                    inverse = const offset_of!(Modulus, inverse),
                    t0 = out(reg) _, t1 = out(reg) _, t2 = out(reg) _, t3 = out(reg) _,
                    t4 = out(reg) _, t5 = out(reg) _, t6 = out(reg) _,
                    high = out(reg) _, low = out(reg) _, zero = out(reg) _, out("rdx") _,
                    options(nostack),
                );
            }
        }
    };
}

square_of_four!(square_unreduced, "");
square_of_four!(square, reduce_four!("t4"));
square_of_four!(square_full, concat!("mov {t5:e}, 0\nadc {t5}, 0\n", reduce_four!("t4" "t5")));

/// x y / 2^384 modulo a modulus below 2^382, of and to elements below twice the modulus.
///
/// # Safety
/// The processor has BMI2 and ADX. All are elements, of which `out` may be any.
#[inline(always)]
unsafe fn six_unreduced(out: *mut [u64; 6], x: *const [u64; 6], y: *const [u64; 6], m: &Modulus) {
    let (t0, t1, t2, t3, t4, t5): (u64, u64, u64, u64, u64, u64);
    // SAFETY: reads x, y and the modulus, writes registers and then out.
    unsafe {
        asm!(
            row_of_six!(0), row_of_six!(8), row_of_six!(16),
            row_of_six!(24), row_of_six!(32), row_of_six!(40),
            x = in(reg) x, y = in(reg) y, m = in(reg) m,
            inverse = const offset_of!(Modulus, inverse),
            t0 = out(reg) t0, t1 = out(reg) t1, t2 = out(reg) t2,
            t3 = out(reg) t3, t4 = out(reg) t4, t5 = out(reg) t5,
            carry = out(reg) _, high = out(reg) _, low = out(reg) _, zero = out(reg) _, out("rdx") _,
            options(pure, readonly, nostack),
        );
        *out = [t0, t1, t2, t3, t4, t5];
    }
}

/// x x / 2^384 in the same way.
///
/// # Safety
/// As for [`six_unreduced`].
#[inline(always)]
unsafe fn six_squared(out: *mut [u64; 6], x: *const [u64; 6], m: &Modulus) {
    // SAFETY: as for that.
    unsafe { six_unreduced(out, x, x, m) }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::kernel::{self, montgomery};

    /// Limbs of which many are at the ends of their range, where carries are.
    fn limbs<const N: usize>() -> impl Strategy<Value = [u64; N]> {
        let limb = prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(u64::MAX - 1), any::<u64>()];
        vec(limb, N).prop_map(|limbs| limbs.try_into().expect("as many as asked for"))
    }

    /// A modulus with so many bits of its highest limb in use, and two elements as they are kept.
    fn case<const N: usize>(bits: u32) -> impl Strategy<Value = (Modulus, [u64; N], [u64; N])> {
        (limbs::<N>(), limbs::<N>(), limbs::<N>()).prop_map(move |(mut m, x, y)| {
            m[0] |= 1;
            m[N - 1] = (m[N - 1] | 1 << 63) >> (64 - bits);
            let bytes: Vec<u8> = m.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
            let mut modulus = Modulus::read(&bytes).expect("odd and large");
            modulus.prepare::<N>();
            let (x, y) = (below(x, modulus.bound()), below(y, modulus.bound()));
            (modulus, x, y)
        })
    }

    fn is_less<const N: usize>(x: &[u64; N], y: &[u64; N]) -> bool {
        x.iter().rev().lt(y.iter().rev())
    }

    /// The value, or the bound less one if that is smaller.
    fn below<const N: usize>(value: [u64; N], bound: &[u64; N]) -> [u64; N] {
        let mut last = *bound;
        let mut limbs = last.iter_mut();
        while limbs.next().is_some_and(|limb| {
            *limb = limb.wrapping_sub(1);
            *limb == u64::MAX
        }) {}
        if is_less(&value, bound) { value } else { last }
    }

    /// The product of the portable kernel, of reduced elements and reduced.
    fn expected<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        let [x, y] = [x, y].map(|value| reduced(value, modulus));
        montgomery(&x, &y, modulus.first(), modulus.inverse)
    }

    fn reduced<const N: usize>(value: &[u64; N], modulus: &Modulus) -> [u64; N] {
        kernel::add(value, &[0; N], modulus.first())
    }

    macro_rules! agrees {
        ($name:ident, $n:literal, $bits:expr, $product:expr, $square:expr) => {
            proptest! {
                #![proptest_config(ProptestConfig::with_cases(8_000))]

                #[test]
                fn $name((modulus, x, y) in $bits.prop_flat_map(case::<$n>)) {
                    if crate::native::processor::get() {
                        let (mut product, mut square) = ([0; $n], [0; $n]);
                        // SAFETY: the processor has the instructions.
                        unsafe {
                            $product(&mut product, &x, &y, &modulus);
                            $square(&mut square, &x, &modulus);
                        }
                        for (result, y) in [(product, y), (square, x)] {
                            prop_assert!(is_less(&result, modulus.bound()));
                            let result = reduced(&result, &modulus);
                            prop_assert_eq!(result, expected(&x, &y, &modulus));
                        }
                    }
                }
            }
        };
    }

    agrees!(four_limbs_with_bits_to_spare, 4, 1..63_u32, four_unreduced, square_unreduced);
    agrees!(four_limbs_with_a_bit_to_spare, 4, Just(63_u32), four, square);
    agrees!(four_full_limbs, 4, Just(64_u32), four_full, square_full);
    agrees!(six_limbs_with_bits_to_spare, 6, 1..63_u32, six_unreduced, six_squared);
}
