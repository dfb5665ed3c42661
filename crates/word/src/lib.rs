//! 256-bit arithmetic as the opcodes define it, where a meaning differs from the big-integer
//! library's or where ours is measurably faster. Words are unsigned; signed opcodes read them as
//! two's complement (Yellow Paper, appendix H).

#![no_std]
#![forbid(unsafe_code)]

mod modulus;

use tandem_coprocessor::primitives::{Address, B256, U256};

pub use modulus::Modulus;

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
    from_u64(bit as u64)
}

/// A word of one limb.
#[inline(always)]
pub fn from_u64(low: u64) -> U256 {
    U256::from_limbs([low, 0, 0, 0])
}

/// Whether the sign bit is set.
#[inline(always)]
pub fn is_negative(word: &U256) -> bool {
    (word.as_limbs()[3] as i64) < 0
}

/// Whether the word is zero.
#[inline(always)]
pub fn is_zero(word: &U256) -> bool {
    let w = word.as_limbs();
    w[0] | w[1] | w[2] | w[3] == 0
}

/// EQ.
#[inline(always)]
pub fn equal(a: &U256, b: &U256) -> bool {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) == 0
}

/// LT: the borrow of a subtraction, which has no branches.
#[inline(always)]
pub fn less(a: &U256, b: &U256) -> bool {
    falls_short(a, b, false)
}

/// GT: unless `a - b - 1` borrows, so that the operands keep their order, and `b` may stay in memory.
#[inline(always)]
pub fn greater(a: &U256, b: &U256) -> bool {
    !falls_short(a, b, true)
}

/// Whether `a - b - borrow` borrows.
#[inline(always)]
fn falls_short(a: &U256, b: &U256, borrow: bool) -> bool {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    let borrow = borrows(a[0], b[0], borrow);
    let borrow = borrows(a[1], b[1], borrow);
    let borrow = borrows(a[2], b[2], borrow);
    borrows(a[3], b[3], borrow)
}

/// The same of limbs. By the processor's own instruction where there is one: the compiler makes four
/// comparisons of a difference that is not used (9 instructions instead of 21 for LT).
#[inline(always)]
fn borrows(a: u64, b: u64, borrow: bool) -> bool {
    #[cfg(target_arch = "x86_64")]
    return core::arch::x86_64::_subborrow_u64(borrow.into(), a, b, &mut 0) != 0;
    #[cfg(not(target_arch = "x86_64"))]
    a.borrowing_sub(b, borrow).1
}

/// SLT: LT with the sign bits turned around.
#[inline(always)]
pub fn signed_less(a: &U256, b: &U256) -> bool {
    less(&flip_sign(a), &flip_sign(b))
}

/// SGT: GT with the sign bits turned around.
#[inline(always)]
pub fn signed_greater(a: &U256, b: &U256) -> bool {
    greater(&flip_sign(a), &flip_sign(b))
}

#[inline(always)]
fn flip_sign(word: &U256) -> U256 {
    let [a, b, c, d] = *word.as_limbs();
    U256::from_limbs([a, b, c, d ^ 1 << 63])
}

/// The word as a number, if it is not greater than `limit`.
#[inline(always)]
fn at_most(word: &U256, limit: u64) -> Option<u32> {
    let limbs = word.as_limbs();
    if limbs[1] | limbs[2] | limbs[3] == 0 && limbs[0] <= limit {
        Some(limbs[0] as u32)
    } else {
        None
    }
}

/// The word as an index into bytes; anything beyond memory's reach is `usize::MAX`.
#[inline(always)]
pub fn to_index(word: &U256) -> usize {
    let limbs = word.as_limbs();
    if limbs[1] | limbs[2] | limbs[3] == 0 { limbs[0] as usize } else { usize::MAX }
}

/// SHL (EIP-145).
#[inline(always)]
pub fn shl(shift: &U256, word: &U256) -> U256 {
    let Some(shift) = at_most(shift, 255) else { return U256::ZERO };
    let [a, b, c, d] = *word.as_limbs();
    let (a, b, c, d) = if shift & 128 != 0 { (0, 0, a, b) } else { (a, b, c, d) };
    let (a, b, c, d) = if shift & 64 != 0 { (0, a, b, c) } else { (a, b, c, d) };
    let (left, right) = (shift % 64, 63 - shift % 64);
    U256::from_limbs([
        a << left,
        b << left | a >> 1 >> right,
        c << left | b >> 1 >> right,
        d << left | c >> 1 >> right,
    ])
}

/// SHR (EIP-145).
#[inline(always)]
pub fn shr(shift: &U256, word: &U256) -> U256 {
    match at_most(shift, 255) {
        Some(shift) => shift_right(shift, word, 0),
        None => U256::ZERO,
    }
}

/// SAR (EIP-145).
#[inline(always)]
pub fn sar(shift: &U256, word: &U256) -> U256 {
    let sign = if is_negative(word) { u64::MAX } else { 0 };
    match at_most(shift, 255) {
        Some(shift) => shift_right(shift, word, sign),
        None => U256::from_limbs([sign; 4]),
    }
}

