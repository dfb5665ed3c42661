//! Nanoseconds a request of each backend: Keccak-256 at the lengths an EVM hashes most, and BLAKE2 F.

use std::hint::black_box;
use std::time::Instant;

use tandem_coprocessor::Op;
use tandem_hash::BACKENDS;

fn main() {
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        let time = |op, input: &[u8], count: u32| {
            let mut output = [0; 64];
            let mut best = f64::INFINITY;
            for _ in 0..41 {
                let start = Instant::now();
                for _ in 0..count {
                    let written = coprocessor.execute(op, black_box(input), &mut output);
                    assert!(black_box(written).is_ok());
                }
                best = best.min(start.elapsed().as_nanos() as f64 / f64::from(count));
            }
            report(backend.name, op, input.len(), best);
        };
        for length in [32, 64, 136, 1024] {
            time(Op::Keccak256, &vec![0x5a; length], 2000);
        }
        time(Op::Sha256, &[0x5a; 32], 2000);
        time(Op::Ripemd160, &[0x5a; 32], 2000);
        for rounds in [12u32, 1000] {
            let mut request = [0x01; 213];
            request[..4].copy_from_slice(&rounds.to_be_bytes());
            time(Op::Blake2f, &request, 24_000 / rounds);
        }
    }
}

#[expect(clippy::print_stdout, reason = "a bench has no other way to report")]
fn report(backend: &str, op: Op, length: usize, nanoseconds: f64) {
    println!("{backend:>12} {:>10} {length:>5} bytes {nanoseconds:>9.1} ns", op.name());
}
