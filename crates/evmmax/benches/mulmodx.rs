//! MULMODX in vector form, a whole instruction with its checks, by element; and one field
//! multiplication of `ark-bn254`, the fastest bn254 backend, to hold it against.
//!
//! `cargo bench -p tandem-evmmax`

use std::{hint::black_box, time::Instant};

use ark_ff::Field as _;
use tandem_coprocessor::{Instruction, Instructions, primitives::U256};
use tandem_evmmax::BACKENDS;

/// Elements of an instruction: the registers are an input, another and the results.
const COUNT: u8 = 64;

fn modulus(limbs: usize) -> Vec<u8> {
    let bn254 = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";
    let bls12_381 = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
    match limbs {
        4 => parse(bn254),
        6 => parse(bls12_381),
        _ => [vec![0x1f; 8 * limbs - 1], vec![0xfd]].concat(),
    }
}

fn parse(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).expect("hex digits"))
        .collect()
}

/// A frame with a field, its registers filled.
fn frame(backend: &tandem_coprocessor::Backend, modulus: &[u8]) -> Box<dyn Instructions> {
    let mut frame = (backend.new)().instructions().expect("EVM-MAX has instructions");
    let size = modulus.len();
    let values: Vec<u8> = (0..3 * usize::from(COUNT) * size)
        .map(|n| if n % size == 0 { 0 } else { (n * 37 + 11) as u8 })
        .collect();
    let mut memory = [modulus, &values].concat();
    let count = 3 * u64::from(COUNT);
    // SETMODX and STOREX; the top of the stack is the last word.
    for (op, words) in [(0xc0, vec![count, size as u64, 0, 0]), (0xc2, vec![count, size as u64, 0])]
    {
        let words: Vec<_> = words.into_iter().map(U256::from).collect();
        let instruction = Instruction { op, immediates: &[], words: &words };
        frame.execute(&instruction, &mut memory).expect("valid operands");
    }
    frame
}

/// Nanoseconds an element: the best of many short runs.
fn time(elements: u8, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..101 {
        let start = Instant::now();
        for _ in 0..1000 {
            run();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / 1000.0);
    }
    best / f64::from(elements)
}

#[expect(clippy::print_stdout, reason = "a bench has no other way to report")]
fn report(limbs: usize, who: &str, count: u8, nanoseconds: f64) {
    println!("{limbs:>2} limbs {who:>14} {count:>3} elements {nanoseconds:>8.2} ns each");
}

fn main() {
    for limbs in [1, 2, 3, 4, 5, 6, 8, 10, 12] {
        for backend in BACKENDS {
            let mut frame = frame(backend, &modulus(limbs));
            for count in [1, COUNT] {
                let immediates = [2 * COUNT, 1, 0, 1, COUNT, 1, count];
                let instruction = Instruction { op: 0xc5, immediates: &immediates, words: &[] };
                let nanoseconds = time(count, || {
                    let instruction = black_box(&instruction);
                    let facts = frame.measure(instruction, &[]);
                    let _ = black_box((facts, frame.execute(instruction, &mut [])));
                });
                report(limbs, backend.name, count, nanoseconds);
            }
        }
    }
    let y = ark_bn254::Fq::from(7).pow([12_345_678_901]);
    let mut x = y.square();
    report(4, "ark, latency", 1, time(1, || x *= black_box(&y)));
    let (xs, ys) = (vec![x; COUNT.into()], vec![y; COUNT.into()]);
    let mut out = xs.clone();
    let nanoseconds = time(COUNT, || {
        let (xs, ys) = (black_box(&xs), black_box(&ys));
        for ((out, x), y) in out.iter_mut().zip(xs).zip(ys) {
            *out = *x * *y;
        }
        black_box(&mut out);
    });
    report(4, "ark-bn254", COUNT, nanoseconds);
}
