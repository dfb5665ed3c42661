//! The vector opcodes against the oracle: exhaustively where there are few lanes, at random elsewhere.

#[path = "oracle/words.rs"]
mod oracle;

use oracle::{TYPES, XCONV, opcodes};
use proptest::{array::uniform32, prelude::*, sample::select};
use tandem_lanes::{Instruction, Kernels, LaneType, Portable};

type Word = [u8; 32];

fn instruction(opcode: u8, ty: u8) -> Instruction {
    Instruction::decode(opcode, [ty, 0x00]).expect("a legal instruction")
}

/// XCAST, XISZERO and XNOT.
const UNARY: [u8; 3] = [0xbe, 0xc5, 0xc9];

/// All but XSHUFFLE and XINDEX, in which lanes of different places meet.
fn lane_wise() -> Vec<u8> {
    opcodes().into_iter().filter(|opcode| ![0xbf, 0xca].contains(opcode)).collect()
}

/// What every backend makes of it, when they agree.
fn word(instruction: Instruction, a: &Word, b: &Word) -> Word {
    let (above, mut last) = if instruction.inputs() == 2 { (a, *b) } else { (b, *a) };
    #[cfg(feature = "native")]
    let mut native = last;
    Portable::word(instruction, above, &mut last);
    #[cfg(feature = "native")]
    {
        tandem_lanes::Native::word(instruction, above, &mut native);
        assert_eq!(native, last, "{instruction:?}");
    }
    last
}

fn check(opcode: u8, (ty, bytes, count): (u8, usize, usize), a: &Word, b: &Word) {
    let expected = oracle::execute(opcode, bytes, count, a, b);
    let got = word(instruction(opcode, ty), a, b);
    assert_eq!(got, expected, "{opcode:#x} {ty:#04x} of {a:02x?} and {b:02x?}");
}

#[test]
fn every_pair_of_bytes_in_every_lane_of_bytes() {
    // Eight words of u8x32 hold all 256 values of one operand; u8x1 has one pair at a time.
    for opcode in opcodes() {
        for a in 0..=255 {
            for chunk in 0..8 {
                let values: Word = std::array::from_fn(|lane| (chunk * 32 + lane) as u8);
                check(opcode, (0x05, 1, 32), &[a; 32], &values);
            }
            for b in 0..=255 {
                let (mut top, mut next) = ([0xa5; 32], [0x5a; 32]);
                (top[0], next[0]) = (a, b);
                check(opcode, (0x00, 1, 1), &top, &next);
            }
        }
    }
}

#[test]
fn every_pair_of_bytes_in_both_lanes_of_two() {
    for opcode in opcodes() {
        for a in 0..=255_u8 {
            for b in 0..=255_u8 {
                // The second lane goes through all pairs in another order.
                let (mut top, mut next) = ([0x77; 32], [0xee; 32]);
                top[..2].copy_from_slice(&[a, b.wrapping_mul(3)]);
                next[..2].copy_from_slice(&[b, a.wrapping_add(b)]);
                check(opcode, (0x01, 1, 2), &top, &next);
            }
        }
    }
}

