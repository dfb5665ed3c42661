//! Keccak-256 for x86-64 (Keccak reference, section 2.4; padding of the original submission, 0x01,
//! not that of FIPS 202): two kernels of the same sponge, with a state that stays in registers.

use core::arch::x86_64::*;

/// Bytes absorbed between two permutations, 17 of the 25 lanes.
const RATE: usize = 136;

/// Cuts the input into its whole blocks and the padded last one.
#[inline(always)]
fn blocks(input: &[u8]) -> (&[[u8; RATE]], [u8; RATE]) {
    let (blocks, rest) = input.as_chunks();
    let mut last = [0; RATE];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x01;
    last[RATE - 1] |= 0x80;
    (blocks, last)
}

/// Keccak-256 with a lane to a vector register: of AVX-512VL the 32 registers, the rotation and the
/// three-input logic are wanted, not the width.
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn avx512(input: &[u8]) -> [u8; 32] {
    let (blocks, last) = blocks(input);
    let mut state = [_mm_setzero_si128(); 25];
    for block in blocks {
        absorb_vectors(&mut state, block);
    }
    absorb_vectors(&mut state, &last);
    let lane = |i: usize| _mm_cvtsi128_si64(state[i]) as u64;
    digest([lane(0), lane(1), lane(2), lane(3)])
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn absorb_vectors(state: &mut [__m128i; 25], block: &[u8; RATE]) {
    let (words, _) = block.as_chunks::<8>();
    for (lane, word) in state.iter_mut().zip(words) {
        *lane = _mm_xor_si128(*lane, _mm_cvtsi64_si128(i64::from_le_bytes(*word)));
    }
    for constant in ROUND_CONSTANTS {
        round_vectors(state, constant);
    }
}

/// A round in place, θ ρ π χ ι.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn round_vectors(a: &mut [__m128i; 25], constant: u64) {
    // As truth tables: x ^ y ^ z, and x ^ (!y & z).
    const XOR3: i32 = 0x96;
    const CHI: i32 = 0xd2;

    let mut parity = [_mm_setzero_si128(); 5];
    for x in 0..5 {
        let upper = _mm_ternarylogic_epi64::<XOR3>(a[x], a[x + 5], a[x + 10]);
        parity[x] = _mm_ternarylogic_epi64::<XOR3>(upper, a[x + 15], a[x + 20]);
    }
    for x in 0..5 {
        let left = parity[(x + 4) % 5];
        let right = _mm_rol_epi64::<1>(parity[(x + 1) % 5]);
        for y in 0..5 {
            let lane = &mut a[5 * y + x];
            *lane = _mm_ternarylogic_epi64::<XOR3>(*lane, left, right);
        }
    }

    // ρ and π along their one cycle through the 24 lanes that move.
    let mut moved = a[1];
    macro_rules! step {
        ($($to:literal by $bits:literal),*) => { $(
            let next = a[$to];
            a[$to] = _mm_rol_epi64::<$bits>(moved);
            moved = next;
        )* };
    }
    step!(10 by 1, 7 by 3, 11 by 6, 17 by 10, 18 by 15, 3 by 21, 5 by 28, 16 by 36);
    step!(8 by 45, 21 by 55, 24 by 2, 4 by 14, 15 by 27, 23 by 41, 19 by 56, 13 by 8);
    step!(12 by 25, 2 by 43, 20 by 62, 14 by 18, 22 by 39, 9 by 61, 6 by 20);
    a[1] = _mm_rol_epi64::<44>(moved);

    for y in 0..5 {
        let row: [__m128i; 5] = core::array::from_fn(|x| a[5 * y + x]);
        for x in 0..5 {
            a[5 * y + x] =
                _mm_ternarylogic_epi64::<CHI>(row[x], row[(x + 1) % 5], row[(x + 2) % 5]);
        }
    }
    a[0] = _mm_xor_si128(a[0], _mm_cvtsi64_si128(constant.cast_signed()));
}

/// Keccak-256 in general registers, with BMI's AND-NOT and three-operand rotation.
#[target_feature(enable = "bmi1,bmi2")]
pub(super) fn bmi(input: &[u8]) -> [u8; 32] {
    let (blocks, last) = blocks(input);
    let mut state = [0; 25];
    for block in blocks {
        absorb_words(&mut state, block);
    }
    absorb_words(&mut state, &last);
    let [a, b, c, d, ..] = state;
    digest([a, b, c, d])
}

#[inline]
#[target_feature(enable = "bmi1,bmi2")]
fn absorb_words(state: &mut [u64; 25], block: &[u8; RATE]) {
    let (words, _) = block.as_chunks::<8>();
    for (lane, word) in state.iter_mut().zip(words) {
        *lane ^= u64::from_le_bytes(*word);
    }
    // Two states by turns: writing a round into the other one needs no copy.
    let mut other = [0; 25];
    for [even, odd] in ROUND_CONSTANTS.as_chunks().0 {
        round_words(state, &mut other, *even);
        round_words(&other, state, *odd);
    }
}

/// A round from one state into the other, a row of the result at a time.
#[inline(always)]
fn round_words(a: &[u64; 25], next: &mut [u64; 25], constant: u64) {
    let parity: [u64; 5] =
        core::array::from_fn(|x| a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
    let change: [u64; 5] =
        core::array::from_fn(|x| parity[(x + 4) % 5] ^ parity[(x + 1) % 5].rotate_left(1));
    for y in 0..5 {
        // The lane that π moves to (x, y) comes from row x.
        let row: [u64; 5] = core::array::from_fn(|x| {
            let from = (x + 3 * y) % 5;
            let lane = 5 * x + from;
            (a[lane] ^ change[from]).rotate_left(ROTATIONS[lane])
        });
        for x in 0..5 {
            next[5 * y + x] = row[x] ^ (!row[(x + 1) % 5] & row[(x + 2) % 5]);
        }
    }
    next[0] ^= constant;
}

/// The first four lanes as bytes.
#[inline(always)]
fn digest(lanes: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, lane) in bytes.chunks_exact_mut(8).zip(lanes) {
        chunk.copy_from_slice(&lane.to_le_bytes());
    }
    bytes
}

/// Rotation of each lane in ρ, by row.
const ROTATIONS: [u32; 25] =
    [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

/// The constants of ι.
const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];
