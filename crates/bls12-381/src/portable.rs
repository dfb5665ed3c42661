//! The pure-Rust backend: `ark-bls12-381`.

use alloc::vec::Vec;

use ark_bls12_381::{Bls12_381, Fq, Fq2, Fr, G1Projective, G2Projective, g1, g2};
use ark_ec::hashing::curve_maps::wb::{WBConfig, WBMap};
use ark_ec::hashing::map_to_curve_hasher::MapToCurve;
use ark_ec::pairing::Pairing;
use ark_ec::short_weierstrass::{self, Projective, SWCurveConfig};
use ark_ec::{AffineRepr, VariableBaseMSM};
use ark_ff::{AdditiveGroup, BigInt, One, PrimeField};
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::constants::{BETA, PSI_X, PSI_Y, PSI2_X, Z};
use crate::coordinate::{self, Coordinate, FP};
use crate::group::{Affine, Group};
use crate::request::{self, Curve};

/// `ark-bls12-381`: pure Rust, no C compiler.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Coprocessor for Portable {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        request::measure(op, input)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        request::execute::<Self>(op, input, output)
    }
}

impl Curve for Portable {
    type G1 = G1Projective;
    type G2 = G2Projective;

    fn pairing_is_one(points: &[Affine<Fq>], twisted: &[Affine<Fq2>]) -> bool {
        let points = points.iter().map(to_ark::<g1::Config>);
        let twisted = twisted.iter().map(to_ark::<g2::Config>);
        let product =
            Bls12_381::final_exponentiation(Bls12_381::multi_miller_loop(points, twisted));
        product.is_some_and(|product| product.0.is_one())
    }

    fn map_to_g1(element: &Fq) -> G1Projective {
        map::<g1::Config>(*element)
    }

    fn map_to_g2(element: &Fq2) -> G2Projective {
        map::<g2::Config>(*element)
    }
}

fn map<C: WBConfig>(element: C::BaseField) -> Projective<C> {
    // The map is total; the library's signature serves curves whose parameters are wrong.
    WBMap::<C>::map_to_curve(element)
        .map_or(Projective::ZERO, |point| point.clear_cofactor().into_group())
}

fn to_ark<C: SWCurveConfig>(point: &Affine<C::BaseField>) -> short_weierstrass::Affine<C> {
    short_weierstrass::Affine::new_unchecked(point.x, point.y)
}

impl Coordinate for Fq {
    const BYTES: usize = FP;
    const ZERO: Self = <Self as AdditiveGroup>::ZERO;

    fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        Self::from_bigint(BigInt(coordinate::decode_limbs(bytes)?)).ok_or(Fault::Input)
    }

    fn encode(&self, output: &mut [u8]) {
        coordinate::encode_limbs(self.into_bigint().0, output);
    }

    fn curve_constant() -> Self {
        g1::Config::COEFF_B
    }

    fn plus(&self, other: &Self) -> Self {
        *self + other
    }

    fn minus(&self, other: &Self) -> Self {
        *self - other
    }

    fn times(&self, other: &Self) -> Self {
        *self * other
    }

    fn inverse(&self) -> Self {
        let limbs = coordinate::invert_limbs(self.into_bigint().0);
        Self::from_bigint(BigInt(limbs)).unwrap_or_default()
    }
}

impl Coordinate for Fq2 {
    const BYTES: usize = 2 * FP;
    const ZERO: Self = <Self as AdditiveGroup>::ZERO;

    fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let (re, im) = bytes.split_at(FP);
        Ok(Self::new(Fq::decode(re)?, Fq::decode(im)?))
    }

    fn encode(&self, output: &mut [u8]) {
        let (re, im) = output.split_at_mut(FP);
        self.c0.encode(re);
        self.c1.encode(im);
    }

    fn curve_constant() -> Self {
        g2::Config::COEFF_B
    }

    fn plus(&self, other: &Self) -> Self {
        *self + other
    }

    fn minus(&self, other: &Self) -> Self {
        *self - other
    }

    fn times(&self, other: &Self) -> Self {
        *self * other
    }

    fn inverse(&self) -> Self {
        let [re, im] = coordinate::invert_complex(&self.c0, &self.c1);
        Self::new(re, im)
    }
}

/// What the two curves differ in; the rest is the same code of the library.
trait Subgroup: SWCurveConfig<ScalarField = Fr> {
    const PARTS: usize;
    const BASE: u128;
    const MANY: usize;

    fn scaled(point: &Projective<Self>, part: usize) -> Projective<Self>;
}

impl Subgroup for g1::Config {
    const PARTS: usize = 2;
    const BASE: u128 = Z as u128 * Z as u128;
    const MANY: usize = 128;

    fn scaled(point: &Projective<Self>, part: usize) -> Projective<Self> {
        match part {
            0 => *point,
            _ => Projective::new_unchecked(point.x * BETA, -point.y, point.z),
        }
    }
}

impl Subgroup for g2::Config {
    const PARTS: usize = 4;
    const BASE: u128 = Z as u128;
    const MANY: usize = 128;

    fn scaled(point: &Projective<Self>, part: usize) -> Projective<Self> {
        match part {
            0 => *point,
            1 => psi_negated(point),
            2 => psi_squared(point),
            _ => psi_negated(&psi_squared(point)),
        }
    }
}

impl<C: Subgroup<BaseField: Coordinate>> Group for Projective<C> {
    type Coordinate = C::BaseField;

    const PARTS: usize = C::PARTS;
    const BASE: u128 = C::BASE;
    const MANY: usize = C::MANY;
    const INFINITY: Self = <Self as AdditiveGroup>::ZERO;

    fn from_affine(point: &Affine<C::BaseField>) -> Self {
        Self::new_unchecked(point.x, point.y, C::BaseField::one())
    }

    fn coordinates(&self) -> [C::BaseField; 3] {
        [self.x, self.y, self.z]
    }

    fn double(&mut self) {
        self.double_in_place();
    }

    fn add(&mut self, other: &Self) {
        *self += other;
    }

    fn negated(&self) -> Self {
        -*self
    }

    fn scaled(&self, part: usize) -> Self {
        C::scaled(self, part)
    }

    fn contains(point: &Affine<C::BaseField>) -> bool {
        C::is_in_correct_subgroup_assuming_on_curve(&to_ark(point))
    }

    fn bucketed(points: &[Affine<C::BaseField>], scalars: &[[u64; 4]]) -> Self {
        let points: Vec<_> = points.iter().map(to_ark::<C>).collect();
        let scalars: Vec<_> = scalars.iter().map(|limbs| BigInt(*limbs)).collect();
        Self::msm_bigint(&points, &scalars)
    }
}

/// −ψ, which multiplies a point of G2 by Z.
fn psi_negated(p: &G2Projective) -> G2Projective {
    let x = Fq2::new(p.x.c1 * PSI_X, p.x.c0 * PSI_X);
    let y = Fq2::new(-p.y.c0, p.y.c1) * Fq2::new(PSI_Y[0], PSI_Y[1]);
    G2Projective::new_unchecked(x, y, Fq2::new(p.z.c0, -p.z.c1))
}

/// ψ², which multiplies a point of G2 by Z².
fn psi_squared(p: &G2Projective) -> G2Projective {
    let x = Fq2::new(p.x.c0 * PSI2_X, p.x.c1 * PSI2_X);
    G2Projective::new_unchecked(x, -p.y, p.z)
}
