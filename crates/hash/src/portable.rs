//! The portable backend: safe Rust for any machine, and the oracle the other is held to.

use sha3::Digest;
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::Keccak;

/// Hashing in safe Rust, for any machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Coprocessor for Portable {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        crate::measure(op, input)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        crate::execute::<Self>(op, input, output)
    }
}

impl Keccak for Portable {
    fn keccak256(input: &[u8]) -> [u8; 32] {
        sha3::Keccak256::digest(input).into()
    }
}
