//! What the programs must compute, by libraries that have nothing to do with Tandem, on inputs that are usual, at the
//! edge and wrong.

use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField};
use num_bigint::BigUint;
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};

/// A task, which several programs carry out.
pub(crate) struct Task {
    /// The name its programs have before their form.
    pub(crate) name: &'static str,
    /// The first is the case's.
    pub(crate) inputs: Vec<Input>,
}

/// What a program is given.
pub(crate) struct Input {
    pub(crate) calldata: Vec<u8>,
    /// What it returns; nothing if it must fail.
    pub(crate) expected: Option<Vec<u8>>,
}

impl Input {
    pub(crate) fn right(calldata: Vec<u8>, expected: Vec<u8>) -> Self {
        Self { calldata, expected: Some(expected) }
    }

    pub(crate) fn wrong(calldata: Vec<u8>) -> Self {
        Self { calldata, expected: None }
    }
}

pub(crate) fn tasks() -> Vec<Task> {
    let tasks = vec![
        Task { name: "bn254_add", inputs: bn254_add() },
        Task { name: "bn254_mul", inputs: bn254_mul() },
        Task { name: "bls12_381_g1_mul", inputs: bls12_381_g1_mul() },
        Task { name: "secp256r1_verify", inputs: secp256r1_verify() },
        Task { name: "poseidon_t3", inputs: poseidon_t3() },
        Task { name: "modexp_256", inputs: modexp(32) },
        Task { name: "modexp_381", inputs: modexp(48) },
        Task { name: "ntt_256", inputs: ntt_256() },
    ];
    tasks.into_iter().chain(crate::simd::tasks()).collect()
}

/// A number as a word.
fn word(number: &BigUint) -> Vec<u8> {
    padded(number, 32)
}

fn padded(number: &BigUint, len: usize) -> Vec<u8> {
    let bytes = if *number == BigUint::ZERO { Vec::new() } else { number.to_bytes_be() };
    [vec![0; len - bytes.len()], bytes].concat()
}

fn integer<F: PrimeField>(element: F) -> BigUint {
    BigUint::from_bytes_be(&element.into_bigint().to_bytes_be())
}

fn number(text: &str) -> BigUint {
    text.parse().expect("a decimal number")
}

/// Scalars worth a look, the first of full size.
fn scalars(order: &BigUint) -> Vec<BigUint> {
    let full = BigUint::from_bytes_be(&[0xb7; 32]);
    let small = [0_u32, 1, 2, 3, 15, 16, 17, 31, 32, 33].map(BigUint::from);
    let top = (BigUint::from(1_u32) << 256_u32) - 1_u32;
    let near = [order - 2_u32, order - 1_u32, order.clone(), order + 1_u32, top];
    [vec![full], small.to_vec(), near.to_vec()].concat()
}

fn bn254_point(point: ark_bn254::G1Affine) -> Vec<u8> {
    let (x, y) = point.xy().unwrap_or_default();
    [word(&integer(x)), word(&integer(y))].concat()
}

fn bn254_multiple(scalar: u64) -> ark_bn254::G1Affine {
    (ark_bn254::G1Affine::generator() * ark_bn254::Fr::from(scalar)).into_affine()
}

/// Not points: off the curve, or with a coordinate that is not below p.
fn bn254_wrong() -> [Vec<u8>; 4] {
    let p = BigUint::from(ark_bn254::Fq::MODULUS);
    let [one, two, three] = [1_u32, 2, 3].map(BigUint::from);
    let pairs = [(&one, &three), (&BigUint::ZERO, &one), (&p, &BigUint::ZERO), (&one, &(two + &p))];
    pairs.map(|(x, y)| [word(x), word(y)].concat())
}

