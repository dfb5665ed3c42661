//! Numbers of the curve (EIP-2537, "Curve parameters"), and the coefficients of its endomorphisms.
//!
//! Field elements are kept in the form of `ark-ff`, Montgomery's with the radix 2^384; blst's is
//! the same, limb for limb.

use ark_bls12_381::{Config, Fq, Fr};
use ark_ec::bls12::Bls12Config;
use ark_ff::{MontFp, PrimeField};
use tandem_coprocessor::primitives::U256;
use tandem_coprocessor::primitives::aliases::U384;

/// The modulus p of the base field.
pub(crate) const P: U384 = U384::from_limbs(Fq::MODULUS.0);

/// The order r of G1 and G2.
pub(crate) const R: U256 = U256::from_limbs(Fr::MODULUS.0);

/// The curve's parameter is −Z.
pub(crate) const Z: u64 = Config::X[0];

/// The cube root of unity β with (β·x, y) = −[Z²](x, y) in G1.
pub(crate) const BETA: Fq = MontFp!(
    "793479390729215512621379701633421447060886740281060493010456487427281649075476305620758731620350"
);

/// The imaginary part of (1+i)^((1−p)/3), whose real part is zero: the factor of x in ψ.
pub(crate) const PSI_X: Fq = MontFp!(
    "4002409555221667392624310435006688643935503118305586438271171395842971157480381377015405980053539358417135540939437"
);

/// (1+i)^((1−p)/2), real and imaginary part: the factor of y in ψ.
pub(crate) const PSI_Y: [Fq; 2] = [
    MontFp!(
        "2973677408986561043442465346520108879172042883009249989176415018091420807192182638567116318576472649347015917690530"
    ),
    MontFp!(
        "1028732146235106349975324479215795277384839936929757896155643118032610843298655225875571310552543014690878354869257"
    ),
];

/// (1+i)^((1−p²)/3), a number of the base field: the factor of x in ψ². That of y is −1.
pub(crate) const PSI2_X: Fq = MontFp!(
    "4002409555221667392624310435006688643935503118305586438271171395842971157480381377015405980053539358417135540939436"
);
