//! Multi-scalar multiplication with its subgroup check, for few points.
//!
//! A point P of the curve is in the subgroup exactly if an endomorphism σ of the curve acts on it
//! as a certain short multiple m does: σ(P) = [m]P (Scott, <https://eprint.iacr.org/2021/1130>).
//! That check computes the doublings 2^i·P. The same doublings serve the product: the scalar, split
//! into digits a_j to the base m, gives k·P = Σ a_j·σ^j(P), and from the lowest bit up every non-zero
//! signed digit d of some a_j at bit i is one addition of σ^j(2^i·P) to the bucket of d. Buckets are
//! shared by all points. So a product costs hardly more than the check, which is due anyway, where
//! the libraries do one after the other.
//!
//! Everything here is public data: time depends on it freely.

use alloc::vec;
use alloc::vec::Vec;

use tandem_coprocessor::Fault;
use tandem_coprocessor::primitives::U256;

use crate::group::{Affine, Group};

/// A point and its scalar, below r.
pub(crate) type Pair<G> = (Affine<<G as Group>::Coordinate>, U256);

/// The sum of the points, each times its scalar.
///
/// # Errors
/// [`Fault::Input`] if a point is not in the subgroup.
pub(crate) fn sum_of_products<G: Group>(pairs: &[Pair<G>]) -> Result<G, Fault> {
    if pairs.len() < G::MANY {
        return few(pairs);
    }
    if !pairs.iter().all(|(point, _)| G::contains(point)) {
        return Err(Fault::Input);
    }
    let (points, scalars): (Vec<_>, Vec<_>) =
        pairs.iter().map(|(point, scalar)| (*point, *scalar.as_limbs())).unzip();
    Ok(G::bucketed(&points, &scalars))
}

fn few<G: Group>(pairs: &[Pair<G>]) -> Result<G, Fault> {
    let width = digit_width(pairs.len());
    let mut buckets = vec![G::INFINITY; 1 << (width - 2)];
    for (point, scalar) in pairs {
        collect(point, *scalar, width, &mut buckets)?;
    }
    Ok(weighted_sum(&buckets))
}

/// Bits of a signed digit: each more halves the digits' density and doubles the buckets.
fn digit_width(pairs: usize) -> u32 {
    5 + pairs.ilog2().div_ceil(2)
}

/// Adds the terms of one product to the buckets of their digits.
///
/// # Errors
/// [`Fault::Input`] if the point is not in the subgroup; the buckets are of no use then.
fn collect<G: Group>(
    point: &Affine<G::Coordinate>,
    scalar: U256,
    width: u32,
    buckets: &mut [G],
) -> Result<(), Fault> {
    let point = G::from_affine(point);
    let mut parts = [0; 4];
    split::<G>(scalar, &mut parts[..G::PARTS]);
    let mut base = G::BASE;

    let mut doubled = point;
    let mut multiple = G::INFINITY;
    loop {
        if base & 1 == 1 {
            accumulate(&mut multiple, doubled);
        }
        base >>= 1;
        for (part, rest) in parts[..G::PARTS].iter_mut().enumerate() {
            let digit = take_digit(rest, width);
            if digit != 0 {
                let term = doubled.scaled(part);
                let term = if digit < 0 { term.negated() } else { term };
                accumulate(&mut buckets[digit.unsigned_abs() as usize / 2], term);
            }
        }
        if base == 0 && parts == [0; 4] {
            break;
        }
        doubled.double();
    }
    if multiple == point.scaled(1) { Ok(()) } else { Err(Fault::Input) }
}

/// The digits of a scalar to the base m, the least first.
fn split<G: Group>(mut scalar: U256, parts: &mut [u128]) {
    for part in parts {
        let (quotient, digit) = scalar.div_rem(U256::from(G::BASE));
        *part = digit.wrapping_to();
        scalar = quotient;
    }
}

/// Takes the lowest bit off, and with it, if it is set, an odd digit d with |d| < 2^(width-1) that
/// leaves the next `width` - 1 bits zero (the non-adjacent form of that width).
fn take_digit(rest: &mut u128, width: u32) -> i32 {
    if *rest & 1 == 0 {
        *rest >>= 1;
        return 0;
    }
    let low = (*rest & ((1 << width) - 1)) as i32;
    let digit = if low >> (width - 1) == 0 { low } else { low - (1 << width) };
    // (rest - digit) / 2, without the overflow of a rest near 2^128.
    *rest >>= 1;
    match digit {
        0.. => *rest -= (digit as u128) >> 1,
        _ => *rest += u128::from(digit.unsigned_abs()).div_ceil(2),
    }
    digit
}

/// Σ (2i + 1)·buckets[i].
fn weighted_sum<G: Group>(buckets: &[G]) -> G {
    let mut running = G::INFINITY;
    let mut sum = G::INFINITY;
    for bucket in buckets.iter().skip(1).rev() {
        accumulate(&mut running, *bucket);
        accumulate(&mut sum, running);
    }
    // Each bucket i is in `sum` i times; `running` lacks only the first.
    sum.double();
    accumulate(&mut running, buckets[0]);
    accumulate(&mut sum, running);
    sum
}

/// Adds a term, without the cost of an addition to infinity.
fn accumulate<G: Group>(sum: &mut G, term: G) {
    if sum.is_infinity() {
        *sum = term;
    } else if !term.is_infinity() {
        sum.add(&term);
    }
}