/// Words whose lanes are often special: all zeros, all ones, a sign bit, a small number.
fn any_word() -> impl Strategy<Value = Word> {
    let byte = prop_oneof![3 => any::<u8>(), 1 => select(vec![0, 1, 7, 31, 64, 0x7f, 0x80, 0xff])];
    let special =
        select(vec![[0; 8], [0xff; 8], [0, 0, 0, 0, 0, 0, 0, 0x80], [5, 0, 0, 0, 0, 0, 0, 0]]);
    let lanes = prop::array::uniform4(prop_oneof![any::<[u8; 8]>(), special]);
    prop_oneof![
        uniform32(byte),
        lanes.prop_map(|lanes| std::array::from_fn(|i| lanes[i / 8][i % 8])),
        uniform32(0..40_u8),
        // One byte in each group of four or eight: amounts and indices of wide lanes.
        (uniform32(0..70_u8), select(vec![4, 8])).prop_map(|(word, step)| std::array::from_fn(
            |i| if i % step == 0 { word[i] } else { 0 }
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn opcodes_of_every_type_are_what_the_oracle_says(
        opcode in select(opcodes()), ty in select(&TYPES[..]), a in any_word(), b in any_word(),
    ) {
        check(opcode, ty, &a, &b);
    }

    #[test]
    fn equal_and_near_lanes_too(
        opcode in select(opcodes()), ty in select(&TYPES[..]), a in any_word(), place in 0..32_usize,
    ) {
        let mut b = a;
        check(opcode, ty, &a, &b);
        b[place] = b[place].wrapping_add(1);
        check(opcode, ty, &a, &b);
    }

    #[test]
    fn conversions_of_every_pair_of_types_are_what_the_oracle_says(
        from in select(&TYPES[..]), to in select(&TYPES[..]), a in any_word(),
    ) {
        let convert = Instruction::decode(XCONV, [from.0, to.0]).expect("legal types");
        let expected = oracle::convert((from.1, from.2), (to.1, to.2), &a);
        prop_assert_eq!(word(convert, &a, &[0xcc; 32]), expected);
    }

    #[test]
    fn four_lanes_are_four_times_one(
        opcode in select(lane_wise()), a in any_word(), b in any_word(),
    ) {
        let four = word(instruction(opcode, 0x32), &a, &b);
        for lane in 0..4 {
            let alone = |word: &Word| {
                let mut one = [0x99; 32];
                one[..8].copy_from_slice(&word[8 * lane..][..8]);
                one
            };
            let one = word(instruction(opcode, 0x30), &alone(&a), &alone(&b));
            prop_assert_eq!(&one[..8], &four[8 * lane..][..8]);
            prop_assert_eq!(&one[8..], &[0; 24]);
        }
    }

    #[test]
    fn dead_bits_are_not_looked_at_and_come_out_zero(
        opcode in select(opcodes()), (ty, bytes, count) in select(&TYPES[..]),
        a in any_word(), b in any_word(), noise in any_word(),
    ) {
        let live = match opcode {
            // The index is a number of 256 bits, and a mask has a byte a lane.
            0xca => 32,
            0xbf => count,
            _ => bytes * count,
        };
        let dirty = |word: &Word, live: usize| -> Word {
            std::array::from_fn(|i| if i < live { word[i] } else { noise[i] })
        };
        let clean = word(instruction(opcode, ty), &a, &b);
        let again = word(instruction(opcode, ty), &dirty(&a, live), &dirty(&b, bytes * count));
        prop_assert_eq!(clean, again);
        prop_assert_eq!(&clean[bytes * count..], &[0; 32][bytes * count..]);
    }

    #[test]
    fn unary_instructions_do_not_look_at_another_word(
        opcode in select(&UNARY[..]), ty in select(&TYPES[..]),
        a in any_word(), b in any_word(), c in any_word(),
    ) {
        let instruction = instruction(opcode, ty.0);
        prop_assert_eq!(word(instruction, &a, &b), word(instruction, &a, &c));
    }
}

#[test]
fn a_type_byte_is_legal_if_the_table_has_it() {
    for byte in 0..=255 {
        let row = TYPES.iter().find(|(ty, ..)| *ty == byte);
        let decoded = LaneType::decode(byte).map(|ty| (ty.width().bytes(), ty.count()));
        assert_eq!(decoded, row.map(|(_, bytes, count)| (*bytes, *count)), "{byte:#04x}");
        for opcode in opcodes() {
            assert_eq!(Instruction::decode(opcode, [byte, 0xff]).is_some(), row.is_some());
        }
        for other in [0x00, 0x32, 0x7f] {
            let legal = |byte: u8| TYPES.iter().any(|(ty, ..)| *ty == byte);
            let expected = legal(byte) && legal(other);
            assert_eq!(Instruction::decode(XCONV, [byte, other]).is_some(), expected);
            assert_eq!(Instruction::decode(XCONV, [other, byte]).is_some(), expected);
        }
    }
}

#[test]
fn floats_the_identity_and_types_that_do_not_fit_halt() {
    // f32x1, f64x4, the EVM's own integer, bits 3 and 6, u8x64, u16x32, u32x16, u64x8.
    for ty in [0xa0, 0xb2, 0x7f, 0x08, 0x40, 0x06, 0x15, 0x24, 0x33] {
        assert_eq!(Instruction::decode(0xb1, [ty, 0]), None, "{ty:#04x}");
    }
}

#[test]
fn other_opcodes_are_no_instructions() {
    let known = opcodes();
    for opcode in (0..=255).filter(|opcode| !known.contains(opcode) && *opcode != XCONV) {
        assert_eq!(Instruction::decode(opcode, [0; 2]), None, "{opcode:#04x}");
    }
}

#[test]
fn no_byte_of_an_instruction_hides_a_jump_destination_or_is_one() {
    let harmless = |byte: u8| byte != 0x5b && !(0x60..=0x7f).contains(&byte);
    let types = TYPES.iter().map(|(ty, ..)| *ty);
    assert!(types.chain(opcodes()).chain([0xae, XCONV]).all(harmless));
}

#[test]
fn instructions_take_one_word_or_two() {
    for opcode in opcodes() {
        let inputs = if UNARY.contains(&opcode) { 1 } else { 2 };
        assert_eq!(instruction(opcode, 0x00).inputs(), inputs, "{opcode:#04x}");
    }
    assert_eq!(instruction(XCONV, 0x00).inputs(), 1);
}

#[test]
fn only_the_four_divisions_divide() {
    for opcode in opcodes() {
        assert_eq!(instruction(opcode, 0x00).divides(), (0xb4..=0xb7).contains(&opcode));
    }
}
