//! Vectors, own and public, over every backend.

use std::path::Path;

use tandem_coprocessor::{Fault, Op};
use tandem_signature::BACKENDS;
use tandem_vectors::{check, public_vectors};

fn own(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file)
}

#[test]
fn own_vectors() {
    check(BACKENDS, Op::Ecrecover, &own("ecrecover.json"));
    check(BACKENDS, Op::P256Verify, &own("p256_verify.json"));
}

#[test]
fn public_files() {
    if let Some(folder) = public_vectors() {
        check(BACKENDS, Op::Ecrecover, &folder.join("ecRecover.json"));
        check(BACKENDS, Op::P256Verify, &folder.join("p256Verify.json"));
    }
}

#[test]
fn operations_of_other_units_are_refused() {
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        for op in Op::ALL {
            let ours = matches!(op, Op::Ecrecover | Op::P256Verify);
            let measured = coprocessor.measure(op, &[]);
            assert_eq!(measured.is_ok(), ours, "{op:?}");
            let executed = coprocessor.execute(op, &[], &mut [0; 32]);
            assert_eq!(executed, if ours { Ok(0) } else { Err(Fault::Unsupported) }, "{op:?}");
        }
    }
}

#[test]
fn a_short_buffer_is_refused_even_when_nothing_would_be_written() {
    for backend in BACKENDS {
        for op in [Op::Ecrecover, Op::P256Verify] {
            let answer = (backend.new)().execute(op, &[], &mut [0; 31]);
            assert_eq!(answer, Err(Fault::Output));
        }
    }
}
