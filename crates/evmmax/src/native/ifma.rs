//! Montgomery multiplication of eight elements at once with AVX-512 IFMA, which multiplies 52-bit digits
//! and adds either half of the product. Elements are split into digits when they are loaded and put
//! together when they are stored, so registers look the same as without it.
//!
//! With L digits the product is x y / 2^(52 L), and with N limbs x y / 2^(64 N) is wanted: x is shifted
//! left by the difference while it is split, which the highest digit has room for. Where two bits of the modulus
//! are free, inputs may be up to twice the modulus, as elements are kept; products are below the modulus.

use core::arch::x86_64::{
    __m512i, _mm256_mask_storeu_epi64, _mm256_maskz_loadu_epi64, _mm512_add_epi64,
    _mm512_and_si512, _mm512_castsi256_si512, _mm512_castsi512_si256, _mm512_extracti64x4_epi64,
    _mm512_inserti64x4, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64,
    _mm512_movepi64_mask, _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_set1_epi64,
    _mm512_setr_epi64, _mm512_setzero_si512, _mm512_sllv_epi64, _mm512_srai_epi64,
    _mm512_srli_epi64, _mm512_srlv_epi64, _mm512_sub_epi64, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64,
};

use crate::{
    kernel::{File, room},
    modulus::Modulus,
    operands::{Operands, Run},
};

cpufeatures::new!(processor, "avx512f", "avx512dq", "avx512vl", "avx512ifma");

/// Elements at once.
const LANES: usize = 8;
const DIGIT: u64 = (1 << 52) - 1;

/// The kernel for a modulus, if the processor has what it takes and it is the faster one: below three
/// limbs loading costs more than multiplying.
pub(super) fn multiply(modulus: &Modulus) -> Option<fn(&mut File, Operands)> {
    if !modulus.odd || !processor::get() {
        return None;
    }
    Some(match modulus.len {
        3 => run::<3, 4>,
        4 => run::<4, 5>,
        5 => run::<5, 7>,
        6 => run::<6, 8>,
        7 => run::<7, 9>,
        8 => run::<8, 10>,
        9 => run::<9, 12>,
        10 => run::<10, 13>,
        11 => run::<11, 14>,
        12 => run::<12, 15>,
        _ => return None,
    })
}

/// The instruction, of valid operands: batches of eight, in the last of which lanes may idle.
fn run<const N: usize, const L: usize>(file: &mut File, operands: Operands) {
    let File { registers, spare, modulus, .. } = file;
    let registers = registers.as_chunks_mut::<N>().0;
    if operands.in_place() {
        // SAFETY: `multiply` made sure of the processor's features.
        return unsafe { batches::<N, L>(registers, None, modulus, operands) };
    }
    let spare = room(spare, operands.count());
    // SAFETY: as above.
    unsafe { batches::<N, L>(registers, Some(spare), modulus, operands) };
    for (n, result) in spare.iter().enumerate() {
        registers[operands.out().at(n)] = *result;
    }
}

/// Results go to `spare` if there is one, else to their registers.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn batches<const N: usize, const L: usize>(
    registers: &mut [[u64; N]],
    mut spare: Option<&mut [[u64; N]]>,
    modulus: &Modulus,
    operands: Operands,
) {
    let (out, x, y, count) = (operands.out(), operands.x(), operands.y(), operands.count());
    let digits = modulus.digits();
    let m: [__m512i; L] = core::array::from_fn(|n| _mm512_set1_epi64(digits[n] as i64));
    let inverse = _mm512_set1_epi64((modulus.inverse & DIGIT) as i64);
    let mut n = 0;
    while n < count {
        let lanes = (count - n).min(LANES);
        let product = {
            let x = split::<N, L>(&load(registers, x, n, lanes), 52 * L - 64 * N);
            let y = split::<N, L>(&load(registers, y, n, lanes), 0);
            join(&montgomery(&x, &y, &m, inverse))
        };
        match &mut spare {
            Some(spare) => store(spare, Run::WHOLE, n, lanes, &product),
            None => store(registers, out, n, lanes, &product),
        }
        n += lanes;
    }
}

/// Eight products of x and y modulo m, fully reduced.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn montgomery<const L: usize>(
    x: &[__m512i; L],
    y: &[__m512i; L],
    m: &[__m512i; L],
    inverse: __m512i,
) -> [__m512i; L] {
    let zero = _mm512_setzero_si512();
    // Sums of at most 60 numbers below 2^52.
    let mut t = [zero; L];
    for y in y {
        for n in 0..L {
            t[n] = _mm512_madd52lo_epu64(t[n], x[n], *y);
        }
        let k = _mm512_madd52lo_epu64(zero, t[0], inverse);
        for n in 0..L {
            t[n] = _mm512_madd52lo_epu64(t[n], m[n], k);
        }
        let carry = _mm512_srli_epi64::<52>(t[0]);
        t.rotate_left(1);
        t[L - 1] = zero;
        t[0] = _mm512_add_epi64(t[0], carry);
        for n in 0..L {
            t[n] = _mm512_madd52hi_epu64(t[n], x[n], *y);
            t[n] = _mm512_madd52hi_epu64(t[n], m[n], k);
        }
    }
    reduce(&t, m)
}

