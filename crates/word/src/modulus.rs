//! ADDMOD and MULMOD with a remembered modulus: programs that use one use it again and again. Division
//! by it becomes multiplication by its reciprocal, with digits of 256 bits (Möller and Granlund,
//! "Improved division by invariant integers", 2011, algorithm 4): 42 multiplications of limbs for a
//! MULMOD, half the time of a division.

use tandem_coprocessor::primitives::{U256, U512};

use crate::{add_reduced, from_u64, is_zero, less};

/// The modulus last used.
#[derive(Clone, Debug, Default)]
pub struct Modulus {
    value: U256,
    /// How far to the left its highest bit moves the word's end.
    shift: u32,
    /// The modulus shifted, with its highest bit set.
    divisor: U256,
    /// ⌊(2^512 − 1) / divisor⌋ − 2^256; known from the second use on.
    reciprocal: Option<U256>,
}

impl Modulus {
    /// MULMOD: the product is not cut to 256 bits; zero if the modulus is.
    pub fn mul_mod(&mut self, a: &U256, b: &U256, n: &U256) -> U256 {
        if is_zero(a) || is_zero(b) {
            return U256::ZERO;
        }
        if *n == U256::MAX {
            return mul_mod_max(a, b);
        }
        let Some(v) = self.remember(n) else { return a.mul_mod(*b, *n) };
        // A product fits if one of its factors is below the modulus.
        let (a, b) = if less(a, n) { (*a, b) } else { (*b, a) };
        let a = if less(&a, n) { a } else { self.reduce(&a, &v) };
        let (low, high) = multiply(&self.up(&a), b);
        self.down(&self.remainder(&high, &low, &v))
    }

    /// ADDMOD: the sum is not cut to 256 bits; zero if the modulus is.
    pub fn add_mod(&mut self, a: &U256, b: &U256, n: &U256) -> U256 {
        if let Some(sum) = add_reduced(a, b, n) {
            return sum;
        }
        let Some(v) = self.remember(n) else { return a.add_mod(*b, *n) };
        add_reduced(&self.reduce(a, &v), &self.reduce(b, &v), n).unwrap_or_default()
    }

    /// The reciprocal, if the modulus was the last one, too.
    #[inline]
    fn remember(&mut self, n: &U256) -> Option<U256> {
        if self.value != *n {
            (self.value, self.reciprocal) = (*n, None);
            return None;
        }
        if self.reciprocal.is_none() && !is_zero(n) {
            self.invert();
        }
        self.reciprocal
    }

    #[cold]
    fn invert(&mut self) {
        self.shift = self.value.leading_zeros() as u32;
        self.divisor = self.value << self.shift;
        let ([a, b, c, d], ones) = (*(!self.divisor).as_limbs(), u64::MAX);
        let rest = U512::from_limbs([ones, ones, ones, ones, a, b, c, d]);
        self.reciprocal = Some((rest / U512::from(self.divisor)).wrapping_to());
    }

    /// The word shifted as the divisor is.
    #[inline(always)]
    fn up(&self, word: &U256) -> U256 {
        if self.shift >= 64 {
            return *word << self.shift;
        }
        let ([a, b, c, d], left, right) = (*word.as_limbs(), self.shift, 63 - self.shift);
        let carried = [a << left, a >> 1 >> right | b << left, b >> 1 >> right | c << left];
        U256::from_limbs([carried[0], carried[1], carried[2], c >> 1 >> right | d << left])
    }

    #[inline(always)]
    fn down(&self, word: &U256) -> U256 {
        if self.shift >= 64 {
            return *word >> self.shift;
        }
        let ([a, b, c, d], right, left) = (*word.as_limbs(), self.shift, 63 - self.shift);
        let carried = [b << 1 << left | a >> right, c << 1 << left | b >> right];
        U256::from_limbs([carried[0], carried[1], d << 1 << left | c >> right, d >> right])
    }

    /// The word modulo the modulus.
    #[inline]
    fn reduce(&self, word: &U256, reciprocal: &U256) -> U256 {
        if self.shift >= 32 {
            let (high, low) = (*word >> (256 - self.shift), *word << self.shift);
            return self.remainder(&high, &low, reciprocal) >> self.shift;
        }
        // The quotient of the highest limbs is short, and at most a little too small.
        let (top, divisor) = (word.as_limbs()[3], self.value.as_limbs()[3]);
        let quotient = divisor.checked_add(1).map_or(0, |divisor| top / divisor);
        let mut rest = word.wrapping_sub(times(&self.value, quotient));
        loop {
            let (less, borrow) = subtract(&rest, &self.value);
            if borrow {
                return rest;
            }
            rest = less;
        }
    }

    /// `high · 2^256 + low` modulo the divisor; `high` is below it.
    #[inline]
    fn remainder(&self, high: &U256, low: &U256, reciprocal: &U256) -> U256 {
        let (q0, q1) = multiply(reciprocal, high);
        let (q0, carry) = q0.overflowing_add(*low);
        let q1 = q1.wrapping_add(*high).wrapping_add(from_u64(u64::from(carry) + 1));
        let rest = low.wrapping_sub(q1.wrapping_mul(self.divisor));
        let rest = if subtract(&q0, &rest).1 { rest.wrapping_add(self.divisor) } else { rest };
        let (less, borrow) = subtract(&rest, &self.divisor);
        if borrow { rest } else { less }
    }
}

/// The product modulo 2^256 − 1, which programs take to find the product's high word: there 2^256 is 1.
fn mul_mod_max(a: &U256, b: &U256) -> U256 {
    let (low, high) = multiply(a, b);
    let (sum, carry) = low.overflowing_add(high);
    let sum = sum.wrapping_add(from_u64(u64::from(carry)));
    if sum == U256::MAX { U256::ZERO } else { sum }
}

/// The product with a limb, cut to 256 bits.
#[inline(always)]
fn times(word: &U256, limb: u64) -> U256 {
    let [a, b, c, d] = *word.as_limbs();
    let (a, carry) = a.carrying_mul(limb, 0);
    let (b, carry) = b.carrying_mul(limb, carry);
    let (c, carry) = c.carrying_mul(limb, carry);
    U256::from_limbs([a, b, c, d.wrapping_mul(limb).wrapping_add(carry)])
}

/// The difference, and whether it had to borrow.
#[inline(always)]
fn subtract(a: &U256, b: &U256) -> (U256, bool) {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    let (p, borrow) = a[0].overflowing_sub(b[0]);
    let (q, borrow) = a[1].borrowing_sub(b[1], borrow);
    let (r, borrow) = a[2].borrowing_sub(b[2], borrow);
    let (s, borrow) = a[3].borrowing_sub(b[3], borrow);
    (U256::from_limbs([p, q, r, s]), borrow)
}

/// The whole product, its low word first.
#[inline(always)]
fn multiply(a: &U256, b: &U256) -> (U256, U256) {
    let (a, b, mut p) = (a.as_limbs(), b.as_limbs(), [0; 8]);
    for i in 0..4 {
        let mut carry = 0;
        for j in 0..4 {
            let sum = u128::from(a[i]) * u128::from(b[j]) + u128::from(p[i + j]) + carry;
            (p[i + j], carry) = (sum as u64, sum >> 64);
        }
        p[i + 4] = carry as u64;
    }
    let [a, b, c, d, e, f, g, h] = p;
    (U256::from_limbs([a, b, c, d]), U256::from_limbs([e, f, g, h]))
}
