//! Every backend against this crate's vectors and, where they are at hand, go-ethereum's.

use std::path::Path;

use tandem_coprocessor::Op;
use tandem_kzg::BACKENDS;
use tandem_vectors::{check, public_vectors};

#[test]
fn point_evaluation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/point_evaluation.json");
    assert!(check(BACKENDS, Op::PointEvaluation, &path) > 60);
}

#[test]
fn point_evaluation_of_go_ethereum() {
    let Some(folder) = public_vectors() else {
        return;
    };
    check(BACKENDS, Op::PointEvaluation, &folder.join("pointEvaluation.json"));
}