fn bn254_add() -> Vec<Input> {
    let [a, b] = [bn254_multiple(0x1234_5678_9abc_def1), bn254_multiple(0xfedc_ba98)];
    let none = ark_bn254::G1Affine::zero();
    let pairs = [(a, b), (a, a), (a, -a), (none, a), (a, none), (none, none), (b, a), (-a, -a)];
    let right = pairs.map(|(a, b)| {
        let calldata = [bn254_point(a), bn254_point(b)].concat();
        Input::right(calldata, bn254_point((a + b).into_affine()))
    });
    let mut inputs = Vec::from(right);
    // What is missing at the end is zero, and what is more does not count.
    inputs.push(Input::right(Vec::new(), vec![0; 64]));
    inputs.push(Input::right(bn254_point(a), bn254_point(a)));
    inputs.push(Input::right([bn254_point(a), vec![0; 64], vec![1]].concat(), bn254_point(a)));
    for wrong in bn254_wrong() {
        inputs.push(Input::wrong([bn254_point(a), wrong.clone()].concat()));
        inputs.push(Input::wrong([wrong, bn254_point(a)].concat()));
    }
    inputs
}

/// Scalars that look special to a program that splits them in two by the endomorphism and takes no care of special
/// sums: small in one part or both, at the ends of what a part can be, and some without a pattern.
fn bn254_split_scalars(order: &BigUint) -> Vec<BigUint> {
    let lambda =
        order - 1_u32 - number("4407920970296243842393367215006156084916469457145843978461");
    let mut scalars = vec![order >> 1_u32, (order >> 1_u32) + 1_u32];
    for near in 0..=64_u32 {
        let positive =
            [BigUint::from(near), &lambda * near % order, (&lambda + 1_u32) * near % order];
        scalars.extend(positive.iter().map(|scalar| order - scalar));
        scalars.extend(positive);
        scalars.extend([order + near, &lambda - near, &lambda + near]);
        scalars.extend([order - &lambda - near, order - &lambda + near]);
    }
    for (bits, near) in (1..=253_u32).flat_map(|bits| [(bits, 0_u32), (bits, 1)]) {
        scalars.push((BigUint::from(1_u32) << bits) - near);
    }
    // Halfway between what two vectors of the basis are subtracted from.
    let basis = [number("9931322734385697763"), number("147946756881789319010696353538189108491")];
    for (divisor, n) in basis.iter().flat_map(|divisor| (0..40_u32).map(move |n| (divisor, n))) {
        let half = (divisor * n / 40_u32 * 2_u32 + 1_u32) * order / (divisor * 2_u32);
        scalars.extend([half.clone(), half + 1_u32]);
    }
    let mut power = BigUint::from(7_u32);
    for _ in 0..200 {
        power = &power * &power % order;
        scalars.push(power.clone());
    }
    scalars
}

fn bn254_mul() -> Vec<Input> {
    let point = bn254_multiple(0x1234_5678_9abc_def1);
    let order = BigUint::from(ark_bn254::Fr::MODULUS);
    let scalars = [scalars(&order), bn254_split_scalars(&order)].concat();
    let mut inputs = Vec::new();
    for (point, scalar) in scalars.iter().map(|scalar| (point, scalar)).chain([
        (ark_bn254::G1Affine::zero(), &scalars[0]),
        (ark_bn254::G1Affine::zero(), &scalars[1]),
        (ark_bn254::G1Affine::generator(), &scalars[0]),
    ]) {
        let product = point * ark_bn254::Fr::from(scalar.clone());
        let calldata = [bn254_point(point), word(scalar)].concat();
        inputs.push(Input::right(calldata, bn254_point(product.into_affine())));
    }
    inputs.push(Input::right(bn254_point(point), vec![0; 64]));
    for wrong in bn254_wrong() {
        inputs.push(Input::wrong([wrong, word(&scalars[0])].concat()));
    }
    inputs
}

fn bls12_381_point(point: ark_bls12_381::G1Affine) -> Vec<u8> {
    let (x, y) = point.xy().unwrap_or_default();
    [padded(&integer(x), 64), padded(&integer(y), 64)].concat()
}

