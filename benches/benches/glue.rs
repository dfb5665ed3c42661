//! The project's own programs under criterion, which keeps earlier results to compare with.

use criterion::{Criterion, criterion_group, criterion_main};
use tandem_bench::{
    case::{self, Case},
    check::check,
    peer::Peer,
    tandem::Tandem,
};
use tandem_evm::Meter;

fn glue(criterion: &mut Criterion) {
    let cases = case::load(&case::own_directory(), None).expect("the own programs are there");
    for case in &cases {
        check(case).expect("both engines are right");
        bench(criterion, case);
    }
}

fn bench(criterion: &mut Criterion, case: &Case) {
    let mut tandem = Tandem::new(case, Meter::Off).expect("set up before");
    let mut metered = Tandem::new(case, Meter::Gas).expect("set up before");
    let mut peer = Peer::new(case).expect("set up before");
    let mut group = criterion.benchmark_group(&case.name);
    group.bench_function("tandem", |bencher| bencher.iter(|| tandem.run(1)));
    group.bench_function("tandem, metered", |bencher| bencher.iter(|| metered.run(1)));
    group.bench_function("revm", |bencher| bencher.iter(|| peer.run(1)));
    group.finish();
}

criterion_group!(benches, glue);
criterion_main!(benches);
