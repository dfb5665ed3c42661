//! Nanoseconds a word of each kind of instruction, and a lane of each list operation, by backend.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

#[cfg(feature = "native")]
use tandem_lanes::Native;
use tandem_lanes::{Instruction, Kernels, List, Portable};

const OPCODES: [(u8, &str); 15] = [
    (0xb1, "XADD"),
    (0xb2, "XMUL"),
    (0xb4, "XDIV"),
    (0xb5, "XSDIV"),
    (0xb6, "XMOD"),
    (0xb9, "XMULHI"),
    (0xbe, "XCAST"),
    (0xbf, "XSHUFFLE"),
    (0xc0, "XLT"),
    (0xc4, "XEQ"),
    (0xc8, "XXOR"),
    (0xca, "XINDEX"),
    (0xcb, "XSHL"),
    (0xcd, "XSAR"),
    (0xcf, "XROR"),
];
const TYPES: [(u8, &str); 5] =
    [(0x05, "u8x32"), (0x14, "u16x16"), (0x23, "u32x8"), (0x32, "u64x4"), (0x30, "u64x1")];
const LISTS: [&str; 15] = [
    "ADD", "MUL", "SUB", "AND", "OR", "XOR", "SHL", "SHR", "MOD", "REDUCE", "DOT", "MULMOD",
    "ADDMOD", "SUBMOD", "SHUFFLE",
];
const COUNT: usize = 1024;

#[expect(clippy::print_stdout, reason = "a bench has no other way to report")]
fn main() {
    println!("ns a word: portable / native");
    for (opcode, name) in OPCODES {
        print!("{name:>9}");
        for (ty, type_name) in TYPES {
            let one = Instruction::decode(opcode, [ty, 0]).expect("an instruction");
            print!("  {type_name} {:5.1}", word::<Portable>(one));
            #[cfg(feature = "native")]
            print!(" / {:4.1}", word::<Native>(one));
        }
        println!();
    }
    println!("\nns a lane in lists of {COUNT}: portable / native");
    for (op, name) in (1..).zip(LISTS) {
        print!("{name:>9}");
        for width in [4, 8] {
            let input = request(op, width);
            print!("  {width} bytes {:6.3}", list::<Portable>(&input));
            #[cfg(feature = "native")]
            print!(" / {:6.3}", list::<Native>(&input));
        }
        println!();
    }
}

/// The least time of many runs, in nanoseconds.
fn best(runs: u32, mut run: impl FnMut()) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..15 {
        let start = Instant::now();
        for _ in 0..runs {
            run();
        }
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / f64::from(runs)
}

/// Each result is the next one's operand, as on the EVM's stack.
fn word<K: Kernels>(one: Instruction) -> f64 {
    let a = [0x03; 32];
    let mut b = [0x0d; 32];
    best(20_000, || K::word(black_box(one), black_box(&a), black_box(&mut b)))
}

/// Lanes below the modulus where there is one.
fn request(op: u8, width: usize) -> Vec<u8> {
    let mut input = vec![op, width as u8];
    input.extend((COUNT as u32).to_be_bytes());
    let lists = if op == 0x0a { 1 } else { 2 };
    for i in 0..lists * COUNT {
        input.extend(&(i as u64 * 7 % 1021).to_be_bytes()[8 - width..]);
    }
    if (0x0c..=0x0e).contains(&op) {
        input.extend(&12_289_u64.to_be_bytes()[8 - width..]);
    }
    input
}

fn list<K: Kernels>(input: &[u8]) -> f64 {
    let request = List::decode(input).expect("a request");
    let mut out = vec![0; request.output_len()];
    best(200, || K::list(black_box(&request), black_box(&mut out))) / COUNT as f64
}
