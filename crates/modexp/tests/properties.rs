//! What must hold of any input: every backend computes what `num-bigint` does, and none panics.

use num_bigint::BigUint;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tandem_coprocessor::{Coprocessor, Fault, ModexpSize, Op, Size, Work};
use tandem_modexp::{BACKENDS, Portable};
use tandem_vectors::request;

/// A length as the header has it.
fn length(value: u128) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[16..].copy_from_slice(&value.to_be_bytes());
    bytes
}

fn encode([base, exponent, modulus]: [&[u8]; 3]) -> Vec<u8> {
    let lengths = [base, exponent, modulus].map(|number| length(number.len() as u128));
    [&lengths.concat(), base, exponent, modulus].concat()
}

/// Numbers of up to `max` bytes, long runs of zeros and ones among them.
fn number(max: usize) -> impl Strategy<Value = Vec<u8>> {
    let run = prop_oneof![
        4 => vec(any::<u8>(), 0..=max),
        1 => (select(vec![0x00, 0xff]), 0..=max).prop_map(|(byte, len)| vec![byte; len]),
    ];
    vec(run, 1..4).prop_map(move |runs| {
        let mut bytes = runs.concat();
        bytes.truncate(max);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..Default::default() })]

    #[test]
    fn backends_compute_the_power(
        base in number(150), exponent in number(40), modulus in number(150), shift in 0..3usize,
    ) {
        // Powers of two among the modulus's factors take ways of their own.
        let modulus = [modulus, vec![0; 5 * shift]].concat();
        let [b, e, m] = [&base, &exponent, &modulus].map(|bytes| BigUint::from_bytes_be(bytes));
        let mut expected = vec![0; modulus.len()];
        if m > BigUint::from(1u8) {
            let power = b.modpow(&e, &m).to_bytes_be();
            expected[modulus.len() - power.len()..].copy_from_slice(&power);
        }
        let input = encode([&base, &exponent, &modulus]);
        for backend in BACKENDS {
            let got = request(&*(backend.new)(), Op::Modexp, &input);
            prop_assert_eq!(got.as_ref(), Ok(&expected), "{}", backend.name);
        }
    }

    #[test]
    fn garbage_never_panics(
        op in select(&Op::ALL[..]),
        lengths in prop::array::uniform3(prop_oneof![0..100u128, any::<u128>()]),
        rest in vec(any::<u8>(), 0..200),
        end in 0..300usize,
    ) {
        let mut input = [lengths.map(length).concat(), rest].concat();
        input.truncate(end);
        for backend in BACKENDS {
            let coprocessor = (backend.new)();
            let measured = coprocessor.measure(op, &input);
            let executed = coprocessor.execute(op, &input, &mut [0; 128]);
            match measured {
                Ok(work) if work.max_output <= 128 => prop_assert_eq!(executed, Ok(work.max_output)),
                Ok(_) => prop_assert_eq!(executed, Err(Fault::Output)),
                Err(fault) => prop_assert_eq!(executed, Err(fault)),
            }
        }
    }

    #[test]
    fn pure_garbage_never_panics(input in vec(any::<u8>(), 0..300)) {
        for backend in BACKENDS {
            let coprocessor = (backend.new)();
            prop_assert!(coprocessor.measure(Op::Modexp, &input).is_ok());
            let _ = coprocessor.execute(Op::Modexp, &input, &mut [0; 64]);
        }
    }
}

#[test]
fn moduli_beyond_a_librarys_limit_are_computed_all_the_same() {
    // AWS-LC declines moduli of more than 8 KiB.
    let mut modulus = vec![0xff; 8200];
    modulus[0] = 0x01;
    let input = encode([&[3; 8200], &[0x01, 0x00, 0x03], &modulus]);
    let expected = request(&Portable, Op::Modexp, &input);
    for backend in BACKENDS {
        assert_eq!(request(&*(backend.new)(), Op::Modexp, &input), expected, "{}", backend.name);
    }
}

fn size(lengths: [u128; 3], rest: &[u8]) -> (ModexpSize, usize) {
    let input = [&lengths.map(length).concat(), rest].concat();
    match Portable.measure(Op::Modexp, &input) {
        Ok(Work { size: Size::Modexp(size), max_output }) => (size, max_output),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sizes_are_facts_of_the_input() {
    let bits = |lengths, rest: &[u8]| size(lengths, rest).0.exponent_head_bits;
    assert_eq!(bits([1, 1, 1], &[9, 0x00, 9]), 0);
    assert_eq!(bits([1, 1, 1], &[9, 0x01, 9]), 1);
    assert_eq!(bits([1, 1, 1], &[9, 0xff, 9]), 8);
    assert_eq!(bits([1, 3, 1], &[9, 0x00, 0x01, 0x00, 9]), 9);
    assert_eq!(bits([0, 32, 0], &[0xff; 32]), 256);
    assert_eq!(bits([0, 33, 0], &[0xff; 33]), 256);
    // Only the first 32 bytes count.
    assert_eq!(bits([0, 40, 0], &[[0; 32].as_slice(), &[0xff; 8]].concat()), 0);
    // Zeros follow the input's end, and count as places.
    assert_eq!(bits([2, 32, 0], &[9, 9, 0x01]), 249);
    assert_eq!(bits([2, 32, 0], &[9, 9]), 0);
    assert_eq!(bits([u128::MAX, 32, 0], &[0xff; 64]), 0);

    let (size, max_output) = size([1 << 64, u128::from(u64::MAX), u128::MAX], &[]);
    assert_eq!([size.base_len, size.exponent_len, size.modulus_len], [u64::MAX; 3]);
    assert_eq!(max_output, usize::MAX);
    let other = Portable.measure(Op::Keccak256, &[]);
    assert_eq!(other, Err(Fault::Unsupported));
}

#[test]
fn lengths_may_be_cut_by_the_end_of_the_input() {
    let mut header = [length(1), length(0), length(0x0102)].concat();
    header.truncate(95);
    let work = Portable.measure(Op::Modexp, &header);
    assert_eq!(work.map(|work| work.max_output), Ok(0x0100));
}
