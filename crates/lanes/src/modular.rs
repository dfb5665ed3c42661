//! Arithmetic of lists modulo a number, which the lanes of a word have no room for: what a number
//! theoretic transform is made of. Operands need not be reduced; results are.

use crate::lane::Lane;

/// A lane-wise operation modulo a number all lanes share. Modulo zero everything is zero, as with the
/// EVM's ADDMOD and MULMOD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each says what it does")]
pub enum ModularOp {
    Mul,
    Add,
    Sub,
}

/// `op` on each pair of lanes.
#[inline(always)]
pub(crate) fn modular<L: Lane, const BIG: bool>(
    op: ModularOp,
    a: &[u8],
    b: &[u8],
    modulus: L,
    out: &mut [u8],
) {
    let m = modulus.to_u64();
    if m == 0 {
        out.fill(0);
    } else if m >> 32 == 0 && below::<L, BIG>(a, m) && below::<L, BIG>(b, m) {
        let narrow = Narrow::new(m);
        match op {
            ModularOp::Mul => zip::<L, BIG>(a, b, out, |a, b| narrow.mul(a, b)),
            ModularOp::Add => zip::<L, BIG>(a, b, out, |a, b| narrow.add(a, b)),
            ModularOp::Sub => zip::<L, BIG>(a, b, out, |a, b| narrow.sub(a, b)),
        }
    } else {
        let wide = Wide::new(m);
        match op {
            ModularOp::Mul => zip::<L, BIG>(a, b, out, |a, b| wide.mul(a, b)),
            ModularOp::Add => zip::<L, BIG>(a, b, out, |a, b| wide.add(a, b)),
            ModularOp::Sub => zip::<L, BIG>(a, b, out, |a, b| wide.sub(a, b)),
        }
    }
}

#[inline(always)]
fn zip<L: Lane, const BIG: bool>(a: &[u8], b: &[u8], out: &mut [u8], f: impl Fn(u64, u64) -> u64) {
    let bytes = size_of::<L>();
    let operands = a.chunks_exact(bytes).zip(b.chunks_exact(bytes));
    for (out, (a, b)) in out.chunks_exact_mut(bytes).zip(operands) {
        let lane = f(L::read::<BIG>(a).to_u64(), L::read::<BIG>(b).to_u64());
        L::from_u64(lane).write::<BIG>(out);
    }
}

/// Whether every lane is below the bound. No early end: the whole list is looked at in vectors.
#[inline(always)]
fn below<L: Lane, const BIG: bool>(list: &[u8], bound: u64) -> bool {
    let lanes = list.chunks_exact(size_of::<L>());
    lanes.fold(true, |all, lane| all & (L::read::<BIG>(lane).to_u64() < bound))
}

/// A modulus below 2^32 and operands below the modulus: no branch, and nothing that vector units lack.
#[derive(Clone, Copy)]
struct Narrow {
    modulus: u64,
    inverse: f64,
}

impl Narrow {
    #[inline(always)]
    fn new(modulus: u64) -> Self {
        Self { modulus, inverse: 1.0 / modulus as f64 }
    }

    /// The quotient of the product by the modulus is below 2^32 and found to within 2^-19, so that
    /// rounded to an integer it leaves a remainder of less than the modulus, above or below zero.
    #[inline(always)]
    fn mul(self, a: u64, b: u64) -> u64 {
        // Adding 2^52 rounds to an integer and leaves it in the low bits of the significand.
        const ROUND: f64 = (1_u64 << 52) as f64;
        let (low, high) = (a as u32, b as u32);
        let quotient = f64::from(low) * f64::from(high) * self.inverse;
        let quotient = (quotient + ROUND).to_bits() & 0xffff_ffff;
        let product = u64::from(low) * u64::from(high);
        let remainder = product.wrapping_sub(quotient * self.modulus);
        remainder.min(remainder.wrapping_add(self.modulus))
    }

    #[inline(always)]
    fn add(self, a: u64, b: u64) -> u64 {
        let sum = a + b;
        sum.min(sum.wrapping_sub(self.modulus))
    }

    #[inline(always)]
    fn sub(self, a: u64, b: u64) -> u64 {
        let difference = a.wrapping_sub(b);
        difference.min(difference.wrapping_add(self.modulus))
    }
}

/// Any modulus but zero, any operands: division of two digits by one with the reciprocal found once
/// (Möller and Granlund, "Improved division by invariant integers", algorithm 4).
#[derive(Clone, Copy)]
struct Wide {
    modulus: u64,
    /// The modulus moved up until its highest bit is set, and by how many bits.
    divisor: u64,
    shift: u32,
    /// ⌊(2^128 − 1) / divisor⌋ − 2^64.
    reciprocal: u64,
}

impl Wide {
    fn new(modulus: u64) -> Self {
        let shift = modulus.leading_zeros();
        let divisor = modulus << shift;
        let reciprocal = (u128::MAX / u128::from(divisor)) as u64;
        Self { modulus, divisor, shift, reciprocal }
    }

    /// `number` modulo the modulus; its high digit is below the modulus.
    #[inline(always)]
    fn reduce(self, number: u128) -> u64 {
        let number = number << self.shift;
        let (high, low) = ((number >> 64) as u64, number as u64);
        let quotient = u128::from(self.reciprocal) * u128::from(high) + number;
        let digit = ((quotient >> 64) as u64).wrapping_add(1);
        let mut remainder = low.wrapping_sub(digit.wrapping_mul(self.divisor));
        if remainder > quotient as u64 {
            remainder = remainder.wrapping_add(self.divisor);
        }
        if remainder >= self.divisor {
            remainder -= self.divisor;
        }
        remainder >> self.shift
    }

    #[inline(always)]
    fn mul(self, a: u64, b: u64) -> u64 {
        let a = self.reduce(a.into());
        self.reduce(u128::from(a) * u128::from(b))
    }

    #[inline(always)]
    fn add(self, a: u64, b: u64) -> u64 {
        let (a, b) = (self.reduce(a.into()), self.reduce(b.into()));
        let (sum, carry) = a.overflowing_add(b);
        if carry || sum >= self.modulus { sum.wrapping_sub(self.modulus) } else { sum }
    }

    #[inline(always)]
    fn sub(self, a: u64, b: u64) -> u64 {
        let (a, b) = (self.reduce(a.into()), self.reduce(b.into()));
        let (difference, borrow) = a.overflowing_sub(b);
        if borrow { difference.wrapping_add(self.modulus) } else { difference }
    }
}
