//! BLAKE2b's F for AVX-512VL: the working vector as four rows of four words, so that one G does
//! four columns or four diagonals (RFC 7693, section 3.2).

use core::arch::x86_64::*;

use crate::blake2f::{Compression, SIGMA};

/// F with a row to a register.
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn avx512(request: &Compression) -> [u64; 8] {
    let v = request.working_vector();
    let mut rows = [
        row(&v[0..4]),
        row(&v[4..8]),
        row(&v[8..12]),
        row(&v[12..16]),
    ];
    let low = block_half(&request.block[..8]);
    let high = block_half(&request.block[8..]);

    let mut remaining = request.rounds;
    while remaining > 0 {
        let batch = remaining.min(10);
        for schedule in &SCHEDULE[..batch as usize] {
            round(&mut rows, low, high, schedule);
        }
        remaining -= batch;
    }

    let [a, b, c, d] = rows.map(|row| words(row));
    core::array::from_fn(|i| {
        let (upper, lower) = if i < 4 {
            (a[i], c[i])
        } else {
            (b[i - 4], d[i - 4])
        };
        request.state[i] ^ upper ^ lower
    })
}

/// One round: the columns, then the diagonals brought under one another. Row b is on the critical
/// path, so it is the one that stays where it is.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn round(rows: &mut [__m256i; 4], low: __m512i, high: __m512i, schedule: &[[u64; 8]; 2]) {
    let pick = |lanes: &[u64; 8]| {
        let chosen = _mm512_permutex2var_epi64(low, block_half(lanes), high);
        let second = _mm512_extracti64x4_epi64::<1>(chosen);
        (_mm512_castsi512_si256(chosen), second)
    };
    let (x, y) = pick(&schedule[0]);
    mix(rows, x, y);
    rows[0] = _mm256_permute4x64_epi64::<0b10_01_00_11>(rows[0]);
    rows[3] = _mm256_permute4x64_epi64::<0b01_00_11_10>(rows[3]);
    rows[2] = _mm256_permute4x64_epi64::<0b00_11_10_01>(rows[2]);
    let (x, y) = pick(&schedule[1]);
    mix(rows, x, y);
    rows[0] = _mm256_permute4x64_epi64::<0b00_11_10_01>(rows[0]);
    rows[3] = _mm256_permute4x64_epi64::<0b01_00_11_10>(rows[3]);
    rows[2] = _mm256_permute4x64_epi64::<0b10_01_00_11>(rows[2]);
}

/// G on four columns at once.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn mix([a, b, c, d]: &mut [__m256i; 4], x: __m256i, y: __m256i) {
    *a = _mm256_add_epi64(_mm256_add_epi64(*a, x), *b);
    *d = _mm256_ror_epi64::<32>(_mm256_xor_si256(*d, *a));
    *c = _mm256_add_epi64(*c, *d);
    *b = _mm256_ror_epi64::<24>(_mm256_xor_si256(*b, *c));
    *a = _mm256_add_epi64(_mm256_add_epi64(*a, y), *b);
    *d = _mm256_ror_epi64::<16>(_mm256_xor_si256(*d, *a));
    *c = _mm256_add_epi64(*c, *d);
    *b = _mm256_ror_epi64::<63>(_mm256_xor_si256(*b, *c));
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn row(words: &[u64]) -> __m256i {
    let lane = |i: usize| words[i].cast_signed();
    _mm256_set_epi64x(lane(3), lane(2), lane(1), lane(0))
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn words(row: __m256i) -> [u64; 4] {
    [
        _mm256_extract_epi64::<0>(row),
        _mm256_extract_epi64::<1>(row),
        _mm256_extract_epi64::<2>(row),
        _mm256_extract_epi64::<3>(row),
    ]
    .map(i64::cast_unsigned)
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn block_half(words: &[u64]) -> __m512i {
    let lane = |i: usize| words[i].cast_signed();
    _mm512_set_epi64(
        lane(7),
        lane(6),
        lane(5),
        lane(4),
        lane(3),
        lane(2),
        lane(1),
        lane(0),
    )
}

/// [`SIGMA`] as permutations: for a round's columns and for its diagonals, the four words G takes
/// first and the four it takes second. With row b at rest, the diagonal that starts in column 0
/// stands in column 1, so the diagonals' words are rotated by one.
const SCHEDULE: [[[u64; 8]; 2]; 10] = {
    let mut schedule = [[[0; 8]; 2]; 10];
    let mut round = 0;
    while round < 10 {
        let mut i = 0;
        while i < 4 {
            let sigma = &SIGMA[round];
            schedule[round][0][i] = sigma[2 * i] as u64;
            schedule[round][0][i + 4] = sigma[2 * i + 1] as u64;
            let diagonal = (i + 3) % 4;
            schedule[round][1][i] = sigma[8 + 2 * diagonal] as u64;
            schedule[round][1][i + 4] = sigma[8 + 2 * diagonal + 1] as u64;
            i += 1;
        }
        round += 1;
    }
    schedule
};
