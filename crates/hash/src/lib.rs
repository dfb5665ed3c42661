//! Tandem's hash coprocessor: KECCAK256, SHA-256, RIPEMD-160, BLAKE2 F and identity.
//!
//! Here live the two backends and what they share: how a request is measured and answered; and
//! [`Remembered`], which keeps the hashes that mappings need. What a word or a round costs does not
//! live here; that is the glue's.
//!
//! | backend | Keccak-256 | SHA-256 | RIPEMD-160 | BLAKE2 F |
//! |---|---|---|---|---|
//! | `Native` | own kernels for AVX-512VL and BMI2, else `sha3` | `sha2` | `ripemd` | own |
//! | `Portable` | `sha3` | `sha2` | `ripemd` | own |
//!
//! `sha3`, `sha2` and `ripemd` are RustCrypto's: pure Rust, `no_std`, and `sha2` already uses the
//! processor's SHA instructions where it has them. No published crate exposes BLAKE2b's compression
//! function with a free number of rounds, so F is written here. Keccak is the hottest kernel of an
//! EVM. The published assembly for it (`keccak-asm`) needs `perl` and `patch` to build and chooses
//! its instructions when it is compiled; the kernels here are Rust, are chosen when they run, and
//! are as fast. So neither backend needs a C compiler.

#![no_std]
#![cfg_attr(not(feature = "native"), forbid(unsafe_code))]

extern crate alloc;

mod blake2f;
#[cfg(feature = "native")]
mod native;
mod portable;
mod remembered;

use alloc::sync::Arc;

use sha2::Digest;
use tandem_coprocessor::{Backend, Fault, Op, Size, Work};

use crate::blake2f::Compression;
#[cfg(feature = "native")]
pub use crate::native::Native;
pub use crate::portable::Portable;
pub use crate::remembered::Remembered;

/// The backends of this build, the preferred first.
pub const BACKENDS: &[Backend] = &[
    // Not marked portable, though no C compiler is needed: its kernels are for one processor family.
    #[cfg(feature = "native")]
    Backend { name: "native", portable: false, new: || Arc::new(Native) },
    Backend { name: "rustcrypto", portable: true, new: || Arc::new(Portable) },
];

/// Keccak-256 of the input by the preferred backend, for addresses, code hashes and roots, which no
/// opcode asks for (Yellow Paper, section 3: KEC).
#[inline]
pub fn keccak256(input: &[u8]) -> [u8; 32] {
    #[cfg(feature = "native")]
    return Native::keccak256(input);
    #[cfg(not(feature = "native"))]
    return Portable::keccak256(input);
}

/// What the backends differ in.
trait Keccak {
    /// Keccak-256 of the input.
    fn keccak256(input: &[u8]) -> [u8; 32];
}

/// [`Coprocessor::measure`](tandem_coprocessor::Coprocessor::measure) of every backend.
fn measure(op: Op, input: &[u8]) -> Result<Work, Fault> {
    let words = Size::Words(input.len().div_ceil(32) as u64);
    let (size, max_output) = match op {
        Op::Keccak256 | Op::Sha256 | Op::Ripemd160 => (words, 32),
        Op::Identity => (words, input.len()),
        Op::Blake2f => (Size::Rounds(blake2f::rounds(input)?.into()), 64),
        _ => return Err(Fault::Unsupported),
    };
    Ok(Work { size, max_output })
}

/// [`Coprocessor::execute`](tandem_coprocessor::Coprocessor::execute) of every backend.
fn execute<K: Keccak>(op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
    let written = measure(op, input)?.max_output;
    let output = output.get_mut(..written).ok_or(Fault::Output)?;
    match op {
        Op::Keccak256 => output.copy_from_slice(&K::keccak256(input)),
        Op::Sha256 => output.copy_from_slice(&sha2::Sha256::digest(input)),
        Op::Ripemd160 => {
            output[..12].fill(0);
            output[12..].copy_from_slice(&ripemd::Ripemd160::digest(input));
        }
        Op::Identity => output.copy_from_slice(input),
        Op::Blake2f => {
            let state = Compression::parse(input)?.compress();
            for (bytes, word) in output.chunks_exact_mut(8).zip(state) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
        }
        _ => return Err(Fault::Unsupported),
    }
    Ok(written)
}
