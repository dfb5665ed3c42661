//! Vectors, own and public, over every backend.

use std::path::{Path, PathBuf};

use tandem_bls12_381::BACKENDS;
use tandem_coprocessor::{Fault, Op, Size};
use tandem_vectors::{check, public_vectors};

const OPS: [Op; 7] = [
    Op::BlsG1Add,
    Op::BlsG1Msm,
    Op::BlsG2Add,
    Op::BlsG2Msm,
    Op::BlsPairing,
    Op::BlsMapFpToG1,
    Op::BlsMapFp2ToG2,
];

fn own(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file)
}

#[test]
fn own_vectors() {
    check(BACKENDS, Op::BlsG1Add, &own("g1_add.json"));
    check(BACKENDS, Op::BlsG1Msm, &own("g1_msm.json"));
    check(BACKENDS, Op::BlsG2Add, &own("g2_add.json"));
    check(BACKENDS, Op::BlsG2Msm, &own("g2_msm.json"));
    check(BACKENDS, Op::BlsPairing, &own("pairing.json"));
    check(BACKENDS, Op::BlsMapFpToG1, &own("map_fp_to_g1.json"));
    check(BACKENDS, Op::BlsMapFp2ToG2, &own("map_fp2_to_g2.json"));
}

/// EIP-2537's own files; `Mul` is a multi-scalar multiplication of one pair.
#[test]
fn public_files() {
    let Some(folder) = public_vectors() else { return };
    for (op, name) in [
        (Op::BlsG1Add, "blsG1Add.json"),
        (Op::BlsG1Msm, "blsG1Mul.json"),
        (Op::BlsG1Msm, "blsG1MultiExp.json"),
        (Op::BlsG2Add, "blsG2Add.json"),
        (Op::BlsG2Msm, "blsG2Mul.json"),
        (Op::BlsG2Msm, "blsG2MultiExp.json"),
        (Op::BlsPairing, "blsPairing.json"),
        (Op::BlsMapFpToG1, "blsMapG1.json"),
        (Op::BlsMapFp2ToG2, "blsMapG2.json"),
    ] {
        check(BACKENDS, op, &folder.join(name));
        check(BACKENDS, op, &folder.join(format!("fail-{name}")));
    }
}

#[test]
fn pairs_are_counted_and_none_refused() {
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        for (op, pair) in [(Op::BlsG1Msm, 160), (Op::BlsG2Msm, 288), (Op::BlsPairing, 384)] {
            let size = |len| coprocessor.measure(op, &vec![0; len]).map(|work| work.size);
            assert_eq!(size(0), Err(Fault::Input));
            assert_eq!(size(pair), Ok(Size::Pairs(1)));
            assert_eq!(size(7 * pair), Ok(Size::Pairs(7)));
            assert_eq!(size(7 * pair - 1), Err(Fault::Input));
        }
    }
}

#[test]
fn operations_of_other_units_are_refused() {
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        for op in Op::ALL {
            let fault = if OPS.contains(&op) { Fault::Input } else { Fault::Unsupported };
            assert_eq!(coprocessor.measure(op, &[]), Err(fault), "{op:?}");
            assert_eq!(coprocessor.execute(op, &[], &mut [0; 256]), Err(fault), "{op:?}");
        }
    }
}

#[test]
fn a_short_buffer_is_refused_before_the_input_is() {
    let lengths = [256, 160, 512, 288, 384, 64, 128];
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        for (op, len) in OPS.into_iter().zip(lengths) {
            let malformed = vec![0xff; len];
            let work = coprocessor.measure(op, &malformed).expect("the length is right");
            let answer = coprocessor.execute(op, &malformed, &mut vec![0; work.max_output - 1]);
            assert_eq!(answer, Err(Fault::Output), "{op:?}");
            let answer = coprocessor.execute(op, &malformed, &mut vec![0; work.max_output]);
            assert_eq!(answer, Err(Fault::Input), "{op:?}");
        }
    }
}