/// Carries, and subtracts m where the sum is not below it.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn reduce<const L: usize>(t: &[__m512i; L], m: &[__m512i; L]) -> [__m512i; L] {
    let digit = _mm512_set1_epi64(DIGIT as i64);
    let (mut sum, mut difference) = ([digit; L], [digit; L]);
    let (mut carry, mut borrow) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for n in 0..L {
        let limb = _mm512_add_epi64(t[n], carry);
        carry = _mm512_srli_epi64::<52>(limb);
        sum[n] = _mm512_and_si512(limb, digit);
        let limb = _mm512_add_epi64(_mm512_sub_epi64(sum[n], m[n]), borrow);
        borrow = _mm512_srai_epi64::<63>(limb);
        difference[n] = _mm512_and_si512(limb, digit);
    }
    let keep = _mm512_movepi64_mask(borrow);
    core::array::from_fn(|n| _mm512_mask_blend_epi64(keep, difference[n], sum[n]))
}

/// The limbs of eight elements, shifted left by less than a digit, as digits.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn split<const N: usize, const L: usize>(limbs: &[__m512i; N], shift: usize) -> [__m512i; L] {
    let count = |n: usize| _mm512_set1_epi64(n as i64);
    core::array::from_fn(|n| {
        if 52 * n < shift {
            // The lowest digit, of which the lowest bits are none of the element's.
            return _mm512_and_si512(
                _mm512_sllv_epi64(limbs[0], count(shift)),
                count(DIGIT as usize),
            );
        }
        let (limb, offset) = ((52 * n - shift) / 64, (52 * n - shift) % 64);
        let mut digit = _mm512_srlv_epi64(limbs[limb], count(offset));
        if offset > 12 && limb + 1 < N {
            let above = _mm512_sllv_epi64(limbs[limb + 1], count(64 - offset));
            digit = _mm512_or_si512(digit, above);
        }
        _mm512_and_si512(digit, count(DIGIT as usize))
    })
}

/// The digits of eight elements as limbs.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn join<const N: usize, const L: usize>(digits: &[__m512i; L]) -> [__m512i; N] {
    let count = |n: usize| _mm512_set1_epi64(n as i64);
    core::array::from_fn(|n| {
        let (digit, offset) = (64 * n / 52, 64 * n % 52);
        let mut limb = _mm512_srlv_epi64(digits[digit], count(offset));
        for (above, digit) in digits.iter().skip(digit + 1).take(2).enumerate() {
            let place = 52 * (above + 1) - offset;
            if place < 64 {
                limb = _mm512_or_si512(limb, _mm512_sllv_epi64(*digit, count(place)));
            }
        }
        limb
    })
}

/// Of the elements from the `n`th of a run on, `lanes` of them, vectors of equal limbs. The lanes are
/// in an order that suits `transpose`; idle ones repeat the last element.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn load<const N: usize>(registers: &[[u64; N]], run: Run, n: usize, lanes: usize) -> [__m512i; N] {
    let element: [&[u64; N]; LANES] =
        core::array::from_fn(|lane| &registers[run.at(n + lane.min(lanes - 1))]);
    let mut limbs = [_mm512_setzero_si512(); N];
    for (part, limbs) in limbs.chunks_mut(4).enumerate() {
        let mask = (1 << limbs.len()) - 1;
        let four = |element: &[u64; N]| {
            let at = element[4 * part..].as_ptr();
            // SAFETY: the mask leaves the limbs that the element has from there on.
            unsafe { _mm256_maskz_loadu_epi64(mask, at.cast()) }
        };
        let pairs: [__m512i; 4] = core::array::from_fn(|n| {
            let low = _mm512_castsi256_si512(four(element[n]));
            _mm512_inserti64x4::<1>(low, four(element[n + 4]))
        });
        for (limb, transposed) in limbs.iter_mut().zip(transpose(&pairs)) {
            *limb = transposed;
        }
    }
    limbs
}

/// The reverse of [`load`]; idle lanes are not stored.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn store<const N: usize>(
    registers: &mut [[u64; N]],
    run: Run,
    n: usize,
    lanes: usize,
    limbs: &[__m512i; N],
) {
    for (part, limbs) in limbs.chunks(4).enumerate() {
        let zero = _mm512_setzero_si512();
        let four: [__m512i; 4] = core::array::from_fn(|n| limbs.get(n).copied().unwrap_or(zero));
        let pairs = transpose(&four);
        let mask = (1 << limbs.len()) - 1;
        for lane in 0..lanes {
            let pair = pairs[lane % 4];
            let four = if lane < 4 {
                _mm512_castsi512_si256(pair)
            } else {
                _mm512_extracti64x4_epi64::<1>(pair)
            };
            let at = registers[run.at(n + lane)][4 * part..].as_mut_ptr();
            // SAFETY: the mask leaves the limbs that the element has from there on.
            unsafe { _mm256_mask_storeu_epi64(at.cast(), mask, four) };
        }
    }
}

/// Transposes two matrices of four by four, in the lower and the upper halves of the vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn transpose([a, b, c, d]: &[__m512i; 4]) -> [__m512i; 4] {
    let (ab_even, ab_odd) = (_mm512_unpacklo_epi64(*a, *b), _mm512_unpackhi_epi64(*a, *b));
    let (cd_even, cd_odd) = (_mm512_unpacklo_epi64(*c, *d), _mm512_unpackhi_epi64(*c, *d));
    let low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    let high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    [
        _mm512_permutex2var_epi64(ab_even, low, cd_even),
        _mm512_permutex2var_epi64(ab_odd, low, cd_odd),
        _mm512_permutex2var_epi64(ab_even, high, cd_even),
        _mm512_permutex2var_epi64(ab_odd, high, cd_odd),
    ]
}
