//! The portable backend: the equation of the crate's documentation over arkworks, in pure Rust.

use alloc::boxed::Box;

use ark_bls12_381::{Bls12_381, Fr, G1Affine, G2Affine};
use ark_ec::bls12::G2Prepared;
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInt, PrimeField, Zero};
use ark_serialize::CanonicalDeserialize;
use once_cell::race::OnceBox;
use tandem_coprocessor::primitives::U256;
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::{Request, TAU_G2, Verify};

/// Point evaluation in pure Rust. With its first request an instance prepares its constants.
#[derive(Debug, Default)]
pub struct Portable(OnceBox<Constants>);

impl Portable {
    /// An instance without its constants.
    pub const fn new() -> Self {
        Self(OnceBox::new())
    }
}

/// What all requests have in common.
#[derive(Debug)]
struct Constants {
    /// G₂, with the lines of its Miller loop.
    generator: G2Prepared<ark_bls12_381::Config>,
    /// −τ·G₂, likewise.
    minus_tau: G2Prepared<ark_bls12_381::Config>,
}

impl Constants {
    fn new() -> Box<Self> {
        let tau = G2Affine::deserialize_compressed_unchecked(&TAU_G2[..]);
        Box::new(Self {
            generator: G2Affine::generator().into(),
            minus_tau: (-tau.expect("a constant")).into(),
        })
    }
}

impl Coprocessor for Portable {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        crate::measure(op, input)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        crate::execute(self, op, input, output)
    }
}

impl Verify for Portable {
    fn verify(&self, request: &Request) -> bool {
        let (Some(commitment), Some(proof)) = (point(&request.commitment), point(&request.proof))
        else {
            return false;
        };
        let (Some(z), Some(y)) = (scalar(&request.z), scalar(&request.y)) else {
            return false;
        };
        let constants = self.0.get_or_init(Constants::new);
        let shifted = commitment + proof * z - G1Affine::generator() * y;
        Bls12_381::multi_pairing(
            [shifted.into_affine(), proof],
            [constants.generator.clone(), constants.minus_tau.clone()],
        )
        .is_zero()
    }
}

/// A point of G₁ from its compressed form; `None` if the form is not canonical, or the point not on
/// the curve or not in the group.
fn point(bytes: &[u8; 48]) -> Option<G1Affine> {
    G1Affine::deserialize_compressed(&bytes[..]).ok()
}

fn scalar(value: &U256) -> Option<Fr> {
    Fr::from_bigint(BigInt(value.into_limbs()))
}
