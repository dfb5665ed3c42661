//! A thousand sub-calls in a transaction, by kind of call and of callee; times are of one sub-call
//! with its share of the loop around it.

use alloy_primitives::{Address, U256};
use tandem_evm::op;

use crate::{
    assemble::Program,
    case::{Account, Case},
    duel::Round,
};

const CALLS: u64 = 1000;
const CALLEE: Address = Address::repeat_byte(0xaa);
const CALLEES_CALLEE: Address = Address::repeat_byte(0xbb);
/// The precompile that copies.
const IDENTITY: Address = Address::with_last_byte(4);

/// Every kind of sub-call.
pub fn rounds() -> Vec<Round> {
    let stop = || Program::new().op(op::STOP);
    let word = || Program::new().push(32).push(0).op(op::RETURN);
    let revert = || Program::new().push(0).push(0).op(op::REVERT);
    let nested = || call(Program::new(), op::CALL, CALLEES_CALLEE, 0).ops(&[op::POP, op::STOP]);
    let round = |name: &str, call_op, value, callee: Program| {
        let code = Program::new()
            .count_down(CALLS, |body| call(body, call_op, CALLEE, value).op(op::POP))
            .code();
        Round { case: with_callees(Case::of_code(name, code), callee), units: CALLS }
    };
    let precompile = Program::new()
        .count_down(CALLS, |body| call(body, op::STATICCALL, IDENTITY, 0).op(op::POP));
    vec![
        round("CALL of a STOP", op::CALL, 0, stop()),
        round("CALL with 1 wei", op::CALL, 1, stop()),
        round("CALL that calls again", op::CALL, 0, nested()),
        round("CALL that returns a word", op::CALL, 0, word()),
        round("CALL that reverts", op::CALL, 0, revert()),
        round("STATICCALL of a STOP", op::STATICCALL, 0, stop()),
        round("DELEGATECALL of a STOP", op::DELEGATECALL, 0, stop()),
        round("CALLCODE of a STOP", op::CALLCODE, 0, stop()),
        Round { case: Case::of_code("STATICCALL of identity", precompile.code()), units: CALLS },
    ]
}

/// A call with all the gas there is, no input and room for no output.
pub(crate) fn call(program: Program, call_op: u8, to: Address, value: u64) -> Program {
    let program = program.push(0).push(0).push(0).push(0);
    let takes_value = call_op == op::CALL || call_op == op::CALLCODE;
    let program = if takes_value { program.push(value) } else { program };
    program.push_address(to).ops(&[op::GAS, call_op])
}

fn with_callees(mut case: Case, callee: Program) -> Case {
    case.balance = U256::from(u64::MAX);
    let stop = Program::new().op(op::STOP);
    for (address, program) in [(CALLEE, callee), (CALLEES_CALLEE, stop)] {
        case.pre.insert(address, Account { code: program.code(), ..Account::default() });
    }
    case
}
