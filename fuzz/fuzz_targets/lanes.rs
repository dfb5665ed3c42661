//! Lanes: whatever is asked, backends agree, what is measured is executed, dead lanes are zero and
//! nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_coprocessor::{Instruction, Op, primitives::U256};
use tandem_lanes::{BACKENDS, LaneType};

fuzz_target!(|input: &[u8]| {
    list(input);
    if let Some((&[op, types @ ..], words)) = input.split_first_chunk::<3>() {
        let len = if op == 0xb8 { 2 } else { 1 };
        let words: Vec<_> = words.chunks_exact(32).take(2).map(U256::from_be_slice).collect();
        instruction(&Instruction { op, immediates: &types[..len], words: &words });
    }
});

/// A request of the list precompile.
fn list(input: &[u8]) {
    let answers = BACKENDS.iter().map(|backend| {
        let lanes = (backend.new)();
        let work = lanes.measure(Op::Vecmath, input)?;
        let mut output = vec![0; work.max_output];
        let len = lanes.execute(Op::Vecmath, input, &mut output)?;
        assert_eq!(len, work.max_output);
        Ok::<_, tandem_coprocessor::Fault>(output)
    });
    let _answer = agree(answers);
}

fn instruction(asked: &Instruction<'_>) {
    let answers = BACKENDS.iter().map(|backend| {
        let mut lanes = (backend.new)().instructions().expect("it has instructions");
        let measured = lanes.measure(asked, &[]).map(|_| ());
        let result = lanes.execute(asked, &mut []);
        assert!(measured.is_err() || result.is_ok());
        measured.and(result)
    });
    let result = agree(answers);
    let ty = asked.immediates.last().and_then(|byte| LaneType::decode(*byte));
    if let (Ok(word), Some(ty)) = (result, ty) {
        assert!(word.byte_len() <= ty.bytes(), "dead lanes of {asked:?} are {word:#x}");
    }
}

/// What all come to.
fn agree<T: PartialEq + std::fmt::Debug>(mut answers: impl Iterator<Item = T>) -> T {
    let first = answers.next().expect("there is a backend");
    for other in answers {
        assert_eq!(other, first);
    }
    first
}
