//! Precompile 0x09: BLAKE2b's compression function F (RFC 7693, section 3.2) and the byte format of
//! its requests (EIP-152). One implementation for every backend: four rows in AVX-512 registers
//! were measured to be no faster than these sixteen words.

use tandem_coprocessor::Fault;

/// Length of a request in bytes: rounds 4, state 64, block 128, counter 16, last-block flag 1.
const REQUEST_LEN: usize = 213;

/// A decoded request.
#[derive(Debug)]
pub(crate) struct Compression {
    /// How many rounds to do; BLAKE2b itself does 12.
    rounds: u32,
    /// The chained state `h`.
    state: [u64; 8],
    /// The message block `m`.
    block: [u64; 16],
    /// Bytes hashed so far `t`, low word first.
    counter: [u64; 2],
    /// All ones for the last block `f`, else zero.
    last: u64,
}

/// How many rounds the request asks for.
///
/// # Errors
/// [`Fault::Input`] if it is not 213 bytes long or its last byte is neither 0 nor 1.
pub(crate) fn rounds(input: &[u8]) -> Result<u32, Fault> {
    match input {
        [a, b, c, d, .., 0 | 1] if input.len() == REQUEST_LEN => {
            Ok(u32::from_be_bytes([*a, *b, *c, *d]))
        }
        _ => Err(Fault::Input),
    }
}

impl Compression {
    /// Decodes a request.
    ///
    /// # Errors
    /// As [`rounds`].
    pub(crate) fn parse(input: &[u8]) -> Result<Self, Fault> {
        Ok(Self {
            rounds: rounds(input)?,
            state: words(&input[4..68]),
            block: words(&input[68..196]),
            counter: words(&input[196..212]),
            last: if input[212] == 1 { u64::MAX } else { 0 },
        })
    }

    /// The new state.
    pub(crate) fn compress(&self) -> [u64; 8] {
        let mut v = self.working_vector();
        let mut remaining = self.rounds;
        // Unrolled by the schedule's ten rows, so that every index into `v` and `m` is a constant.
        macro_rules! rounds {
            ($($row:literal),*) => { loop { $(
                if remaining == 0 {
                    break;
                }
                remaining -= 1;
                round(&mut v, &self.block, &SIGMA[$row]);
            )* } };
        }
        rounds!(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        core::array::from_fn(|i| self.state[i] ^ v[i] ^ v[i + 8])
    }

    /// The working vector `v` before the first round.
    fn working_vector(&self) -> [u64; 16] {
        let mut v = [0; 16];
        v[..8].copy_from_slice(&self.state);
        v[8..].copy_from_slice(&IV);
        v[12] ^= self.counter[0];
        v[13] ^= self.counter[1];
        v[14] ^= self.last;
        v
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

/// `N` little-endian words from as many bytes as they take.
fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let (words, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

/// The initialization vector: SHA-512's.
const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The message schedule; round `r` uses row `r % 10`.
const SIGMA: [[u8; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
