//! Vectors, own and public, over every backend.

use std::path::{Path, PathBuf};

use tandem_bn254::BACKENDS;
use tandem_coprocessor::{Fault, Op, Size};
use tandem_vectors::{check, public_vectors};

fn own(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file)
}

#[test]
fn own_vectors() {
    check(BACKENDS, Op::Bn254Add, &own("add.json"));
    check(BACKENDS, Op::Bn254Mul, &own("mul.json"));
    check(BACKENDS, Op::Bn254Pairing, &own("pairing.json"));
}

#[test]
fn public_files() {
    if let Some(folder) = public_vectors() {
        check(BACKENDS, Op::Bn254Add, &folder.join("bn256Add.json"));
        check(BACKENDS, Op::Bn254Mul, &folder.join("bn256ScalarMul.json"));
        check(BACKENDS, Op::Bn254Pairing, &folder.join("bn256Pairing.json"));
    }
}

#[test]
fn a_pairing_is_measured_in_pairs() {
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        let size = |len| coprocessor.measure(Op::Bn254Pairing, &vec![0; len]).map(|w| w.size);
        assert_eq!(size(0), Ok(Size::Pairs(0)));
        assert_eq!(size(3 * 192), Ok(Size::Pairs(3)));
        assert_eq!(size(191), Err(Fault::Input));
    }
}

#[test]
fn operations_of_other_units_are_refused() {
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        for op in Op::ALL {
            let ours = matches!(op, Op::Bn254Add | Op::Bn254Mul | Op::Bn254Pairing);
            assert_eq!(coprocessor.measure(op, &[]).is_ok(), ours, "{op:?}");
            let executed = coprocessor.execute(op, &[], &mut [0; 64]);
            assert_eq!(executed.err(), (!ours).then_some(Fault::Unsupported), "{op:?}");
        }
    }
}

#[test]
fn a_short_buffer_is_refused_before_the_input_is() {
    let off_curve = [1; 192];
    for backend in BACKENDS {
        for (op, len) in [(Op::Bn254Add, 63), (Op::Bn254Mul, 63), (Op::Bn254Pairing, 31)] {
            let answer = (backend.new)().execute(op, &off_curve, &mut vec![0; len]);
            assert_eq!(answer, Err(Fault::Output), "{op:?}");
        }
    }
}
