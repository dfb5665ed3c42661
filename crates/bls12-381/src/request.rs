//! The byte formats of the seven requests, and what is done for each, common to all backends.

use alloc::vec::Vec;

use tandem_coprocessor::primitives::U256;
use tandem_coprocessor::{Fault, Op, Size, Work};

use crate::constants::R;
use crate::coordinate::{Coordinate, FP};
use crate::group::{self, Affine, Group};
use crate::msm;

const WORD: usize = 32;
const G1: usize = 2 * FP;
const G2: usize = 4 * FP;

/// The coordinates of a backend's points.
type Fp<C> = <<C as Curve>::G1 as Group>::Coordinate;
type Fp2<C> = <<C as Curve>::G2 as Group>::Coordinate;

/// What a backend provides: the two groups, the pairing and the maps.
pub(crate) trait Curve {
    /// The curve over the base field.
    type G1: Group;
    /// Its twist over the quadratic extension.
    type G2: Group;

    /// Whether the product of the pairings is one. The points are of G1 and G2, not infinite, and
    /// there is at least one pair.
    fn pairing_is_one(points: &[Affine<Fp<Self>>], twisted: &[Affine<Fp2<Self>>]) -> bool;
    /// Maps an element to G1: simplified SWU, isogeny, cofactor (RFC 9380, section 8.8.1).
    fn map_to_g1(element: &Fp<Self>) -> Self::G1;
    /// Maps an element to G2 (RFC 9380, section 8.8.2).
    fn map_to_g2(element: &Fp2<Self>) -> Self::G2;
}

/// [`tandem_coprocessor::Coprocessor::measure`] of every backend.
pub(crate) fn measure(op: Op, input: &[u8]) -> Result<Work, Fault> {
    let exactly = |len, max_output| {
        let work = Work { size: Size::Constant, max_output };
        if input.len() == len { Ok(work) } else { Err(Fault::Input) }
    };
    let pairs_of = |len, max_output| {
        let work = Work { size: Size::Pairs((input.len() / len) as u64), max_output };
        let whole = !input.is_empty() && input.len().is_multiple_of(len);
        if whole { Ok(work) } else { Err(Fault::Input) }
    };
    match op {
        Op::BlsG1Add => exactly(2 * G1, G1),
        Op::BlsG1Msm => pairs_of(G1 + WORD, G1),
        Op::BlsG2Add => exactly(2 * G2, G2),
        Op::BlsG2Msm => pairs_of(G2 + WORD, G2),
        Op::BlsPairing => pairs_of(G1 + G2, WORD),
        Op::BlsMapFpToG1 => exactly(FP, G1),
        Op::BlsMapFp2ToG2 => exactly(2 * FP, G2),
        _ => Err(Fault::Unsupported),
    }
}

/// [`tandem_coprocessor::Coprocessor::execute`] of a backend.
pub(crate) fn execute<C: Curve>(op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
    let work = measure(op, input)?;
    let output = output.get_mut(..work.max_output).ok_or(Fault::Output)?;
    match op {
        Op::BlsG1Add => group::encode(add::<Fp<C>>(input)?, output),
        Op::BlsG1Msm => group::encode(group::normalize(&multiply::<C::G1>(input)?), output),
        Op::BlsG2Add => group::encode(add::<Fp2<C>>(input)?, output),
        Op::BlsG2Msm => group::encode(group::normalize(&multiply::<C::G2>(input)?), output),
        Op::BlsPairing => {
            output.fill(0);
            output[WORD - 1] = u8::from(pairing_is_one::<C>(input)?);
        }
        Op::BlsMapFpToG1 => {
            let point = C::map_to_g1(&Fp::<C>::decode(input)?);
            group::encode(group::normalize(&point), output);
        }
        _ => {
            let point = C::map_to_g2(&Fp2::<C>::decode(input)?);
            group::encode(group::normalize(&point), output);
        }
    }
    Ok(work.max_output)
}

/// Two points of the curve, of the subgroup or not, added.
fn add<F: Coordinate>(input: &[u8]) -> Result<Option<Affine<F>>, Fault> {
    let (p, q) = input.split_at(group::bytes::<F>());
    Ok(group::add(group::decode(p)?, group::decode(q)?))
}

/// Pairs of a point and a scalar, multiplied and summed.
fn multiply<G: Group>(input: &[u8]) -> Result<G, Fault> {
    let point_len = group::bytes::<G::Coordinate>();
    let mut pairs = Vec::with_capacity(input.len() / (point_len + WORD));
    for pair in input.chunks_exact(point_len + WORD) {
        let (point, scalar) = pair.split_at(point_len);
        // Infinity is in the group and adds nothing.
        if let Some(point) = group::decode(point)? {
            let scalar = U256::try_from_be_slice(scalar).unwrap_or_default();
            pairs.push((point, scalar % R));
        }
    }
    if pairs.is_empty() { Ok(G::INFINITY) } else { msm::sum_of_products(&pairs) }
}

/// Pairs of a point of G1 and one of G2.
fn pairing_is_one<C: Curve>(input: &[u8]) -> Result<bool, Fault> {
    let (mut points, mut twisted) = (Vec::new(), Vec::new());
    for pair in input.chunks_exact(G1 + G2) {
        let (p, q) = pair.split_at(G1);
        let (p, q) = (decode_member::<C::G1>(p)?, decode_member::<C::G2>(q)?);
        // A pairing with infinity is one.
        if let (Some(p), Some(q)) = (p, q) {
            points.push(p);
            twisted.push(q);
        }
    }
    Ok(points.is_empty() || C::pairing_is_one(&points, &twisted))
}

/// A point of the subgroup.
fn decode_member<G: Group>(bytes: &[u8]) -> Result<Option<Affine<G::Coordinate>>, Fault> {
    let point = group::decode(bytes)?;
    if point.as_ref().is_none_or(G::contains) { Ok(point) } else { Err(Fault::Input) }
}
