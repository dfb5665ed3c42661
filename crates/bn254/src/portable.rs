//! The pure-Rust backend.

use alloc::vec::Vec;

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::Pairing;
use ark_ff::One;
use tandem_coprocessor::{Coprocessor, Fault, Op, Size, Work};

use crate::curve;
use crate::encoding::{G1, G2, WORD, decode_g1, decode_g2, decode_scalar, encode_g1};

const PAIR: usize = G1 + G2;

/// `ark-bn254`: pure Rust, no C compiler.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Coprocessor for Portable {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        match op {
            Op::Bn254Add | Op::Bn254Mul => Ok(Work { size: Size::Constant, max_output: G1 }),
            Op::Bn254Pairing if !input.len().is_multiple_of(PAIR) => Err(Fault::Input),
            Op::Bn254Pairing => {
                let pairs = (input.len() / PAIR) as u64;
                Ok(Work { size: Size::Pairs(pairs), max_output: WORD })
            }
            _ => Err(Fault::Unsupported),
        }
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        let work = self.measure(op, input)?;
        let output = output.get_mut(..work.max_output).ok_or(Fault::Output)?;
        match op {
            Op::Bn254Add => encode_g1(&add(&padded(input))?, output),
            Op::Bn254Mul => encode_g1(&mul(&padded(input))?, output),
            _ => {
                output.fill(0);
                output[WORD - 1] = u8::from(pairing_is_one(input)?);
            }
        }
        Ok(work.max_output)
    }
}

/// EIP-196, ECADD: two points.
fn add(input: &[u8; 2 * G1]) -> Result<G1Affine, Fault> {
    let (p, q) = input.split_at(G1);
    Ok(curve::add(&decode_g1(p)?, &decode_g1(q)?))
}

/// EIP-196, ECMUL: a point and a scalar.
fn mul(input: &[u8; G1 + WORD]) -> Result<G1Affine, Fault> {
    let (p, scalar) = input.split_at(G1);
    Ok(curve::mul(&decode_g1(p)?, decode_scalar(scalar)))
}

/// EIP-197: whether the product of the pairings of all pairs is one, as it is of none.
fn pairing_is_one(input: &[u8]) -> Result<bool, Fault> {
    let mut points: (Vec<G1Affine>, Vec<G2Affine>) = Default::default();
    for pair in input.chunks_exact(PAIR) {
        let (p, q) = pair.split_at(G1);
        let (p, q) = (decode_g1(p)?, decode_g2(q)?);
        // A pairing with infinity is one.
        if !p.is_zero() && !q.is_zero() {
            points.0.push(p);
            points.1.push(q);
        }
    }
    if points.0.is_empty() {
        return Ok(true);
    }
    let product = Bn254::final_exponentiation(Bn254::multi_miller_loop(points.0, points.1));
    Ok(product.is_some_and(|product| product.0.is_one()))
}

/// The input padded with zeros, or cut, to the length the operation reads.
fn padded<const N: usize>(input: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    let given = input.len().min(N);
    padded[..given].copy_from_slice(&input[..given]);
    padded
}
