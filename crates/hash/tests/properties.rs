//! What must hold of any input: the backends agree, announce what they write, and never panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tandem_coprocessor::{Coprocessor, Fault, Op, Size, Work};
use tandem_hash::{BACKENDS, Portable};
use tandem_vectors::request;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..Default::default() })]

    #[test]
    fn backends_agree(op in select(&Op::ALL[..]), input in vec(any::<u8>(), 0..700)) {
        let expected = request(&Portable, op, &input);
        for backend in BACKENDS {
            prop_assert_eq!(&request(&*(backend.new)(), op, &input), &expected, "{}", backend.name);
        }
    }

    #[test]
    fn short_buffers_are_refused(input in vec(any::<u8>(), 1..100), room in 0..32usize) {
        for backend in BACKENDS {
            let answer = (backend.new)().execute(Op::Keccak256, &input, &mut vec![0; room]);
            prop_assert_eq!(answer, Err(Fault::Output));
        }
    }
}

#[test]
fn sizes_are_facts_of_the_input() {
    let words =
        |op, len| Portable.measure(op, &vec![0; len]).map(|work| (work.size, work.max_output));
    assert_eq!(words(Op::Keccak256, 0), Ok((Size::Words(0), 32)));
    assert_eq!(words(Op::Sha256, 32), Ok((Size::Words(1), 32)));
    assert_eq!(words(Op::Ripemd160, 33), Ok((Size::Words(2), 32)));
    assert_eq!(words(Op::Identity, 65), Ok((Size::Words(3), 65)));
    assert_eq!(words(Op::Modexp, 96), Err(Fault::Unsupported));

    let mut compression = [0; 213];
    compression[..4].fill(0xff);
    let work = Work { size: Size::Rounds(u32::MAX.into()), max_output: 64 };
    assert_eq!(Portable.measure(Op::Blake2f, &compression), Ok(work));
}
