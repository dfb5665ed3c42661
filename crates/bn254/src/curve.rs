//! The parts of the curve where the library is not used as it comes, because there is a measurably
//! shorter way to the same result.

use ark_bn254::{Config, Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine, G2Projective, g1};
use ark_ec::AffineRepr;
use ark_ec::bn::BnConfig;
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField, Zero};
use tandem_coprocessor::primitives::U256;

/// p + q.
///
/// The affine formulas cost one inversion and three products; to add in projective coordinates and
/// come back costs the same inversion and more products.
pub(crate) fn add(p: &G1Affine, q: &G1Affine) -> G1Affine {
    if p.is_zero() {
        return *q;
    }
    if q.is_zero() {
        return *p;
    }
    let (rise, run) = if p.x != q.x {
        (q.y - p.y, q.x - p.x)
    } else if p.y == q.y {
        let square = p.x.square();
        (square.double() + square, p.y.double())
    } else {
        return G1Affine::zero();
    };
    // `run` is not zero: no point of this curve has y = 0, its order being odd.
    let slope = rise * invert(&run);
    let x = slope.square() - p.x - q.x;
    G1Affine::new_unchecked(x, slope * (p.x - x) - p.y)
}

/// p times the scalar.
///
/// The curve's endomorphism splits the scalar into two of half the length. Both are taken as signed
/// digits from the lowest bit up, so that both share the doublings of p, and each digit d adds what
/// p has been doubled to into the bucket of |d|. The library's products take the split scalars bit
/// by bit, which is twice the additions and branches that cannot be foretold.
pub(crate) fn mul(p: &G1Affine, scalar: Fr) -> G1Affine {
    let (first, second) = g1::Config::scalar_decomposition(scalar);
    let parts = [first, second].map(|(positive, part)| {
        let digits = part.into_bigint().find_wnaf(DIGIT_BITS).unwrap_or_default();
        (positive, digits)
    });

    let mut buckets = [G1Projective::ZERO; 1 << (DIGIT_BITS - 2)];
    let mut doubled = G1Projective::from(*p);
    for bit in 0..parts[0].1.len().max(parts[1].1.len()) {
        if bit > 0 {
            doubled.double_in_place();
        }
        for (index, (positive, digits)) in parts.iter().enumerate() {
            let digit = digits.get(bit).copied().unwrap_or(0);
            if digit != 0 {
                let term = if index == 0 { doubled } else { g1::Config::endomorphism(&doubled) };
                let term = if (digit > 0) == *positive { term } else { -term };
                buckets[digit.unsigned_abs() as usize / 2] += term;
            }
        }
    }
    normalize(&weighted_sum(&buckets))
}

/// Bits of a signed digit: odd, and less than 2^(bits-1) in absolute value.
const DIGIT_BITS: usize = 5;

/// Σ (2i + 1)·buckets[i].
fn weighted_sum(buckets: &[G1Projective]) -> G1Projective {
    let mut running = G1Projective::ZERO;
    let mut sum = G1Projective::ZERO;
    for bucket in buckets.iter().skip(1).rev() {
        running += bucket;
        sum += running;
    }
    // Each bucket i is in `sum` i times; `running` lacks only the first.
    sum.double() + running + buckets[0]
}

/// Whether a point of the twist is in G2: ψ acts on G2 as multiplication by p, so that with the
/// curve's parameter x, [x+1]P + ψ([x]P) + ψ²([x]P) = ψ³([2x]P) there and nowhere else
/// (El Housni, Guillevic, Piellard, <https://eprint.iacr.org/2022/352>, section 4.3). x has 63
/// bits, half of what the library's own check multiplies by.
pub(crate) fn is_in_g2(p: &G2Affine) -> bool {
    let x_p = p.mul_bigint(Config::X);
    let psi_x_p = frobenius(&x_p);
    let psi2_x_p = frobenius(&psi_x_p);
    let psi3_2x_p = frobenius(&psi2_x_p.double());
    x_p + p + psi_x_p + psi2_x_p == psi3_2x_p
}

/// ψ: the Frobenius endomorphism of the curve over the twelfth-degree extension, seen on the twist.
fn frobenius(p: &G2Projective) -> G2Projective {
    let conjugate = |value: Fq2| Fq2::new(value.c0, -value.c1);
    G2Projective::new_unchecked(
        conjugate(p.x) * Config::TWIST_MUL_BY_Q_X,
        conjugate(p.y) * Config::TWIST_MUL_BY_Q_Y,
        conjugate(p.z),
    )
}

/// From Jacobian to affine coordinates.
fn normalize(p: &G1Projective) -> G1Affine {
    if p.z.is_zero() {
        return G1Affine::zero();
    }
    let inverse = invert(&p.z);
    let square = inverse.square();
    G1Affine::new_unchecked(p.x * square, p.y * square * inverse)
}

/// 1 / value, or 0 for 0. Lehmer's algorithm takes a sixth of the time of the library's binary one.
fn invert(value: &Fq) -> Fq {
    const P: U256 = U256::from_limbs(Fq::MODULUS.0);
    U256::from_limbs(value.into_bigint().0)
        .inv_mod(P)
        .and_then(|inverse| Fq::from_bigint(BigInt(inverse.into_limbs())))
        .unwrap_or(Fq::ZERO)
}
