//! Arithmetic on 256-bit words, where an opcode's meaning differs from the big-integer library's or
//! the library has no such function. Words are unsigned; signed opcodes read them as two's
//! complement (Yellow Paper, appendix H).

#![no_std]

use tandem_coprocessor::primitives::{Address, B256, U256};

/// The word of an address: its 20 bytes, zeros in front.
#[inline]
pub fn from_address(address: &Address) -> U256 {
    U256::from_be_bytes(address.into_word().0)
}

/// The address in a word's low 20 bytes.
#[inline]
pub fn to_address(word: &U256) -> Address {
    Address::from_word(B256::from(word.to_be_bytes::<32>()))
}

/// 1 or 0.
#[inline(always)]
pub fn from_bool(bit: bool) -> U256 {
    U256::from_limbs([u64::from(bit), 0, 0, 0])
}

/// Whether the sign bit is set.
#[inline(always)]
pub fn is_negative(word: &U256) -> bool {
    (word.as_limbs()[3] as i64) < 0
}

fn magnitude(word: &U256) -> U256 {
    if is_negative(word) { word.wrapping_neg() } else { *word }
}

fn with_sign(word: U256, negative: bool) -> U256 {
    if negative { word.wrapping_neg() } else { word }
}

/// DIV: zero if the divisor is.
pub fn div(a: &U256, b: &U256) -> U256 {
    a.checked_div(*b).unwrap_or_default()
}

/// MOD: zero if the modulus is.
pub fn rem(a: &U256, b: &U256) -> U256 {
    a.checked_rem(*b).unwrap_or_default()
}

/// SDIV: towards zero; zero if the divisor is.
pub fn sdiv(a: &U256, b: &U256) -> U256 {
    with_sign(div(&magnitude(a), &magnitude(b)), is_negative(a) != is_negative(b))
}

/// SMOD: the sign of the dividend; zero if the modulus is.
pub fn smod(a: &U256, b: &U256) -> U256 {
    with_sign(rem(&magnitude(a), &magnitude(b)), is_negative(a))
}

/// SLT.
pub fn signed_less(a: &U256, b: &U256) -> bool {
    match (is_negative(a), is_negative(b)) {
        (true, false) => true,
        (false, true) => false,
        _ => a < b,
    }
}

/// SIGNEXTEND: copies bit 7 of the `byte`th lowest byte into everything above it.
pub fn sign_extend(byte: &U256, word: &U256) -> U256 {
    let Some(byte) = at_most(byte, 30) else { return *word };
    let bit = 8 * byte + 7;
    let mask = (U256::ONE << (bit + 1)).wrapping_sub(U256::ONE);
    if word.bit(bit) { *word | !mask } else { *word & mask }
}

/// BYTE: the `index`th byte from the high end.
pub fn byte(index: &U256, word: &U256) -> U256 {
    at_most(index, 31).map_or(U256::ZERO, |index| U256::from(word.byte(31 - index)))
}

/// SHL (EIP-145).
pub fn shl(shift: &U256, word: &U256) -> U256 {
    at_most(shift, 255).map_or(U256::ZERO, |shift| *word << shift)
}

/// SHR (EIP-145).
pub fn shr(shift: &U256, word: &U256) -> U256 {
    at_most(shift, 255).map_or(U256::ZERO, |shift| *word >> shift)
}

/// SAR (EIP-145).
pub fn sar(shift: &U256, word: &U256) -> U256 {
    let sign = if is_negative(word) { U256::MAX } else { U256::ZERO };
    at_most(shift, 255).map_or(sign, |shift| word.arithmetic_shr(shift))
}

/// The word as a number, if it is not greater than `limit`.
#[inline(always)]
fn at_most(word: &U256, limit: usize) -> Option<usize> {
    let limbs = word.as_limbs();
    let small = limbs[1] | limbs[2] | limbs[3] == 0 && limbs[0] <= limit as u64;
    small.then_some(limbs[0] as usize)
}

/// The word as an index into bytes; anything beyond memory's reach is `usize::MAX`.
#[inline(always)]
pub fn to_index(word: &U256) -> usize {
    let limbs = word.as_limbs();
    if limbs[1] | limbs[2] | limbs[3] == 0 {
        usize::try_from(limbs[0]).unwrap_or(usize::MAX)
    } else {
        usize::MAX
    }
}

/// Copies `source` from `offset` on into the whole of `target`, with zeros behind its end.
pub fn copy_padded(target: &mut [u8], source: &[u8], offset: usize) {
    let rest = source.get(offset..).unwrap_or(&[]);
    let len = rest.len().min(target.len());
    target[..len].copy_from_slice(&rest[..len]);
    target[len..].fill(0);
}
