//! Nanoseconds a modular exponentiation of each backend: odd and even moduli, short and long exponents.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tandem_coprocessor::Op;
use tandem_modexp::BACKENDS;

fn main() {
    for length in [8, 24, 32, 64, 128, 256, 512, 1024] {
        for exponent in [&[3][..], &[1, 0, 1], &[0xa7; 32]] {
            for parity in ["odd", "even"] {
                let mut modulus = vec![0x9d; length];
                modulus[length - 1] -= u8::from(parity == "even");
                compare(
                    length,
                    exponent,
                    parity,
                    &request(&vec![0x5b; length], exponent, &modulus),
                );
            }
        }
    }
}

fn request(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let mut input = Vec::new();
    for number in [base, exponent, modulus] {
        input.extend([0; 24]);
        input.extend((number.len() as u64).to_be_bytes());
    }
    [&input, base, exponent, modulus].concat()
}

#[expect(clippy::print_stdout, reason = "a bench has no other way to report")]
fn compare(length: usize, exponent: &[u8], parity: &str, input: &[u8]) {
    print!("{length:>5} bytes, {parity:>4}, exponent of {:>2} bytes:", exponent.len());
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        let mut output = vec![0; length];
        let mut best = Duration::MAX;
        for _ in 0..51 {
            let start = Instant::now();
            let written = coprocessor.execute(Op::Modexp, black_box(input), &mut output);
            best = best.min(start.elapsed());
            assert_eq!(written, Ok(length));
        }
        print!("  {} {:>9} ns", backend.name, best.as_nanos());
    }
    println!();
}
