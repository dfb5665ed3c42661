//! Loops over storage, warm and cold; times are of one access with its share of the loop.

use alloy_primitives::U256;
use tandem_evm::op;

use crate::{assemble::Program, case::Case, duel::Round};

/// Slots of the cold loops, each accessed once.
const COLD: u64 = 2000;
/// Rounds of the warm loops.
const ROUNDS: u64 = 200;
/// Accesses in each round, unrolled.
const UNROLLED: u64 = 32;

/// Every loop.
pub fn rounds() -> Vec<Round> {
    let load = |p: Program, slot: u64| p.push(slot).ops(&[op::SLOAD, op::POP]);
    let store = |p: Program, slot: u64| p.op(op::DUP1).push(slot).op(op::SSTORE);
    let same = |p: Program, slot: u64| p.push(7).push(slot).op(op::SSTORE);
    let transient_load = |p: Program, slot: u64| p.push(slot).ops(&[op::TLOAD, op::POP]);
    let transient_store = |p: Program, slot: u64| p.op(op::DUP1).push(slot).op(op::TSTORE);
    vec![
        warm("warm SLOAD, one slot", 1, load),
        warm("warm SLOAD, 32 slots", UNROLLED, load),
        warm("warm SSTORE, one slot", 1, store),
        warm("warm SSTORE, 32 slots", UNROLLED, store),
        warm("warm SSTORE of the same value", 1, same),
        warm("TLOAD", 1, transient_load),
        warm("TSTORE", 1, transient_store),
        cold("cold SLOAD of zero", &[op::DUP1, op::SLOAD, op::POP], 0),
        cold("cold SLOAD", &[op::DUP1, op::SLOAD, op::POP], COLD),
        cold("cold SSTORE, zero to one", &[op::PUSH1, 1, op::DUP2, op::SSTORE], 0),
        cold("cold SSTORE, one to another", &[op::DUP1, op::DUP1, op::SSTORE], COLD),
        cold("cold SSTORE, one to zero", &[op::PUSH0, op::DUP2, op::SSTORE], COLD),
    ]
}

/// A loop over so many slots, unrolled; the body finds the rounds left on top of the stack.
fn warm(name: &str, slots: u64, body: impl Fn(Program, u64) -> Program) -> Round {
    let program = Program::new().count_down(ROUNDS, |start| {
        (0..UNROLLED).fold(start, |program, i| body(program, i % slots))
    });
    Round { case: Case::of_code(name, program.code()), units: ROUNDS * UNROLLED }
}

/// A loop over slots 1 to [`COLD`], of which the first `filled` are not zero.
fn cold(name: &str, body: &[u8], filled: u64) -> Round {
    let program = Program::new().count_down(COLD, |start| start.ops(body));
    let mut case = Case::of_code(name, program.code());
    case.storage = (1..=filled).map(|slot| (U256::from(slot), U256::from(slot + 1))).collect();
    Round { case, units: COLD }
}
