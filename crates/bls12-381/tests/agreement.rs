//! All backends give the same answer, and the one the library's plain operations give: on points of
//! the subgroups, on other points of the curves, on spoilt requests, on anything at all.

use ark_bls12_381::{Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{BigInteger, PrimeField};
use proptest::prelude::*;
use tandem_bls12_381::BACKENDS;
use tandem_coprocessor::{Fault, Op};
use tandem_vectors::request;

/// The answer all backends give.
fn agreed(op: Op, input: &[u8]) -> Result<Result<Vec<u8>, Fault>, TestCaseError> {
    let mut answers = BACKENDS.iter().map(|backend| request(&*(backend.new)(), op, input));
    let first = answers.next().expect("at least one backend");
    for answer in answers {
        prop_assert_eq!(&answer, &first, "{:?}", op);
    }
    Ok(first)
}

fn fp(value: &Fq) -> Vec<u8> {
    [vec![0; 16], value.into_bigint().to_bytes_be()].concat()
}

fn fp2(value: &Fq2) -> Vec<u8> {
    [fp(&value.c0), fp(&value.c1)].concat()
}

fn encode_g1(point: &G1Affine) -> Vec<u8> {
    [fp(&point.x), fp(&point.y)].concat()
}

fn encode_g2(point: &G2Affine) -> Vec<u8> {
    [fp2(&point.x), fp2(&point.y)].concat()
}

fn field() -> impl Strategy<Value = Fq> {
    prop::collection::vec(any::<u8>(), 64).prop_map(|bytes| Fq::from_be_bytes_mod_order(&bytes))
}

/// 32 bytes of scalar: often short, or with few bits set, or near a multiple of the order.
fn scalar() -> impl Strategy<Value = [u8; 32]> {
    let near = (-3_i64..4).prop_map(|distance| {
        Fr::from(distance).into_bigint().to_bytes_be().try_into().expect("32 bytes")
    });
    let sparse = (0..32_usize, any::<u8>(), any::<u8>()).prop_map(|(place, byte, last)| {
        let mut bytes = [0; 32];
        bytes[31] = last;
        bytes[place] = byte;
        bytes
    });
    prop_oneof![1 => near, 1 => sparse, 3 => any::<[u8; 32]>()]
}

fn g1() -> impl Strategy<Value = G1Affine> {
    scalar().prop_map(|scalar| {
        (G1Projective::generator() * Fr::from_be_bytes_mod_order(&scalar)).into_affine()
    })
}

fn g2() -> impl Strategy<Value = G2Affine> {
    scalar().prop_map(|scalar| {
        (G2Projective::generator() * Fr::from_be_bytes_mod_order(&scalar)).into_affine()
    })
}

/// A point of the curve, hardly ever in G1.
fn outside_g1() -> impl Strategy<Value = G1Affine> {
    (field(), any::<bool>()).prop_filter_map("an x of the curve", |(x, greatest)| {
        G1Affine::get_point_from_x_unchecked(x, greatest)
    })
}

/// A point of the twist, hardly ever in G2.
fn outside_g2() -> impl Strategy<Value = G2Affine> {
    (field(), field(), any::<bool>()).prop_filter_map("an x of the twist", |(re, im, greatest)| {
        G2Affine::get_point_from_x_unchecked(Fq2::new(re, im), greatest)
    })
}

/// Pairs enough to pass through both ways of multiplying.
fn pairs<P: Clone + core::fmt::Debug>(
    point: impl Strategy<Value = P>,
) -> impl Strategy<Value = Vec<(P, [u8; 32])>> {
    // A few different points, repeated: making each is the slow part.
    let points = prop::collection::vec(point, 1..6);
    let scalars = prop_oneof![
        3 => prop::collection::vec(scalar(), 1..6),
        1 => prop::collection::vec(scalar(), 1..200),
    ];
    (points, scalars)
        .prop_map(|(points, scalars)| points.iter().cycle().cloned().zip(scalars).collect())
}

/// The sum of the products, by double and add.
fn expected<P: AffineRepr<ScalarField = Fr>>(pairs: &[(P, [u8; 32])]) -> P {
    let terms = pairs
        .iter()
        .map(|(point, scalar)| point.mul_bigint(Fr::from_be_bytes_mod_order(scalar).into_bigint()));
    terms.sum::<P::Group>().into_affine()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sums_in_g1_are_agreed(p in prop_oneof![g1(), outside_g1()], q in outside_g1()) {
        for (p, q) in [(p, q), (p, p), (p, -p)] {
            let sum = agreed(Op::BlsG1Add, &[encode_g1(&p), encode_g1(&q)].concat())?;
            prop_assert_eq!(sum, Ok(encode_g1(&(p + q).into_affine())));
        }
    }

    #[test]
    fn sums_in_g2_are_agreed(p in prop_oneof![g2(), outside_g2()], q in outside_g2()) {
        for (p, q) in [(p, q), (p, p), (p, -p)] {
            let sum = agreed(Op::BlsG2Add, &[encode_g2(&p), encode_g2(&q)].concat())?;
            prop_assert_eq!(sum, Ok(encode_g2(&(p + q).into_affine())));
        }
    }

    #[test]
    fn products_in_g1_are_agreed(pairs in pairs(g1()), outside in outside_g1()) {
        let bytes = |(point, scalar): &(G1Affine, [u8; 32])| [&encode_g1(point)[..], scalar].concat();
        let mut input: Vec<u8> = pairs.iter().flat_map(bytes).collect();
        let sum = encode_g1(&expected(&pairs));
        prop_assert_eq!(agreed(Op::BlsG1Msm, &input)?, Ok(sum));
        input.extend(bytes(&(outside, [0; 32])));
        prop_assert_eq!(agreed(Op::BlsG1Msm, &input)?, Err(Fault::Input));
    }

    #[test]
    fn products_in_g2_are_agreed(pairs in pairs(g2()), outside in outside_g2()) {
        let bytes = |(point, scalar): &(G2Affine, [u8; 32])| [&encode_g2(point)[..], scalar].concat();
        let mut input: Vec<u8> = pairs.iter().flat_map(bytes).collect();
        let sum = encode_g2(&expected(&pairs));
        prop_assert_eq!(agreed(Op::BlsG2Msm, &input)?, Ok(sum));
        input.extend(bytes(&(outside, [0; 32])));
        prop_assert_eq!(agreed(Op::BlsG2Msm, &input)?, Err(Fault::Input));
    }

    #[test]
    fn pairings_are_bilinear(p in g1(), q in g2(), scalar in scalar()) {
        let a = Fr::from_be_bytes_mod_order(&scalar);
        let left = [encode_g1(&(p * a).into_affine()), encode_g2(&q)].concat();
        let right = [encode_g1(&-p), encode_g2(&(q * a).into_affine())].concat();
        let product = agreed(Op::BlsPairing, &[left.clone(), right].concat())?;
        prop_assert_eq!(product.map(|word| word[31]), Ok(1));
        let one = p.is_zero() || q.is_zero() || a == Fr::from(0);
        prop_assert_eq!(agreed(Op::BlsPairing, &left)?.map(|word| word[31]), Ok(u8::from(one)));
    }

    #[test]
    fn pairings_outside_the_subgroups_are_refused(
        p in g1(),
        q in g2(),
        other_p in outside_g1(),
        other_q in outside_g2(),
    ) {
        for (p, q) in [(other_p, q), (p, other_q)] {
            let answer = agreed(Op::BlsPairing, &[encode_g1(&p), encode_g2(&q)].concat())?;
            prop_assert_eq!(answer, Err(Fault::Input));
        }
    }

    #[test]
    fn maps_are_agreed(re in field(), im in field()) {
        let point = agreed(Op::BlsMapFpToG1, &fp(&re))?.expect("an element");
        prop_assert!(agreed(Op::BlsG1Msm, &[&point[..], &[1; 32]].concat())?.is_ok());
        let point = agreed(Op::BlsMapFp2ToG2, &fp2(&Fq2::new(re, im)))?.expect("an element");
        prop_assert!(agreed(Op::BlsG2Msm, &[&point[..], &[1; 32]].concat())?.is_ok());
    }

    #[test]
    fn spoilt_requests_are_agreed(
        // A byte of infinity can be changed to make (0, 2), a point of the curve.
        p in g1().prop_filter("finite", |p| !p.is_zero()),
        q in g2().prop_filter("finite", |q| !q.is_zero()),
        place: prop::sample::Index,
        change in 1_u8..,
    ) {
        let (p, q, one) = (encode_g1(&p), encode_g2(&q), vec![1; 32]);
        for (op, valid, harmless) in [
            (Op::BlsG1Add, [&p[..], &p].concat(), 0),
            (Op::BlsG1Msm, [&p[..], &one].concat(), 32),
            (Op::BlsG2Add, [&q[..], &q].concat(), 0),
            (Op::BlsG2Msm, [&q[..], &one].concat(), 32),
            (Op::BlsPairing, [&p[..], &q].concat(), 0),
        ] {
            let mut input = valid;
            let place = place.index(input.len());
            input[place] ^= change;
            prop_assert_eq!(agreed(op, &input)?.is_ok(), place >= input.len() - harmless);
        }
        for (op, mut input) in [(Op::BlsMapFpToG1, p[..64].to_vec()), (Op::BlsMapFp2ToG2, p)] {
            let place = place.index(input.len());
            input[place] ^= change;
            agreed(op, &input)?.ok();
        }
    }

    #[test]
    fn garbage_is_agreed(
        mut input in prop::collection::vec(any::<u8>(), 512),
        len in 0..512_usize,
        padded: bool,
    ) {
        if padded {
            // As it should be, so that the numbers are looked at.
            for element in input.chunks_mut(64) {
                element[..17].fill(0);
            }
        }
        for (op, right) in [
            (Op::BlsG1Add, 256),
            (Op::BlsG1Msm, 160),
            (Op::BlsG2Add, 512),
            (Op::BlsG2Msm, 288),
            (Op::BlsPairing, 384),
            (Op::BlsMapFpToG1, 64),
            (Op::BlsMapFp2ToG2, 128),
        ] {
            agreed(op, &input[..right])?.ok();
            agreed(op, &input[..len])?.ok();
        }
    }
}
