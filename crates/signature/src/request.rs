//! The byte formats of the two requests, common to all backends. What is checked here is what the
//! formats say; ranges of scalars and coordinates are the libraries' own checks.

use tandem_coprocessor::primitives::keccak256;
use tandem_coprocessor::{Fault, Op, Size, Work};

const WORD: usize = 32;
/// hash, v, r, s.
const RECOVER_INPUT: usize = 4 * WORD;
/// hash, r, s, x, y.
const VERIFY_INPUT: usize = 5 * WORD;

/// What a backend provides: the mathematics of the two curves.
pub(crate) trait Curves {
    /// The public key (x and y, 32 bytes each) that made the signature (r and s, 32 bytes each) of
    /// a hash; `None` if there is none or r or s is not in `[1, n - 1]`. A high s is valid.
    fn recover(hash: &[u8; 32], signature: &[u8; 64], y_is_odd: bool) -> Option<[u8; 64]>;

    /// Whether the key (x and y) made the signature (r and s) of a hash; `false` as well if r or s
    /// is not in `[1, n - 1]`, or the key not a point of the curve with coordinates below p.
    fn verify(hash: &[u8; 32], signature: &[u8; 64], key: &[u8; 64]) -> bool;
}

/// [`tandem_coprocessor::Coprocessor::measure`] of every backend.
pub(crate) fn measure(op: Op) -> Result<Work, Fault> {
    match op {
        Op::Ecrecover | Op::P256Verify => Ok(Work { size: Size::Constant, max_output: WORD }),
        _ => Err(Fault::Unsupported),
    }
}

/// [`tandem_coprocessor::Coprocessor::execute`] of a backend.
pub(crate) fn execute<C: Curves>(op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
    let work = measure(op)?;
    let output = output.get_mut(..work.max_output).ok_or(Fault::Output)?;
    let answer = match op {
        Op::Ecrecover => ecrecover::<C>(input),
        _ => p256_verify::<C>(input),
    };
    Ok(answer.map_or(0, |word| {
        output.copy_from_slice(&word);
        WORD
    }))
}

/// Recovers the address that signed, left-padded; `None` if the request has no answer.
fn ecrecover<C: Curves>(input: &[u8]) -> Option<[u8; WORD]> {
    let mut padded = [0; RECOVER_INPUT];
    let given = input.len().min(RECOVER_INPUT);
    padded[..given].copy_from_slice(&input[..given]);
    let (hash, rest) = padded.split_first_chunk::<WORD>()?;
    let (v, signature) = rest.split_first_chunk::<WORD>()?;

    let key = C::recover(hash, signature.try_into().ok()?, y_is_odd(v)?)?;
    let mut address = keccak256(key).0;
    address[..12].fill(0);
    Some(address)
}

/// v is the whole word: 27 for an even y, 28 for an odd one.
fn y_is_odd(v: &[u8; WORD]) -> Option<bool> {
    let (last, zeros) = v.split_last()?;
    match last {
        27 | 28 if zeros.iter().all(|byte| *byte == 0) => Some(*last == 28),
        _ => None,
    }
}

/// The integer 1 if the signature checks; `None` if not, or if the input has not the exact length.
fn p256_verify<C: Curves>(input: &[u8]) -> Option<[u8; WORD]> {
    let input: &[u8; VERIFY_INPUT] = input.try_into().ok()?;
    let (hash, rest) = input.split_first_chunk::<WORD>()?;
    let (signature, key) = rest.split_first_chunk::<64>()?;
    C::verify(hash, signature, key.try_into().ok()?).then(|| {
        let mut one = [0; WORD];
        one[WORD - 1] = 1;
        one
    })
}
