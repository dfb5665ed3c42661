//! Points as bytes: big-endian coordinates of 32 bytes, the point at infinity as zeros (EIP-196),
//! an element of the quadratic extension with its imaginary part first (EIP-197).

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, PrimeField};
use tandem_coprocessor::Fault;

use crate::curve;

pub(crate) const WORD: usize = 32;
pub(crate) const G1: usize = 2 * WORD;
pub(crate) const G2: usize = 4 * WORD;

/// A point of G1 from 64 bytes.
///
/// # Errors
/// [`Fault::Input`] if a coordinate is not below p or the point is not on the curve.
pub(crate) fn decode_g1(bytes: &[u8]) -> Result<G1Affine, Fault> {
    let point = G1Affine::new_unchecked(coordinate(bytes, 0)?, coordinate(bytes, 1)?);
    // The library takes (0, 0) for infinity too. The curve has prime order: all of it is G1.
    point.is_on_curve().then_some(point).ok_or(Fault::Input)
}

/// A point of G2 from 128 bytes.
///
/// # Errors
/// [`Fault::Input`] if a coordinate is not below p, or the point not on the curve or not in the
/// group.
pub(crate) fn decode_g2(bytes: &[u8]) -> Result<G2Affine, Fault> {
    let x = Fq2::new(coordinate(bytes, 1)?, coordinate(bytes, 0)?);
    let y = Fq2::new(coordinate(bytes, 3)?, coordinate(bytes, 2)?);
    let point = G2Affine::new_unchecked(x, y);
    let valid = point.is_on_curve() && (point.is_zero() || curve::is_in_g2(&point));
    valid.then_some(point).ok_or(Fault::Input)
}

/// A scalar: any 32 bytes, reduced modulo the order of the group.
pub(crate) fn decode_scalar(bytes: &[u8]) -> Fr {
    Fr::from_be_bytes_mod_order(bytes)
}

/// Writes a point of G1 as 64 bytes.
pub(crate) fn encode_g1(point: &G1Affine, output: &mut [u8]) {
    let (x, y) = output.split_at_mut(WORD);
    for (bytes, value) in [(x, point.x), (y, point.y)] {
        let limbs = value.into_bigint().0;
        for (bytes, limb) in bytes.rchunks_exact_mut(8).zip(limbs) {
            bytes.copy_from_slice(&limb.to_be_bytes());
        }
    }
}

/// The coordinate that starts at the given word; `Fault::Input` if it is not below p.
fn coordinate(bytes: &[u8], index: usize) -> Result<Fq, Fault> {
    let mut limbs = [0; 4];
    let word = &bytes[index * WORD..][..WORD];
    for (limb, bytes) in limbs.iter_mut().zip(word.rchunks_exact(8)) {
        *limb = bytes.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    Fq::from_bigint(BigInt(limbs)).ok_or(Fault::Input)
}
