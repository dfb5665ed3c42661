//! The functions of blst that the backend needs, each as a safe one. All `unsafe` of the crate is
//! here, and no mathematics.
//!
//! blst's contract, on which every call rests: a function reads its inputs through `const` pointers
//! and writes its result through the first pointer, all of the type declared; it keeps no pointer,
//! allocates nothing, and has no state but a flag for the processor's features. Its types are plain
//! integers, so every bit pattern is a value.

use alloc::vec;

use blst::{blst_fp, blst_fp2, blst_fp12, blst_p1, blst_p1_affine, blst_p2, blst_p2_affine};

macro_rules! binary {
    ($name:ident, $function:ident, $type:ty) => {
        pub(super) fn $name(a: &$type, b: &$type) -> $type {
            let mut result = <$type>::default();
            // SAFETY: two inputs and a result of the function's type, alive for the call.
            unsafe { blst::$function(&mut result, a, b) };
            result
        }
    };
}

macro_rules! unary {
    ($name:ident, $function:ident, $type:ty) => {
        pub(super) fn $name(a: &$type) -> $type {
            let mut result = <$type>::default();
            // SAFETY: an input and a result of the function's type, alive for the call.
            unsafe { blst::$function(&mut result, a) };
            result
        }
    };
}

macro_rules! predicate {
    ($name:ident, $function:ident, $type:ty) => {
        pub(super) fn $name(a: &$type) -> bool {
            // SAFETY: an input of the function's type, alive for the call.
            unsafe { blst::$function(a) }
        }
    };
}

macro_rules! map {
    ($name:ident, $function:ident, $element:ty, $point:ty) => {
        /// The image of one element, cofactor cleared.
        pub(super) fn $name(element: &$element) -> $point {
            let mut result = <$point>::default();
            // SAFETY: an input and a result of the function's types, alive for the call; null stands
            // for the absent second element, as blst documents.
            unsafe { blst::$function(&mut result, element, core::ptr::null()) };
            result
        }
    };
}

macro_rules! pippenger {
    ($name:ident, $function:ident, $scratch:ident, $affine:ty, $point:ty) => {
        /// The sum of the points times their scalars, of which 255 bits count. There is at least
        /// one point, and as many scalars.
        pub(super) fn $name(points: &[$affine], scalars: &[[u64; 4]]) -> $point {
            assert!(!points.is_empty() && points.len() == scalars.len());
            let scalars: alloc::vec::Vec<u8> =
                scalars.iter().flatten().flat_map(|limb| limb.to_le_bytes()).collect();
            let mut result = <$point>::default();
            // SAFETY: reads nothing but the number.
            let scratch_bytes = unsafe { blst::$scratch(points.len()) };
            let mut scratch = vec![0_u64; scratch_bytes.div_ceil(8)];
            // A pointer and null stand for an array that goes on from that pointer.
            let points_list = [points.as_ptr(), core::ptr::null()];
            let scalars_list = [scalars.as_ptr(), core::ptr::null()];
            // SAFETY: `points.len()` points and 32 bytes of scalar for each are behind the pointers
            // that start the lists, and the scratch space has the length the library asks for.
            unsafe {
                blst::$function(
                    &mut result,
                    points_list.as_ptr(),
                    points.len(),
                    scalars_list.as_ptr(),
                    255,
                    scratch.as_mut_ptr(),
                );
            }
            result
        }
    };
}

binary!(fp_add, blst_fp_add, blst_fp);
binary!(fp_sub, blst_fp_sub, blst_fp);
binary!(fp_mul, blst_fp_mul, blst_fp);
binary!(fp2_add, blst_fp2_add, blst_fp2);
binary!(fp2_sub, blst_fp2_sub, blst_fp2);
binary!(fp2_mul, blst_fp2_mul, blst_fp2);

unary!(p1_double, blst_p1_double, blst_p1);
binary!(p1_add, blst_p1_add_or_double, blst_p1);
predicate!(p1_affine_in_g1, blst_p1_affine_in_g1, blst_p1_affine);
map!(map_to_g1, blst_map_to_g1, blst_fp, blst_p1);
pippenger!(
    p1s_mult_pippenger,
    blst_p1s_mult_pippenger,
    blst_p1s_mult_pippenger_scratch_sizeof,
    blst_p1_affine,
    blst_p1
);

unary!(p2_double, blst_p2_double, blst_p2);
binary!(p2_add, blst_p2_add_or_double, blst_p2);
predicate!(p2_affine_in_g2, blst_p2_affine_in_g2, blst_p2_affine);
map!(map_to_g2, blst_map_to_g2, blst_fp2, blst_p2);
pippenger!(
    p2s_mult_pippenger,
    blst_p2s_mult_pippenger,
    blst_p2s_mult_pippenger_scratch_sizeof,
    blst_p2_affine,
    blst_p2
);

unary!(final_exp, blst_final_exp, blst_fp12);
predicate!(fp12_is_one, blst_fp12_is_one, blst_fp12);

/// An element of the base field from a number below p, the least limb first.
pub(super) fn fp_from_limbs(limbs: &[u64; 6]) -> blst_fp {
    let mut result = blst_fp::default();
    // SAFETY: the function reads six limbs and writes one element, both alive for the call.
    unsafe { blst::blst_fp_from_uint64(&mut result, limbs.as_ptr()) };
    result
}

/// The number below p that an element of the base field is, the least limb first.
pub(super) fn limbs_from_fp(element: &blst_fp) -> [u64; 6] {
    let mut limbs = [0; 6];
    // SAFETY: the function reads one element and writes six limbs, both alive for the call.
    unsafe { blst::blst_uint64_from_fp(limbs.as_mut_ptr(), element) };
    limbs
}

/// The product of the Miller loops of the pairs. There is at least one pair, and none is infinite.
pub(super) fn miller_loop_n(points: &[blst_p1_affine], twisted: &[blst_p2_affine]) -> blst_fp12 {
    assert!(!points.is_empty() && points.len() == twisted.len());
    let mut result = blst_fp12::default();
    // A pointer and null stand for an array that goes on from that pointer.
    let points_list = [points.as_ptr(), core::ptr::null()];
    let twisted_list = [twisted.as_ptr(), core::ptr::null()];
    // SAFETY: `points.len()` points of each kind are behind the pointers that start the lists.
    unsafe {
        blst::blst_miller_loop_n(
            &mut result,
            twisted_list.as_ptr(),
            points_list.as_ptr(),
            points.len(),
        );
    }
    result
}
