//! A sum of multiples of points of G₁ in 128 doublings: the curve's endomorphism halves the scalars
//! (Gallant, Lambert, Vanstone 2001), the doublings are shared between all halves (Straus 1964), and
//! signed digits of a width that suits each table save additions (wNAF). In variable time: nothing
//! here is secret.

use alloc::vec::Vec;

use blst::{blst_fp, blst_p1, blst_p1_affine};
use tandem_coprocessor::primitives::U256;

use super::curve;

/// x², the square of the curve's parameter. It is about √r, and multiplying by it is cheap.
const X_SQUARED: U256 = U256::from_limbs([0x0000_0001_0000_0000, 0xac45_a401_0001_a402, 0, 0]);

/// A cube root of one in the base field, big-endian: of the two, the one with
/// x²·(a, b) = (β·a, −b).
const BETA: [u8; 48] = [
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x5f, 0x19, 0x67, 0x2f, 0xdf, 0x76, 0xce, 0x51,
    0xba, 0x69, 0xc6, 0x07, 0x6a, 0x0f, 0x77, 0xea, 0xdd, 0xb3, 0xa9, 0x3b, 0xe6, 0xf8, 0x96, 0x88,
    0xde, 0x17, 0xd8, 0x13, 0x62, 0x0a, 0x00, 0x02, 0x2e, 0x01, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xfe,
];

/// Multiplication by x², for the price of one in the field.
#[derive(Clone, Debug)]
pub(super) struct Endomorphism {
    beta: blst_fp,
}

impl Endomorphism {
    pub(super) fn new() -> Self {
        Self { beta: curve::field_element(&BETA) }
    }

    fn of(&self, point: &blst_p1_affine) -> blst_p1_affine {
        let [x, y] = [curve::multiply(&self.beta, &point.x), point.y];
        curve::negate(&blst_p1_affine { x, y })
    }
}

/// The odd multiples of a point up to what a signed digit of `width` bits can ask for.
#[derive(Clone, Debug)]
pub(super) struct Table {
    width: u32,
    multiples: Vec<blst_p1_affine>,
}

impl Table {
    /// Makes the table of a point other than infinity for digits of 2 to 8 bits.
    pub(super) fn of(point: &blst_p1_affine, width: u32) -> Self {
        Self { width, multiples: curve::odd_multiples(point, 1 << (width - 2)) }
    }
}

/// Σ scalar · point over the tables' points. Scalars are less than r.
pub(super) fn combine(terms: &[(&Table, U256)], endomorphism: &Endomorphism) -> blst_p1 {
    let halves: Vec<_> = terms
        .iter()
        .map(|(table, scalar)| {
            let (high, low) = scalar.div_rem(X_SQUARED);
            let digits = |half: U256| signed_digits(half.wrapping_to(), table.width);
            (&table.multiples, digits(low), digits(high))
        })
        .collect();

    let mut sum = blst_p1::default();
    for place in (0..DIGITS).rev() {
        curve::double(&mut sum);
        for (multiples, low, high) in &halves {
            if let Some(point) = multiple(multiples, low[place]) {
                curve::add(&mut sum, &point);
            }
            if let Some(point) = multiple(multiples, high[place]) {
                curve::add(&mut sum, &endomorphism.of(&point));
            }
        }
    }
    sum
}

/// The point that a digit asks for; `None` for the digit 0.
fn multiple(multiples: &[blst_p1_affine], digit: i8) -> Option<blst_p1_affine> {
    if digit == 0 {
        return None;
    }
    let point = multiples.get(usize::from(digit.unsigned_abs() / 2))?;
    Some(if digit < 0 { curve::negate(point) } else { *point })
}

/// Signed binary digits of a number below 2^128: rounding up may add one.
const DIGITS: usize = 129;

/// The digits of width-`width` non-adjacent form, the lowest first: odd numbers of that many bits, sign
/// included, with at least `width` − 1 zeros after each.
fn signed_digits(mut number: u128, width: u32) -> [i8; DIGITS] {
    let mut digits = [0; DIGITS];
    let mut place = 0;
    while number != 0 {
        let zeros = number.trailing_zeros();
        number >>= zeros;
        place += zeros;
        let low = (number & ((1 << width) - 1)) as i16;
        let negative = low >> (width - 1) == 1;
        let digit = if negative { low - (1 << width) } else { low };
        digits[place as usize] = digit as i8;
        number = (number >> width) + u128::from(negative);
        place += width;
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Σ digit · 2^place modulo 2^128, which loses nothing of a number below 2^128.
    fn value(digits: &[i8; DIGITS]) -> u128 {
        let low = digits[..128].iter().rev();
        low.fold(0, |sum: u128, digit| sum.wrapping_mul(2).wrapping_add_signed((*digit).into()))
    }

    proptest! {
        #[test]
        fn digits_are_the_number(number: u128, width in 2u32..=8) {
            for number in [number, number | u128::MAX << 100, number >> 90] {
                let digits = signed_digits(number, width);
                prop_assert_eq!(value(&digits), number);
                for (place, digit) in digits.iter().enumerate().filter(|(_, digit)| **digit != 0) {
                    prop_assert!(digit % 2 != 0 && i16::from(*digit).abs() < 1 << (width - 1));
                    let following = digits.iter().skip(place + 1).take(width as usize - 1);
                    prop_assert!(following.into_iter().all(|digit| *digit == 0));
                }
            }
        }
    }

    #[test]
    fn endomorphism_multiplies_by_the_squared_parameter() {
        let minus_generator = curve::minus_g1_generator();
        let endomorphism = Endomorphism::new();
        let mut sum = blst_p1::default();
        for bit in (0..128).rev() {
            curve::double(&mut sum);
            if X_SQUARED.bit(bit) {
                curve::add(&mut sum, &minus_generator);
            }
        }
        assert_eq!(curve::to_affine(&sum), endomorphism.of(&minus_generator));
    }
}
