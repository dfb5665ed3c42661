//! EVM-MAX: whatever a program does in a frame, backends agree step by step, `execute` succeeds only where
//! `measure` did, registers stay within their limit and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_coprocessor::{Fault, Instruction, primitives::U256};
use tandem_evmmax::BACKENDS;

/// Bytes of a step: opcode, seven immediates, and four words of two bytes.
const STEP: usize = 16;
const MEMORY: usize = 1024;

fuzz_target!(|input: &[u8]| {
    let Some((seed, steps)) = input.split_at_checked(input.len().min(192)) else { return };
    // Each backend twice: instruction by instruction, and as arithmetic is asked for that stands in a row.
    let mut frames: Vec<_> = [false, true]
        .iter()
        .flat_map(|in_a_row| BACKENDS.iter().map(move |backend| (backend, *in_a_row)))
        .map(|(backend, in_a_row)| {
            let mut memory = seed.to_vec();
            memory.resize(MEMORY, 0);
            let frame = (backend.new)().instructions().expect("it has instructions");
            (frame, memory, in_a_row)
        })
        .collect();
    for step in steps.chunks_exact(STEP) {
        let op = 0xc0 + step[0] % 7;
        let number = |n: usize| u16::from_be_bytes([step[8 + 2 * n], step[9 + 2 * n]]);
        // Mostly small, now and then beyond any limit.
        let word = |n| match number(n) {
            u16::MAX => U256::MAX,
            0xfff0.. => U256::from(u64::MAX),
            number => U256::from(number % 1200),
        };
        let words: Vec<_> = (0..if op == 0xc0 { 4 } else { 3 }).map(word).collect();
        let instruction = Instruction { op, immediates: &step[1..8], words: &words };
        let results: Vec<_> = frames
            .iter_mut()
            .map(|(frame, memory, in_a_row)| {
                let facts = frame.measure(&instruction, memory);
                let result = if *in_a_row && (0xc3..=0xc5).contains(&op) {
                    let run = frame.on_registers(&[&[op], &step[1..8]].concat(), 1);
                    run.map(|_| U256::ZERO).ok_or(Fault::Input)
                } else {
                    frame.execute(&instruction, memory)
                };
                assert!(
                    facts.is_ok() || result.is_err(),
                    "done, but not measured: {instruction:?}"
                );
                if let Ok(facts) = facts {
                    assert!(facts.register_bytes <= 24_576);
                }
                (facts, result)
            })
            .collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{instruction:?}: {results:?}");
        assert!(frames.windows(2).all(|pair| pair[0].1 == pair[1].1), "memory: {instruction:?}");
        if results.iter().any(|(_, result)| matches!(result, Err(Fault::Input))) {
            return;
        }
    }
});
