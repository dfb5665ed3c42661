//! The backend over blst. [`ffi`] has its functions as safe ones; here they become the two groups.

#[expect(unsafe_code, reason = "the functions of blst are C")]
mod ffi;

use alloc::vec::Vec;

use blst::{blst_fp, blst_fp2, blst_p1, blst_p1_affine, blst_p2, blst_p2_affine};
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::constants::{BETA, PSI_X, PSI_Y, PSI2_X, Z};
use crate::coordinate::{self, Coordinate, FP};
use crate::group::{Affine, Group};
use crate::request::{self, Curve};

/// blst, bundled: needs a C compiler to build.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Coprocessor for Native {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        request::measure(op, input)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        request::execute::<Self>(op, input, output)
    }
}

impl Curve for Native {
    type G1 = blst_p1;
    type G2 = blst_p2;

    fn pairing_is_one(points: &[Affine<blst_fp>], twisted: &[Affine<blst_fp2>]) -> bool {
        let pairs = points.iter().zip(twisted);
        let (points, twisted): (Vec<_>, Vec<_>) =
            pairs.map(|(p, q)| (p1_affine(p), p2_affine(q))).unzip();
        ffi::fp12_is_one(&ffi::final_exp(&ffi::miller_loop_n(&points, &twisted)))
    }

    fn map_to_g1(element: &blst_fp) -> blst_p1 {
        ffi::map_to_g1(element)
    }

    fn map_to_g2(element: &blst_fp2) -> blst_p2 {
        ffi::map_to_g2(element)
    }
}

fn p1_affine(point: &Affine<blst_fp>) -> blst_p1_affine {
    blst_p1_affine { x: point.x, y: point.y }
}

fn p2_affine(point: &Affine<blst_fp2>) -> blst_p2_affine {
    blst_p2_affine { x: point.x, y: point.y }
}

/// A constant in blst's form, which is that of `ark-ff`.
const fn constant(value: ark_bls12_381::Fq) -> blst_fp {
    blst_fp { l: value.0.0 }
}

const ZERO: blst_fp = blst_fp { l: [0; 6] };
const ONE: blst_fp = constant(ark_ff::MontFp!("1"));
const FOUR: blst_fp = constant(ark_ff::MontFp!("4"));

impl Coordinate for blst_fp {
    const BYTES: usize = FP;
    const ZERO: Self = ZERO;

    fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        coordinate::decode_limbs(bytes).map(|limbs| ffi::fp_from_limbs(&limbs))
    }

    fn encode(&self, output: &mut [u8]) {
        coordinate::encode_limbs(ffi::limbs_from_fp(self), output);
    }

    fn curve_constant() -> Self {
        FOUR
    }

    fn plus(&self, other: &Self) -> Self {
        ffi::fp_add(self, other)
    }

    fn minus(&self, other: &Self) -> Self {
        ffi::fp_sub(self, other)
    }

    fn times(&self, other: &Self) -> Self {
        ffi::fp_mul(self, other)
    }

    fn inverse(&self) -> Self {
        ffi::fp_from_limbs(&coordinate::invert_limbs(ffi::limbs_from_fp(self)))
    }
}

impl Coordinate for blst_fp2 {
    const BYTES: usize = 2 * FP;
    const ZERO: Self = Self { fp: [ZERO; 2] };

    fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let (re, im) = bytes.split_at(FP);
        Ok(Self { fp: [blst_fp::decode(re)?, blst_fp::decode(im)?] })
    }

    fn encode(&self, output: &mut [u8]) {
        let (re, im) = output.split_at_mut(FP);
        self.fp[0].encode(re);
        self.fp[1].encode(im);
    }

    fn curve_constant() -> Self {
        Self { fp: [FOUR; 2] }
    }

    fn plus(&self, other: &Self) -> Self {
        ffi::fp2_add(self, other)
    }

    fn minus(&self, other: &Self) -> Self {
        ffi::fp2_sub(self, other)
    }

    fn times(&self, other: &Self) -> Self {
        ffi::fp2_mul(self, other)
    }

    fn inverse(&self) -> Self {
        Self { fp: coordinate::invert_complex(&self.fp[0], &self.fp[1]) }
    }
}

