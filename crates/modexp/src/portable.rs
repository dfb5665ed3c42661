//! The portable backend: `aurora-engine-modexp`, pure Rust, and the oracle the other is held to.

use alloc::vec::Vec;

use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::Power;

/// Modular exponentiation in pure Rust.
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

impl Power for Portable {
    fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
        aurora_engine_modexp::modexp(base, exponent, modulus)
    }
}
