//! Every backend against this crate's vectors and, where they are at hand, go-ethereum's.

use std::path::Path;

use tandem_coprocessor::Op;
use tandem_hash::BACKENDS;
use tandem_vectors::{check, load, public_vectors};

fn own(op: Op, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    assert!(check(BACKENDS, op, &path) > 20);
}

#[test]
fn keccak256() {
    own(Op::Keccak256, "keccak256.json");
}

#[test]
fn keccak256_outside_requests() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keccak256.json");
    for vector in load(&path) {
        let digest = tandem_hash::keccak256(&vector.input());
        assert_eq!(Some(digest.to_vec()), vector.expected(), "{}", vector.name);
    }
}

#[test]
fn sha256() {
    own(Op::Sha256, "sha256.json");
}

#[test]
fn ripemd160() {
    own(Op::Ripemd160, "ripemd160.json");
}

#[test]
fn identity() {
    own(Op::Identity, "identity.json");
}

#[test]
fn blake2f() {
    own(Op::Blake2f, "blake2f.json");
}

#[test]
fn blake2f_of_go_ethereum() {
    let Some(folder) = public_vectors() else {
        return;
    };
    check(BACKENDS, Op::Blake2f, &folder.join("blake2F.json"));
    check(BACKENDS, Op::Blake2f, &folder.join("fail-blake2f.json"));
}
