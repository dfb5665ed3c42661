//! What must hold of any input: honest proofs pass, others do not, the backends agree, and none
//! panics.

use ark_bls12_381::{Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sha2::{Digest, Sha256};
use tandem_coprocessor::{Coprocessor, Fault, Op, Size};
use tandem_kzg::{BACKENDS, Portable};
use tandem_vectors::request;

/// τ·G₁ of the KZG ceremony.
const TAU_G1: [u8; 48] = [
    0xad, 0x3e, 0xb5, 0x01, 0x21, 0x13, 0x9a, 0xa3, 0x4d, 0xb1, 0xd5, 0x45, 0x09, 0x3a, 0xc9, 0x37,
    0x4a, 0xb7, 0xbc, 0xa2, 0xc0, 0xf3, 0xbf, 0x28, 0xe2, 0x7c, 0x8d, 0xcd, 0x8f, 0xc7, 0xcb, 0x42,
    0xd2, 0x59, 0x26, 0xfc, 0x0c, 0x97, 0xb3, 0x36, 0xe9, 0xf0, 0xfb, 0x35, 0xe5, 0xa0, 0x4c, 0x81,
];

fn compressed(point: G1Projective) -> Vec<u8> {
    let mut bytes = Vec::new();
    point.into_affine().serialize_compressed(&mut bytes).unwrap();
    bytes
}

/// The request that opens a + b·X at z.
fn linear([a, b, z]: [Fr; 3]) -> Vec<u8> {
    let tau = G1Affine::deserialize_compressed(&TAU_G1[..]).unwrap();
    let commitment = compressed(G1Affine::generator() * a + tau * b);
    let mut versioned_hash = Sha256::digest(&commitment).to_vec();
    versioned_hash[0] = 1;
    let [z, y] = [z, a + b * z].map(|scalar| scalar.into_bigint().to_bytes_be());
    let proof = compressed(G1Affine::generator() * b);
    [versioned_hash, z, y, commitment, proof].concat()
}

fn scalar() -> impl Strategy<Value = Fr> {
    prop_oneof![
        9 => any::<[u8; 32]>().prop_map(|bytes| Fr::from_be_bytes_mod_order(&bytes)),
        1 => any::<u8>().prop_map(Fr::from),
    ]
}

fn answers(input: &[u8]) -> Vec<Result<Vec<u8>, Fault>> {
    let answer = |backend: &tandem_coprocessor::Backend| {
        request(&*(backend.new)(), Op::PointEvaluation, input)
    };
    BACKENDS.iter().map(answer).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn honest_openings_pass(scalars in [scalar(), scalar(), scalar()]) {
        for answer in answers(&linear(scalars)) {
            prop_assert_eq!(answer.map(|bytes| bytes.len()), Ok(64));
        }
    }

    #[test]
    fn openings_with_a_flipped_bit_fail(
        scalars in [scalar(), scalar(), scalar()], byte: Index, bit in 0..8u32,
    ) {
        // With b = 0 the proof does not depend on z, and another z is as good.
        prop_assume!(scalars[1] != Fr::from(0));
        let mut input = linear(scalars);
        input[byte.index(192)] ^= 1u8 << bit;
        for answer in answers(&input) {
            prop_assert_eq!(answer, Err(Fault::Input));
        }
    }

    #[test]
    fn garbage_is_refused(op in select(&Op::ALL[..]), input in any::<[u8; 192]>(), length in 0..=192usize) {
        for backend in BACKENDS {
            prop_assert!(request(&*(backend.new)(), op, &input[..length]).is_err());
        }
    }
}

#[test]
fn garbage_behind_a_right_hash_is_refused() {
    // The versioned hash would stop garbage before any curve sees it.
    for seed in 0..=255 {
        let mut commitment: Vec<u8> = Sha256::digest([seed]).repeat(2)[..48].to_vec();
        commitment[0] = seed;
        let mut versioned_hash = Sha256::digest(&commitment).to_vec();
        versioned_hash[0] = 1;
        let input = [versioned_hash, vec![0; 64], commitment.clone(), commitment].concat();
        for answer in answers(&input) {
            assert_eq!(answer, Err(Fault::Input), "{seed}");
        }
    }
}

#[test]
fn sizes_are_constant() {
    let work = Portable::new().measure(Op::PointEvaluation, &[0; 192]).unwrap();
    assert_eq!((work.size, work.max_output), (Size::Constant, 64));
    let short = Portable::new().measure(Op::PointEvaluation, &[0; 191]);
    assert_eq!(short, Err(Fault::Input));
    let other = Portable::new().measure(Op::Modexp, &[0; 192]);
    assert_eq!(other, Err(Fault::Unsupported));
}
