//! Each function against the big-integer library's plain operators, on random words and on words
//! near the edges.

use proptest::prelude::*;

use super::*;

fn word() -> impl Strategy<Value = U256> {
    prop_oneof![
        any::<[u64; 4]>().prop_map(U256::from_limbs),
        any::<u64>().prop_map(U256::from),
        (0_u64..300).prop_map(U256::from),
        (0_usize..256).prop_map(|bit| U256::ONE << bit),
        (0_usize..256).prop_map(|bit| (U256::ONE << bit).wrapping_sub(U256::ONE)),
        (0_usize..256).prop_map(|bit| (U256::ONE << bit).wrapping_neg()),
    ]
}

fn bit_of(word: &U256, place: usize) -> bool {
    word.as_limbs()[place / 64] >> (place % 64) & 1 == 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn comparisons(a in word(), b in word()) {
        prop_assert_eq!(less(&a, &b), a < b);
        prop_assert_eq!(greater(&a, &b), a > b);
        prop_assert!(!less(&a, &a) && !greater(&a, &a));
        prop_assert_eq!(equal(&a, &b), a == b);
        prop_assert!(equal(&a, &a));
        let expected = match (is_negative(&a), is_negative(&b)) {
            (true, false) => true,
            (false, true) => false,
            _ => a < b,
        };
        prop_assert_eq!(signed_less(&a, &b), expected);
        prop_assert_eq!(is_zero(&a), a == U256::ZERO);
    }

    #[test]
    fn shifts(word in word(), shift in 0_u64..300) {
        let amount = U256::from(shift);
        let (left, right) = if shift > 255 {
            (U256::ZERO, U256::ZERO)
        } else {
            (word << shift as usize, word >> shift as usize)
        };
        prop_assert_eq!(shl(&amount, &word), left);
        prop_assert_eq!(shr(&amount, &word), right);
        for place in 0..256 {
            let source = (place + shift as usize).min(255);
            prop_assert_eq!(bit_of(&sar(&amount, &word), place), bit_of(&word, source));
        }
        prop_assert_eq!(shl(&(amount | U256::ONE << 64), &word), U256::ZERO);
    }

    #[test]
    fn bytes(word in word(), index in 0_u64..40) {
        let bytes = word.to_be_bytes::<32>();
        let expected = bytes.get(index as usize).copied().unwrap_or(0);
        prop_assert_eq!(byte(&U256::from(index), &word), U256::from(expected));
        let mut limbs = word.into_limbs();
        sign_extend(&U256::from(index), &mut limbs);
        let extended = U256::from_limbs(limbs);
        for place in 0..256 {
            let source = if index < 31 { place.min(8 * index as usize + 7) } else { place };
            prop_assert_eq!(bit_of(&extended, place), bit_of(&word, source));
        }
    }

    #[test]
    fn division(a in word(), b in word()) {
        let (quotient, remainder) =
            if b.is_zero() { (U256::ZERO, U256::ZERO) } else { (a / b, a % b) };
        prop_assert_eq!(div(&a, &b), quotient);
        prop_assert_eq!(rem(&a, &b), remainder);
        // The signed forms by their definition: |a| = |q| * |b| + |r|, r with the sign of a.
        let (q, r) = (sdiv(&a, &b), smod(&a, &b));
        if b.is_zero() {
            prop_assert_eq!((q, r), (U256::ZERO, U256::ZERO));
        } else {
            prop_assert_eq!(q.wrapping_mul(b).wrapping_add(r), a);
            prop_assert!(r.is_zero() || is_negative(&r) == is_negative(&a));
        }
    }

    #[test]
    fn modular(a in word(), b in word(), n in word()) {
        // The first time without the reciprocal, then with it.
        let mut modulus = Modulus::default();
        for _ in 0..2 {
            prop_assert_eq!(modulus.add_mod(&a, &b, &n), a.add_mod(b, n));
            prop_assert_eq!(modulus.mul_mod(&a, &b, &n), a.mul_mod(b, n));
        }
    }

    #[test]
    fn power(base in word(), exponent in 0_u64..600) {
        let mut expected = U256::ONE;
        for _ in 0..exponent {
            expected = expected.wrapping_mul(base);
        }
        prop_assert_eq!(pow(&base, &U256::from(exponent)), expected);
    }
}

#[test]
fn addresses_fit_words() {
    let address = Address::repeat_byte(0xab);
    let word = from_address(&address);
    assert_eq!(word >> 160, U256::ZERO);
    assert_eq!(to_address(&(word | U256::ONE << 200)), address);
}
