//! The calls into `blst`, as safe functions over values. Nothing here decides anything.
//!
//! All of `blst`'s functions used here read and write fixed-size structures through the pointers
//! they are given, keep none of them, and allow any value of a structure. Ours come from references.

use alloc::vec;
use alloc::vec::Vec;

use blst::*;

/// G₁'s point from its compressed form; `None` if the form is not canonical, or the point not on the
/// curve or not in the group.
pub(super) fn g1(bytes: &[u8; 48]) -> Option<blst_p1_affine> {
    let mut point = blst_p1_affine::default();
    // SAFETY: see the module's documentation; `bytes` has the 48 bytes that are read.
    let error = unsafe { blst_p1_uncompress(&mut point, bytes.as_ptr()) };
    if error != BLST_ERROR::BLST_SUCCESS {
        return None;
    }
    // SAFETY: see the module's documentation.
    unsafe { blst_p1_affine_in_g1(&point) }.then_some(point)
}

/// The negative of a point of G₂ in compressed form, which must be valid.
pub(super) fn minus_g2(bytes: &[u8; 96]) -> blst_p2_affine {
    let mut negative = *bytes;
    negative[0] ^= SIGN;
    let mut point = blst_p2_affine::default();
    // SAFETY: see the module's documentation; `negative` has the 96 bytes that are read.
    let error = unsafe { blst_p2_uncompress(&mut point, negative.as_ptr()) };
    debug_assert_eq!(error, BLST_ERROR::BLST_SUCCESS);
    point
}

/// The bit of a compressed form's first byte that says which of the two y it means.
const SIGN: u8 = 0x20;

/// G₂'s generator.
pub(super) fn g2_generator() -> blst_p2_affine {
    // SAFETY: the function returns the address of a constant.
    unsafe { *blst_p2_affine_generator() }
}

/// The negative of G₁'s generator.
pub(super) fn minus_g1_generator() -> blst_p1_affine {
    // SAFETY: the function returns the address of a constant.
    negate(unsafe { &*blst_p1_affine_generator() })
}

pub(super) fn is_infinity(point: &blst_p1_affine) -> bool {
    // SAFETY: see the module's documentation.
    unsafe { blst_p1_affine_is_inf(point) }
}

/// −P.
pub(super) fn negate(point: &blst_p1_affine) -> blst_p1_affine {
    blst_p1_affine { x: point.x, y: minus(&point.y) }
}

/// Adds a point to the sum, whatever the two are.
pub(super) fn add(sum: &mut blst_p1, point: &blst_p1_affine) {
    // SAFETY: see the module's documentation; source and target may be the same.
    unsafe { blst_p1_add_or_double_affine(sum, sum, point) };
}

/// Doubles the sum.
pub(super) fn double(sum: &mut blst_p1) {
    // SAFETY: see the module's documentation; source and target may be the same.
    unsafe { blst_p1_double(sum, sum) };
}

/// `count` points that start at P and are 2·P apart.
pub(super) fn odd_multiples(point: &blst_p1_affine, count: usize) -> Vec<blst_p1_affine> {
    let mut multiple = blst_p1::default();
    // SAFETY: see the module's documentation.
    unsafe { blst_p1_from_affine(&mut multiple, point) };
    let mut twice = multiple;
    double(&mut twice);

    let mut multiples = Vec::with_capacity(count);
    for _ in 0..count {
        multiples.push(multiple);
        // SAFETY: see the module's documentation; source and target may be the same.
        unsafe { blst_p1_add_or_double(&mut multiple, &multiple, &twice) };
    }
    all_to_affine(&multiples)
}

/// All points in affine form, for the price of one inversion.
fn all_to_affine(points: &[blst_p1]) -> Vec<blst_p1_affine> {
    let mut affine = vec![blst_p1_affine::default(); points.len()];
    // A null pointer in second place says that the points follow one another.
    let pointers = [points.as_ptr(), core::ptr::null()];
    // SAFETY: `points` and `affine` both have as many elements as the third argument says.
    unsafe { blst_p1s_to_affine(affine.as_mut_ptr(), pointers.as_ptr(), points.len()) };
    affine
}

pub(super) fn to_affine(point: &blst_p1) -> blst_p1_affine {
    let mut affine = blst_p1_affine::default();
    // SAFETY: see the module's documentation.
    unsafe { blst_p1_to_affine(&mut affine, point) };
    affine
}

/// A field element from its big-endian form.
pub(super) fn field_element(bytes: &[u8; 48]) -> blst_fp {
    let mut element = blst_fp::default();
    // SAFETY: see the module's documentation; `bytes` has the 48 bytes that are read.
    unsafe { blst_fp_from_bendian(&mut element, bytes.as_ptr()) };
    element
}

/// a · b.
pub(super) fn multiply(a: &blst_fp, b: &blst_fp) -> blst_fp {
    let mut product = blst_fp::default();
    // SAFETY: see the module's documentation.
    unsafe { blst_fp_mul(&mut product, a, b) };
    product
}

/// 2 · a.
pub(super) fn twice(a: &blst_fp) -> blst_fp {
    let mut sum = blst_fp::default();
    // SAFETY: see the module's documentation.
    unsafe { blst_fp_add(&mut sum, a, a) };
    sum
}

/// −a.
pub(super) fn minus(a: &blst_fp) -> blst_fp {
    let mut negative = blst_fp::default();
    // SAFETY: see the module's documentation.
    unsafe { blst_fp_cneg(&mut negative, a, true) };
    negative
}

/// How many lines a Miller loop has: a tangent for each of the 63 bits below the highest of the
/// curve's parameter, and a chord for each of the 5 that are set.
pub(super) const LINES: usize = 68;

/// The lines of a Miller loop over this point, which does not need the other point of the pair.
pub(super) fn lines(point: &blst_p2_affine) -> Vec<blst_fp6> {
    let mut lines = vec![blst_fp6::default(); LINES];
    // SAFETY: see the module's documentation; `lines` has the 68 elements that are written.
    unsafe { blst_precompute_lines(lines.as_mut_ptr(), point) };
    lines
}

pub(super) fn one() -> blst_fp12 {
    // SAFETY: the function returns the address of a constant.
    unsafe { *blst_fp12_one() }
}

/// Squares `f`.
pub(super) fn square(f: &mut blst_fp12) {
    // SAFETY: see the module's documentation; source and target may be the same.
    unsafe { blst_fp12_sqr(f, f) };
}

/// Multiplies `f` by a line: three coefficients, the others being zero.
pub(super) fn multiply_by_line(f: &mut blst_fp12, line: &blst_fp6) {
    // SAFETY: see the module's documentation; source and target may be the same.
    unsafe { blst_fp12_mul_by_xy00z0(f, f, line) };
}

/// Conjugates `f`.
pub(super) fn conjugate(f: &mut blst_fp12) {
    // SAFETY: see the module's documentation.
    unsafe { blst_fp12_conjugate(f) };
}

/// Whether a product of Miller loops is that of pairings whose product is 1.
pub(super) fn final_exponentiation_is_one(f: &blst_fp12) -> bool {
    let mut result = blst_fp12::default();
    // SAFETY: see the module's documentation.
    unsafe {
        blst_final_exp(&mut result, f);
        blst_fp12_is_one(&result)
    }
}
