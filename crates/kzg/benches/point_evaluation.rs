//! Microseconds a point evaluation of each backend, and to make an instance.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use tandem_coprocessor::Op;
use tandem_kzg::BACKENDS;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/point_evaluation.json");
    let vectors = tandem_vectors::load(&path);
    let vector = vectors.iter().find(|vector| vector.name == "cubic at a random point");
    let input = vector.expect("the vector is in the file").input();
    for backend in BACKENDS {
        let made = fastest(|| drop(black_box((backend.new)())));
        let coprocessor = (backend.new)();
        let executed = fastest(|| {
            let mut output = [0; 64];
            let written = coprocessor.execute(Op::PointEvaluation, black_box(&input), &mut output);
            assert_eq!(written, Ok(64));
        });
        report(backend.name, made, executed);
    }
}

fn fastest(mut work: impl FnMut()) -> Duration {
    let time = |()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    [(); 201].into_iter().map(time).min().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "a bench has no other way to report")]
fn report(backend: &str, made: Duration, executed: Duration) {
    println!("{backend:>10}: made in {made:.1?}, a point evaluation in {executed:.1?}");
}