fn bls12_381_g1_mul() -> Vec<Input> {
    use ark_bls12_381::{Fq, Fr, G1Affine};
    let point = (G1Affine::generator() * Fr::from(0x1234_5678_9abc_def1_u64)).into_affine();
    let mut inputs = Vec::new();
    let mut scalars = scalars(&BigUint::from(Fr::MODULUS));
    let z_squared = BigUint::from(0xd201_0000_0001_0000_u64).pow(2);
    scalars.extend([&z_squared - 1_u32, z_squared]);
    for (point, scalar) in
        scalars.iter().map(|scalar| (point, scalar)).chain([(G1Affine::zero(), &scalars[0])])
    {
        let product = (point * Fr::from(scalar.clone())).into_affine();
        let calldata = [bls12_381_point(point), word(scalar)].concat();
        inputs.push(Input::right(calldata, bls12_381_point(product)));
    }
    let scalar = word(&scalars[0]);
    let right = [bls12_381_point(point), scalar.clone()].concat();
    // On the curve, and not in the group.
    let outside = (1_u64..)
        .filter_map(|x| G1Affine::get_point_from_x_unchecked(Fq::from(x), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("nearly all are");
    inputs.push(Input::wrong([bls12_381_point(outside), scalar.clone()].concat()));
    let p = BigUint::from(Fq::MODULUS);
    let [zero, one, two] = [0_u32, 1, 2].map(BigUint::from);
    for (x, y) in [(&one, &one), (&zero, &one), (&p, &two), (&zero, &(&p + 2_u32))] {
        let calldata = [padded(x, 64), padded(y, 64), scalar.clone()].concat();
        inputs.push(Input::wrong(calldata));
    }
    let mut padding = right.clone();
    padding[0] = 1;
    let mut padding_of_y = right.clone();
    padding_of_y[79] = 1;
    let short = right[..159].to_vec();
    let long = [right, vec![0]].concat();
    inputs.extend([padding, padding_of_y, short, long, Vec::new()].map(Input::wrong));
    inputs
}

fn secp256r1_verify() -> Vec<Input> {
    let key = p256::ecdsa::SigningKey::from_slice(&[0x5a; 32]).expect("a key");
    let public = key.verifying_key().to_sec1_point(false);
    let public: [u8; 64] = public.as_bytes()[1..].try_into().expect("x and y");
    let order = BigUint::from_bytes_be(&const_bytes(
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    ));
    let modulus = BigUint::from_bytes_be(&const_bytes(
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    ));
    let mut inputs = Vec::new();
    for hash in [[0x3c; 32], [0; 32], [0xff; 32]] {
        let signature: p256::ecdsa::Signature = key.sign_prehash(&hash).expect("a signature");
        let signature = signature.to_bytes();
        let (r, s) = signature.split_at(32);
        let mut other_hash = hash;
        other_hash[31] ^= 1;
        let s_number = BigUint::from_bytes_be(s);
        let mut other_key = public;
        other_key[32..].copy_from_slice(&word(&(&modulus - BigUint::from_bytes_be(&public[32..]))));
        let mut off_curve = public;
        off_curve[31] ^= 1;
        let mut too_large = public;
        too_large[..32].copy_from_slice(&word(&modulus));
        let [zero, n] = [word(&BigUint::ZERO), word(&order)];
        for (hash, r, s, key) in [
            (hash, r, s, public),
            (hash, r, &word(&(&order - &s_number)), public),
            (other_hash, r, s, public),
            (hash, s, r, public),
            (hash, r, s, other_key),
            (hash, r, s, off_curve),
            (hash, r, s, too_large),
            (hash, r, s, [0; 64]),
            (hash, &zero, s, public),
            (hash, r, &zero, public),
            (hash, &n, s, public),
            (hash, r, &n, public),
        ] {
            let calldata = [&hash[..], r, s, &key].concat();
            let expected = if is_valid(&calldata) { word(&1_u32.into()) } else { Vec::new() };
            inputs.push(Input::right(calldata, expected));
        }
    }
    let usual = inputs[0].calldata.clone();
    inputs.push(Input::right(usual[..159].to_vec(), Vec::new()));
    inputs.push(Input::right([usual, vec![0]].concat(), Vec::new()));
    inputs.extend(secp256r1_at_the_edge(&order));
    let valid =
        inputs.iter().filter(|input| input.expected.as_ref().is_some_and(|it| !it.is_empty()));
    assert!(valid.count() >= 6);
    inputs
}

/// Signatures whose points meet: the key is the generator, its opposite, or makes the sum infinity.
fn secp256r1_at_the_edge(order: &BigUint) -> Vec<Input> {
    let keys = [word(&1_u32.into()), word(&(order - 1_u32)), word(&2_u32.into())];
    let mut inputs = Vec::new();
    for secret in keys {
        let key = p256::ecdsa::SigningKey::from_slice(&secret).expect("a key");
        let public = key.verifying_key().to_sec1_point(false);
        let signature: p256::ecdsa::Signature = key.sign_prehash(&[7; 32]).expect("a signature");
        let calldata = [&[7; 32][..], &signature.to_bytes(), &public.as_bytes()[1..]].concat();
        assert!(is_valid(&calldata));
        inputs.push(Input::right(calldata, word(&1_u32.into())));
        // hash + r d = 0: u1 G + u2 Q is infinity.
        let r = BigUint::from(5_u32);
        let hash = (order - &r * BigUint::from_bytes_be(&secret) % order) % order;
        let calldata =
            [word(&hash), word(&r), word(&9_u32.into()), public.as_bytes()[1..].to_vec()];
        inputs.push(Input::right(calldata.concat(), Vec::new()));
    }
    inputs
}

fn is_valid(calldata: &[u8]) -> bool {
    let key: &[u8; 64] = calldata[96..].try_into().expect("x and y");
    let point = p256::Sec1Point::from_untagged_bytes(key.into());
    let key = p256::ecdsa::VerifyingKey::from_sec1_point(&point);
    let signature = p256::ecdsa::Signature::from_slice(&calldata[32..96]);
    key.is_ok_and(|key| {
        signature.is_ok_and(|signature| key.verify_prehash(&calldata[..32], &signature).is_ok())
    })
}

fn const_bytes(text: &str) -> Vec<u8> {
    tandem_evm::primitives::hex::decode(text).expect("hexadecimal")
}

fn poseidon_t3() -> Vec<Input> {
    let poseidon = Poseidon::new();
    // circomlib's test vector.
    let vector = "7853200120776062878684798364095072458815029376092732009249414926327459813530";
    assert_eq!(poseidon.hash(&1_u32.into(), &2_u32.into()), number(vector));
    let n = poseidon.order.clone();
    let usual = BigUint::from_bytes_be(&[0x2a; 32]);
    let pairs = [
        (usual, number("123456789")),
        (1_u32.into(), 2_u32.into()),
        (BigUint::ZERO, BigUint::ZERO),
        (&n - 1_u32, &n - 1_u32),
    ];
    let right = pairs
        .iter()
        .map(|(a, b)| Input::right([word(a), word(b)].concat(), word(&poseidon.hash(a, b))));
    let wrong = [(&n, &BigUint::ZERO), (&BigUint::ZERO, &n)];
    let wrong = wrong.map(|(a, b)| Input::wrong([word(a), word(b)].concat()));
    right.chain(wrong).collect()
}

/// Poseidon over BN254's scalar field with three words, by its definition: constants from the Grain LFSR, every round
/// with three of them.
struct Poseidon {
    order: BigUint,
    constants: Vec<[BigUint; 3]>,
    matrix: [[BigUint; 3]; 3],
}

impl Poseidon {
    const FULL: usize = 8;
    const PARTIAL: usize = 57;

    fn new() -> Self {
        let order = BigUint::from(ark_bn254::Fr::MODULUS);
        let mut bits = Grain::new();
        let mut element =
            || (0..254).fold(BigUint::ZERO, |n, _| (n << 1_u32) | BigUint::from(bits.next()));
        let constants = (0..Self::FULL + Self::PARTIAL).map(|_| {
            [(); 3].map(|()| {
                loop {
                    let candidate = element();
                    if candidate < order {
                        break candidate;
                    }
                }
            })
        });
        let constants = constants.collect();
        let [x, y] = [(); 2].map(|()| [(); 3].map(|()| element() % &order));
        let matrix = x.map(|x| y.each_ref().map(|y| (&x + y).modinv(&order).expect("distinct")));
        Self { order, constants, matrix }
    }

    fn hash(&self, a: &BigUint, b: &BigUint) -> BigUint {
        let mut words = [BigUint::ZERO, a.clone(), b.clone()];
        for (round, constants) in self.constants.iter().enumerate() {
            let half = Self::FULL / 2;
            let is_full = round < half || round >= half + Self::PARTIAL;
            for (index, (word, constant)) in words.iter_mut().zip(constants).enumerate() {
                *word = (&*word + constant) % &self.order;
                if is_full || index == 0 {
                    *word = word.modpow(&5_u32.into(), &self.order);
                }
            }
            words = self.matrix.each_ref().map(|row| {
                let sum: BigUint = row.iter().zip(&words).map(|(m, word)| m * word).sum();
                sum % &self.order
            });
        }
        let [first, ..] = words;
        first
    }
}

/// The self-shrinking Grain LFSR of the paper's appendix F.
struct Grain([u8; 80]);

impl Grain {
    fn new() -> Self {
        let fields =
            [(1_u64, 2), (0, 4), (254, 12), (3, 12), (8, 10), (57, 10), ((1 << 30) - 1, 30)];
        let bits = fields
            .iter()
            .flat_map(|(value, len)| (0..*len).rev().map(move |bit| (value >> bit & 1) as u8));
        let mut state = [0; 80];
        state.iter_mut().zip(bits).for_each(|(to, bit)| *to = bit);
        let mut grain = Self(state);
        (0..160).for_each(|_| _ = grain.step());
        grain
    }

    fn step(&mut self) -> u8 {
        let bit = [62, 51, 38, 23, 13, 0].iter().fold(0, |bit, at| bit ^ self.0[*at]);
        self.0.rotate_left(1);
        self.0[79] = bit;
        bit
    }

    fn next(&mut self) -> u8 {
        loop {
            let (keep, bit) = (self.step(), self.step());
            if keep == 1 {
                return bit;
            }
        }
    }
}

fn modexp(len: usize) -> Vec<Input> {
    let field = match len {
        32 => BigUint::from(ark_bn254::Fq::MODULUS),
        _ => BigUint::from(ark_bls12_381::Fq::MODULUS),
    };
    let top = (BigUint::from(1_u32) << (8 * len)) - 1_u32;
    let mut moduli = vec![field.clone(), top.clone(), &field + 2_u32];
    if len == 32 {
        moduli.extend([0_u32, 1, 2, 3, 4, 5, 6, 255].map(BigUint::from));
        moduli.extend([64_u32, 65, 128, 192, 255].map(|bits| BigUint::from(1_u32) << bits));
        moduli.extend([64_u32, 128, 192].map(|bits| (BigUint::from(1_u32) << bits) - 1_u32));
    }
    let [zero, one, two] = [0_u32, 1, 2].map(BigUint::from);
    let mut inputs = Vec::new();
    for modulus in &moduli {
        let part = &top >> 100_u32;
        for (base, exponent) in [
            (&(&top / 3_u32), &(&field - 2_u32)),
            (&top, &top),
            (&zero, &zero),
            (&two, &zero),
            (&zero, &one),
            (modulus, &two),
            (&two, &BigUint::from(15_u32)),
            (&two, &BigUint::from(16_u32)),
            (&field, &part),
        ] {
            let result =
                if *modulus == zero { zero.clone() } else { base.modpow(exponent, modulus) };
            let lengths = word(&len.into()).repeat(3);
            let numbers = [base, exponent, modulus].map(|number| padded(number, len)).concat();
            inputs.push(Input::right([lengths, numbers].concat(), padded(&result, len)));
        }
    }
    inputs
}

/// The transform by its definition.
fn ntt_256() -> Vec<Input> {
    const Q: u64 = 12_289;
    let power = |base: u64, exponent: u64| (0..exponent).fold(1, |product, _| product * base % Q);
    let root = power(11, (Q - 1) / 256);
    let powers: Vec<_> = (0..256).map(|exponent| power(root, exponent)).collect();
    let bytes =
        |numbers: &[u64]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_be_bytes()).collect() };
    let unit = |at: usize| -> Vec<u64> { (0..256).map(|i| u64::from(i == at)).collect() };
    let mixed = (0..256).map(|i| (i * i * 7 + i * 31 + 5) % Q).collect();
    let mut inputs = Vec::new();
    for numbers in [mixed, vec![0; 256], vec![Q - 1; 256], unit(0), unit(1), unit(37)] {
        let transformed: Vec<_> = (0..256)
            .map(|k| (0..256).fold(0, |sum, i| (sum + numbers[i] * powers[i * k % 256]) % Q))
            .collect();
        inputs.push(Input::right(bytes(&numbers), bytes(&transformed)));
    }
    let mut wrong = vec![0; 256];
    wrong[255] = Q;
    inputs.push(Input::wrong(bytes(&wrong)));
    inputs
}
