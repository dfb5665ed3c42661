//! The buffer against one vector for each frame.

use proptest::prelude::*;

use super::*;

/// What a transaction does with memory.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The frame's memory grows by so many bytes.
    Grow(usize),
    /// A byte of it is written.
    Write(usize, u8),
    /// It calls another frame.
    Call,
    /// It ends; the transaction's own frame goes on in the next transaction.
    End,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_usize..3000).prop_map(Step::Grow),
        // Enough for a new buffer.
        1 => (1_usize..600_000).prop_map(Step::Grow),
        8 => (any::<usize>(), 1_u8..).prop_map(|(place, byte)| Step::Write(place, byte)),
        2 => Just(Step::Call),
        4 => Just(Step::End),
    ]
}

proptest! {
    #[test]
    fn each_frame_has_what_it_wrote_and_zeros(
        steps in proptest::collection::vec(step(), 1..200),
        calldata in proptest::collection::vec(1_u8.., 0..500),
    ) {
        let mut memory = Memory::default();
        memory.reset(&calldata, 0);
        let mut frames = vec![Vec::<u8>::new()];
        for step in steps {
            let start = calldata.len() + frames.iter().rev().skip(1).map(Vec::len).sum::<usize>();
            let depth = frames.len();
            let frame = frames.last_mut().expect("the transaction's own frame is there");
            let end = start + frame.len();
            match step {
                Step::Grow(by) => {
                    memory.reach(end + by);
                    frame.resize(frame.len() + by, 0);
                }
                Step::Write(place, byte) if !frame.is_empty() => {
                    let place = place % frame.len();
                    memory.bytes_mut(start + place, 1)[0] = byte;
                    frame[place] = byte;
                }
                Step::Write(..) => {}
                Step::Call => frames.push(Vec::new()),
                Step::End if depth == 1 => {
                    memory.reset(&calldata, end);
                    frame.clear();
                }
                Step::End => {
                    memory.resume(start, end);
                    frames.pop();
                }
            }
            let expected = [calldata.clone(), frames.concat()].concat();
            prop_assert_eq!(memory.bytes(0, expected.len()), &expected[..]);
        }
    }
}
