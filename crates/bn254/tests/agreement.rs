//! All backends, and `substrate-bn` as an oracle that shares no code with them, give the same
//! answer: on valid points, on spoilt ones, on anything at all.

use std::sync::Arc;

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveConfig, CurveGroup, PrimeGroup};
use ark_ff::{BigInteger, PrimeField, Zero};
use proptest::prelude::*;
use substrate_bn as bn;
use tandem_bn254::BACKENDS;
use tandem_coprocessor::primitives::U256;
use tandem_coprocessor::{Backend, Coprocessor, Fault, Op, Work};
use tandem_vectors::request;

/// The three operations over `substrate-bn`.
#[derive(Debug)]
struct Oracle;

impl Coprocessor for Oracle {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        (BACKENDS[0].new)().measure(op, input)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        let padded: Vec<u8> = input.iter().copied().chain([0; 128]).collect();
        let answer = match op {
            Op::Bn254Add => encode(oracle_g1(&padded)? + oracle_g1(&padded[64..])?),
            Op::Bn254Mul => {
                let mut wide = [0; 64];
                wide[32..].copy_from_slice(&padded[64..96]);
                encode(oracle_g1(&padded)? * bn::Fr::interpret(&wide))
            }
            _ => {
                let pairs = input.chunks_exact(192);
                let pairs: Result<Vec<_>, Fault> =
                    pairs.map(|pair| Ok((oracle_g1(pair)?, oracle_g2(&pair[64..])?))).collect();
                let mut word = vec![0; 32];
                word[31] = u8::from(bn::pairing_batch(&pairs?) == bn::Gt::one());
                word
            }
        };
        let output = output.get_mut(..answer.len()).ok_or(Fault::Output)?;
        output.copy_from_slice(&answer);
        Ok(answer.len())
    }
}

fn oracle_coordinate(bytes: &[u8], index: usize) -> Result<bn::Fq, Fault> {
    bn::Fq::from_slice(&bytes[index * 32..][..32]).map_err(|_| Fault::Input)
}

fn oracle_g1(bytes: &[u8]) -> Result<bn::G1, Fault> {
    let (x, y) = (oracle_coordinate(bytes, 0)?, oracle_coordinate(bytes, 1)?);
    if x.is_zero() && y.is_zero() {
        return Ok(bn::Group::zero());
    }
    bn::AffineG1::new(x, y).map(Into::into).map_err(|_| Fault::Input)
}

fn oracle_g2(bytes: &[u8]) -> Result<bn::G2, Fault> {
    let x = bn::Fq2::new(oracle_coordinate(bytes, 1)?, oracle_coordinate(bytes, 0)?);
    let y = bn::Fq2::new(oracle_coordinate(bytes, 3)?, oracle_coordinate(bytes, 2)?);
    if x.is_zero() && y.is_zero() {
        return Ok(bn::Group::zero());
    }
    bn::AffineG2::new(x, y).map(Into::into).map_err(|_| Fault::Input)
}

fn encode(point: bn::G1) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    if let Some(point) = bn::AffineG1::from_jacobian(point) {
        point.x().to_big_endian(&mut bytes[..32]).expect("32 bytes");
        point.y().to_big_endian(&mut bytes[32..]).expect("32 bytes");
    }
    bytes
}

/// The answer all backends and the oracle give.
fn agreed(op: Op, input: &[u8]) -> Result<Result<Vec<u8>, Fault>, TestCaseError> {
    let oracle = Backend { name: "substrate-bn", portable: true, new: || Arc::new(Oracle) };
    let answer = request(&Oracle, op, input);
    for backend in BACKENDS.iter().chain([&oracle]) {
        prop_assert_eq!(&request(&*(backend.new)(), op, input), &answer, "{}", backend.name);
    }
    Ok(answer)
}

fn word(value: Fq) -> Vec<u8> {
    value.into_bigint().to_bytes_be()
}

fn encode_g1(point: &G1Affine) -> Vec<u8> {
    [word(point.x), word(point.y)].concat()
}

fn encode_g2(point: &G2Affine) -> Vec<u8> {
    [word(point.x.c1), word(point.x.c0), word(point.y.c1), word(point.y.c0)].concat()
}

/// A scalar, often one with few bits or near the group's order.
fn scalar() -> impl Strategy<Value = Fr> {
    let near = (-3_i64..4).prop_map(Fr::from);
    let short = any::<u128>().prop_map(Fr::from);
    let wide = any::<[u8; 32]>().prop_map(|bytes| Fr::from_be_bytes_mod_order(&bytes));
    prop_oneof![1 => near, 1 => short, 3 => wide]
}

