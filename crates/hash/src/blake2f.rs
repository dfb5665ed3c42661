//! The request of precompile 0x09: BLAKE2b's compression function F, its byte format (EIP-152) and
//! its constants (RFC 7693, section 2). How F is computed is the backends' affair.

use tandem_coprocessor::Fault;

/// Length of a request in bytes: rounds 4, state 64, block 128, counter 16, last-block flag 1.
const REQUEST_LEN: usize = 213;

/// A decoded request.
#[derive(Debug)]
pub(crate) struct Compression {
    /// How many rounds to do; BLAKE2b itself does 12.
    pub(crate) rounds: u32,
    /// The chained state `h`.
    pub(crate) state: [u64; 8],
    /// The message block `m`.
    pub(crate) block: [u64; 16],
    /// Bytes hashed so far `t`, low word first.
    pub(crate) counter: [u64; 2],
    /// All ones for the last block `f`, else zero.
    pub(crate) last: u64,
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

    /// The working vector `v` before the first round.
    pub(crate) fn working_vector(&self) -> [u64; 16] {
        let mut v = [0; 16];
        v[..8].copy_from_slice(&self.state);
        v[8..].copy_from_slice(&IV);
        v[12] ^= self.counter[0];
        v[13] ^= self.counter[1];
        v[14] ^= self.last;
        v
    }
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
pub(crate) const SIGMA: [[u8; 16]; 10] = [
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