impl Group for blst_p1 {
    type Coordinate = blst_fp;

    const PARTS: usize = 2;
    const BASE: u128 = Z as u128 * Z as u128;
    const MANY: usize = 64;
    const INFINITY: Self = Self { x: ZERO, y: ZERO, z: ZERO };

    fn from_affine(point: &Affine<blst_fp>) -> Self {
        Self { x: point.x, y: point.y, z: ONE }
    }

    fn coordinates(&self) -> [blst_fp; 3] {
        [self.x, self.y, self.z]
    }

    fn double(&mut self) {
        *self = ffi::p1_double(self);
    }

    fn add(&mut self, other: &Self) {
        *self = ffi::p1_add(self, other);
    }

    fn negated(&self) -> Self {
        Self { y: self.y.negated(), ..*self }
    }

    fn scaled(&self, part: usize) -> Self {
        match part {
            0 => *self,
            _ => Self { x: self.x.times(&constant(BETA)), y: self.y.negated(), z: self.z },
        }
    }

    fn contains(point: &Affine<blst_fp>) -> bool {
        ffi::p1_affine_in_g1(&p1_affine(point))
    }

    fn bucketed(points: &[Affine<blst_fp>], scalars: &[[u64; 4]]) -> Self {
        ffi::p1s_mult_pippenger(&Vec::from_iter(points.iter().map(p1_affine)), scalars)
    }
}

impl Group for blst_p2 {
    type Coordinate = blst_fp2;

    const PARTS: usize = 4;
    const BASE: u128 = Z as u128;
    const MANY: usize = 128;
    const INFINITY: Self = Self { x: blst_fp2::ZERO, y: blst_fp2::ZERO, z: blst_fp2::ZERO };

    fn from_affine(point: &Affine<blst_fp2>) -> Self {
        Self { x: point.x, y: point.y, z: blst_fp2 { fp: [ONE, ZERO] } }
    }

    fn coordinates(&self) -> [blst_fp2; 3] {
        [self.x, self.y, self.z]
    }

    fn double(&mut self) {
        *self = ffi::p2_double(self);
    }

    fn add(&mut self, other: &Self) {
        *self = ffi::p2_add(self, other);
    }

    fn negated(&self) -> Self {
        Self { y: self.y.negated(), ..*self }
    }

    fn scaled(&self, part: usize) -> Self {
        match part {
            0 => *self,
            1 => psi_negated(self),
            2 => psi_squared(self),
            _ => psi_negated(&psi_squared(self)),
        }
    }

    fn contains(point: &Affine<blst_fp2>) -> bool {
        ffi::p2_affine_in_g2(&p2_affine(point))
    }

    fn bucketed(points: &[Affine<blst_fp2>], scalars: &[[u64; 4]]) -> Self {
        ffi::p2s_mult_pippenger(&Vec::from_iter(points.iter().map(p2_affine)), scalars)
    }
}

/// −ψ, which multiplies a point of G2 by Z.
fn psi_negated(p: &blst_p2) -> blst_p2 {
    const FACTOR: blst_fp = constant(PSI_X);
    const Y: blst_fp2 = blst_fp2 { fp: [constant(PSI_Y[0]), constant(PSI_Y[1])] };
    let [re, im] = &p.x.fp;
    let x = blst_fp2 { fp: [im.times(&FACTOR), re.times(&FACTOR)] };
    let y = blst_fp2 { fp: [p.y.fp[0].negated(), p.y.fp[1]] }.times(&Y);
    blst_p2 { x, y, z: blst_fp2 { fp: [p.z.fp[0], p.z.fp[1].negated()] } }
}

/// ψ², which multiplies a point of G2 by Z².
fn psi_squared(p: &blst_p2) -> blst_p2 {
    const FACTOR: blst_fp = constant(PSI2_X);
    let x = blst_fp2 { fp: p.x.fp.map(|part| part.times(&FACTOR)) };
    blst_p2 { x, y: p.y.negated(), z: p.z }
}
