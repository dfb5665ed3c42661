//! The portable backend: safe Rust for any machine, and the oracle the other is held to. Keccak-256
//! is the `sha3` crate's; BLAKE2 F is written as RFC 7693, section 3.2 states it.

use sha3::Digest;
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::Kernels;
use crate::blake2f::{Compression, SIGMA};

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

impl Kernels for Portable {
    fn keccak256(input: &[u8]) -> [u8; 32] {
        sha3::Keccak256::digest(input).into()
    }

    fn compress(request: &Compression) -> [u64; 8] {
        let mut v = request.working_vector();
        let mut remaining = request.rounds;
        while remaining >= 10 {
            for row in &SIGMA {
                round(&mut v, &request.block, row);
            }
            remaining -= 10;
        }
        for row in &SIGMA[..remaining as usize] {
            round(&mut v, &request.block, row);
        }
        core::array::from_fn(|i| request.state[i] ^ v[i] ^ v[i + 8])
    }
}

/// One round: the columns, then the diagonals.
#[inline(always)]
fn round(v: &mut [u64; 16], m: &[u64; 16], row: &[u8; 16]) {
    let word = |i: usize| m[row[i] as usize];
    mix(v, [0, 4, 8, 12], word(0), word(1));
    mix(v, [1, 5, 9, 13], word(2), word(3));
    mix(v, [2, 6, 10, 14], word(4), word(5));
    mix(v, [3, 7, 11, 15], word(6), word(7));
    mix(v, [0, 5, 10, 15], word(8), word(9));
    mix(v, [1, 6, 11, 12], word(10), word(11));
    mix(v, [2, 7, 8, 13], word(12), word(13));
    mix(v, [3, 4, 9, 14], word(14), word(15));
}

/// The mixing function G.
#[inline(always)]
fn mix(v: &mut [u64; 16], [a, b, c, d]: [usize; 4], x: u64, y: u64) {
    v[a] = v[a].wrapping_add(x).wrapping_add(v[b]);
    v[d] = (v[d] ^ v[a]).rotate_right(32);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(24);
    v[a] = v[a].wrapping_add(y).wrapping_add(v[b]);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(63);
}