#[inline(always)]
fn shift_right(shift: u32, word: &U256, fill: u64) -> U256 {
    let [a, b, c, d] = *word.as_limbs();
    let (a, b, c, d) = if shift & 128 != 0 { (c, d, fill, fill) } else { (a, b, c, d) };
    let (a, b, c, d) = if shift & 64 != 0 { (b, c, d, fill) } else { (a, b, c, d) };
    let (right, left) = (shift % 64, 63 - shift % 64);
    U256::from_limbs([
        a >> right | b << 1 << left,
        b >> right | c << 1 << left,
        c >> right | d << 1 << left,
        d >> right | fill << 1 << left,
    ])
}

/// BYTE: the `index`th byte from the high end.
#[inline(always)]
pub fn byte(index: &U256, word: &U256) -> U256 {
    let Some(index) = at_most(index, 31) else { return U256::ZERO };
    let limb = word.as_limbs()[(3 - index / 8) as usize];
    from_u64(limb >> (56 - index % 8 * 8) & 0xff)
}

/// SIGNEXTEND of a word's limbs, in place: one limb is read, and those above it are written.
#[inline(always)]
pub fn sign_extend(byte: &U256, limbs: &mut [u64; 4]) {
    let Some(byte) = at_most(byte, 30) else { return };
    let (limb, up) = ((byte / 8) as usize, 56 - byte % 8 * 8);
    let extended = ((limbs[limb] << up) as i64) >> up;
    let sign = (extended >> 63) as u64;
    limbs[limb] = extended as u64;
    // Each limb by itself: a loop would be a call of memset.
    if limb < 1 {
        limbs[1] = sign;
    }
    if limb < 2 {
        limbs[2] = sign;
    }
    if limb < 3 {
        limbs[3] = sign;
    }
}

fn magnitude(word: &U256) -> U256 {
    if is_negative(word) { word.wrapping_neg() } else { *word }
}

fn with_sign(word: U256, negative: bool) -> U256 {
    if negative { word.wrapping_neg() } else { word }
}

/// Both words as one limb each.
#[inline(always)]
pub fn single_limbs(a: &U256, b: &U256) -> Option<(u64, u64)> {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    (a[1] | a[2] | a[3] | b[1] | b[2] | b[3] == 0).then_some((a[0], b[0]))
}

/// Both words as two limbs each: half of all 256-bit divisions are no longer.
#[inline(always)]
fn double_limbs(a: &U256, b: &U256) -> Option<(u128, u128)> {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    let join = |low: u64, high: u64| u128::from(high) << 64 | u128::from(low);
    (a[2] | a[3] | b[2] | b[3] == 0).then_some((join(a[0], a[1]), join(b[0], b[1])))
}

fn from_u128(low: u128) -> U256 {
    U256::from_limbs([low as u64, (low >> 64) as u64, 0, 0])
}

/// DIV: zero if the divisor is.
pub fn div(a: &U256, b: &U256) -> U256 {
    if let Some((a, b)) = double_limbs(a, b) {
        return from_u128(a.checked_div(b).unwrap_or(0));
    }
    if is_power_of_two(b) {
        return shift_right(b.trailing_zeros() as u32, a, 0);
    }
    a.checked_div(*b).unwrap_or_default()
}

/// MOD: zero if the modulus is.
pub fn rem(a: &U256, b: &U256) -> U256 {
    if let Some((a, b)) = double_limbs(a, b) {
        return from_u128(a.checked_rem(b).unwrap_or(0));
    }
    if is_power_of_two(b) {
        return *a & b.wrapping_sub(U256::ONE);
    }
    a.checked_rem(*b).unwrap_or_default()
}

/// Whether one bit is set. Without a count of bits, for which the baseline of x86-64 has no instruction.
#[inline]
fn is_power_of_two(word: &U256) -> bool {
    !is_zero(word) && is_zero(&(*word & word.wrapping_sub(U256::ONE)))
}

/// SDIV: towards zero; zero if the divisor is.
pub fn sdiv(a: &U256, b: &U256) -> U256 {
    with_sign(div(&magnitude(a), &magnitude(b)), is_negative(a) != is_negative(b))
}

/// SMOD: the sign of the dividend; zero if the modulus is.
pub fn smod(a: &U256, b: &U256) -> U256 {
    with_sign(rem(&magnitude(a), &magnitude(b)), is_negative(a))
}

/// ADDMOD where both operands are below the modulus, as most are.
#[inline(always)]
pub fn add_reduced(a: &U256, b: &U256, n: &U256) -> Option<U256> {
    if !less(a, n) || !less(b, n) {
        return None;
    }
    let (sum, carry) = a.overflowing_add(*b);
    let reduced = sum.wrapping_sub(*n);
    Some(if carry || !less(&sum, n) { reduced } else { sum })
}

/// EXP.
pub fn pow(base: &U256, exponent: &U256) -> U256 {
    if is_power_of_two(base) {
        let shift = from_u64(base.trailing_zeros() as u64).saturating_mul(*exponent);
        return shl(&shift, &U256::ONE);
    }
    base.wrapping_pow(*exponent)
}

/// Copies `source` from `offset` on into the whole of `target`, with zeros behind its end.
pub fn copy_padded(target: &mut [u8], source: &[u8], offset: usize) {
    let rest = source.get(offset..).unwrap_or(&[]);
    let len = rest.len().min(target.len());
    target[..len].copy_from_slice(&rest[..len]);
    target[len..].fill(0);
}

#[cfg(test)]
mod tests;
