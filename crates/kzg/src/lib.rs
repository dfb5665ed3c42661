//! Tandem's KZG coprocessor: precompile 0x0a, the point evaluation of EIP-4844.
//!
//! Here live the request's format, the checks that need no curve, and two backends for the one that
//! does. Its price does not live here; that is the glue's.
//!
//! A proof π shows that the polynomial behind the commitment C takes the value y at z. With the
//! secret τ of the trusted setup, it holds if e(C − y·G₁, G₂) = e(π, (τ − z)·G₂), here written
//!
//! > e(C − y·G₁ + z·π, G₂) · e(π, −τ·G₂) = 1
//!
//! so that both points of G₂ are constants. Of the whole trusted setup only τ·G₂ is needed, so no
//! setup is loaded and `c-kzg` would bring nothing but its weight.
//!
//! - `Native` is written over `blst`, the assembly-backed C library that consensus clients use.
//! - `Portable` is written over arkworks' `ark-bls12-381`, pure Rust.

#![no_std]
#![cfg_attr(not(feature = "native"), forbid(unsafe_code))]

extern crate alloc;

#[cfg(feature = "native")]
mod native;
mod portable;

use alloc::sync::Arc;

use sha2::{Digest, Sha256};
use tandem_coprocessor::primitives::U256;
use tandem_coprocessor::{Backend, Fault, Op, Size, Work};

#[cfg(feature = "native")]
pub use crate::native::Native;
pub use crate::portable::Portable;

/// The backends of this build, the preferred first.
pub const BACKENDS: &[Backend] = &[
    #[cfg(feature = "native")]
    Backend { name: "blst", portable: false, new: || Arc::new(Native::new()) },
    Backend { name: "arkworks", portable: true, new: || Arc::new(Portable::new()) },
];

/// Length of a request in bytes: versioned hash 32, z 32, y 32, commitment 48, proof 48.
const REQUEST_LEN: usize = 192;
/// Length of an answer in bytes: two 32-byte integers.
const ANSWER_LEN: usize = 64;
/// Field elements in a blob, the first integer of the answer.
const FIELD_ELEMENTS_PER_BLOB: U256 = U256::from_limbs([4096, 0, 0, 0]);
/// Order r of the groups, the second integer of the answer.
const BLS_MODULUS: U256 = U256::from_limbs([
    0xffff_ffff_0000_0001,
    0x53bd_a402_fffe_5bfe,
    0x3339_d808_09a1_d805,
    0x73ed_a753_299d_7d48,
]);
/// First byte of a versioned hash of a KZG commitment.
const VERSIONED_HASH_VERSION_KZG: u8 = 0x01;
/// τ·G₂ of the mainnet trusted setup (the KZG ceremony's), compressed.
const TAU_G2: [u8; 96] = [
    0xb5, 0xbf, 0xd7, 0xdd, 0x8c, 0xde, 0xb1, 0x28, 0x84, 0x3b, 0xc2, 0x87, 0x23, 0x0a, 0xf3, 0x89,
    0x26, 0x18, 0x70, 0x75, 0xcb, 0xfb, 0xef, 0xa8, 0x10, 0x09, 0xa2, 0xce, 0x61, 0x5a, 0xc5, 0x3d,
    0x29, 0x14, 0xe5, 0x87, 0x0c, 0xb4, 0x52, 0xd2, 0xaf, 0xaa, 0xab, 0x24, 0xf3, 0x49, 0x9f, 0x72,
    0x18, 0x5c, 0xbf, 0xee, 0x53, 0x49, 0x27, 0x14, 0x73, 0x44, 0x29, 0xb7, 0xb3, 0x86, 0x08, 0xe2,
    0x39, 0x26, 0xc9, 0x11, 0xcc, 0xec, 0xea, 0xc9, 0xa3, 0x68, 0x51, 0x47, 0x7b, 0xa4, 0xc6, 0x0b,
    0x08, 0x70, 0x41, 0xde, 0x62, 0x10, 0x00, 0xed, 0xc9, 0x8e, 0xda, 0xda, 0x20, 0xc1, 0xde, 0xf2,
];

/// A request whose lengths, scalars and versioned hash are good; its points are still only bytes.
#[derive(Debug)]
struct Request {
    /// Where the polynomial is evaluated; less than r.
    z: U256,
    /// The claimed value there; less than r.
    y: U256,
    /// The commitment C, compressed.
    commitment: [u8; 48],
    /// The proof π, compressed.
    proof: [u8; 48],
}

impl Request {
    /// Decodes a request; `None` if a scalar is not less than r or the versioned hash is not that of
    /// the commitment.
    fn parse(input: &[u8; REQUEST_LEN]) -> Option<Self> {
        let (hash, rest) = input.split_first_chunk::<32>()?;
        let (z, rest) = rest.split_first_chunk::<32>()?;
        let (y, rest) = rest.split_first_chunk::<32>()?;
        let (commitment, proof) = rest.split_first_chunk::<48>()?;
        let request = Self {
            z: U256::from_be_bytes(*z),
            y: U256::from_be_bytes(*y),
            commitment: *commitment,
            proof: proof.try_into().ok()?,
        };
        let canonical = request.z < BLS_MODULUS && request.y < BLS_MODULUS;
        (canonical && *hash == versioned_hash(commitment)).then_some(request)
    }
}

/// `kzg_to_versioned_hash` of EIP-4844.
fn versioned_hash(commitment: &[u8; 48]) -> [u8; 32] {
    let mut hash: [u8; 32] = Sha256::digest(commitment).into();
    hash[0] = VERSIONED_HASH_VERSION_KZG;
    hash
}

/// What the backends differ in.
trait Verify {
    /// Whether both points are canonical encodings of points of the group, and the proof holds.
    fn verify(&self, request: &Request) -> bool;
}

/// [`Coprocessor::measure`](tandem_coprocessor::Coprocessor::measure) of every backend.
fn measure(op: Op, input: &[u8]) -> Result<Work, Fault> {
    if op != Op::PointEvaluation {
        return Err(Fault::Unsupported);
    }
    if input.len() != REQUEST_LEN {
        return Err(Fault::Input);
    }
    Ok(Work { size: Size::Constant, max_output: ANSWER_LEN })
}

/// [`Coprocessor::execute`](tandem_coprocessor::Coprocessor::execute) of every backend.
fn execute(backend: &impl Verify, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
    measure(op, input)?;
    let input = input.try_into().map_err(|_| Fault::Input)?;
    let output = output.get_mut(..ANSWER_LEN).ok_or(Fault::Output)?;
    let request = Request::parse(input).ok_or(Fault::Input)?;
    if !backend.verify(&request) {
        return Err(Fault::Input);
    }
    output[..32].copy_from_slice(&FIELD_ELEMENTS_PER_BLOB.to_be_bytes::<32>());
    output[32..].copy_from_slice(&BLS_MODULUS.to_be_bytes::<32>());
    Ok(ANSWER_LEN)
}
