//! All backends give the same answer: on good signatures, on spoilt ones, on anything at all.

use k256::ecdsa::SigningKey as K256Key;
use p256::ecdsa::SigningKey as P256Key;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use proptest::prelude::*;
use tandem_coprocessor::Op;
use tandem_signature::BACKENDS;
use tandem_vectors::request;

/// The answer all backends give.
fn agreed(op: Op, input: &[u8]) -> Result<Vec<u8>, TestCaseError> {
    let mut answers = BACKENDS.iter().map(|backend| request(&*(backend.new)(), op, input));
    let first = answers.next().expect("at least one backend");
    for answer in answers {
        prop_assert_eq!(&answer, &first);
    }
    first.map_err(|fault| {
        TestCaseError::fail(format!("a signature request is never a fault: {fault}"))
    })
}

/// A key, a hash, and the request in which that key signed that hash on secp256k1.
fn ecrecover_request() -> impl Strategy<Value = (K256Key, Vec<u8>)> {
    (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<bool>()).prop_filter_map(
        "a key is not zero and below n",
        |(secret, hash, high)| {
            let key = K256Key::from_slice(&secret).ok()?;
            let (signature, id) = key.sign_prehash_recoverable(&hash);
            let (r, s) = signature.split_scalars();
            let s = if high { -*s } else { *s };
            let mut input = hash.to_vec();
            input.extend([0; 31]);
            input.push(27 + u8::from(id.is_y_odd() ^ high));
            input.extend(r.to_bytes());
            input.extend(s.to_bytes());
            Some((key, input))
        },
    )
}

/// A request in which some key signed some hash on secp256r1.
fn p256_request() -> impl Strategy<Value = Vec<u8>> {
    (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_filter_map(
        "a key is not zero and below n",
        |(secret, hash)| {
            let key = P256Key::from_slice(&secret).ok()?;
            let signature: p256::ecdsa::Signature = key.sign_prehash(&hash).ok()?;
            let mut input = hash.to_vec();
            input.extend(signature.to_bytes());
            input.extend(&key.verifying_key().to_sec1_point(false).as_bytes()[1..]);
            Some(input)
        },
    )
}

/// A change to one byte, anywhere or in a place where ranges are decided.
fn spoil(input: &mut [u8], place: prop::sample::Index, change: u8) {
    let place = place.index(input.len());
    input[place] ^= change;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_signature_gives_its_signer((key, input) in ecrecover_request()) {
        let point = key.verifying_key().to_sec1_point(false);
        let hash = tandem_coprocessor::primitives::keccak256(&point.as_bytes()[1..]);
        let answer = agreed(Op::Ecrecover, &input)?;
        prop_assert_eq!(&answer[..12], &[0; 12]);
        prop_assert_eq!(&answer[12..], &hash[12..]);
    }

    #[test]
    fn a_spoilt_recovery_is_agreed(
        (_, mut input) in ecrecover_request(),
        place: prop::sample::Index,
        change in 1_u8..,
        len in 0..=160_usize,
    ) {
        let good = agreed(Op::Ecrecover, &input)?;
        spoil(&mut input, place, change);
        prop_assert_ne!(agreed(Op::Ecrecover, &input)?, good);
        input.resize(len, change);
        agreed(Op::Ecrecover, &input)?;
    }

    #[test]
    fn a_good_signature_verifies(input in p256_request()) {
        let mut one = [0; 32];
        one[31] = 1;
        prop_assert_eq!(agreed(Op::P256Verify, &input)?, one);
    }

    #[test]
    fn a_spoilt_verification_is_agreed(
        mut input in p256_request(),
        place: prop::sample::Index,
        change in 1_u8..,
        len in 0..=200_usize,
    ) {
        spoil(&mut input, place, change);
        prop_assert!(agreed(Op::P256Verify, &input)?.is_empty());
        input.resize(len, change);
        agreed(Op::P256Verify, &input)?;
    }

    #[test]
    fn words_at_the_edge_of_a_range_are_agreed(
        input in prop::collection::vec(edge_word(), 5).prop_map(|words| words.concat()),
    ) {
        agreed(Op::P256Verify, &input)?;
        let mut recovery = input[..128].to_vec();
        recovery[32..63].fill(0);
        recovery[63] = 27 + (input[63] & 1);
        agreed(Op::Ecrecover, &recovery)?;
    }

    #[test]
    fn garbage_is_agreed(input in prop::collection::vec(any::<u8>(), 0..200)) {
        agreed(Op::Ecrecover, &input)?;
        agreed(Op::P256Verify, &input)?;
    }
}

/// A word near zero, near a group order or near a field's modulus, or any word.
fn edge_word() -> impl Strategy<Value = [u8; 32]> {
    let edges = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    let near = (prop::sample::select(edges.to_vec()), 0_u64..6, any::<bool>()).prop_map(
        |(edge, distance, above)| {
            let edge: tandem_coprocessor::primitives::U256 =
                format!("0x{edge}").parse().expect("an edge is hex");
            let distance = tandem_coprocessor::primitives::U256::from(distance);
            let word =
                if above { edge.wrapping_add(distance) } else { edge.wrapping_sub(distance) };
            word.to_be_bytes()
        },
    );
    prop_oneof![3 => near, 1 => any::<[u8; 32]>()]
}
