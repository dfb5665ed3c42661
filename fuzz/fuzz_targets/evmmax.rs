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
    let mut frames: Vec<_> = BACKENDS
        .iter()
        .map(|backend| {
            let mut memory = seed.to_vec();
            memory.resize(MEMORY, 0);
            ((backend.new)().instructions().expect("it has instructions"), memory)
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
            .map(|(frame, memory)| {
                let facts = frame.measure(&instruction, memory);
                let result = frame.execute(&instruction, memory);
                assert!(facts.is_ok() || result.is_err(), "done, but not measured: {instruction:?}");
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