fn g1() -> impl Strategy<Value = G1Affine> {
    scalar().prop_map(|scalar| (G1Affine::generator() * scalar).into_affine())
}

fn g2() -> impl Strategy<Value = G2Affine> {
    scalar().prop_map(|scalar| (G2Affine::generator() * scalar).into_affine())
}

/// A point of the twist, hardly ever in G2; its order may be a small factor of the cofactor.
fn twist_point() -> impl Strategy<Value = G2Affine> {
    let x = (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(a, b)| {
        Fq2::new(Fq::from_be_bytes_mod_order(&a), Fq::from_be_bytes_mod_order(&b))
    });
    x.prop_filter_map("an x of the twist", |x| G2Affine::get_point_from_x_unchecked(x, true))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn sums_are_agreed(p in g1(), q in g1()) {
        for (p, q) in [(p, q), (p, p), (p, -p)] {
            let sum = agreed(Op::Bn254Add, &[encode_g1(&p), encode_g1(&q)].concat())?;
            prop_assert_eq!(sum, Ok(encode_g1(&(p + q).into_affine())));
        }
    }

    #[test]
    fn products_are_agreed(p in g1(), scalar: [u8; 32], few in scalar()) {
        for scalar in [scalar.to_vec(), few.into_bigint().to_bytes_be()] {
            let product = agreed(Op::Bn254Mul, &[encode_g1(&p), scalar].concat())?;
            prop_assert!(product.is_ok());
        }
    }

    #[test]
    fn pairings_are_bilinear(p in g1(), q in g2(), a in scalar()) {
        let left = [encode_g1(&(p * a).into_affine()), encode_g2(&q)].concat();
        let right = [encode_g1(&-p), encode_g2(&(q * a).into_affine())].concat();
        let product = agreed(Op::Bn254Pairing, &[left.clone(), right].concat())?;
        prop_assert_eq!(product.map(|word| word[31]), Ok(1));
        let one = p.is_zero() || q.is_zero() || a == Fr::from(0);
        prop_assert_eq!(agreed(Op::Bn254Pairing, &left)?.map(|word| word[31]), Ok(u8::from(one)));
    }

    #[test]
    fn points_outside_g2_are_refused(p in g1(), q in twist_point()) {
        const COFACTOR: &[u64] = ark_bn254::g2::Config::COFACTOR;
        // The cofactor's smallest factors: a point of such an order passes checks that are wrong.
        for order in [10_069_u64, 5_864_401] {
            let (rest, none) = U256::from_limbs_slice(COFACTOR).div_rem(U256::from(order));
            prop_assert!(none.is_zero());
            let small = q.mul_bigint(rest.as_limbs()).mul_bigint(Fr::MODULUS.0).into_affine();
            let bytes = [encode_g1(&p), encode_g2(&small)].concat();
            let answer = agreed(Op::Bn254Pairing, &bytes)?;
            prop_assert_eq!(answer.is_ok(), small.is_zero());
            prop_assert!(small.mul_bigint([order]).is_zero());
        }
        let answer = agreed(Op::Bn254Pairing, &[encode_g1(&p), encode_g2(&q)].concat())?;
        prop_assert_eq!(answer, Err(Fault::Input));
        let cleared = q.clear_cofactor();
        let answer = agreed(Op::Bn254Pairing, &[encode_g1(&p), encode_g2(&cleared)].concat())?;
        prop_assert!(answer.is_ok());
    }

    #[test]
    fn spoilt_requests_are_agreed(
        p in g1(),
        q in g2(),
        place: prop::sample::Index,
        change in 1_u8..,
        len in 0..=300_usize,
    ) {
        let mut input = [encode_g1(&p), encode_g2(&q)].concat();
        let place = place.index(input.len());
        input[place] ^= change;
        prop_assert_eq!(agreed(Op::Bn254Pairing, &input)?, Err(Fault::Input));
        input.resize(len, change);
        for op in [Op::Bn254Add, Op::Bn254Mul, Op::Bn254Pairing] {
            agreed(op, &input)?.ok();
        }
    }

    #[test]
    fn garbage_is_agreed(input in prop::collection::vec(any::<u8>(), 0..400)) {
        for op in [Op::Bn254Add, Op::Bn254Mul, Op::Bn254Pairing] {
            agreed(op, &input)?.ok();
        }
    }
}
