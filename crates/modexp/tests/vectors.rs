//! Every backend against this crate's vectors and, where they are at hand, go-ethereum's.

use std::path::Path;

use tandem_coprocessor::Op;
use tandem_modexp::BACKENDS;
use tandem_vectors::{check, public_vectors};

#[test]
fn modexp() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/modexp.json");
    assert!(check(BACKENDS, Op::Modexp, &path) > 200);
}

#[test]
fn modexp_of_go_ethereum() {
    let Some(folder) = public_vectors() else {
        return;
    };
    for file in ["modexp.json", "modexp_eip2565.json", "modexp_eip7883.json"] {
        check(BACKENDS, Op::Modexp, &folder.join(file));
    }
}
