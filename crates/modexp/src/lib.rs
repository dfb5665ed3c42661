//! Tandem's modexp coprocessor: precompile 0x05, base^exponent mod modulus (EIP-198).
//!
//! Here live the special cases and two backends for the general one; the request's format is read in
//! `request`. Its prices (EIP-198, 2565, 7883) and bounds (EIP-7823) do not live here; they are the
//! glue's.
//!
//! - `Portable` uses `aurora-engine-modexp`, pure Rust and long in use for this precompile.
//! - `Native` shares no arithmetic with it. Odd moduli with enough to do go to AWS-LC's assembly,
//!   which takes a third to two thirds of the time; all else, and what AWS-LC declines, to
//!   `dashu-int`, pure Rust, the quickest for short exponents and small moduli.
//!
//! GMP would be faster still, but its licence (LGPL) does not fit one static binary.

#![no_std]
#![cfg_attr(not(feature = "native"), forbid(unsafe_code))]

extern crate alloc;

#[cfg(feature = "native")]
mod native;
mod portable;
mod request;

use alloc::sync::Arc;
use alloc::vec::Vec;

use tandem_coprocessor::{Backend, Fault, Op, Size, Work};

#[cfg(feature = "native")]
pub use crate::native::Native;
pub use crate::portable::Portable;
use crate::request::Lengths;

/// The backends of this build, the preferred first.
pub const BACKENDS: &[Backend] = &[
    #[cfg(feature = "native")]
    Backend { name: "aws-lc", portable: false, new: || Arc::new(Native) },
    Backend { name: "aurora", portable: true, new: || Arc::new(Portable) },
];

/// What the backends differ in.
trait Power {
    /// base^exponent mod modulus, all big-endian, the result in any length. The exponent is at least
    /// 1, the modulus at least 2, and none of the three begins with a zero.
    fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8>;
}

/// [`Coprocessor::measure`](tandem_coprocessor::Coprocessor::measure) of every backend.
fn measure(op: Op, input: &[u8]) -> Result<Work, Fault> {
    if op != Op::Modexp {
        return Err(Fault::Unsupported);
    }
    let lengths = Lengths::read(input);
    Ok(Work {
        size: Size::Modexp(lengths.size(input)),
        max_output: usize::try_from(lengths.modulus).unwrap_or(usize::MAX),
    })
}

/// [`Coprocessor::execute`](tandem_coprocessor::Coprocessor::execute) of every backend.
fn execute<P: Power>(op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
    let written = measure(op, input)?.max_output;
    let output = output.get_mut(..written).ok_or(Fault::Output)?;
    output.fill(0);
    let Some(last) = output.last_mut() else {
        return Ok(0);
    };
    let [base, exponent, modulus] = Lengths::read(input).numbers(input);
    if modulus.at_most_one() {
        return Ok(written);
    }
    // Such a modulus begins within the input, so base and exponent lie there as a whole.
    match (base.bytes, exponent.bytes) {
        (_, []) => *last = 1,
        ([], _) => {}
        (base, exponent) => {
            let power = P::power(base, exponent, &modulus.to_bytes());
            let power = significant(&power);
            let start = written.checked_sub(power.len()).ok_or(Fault::Output)?;
            output[start..].copy_from_slice(power);
        }
    }
    Ok(written)
}

/// The bytes from the first that is not zero.
fn significant(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}
