//! The coprocessor as the glue asks it: facts, faults and answers of every backend.

#[path = "oracle/lists.rs"]
mod oracle;

use oracle::request;
use proptest::{collection::vec, prelude::*};
use tandem_coprocessor::{
    Coprocessor, Facts, Fault, Instruction, ListWork, Op, Size, Work, primitives::U256,
};
use tandem_lanes::{BACKENDS, Kernels, Portable};

fn backends() -> impl Iterator<Item = std::sync::Arc<dyn Coprocessor>> {
    BACKENDS.iter().map(|backend| (backend.new)())
}

#[test]
fn the_last_backend_is_the_portable_one() {
    let portable: Vec<_> = BACKENDS.iter().map(|backend| backend.portable).collect();
    assert_eq!(portable.last(), Some(&true));
    assert_eq!(portable.iter().filter(|portable| **portable).count(), 1);
}

#[test]
fn a_request_is_measured_by_count_and_kind() {
    let (a, m): (&[u64], &[u64]) = (&[1, 2, 3], &[5]);
    let expected = oracle::list(0x01, 8, a, a, 0);
    for (op, work) in [
        (0x01, ListWork::Simple),
        (0x02, ListWork::Multiply),
        (0x07, ListWork::Simple),
        (0x09, ListWork::Divide),
        (0x0a, ListWork::Simple),
        (0x0b, ListWork::Dot),
        (0x0c, ListWork::Divide),
        (0x0d, ListWork::Multiply),
        (0x0e, ListWork::Multiply),
        (0x0f, ListWork::Simple),
    ] {
        let lists: &[&[u64]] = match op {
            0x0a => &[a],
            0x0c..=0x0e => &[a, a, m],
            _ => &[a, a],
        };
        let max_output = if op == 0x0a || op == 0x0b { 8 } else { 24 };
        for lanes in backends() {
            let input = request(op, 8, lists);
            let work = Work { size: Size::List(3, work), max_output };
            assert_eq!(lanes.measure(Op::Vecmath, &input), Ok(work), "{op:#x}");
            let mut output = vec![0; max_output];
            let short = &mut output[1..];
            assert_eq!(lanes.execute(Op::Vecmath, &input, short), Err(Fault::Output));
            assert_eq!(lanes.execute(Op::Vecmath, &input, &mut output), Ok(max_output));
            if op == 0x01 {
                let bytes: Vec<_> = expected.iter().flat_map(|lane| lane.to_be_bytes()).collect();
                assert_eq!(output, bytes);
            }
        }
    }
}

#[test]
fn other_units_operations_are_not_supported() {
    for lanes in backends() {
        for op in Op::ALL.into_iter().filter(|op| *op != Op::Vecmath) {
            assert_eq!(lanes.measure(op, &[]), Err(Fault::Unsupported));
            assert_eq!(lanes.execute(op, &[], &mut [0; 64]), Err(Fault::Unsupported));
        }
        assert_eq!(lanes.measure(Op::Vecmath, &[]), Err(Fault::Input));
        assert_eq!(lanes.execute(Op::Vecmath, &[], &mut [0; 64]), Err(Fault::Input));
    }
}

#[test]
fn an_instruction_takes_the_top_first_and_memory_is_not_its_affair() {
    for lanes in backends() {
        let mut instructions = lanes.instructions().expect("it has instructions");
        let words = [3_u64, 5].map(U256::from);
        let subtract = Instruction { op: 0xb3, immediates: &[0x32], words: &words };
        let facts = Facts { size: Size::Constant, register_bytes: 0 };
        assert_eq!(instructions.measure(&subtract, &[1, 2]), Ok(facts));
        let mut memory = [7; 3];
        assert_eq!(instructions.execute(&subtract, &mut memory), Ok(U256::from(2)));
        assert_eq!(memory, [7; 3]);
    }
}

proptest! {
    #[test]
    fn no_instruction_panics_and_what_is_measured_is_executed(
        op in any::<u8>(), immediates in vec(any::<u8>(), 0..4),
        words in vec(any::<[u64; 4]>().prop_map(U256::from_limbs), 0..4),
    ) {
        let asked = Instruction { op, immediates: &immediates, words: &words };
        let mut results = Vec::new();
        for lanes in backends() {
            let mut instructions = lanes.instructions().expect("it has instructions");
            let measured = instructions.measure(&asked, &[]);
            let result = instructions.execute(&asked, &mut []);
            if measured.is_ok() {
                prop_assert!(result.is_ok());
            }
            results.push((measured, result));
        }
        prop_assert!(results.iter().all(|result| *result == results[0]));
    }

    #[test]
    fn instructions_answer_as_the_kernels_do(
        op in 0xb1..=0xcf_u8, types in [0..0x34_u8, 0..0x34_u8],
        words in any::<[[u64; 4]; 2]>().prop_map(|words| words.map(U256::from_limbs)),
    ) {
        let len = if op == 0xb8 { 2 } else { 1 };
        let decoded = tandem_lanes::Instruction::decode(op, types);
        for lanes in backends() {
            let mut instructions = lanes.instructions().expect("it has instructions");
            let inputs = decoded.map_or(2, |decoded| decoded.inputs());
            let words = &words[2 - inputs..];
            let asked = Instruction { op, immediates: &types[..len], words };
            prop_assert_eq!(instructions.measure(&asked, &[]).is_ok(), decoded.is_some());
            let expected = decoded.map(|decoded| {
                let mut last = words[0].to_le_bytes();
                Portable::word(decoded, &words[words.len() - 1].to_le_bytes(), &mut last);
                U256::from_le_bytes(last)
            });
            prop_assert_eq!(instructions.execute(&asked, &mut []).ok(), expected);
        }
    }
}
