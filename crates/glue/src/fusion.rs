//! What fused pairs of opcodes do; which pairs there are is in `tandem_code`. The first opcode's word
//! goes to the second in registers. Both opcodes are constants where this is inlined.

use tandem_code::{METERED_JUMP, METERED_JUMPI, jumpdests, pair, push_len};
use tandem_coprocessor::primitives::U256;
use tandem_schedule::op;
use tandem_word as word;

use crate::{
    body::{Flow, Registers, compute, immediate, jump_to, mload_push, mstore_at},
    machine::Machine,
};

/// Runs a pair.
#[inline(always)]
pub(crate) fn run(a: u8, b: u8, r: &mut Registers, m: &mut Machine) -> Flow {
    let at = r.ip;
    r.ip = at.wrapping_add(push_len(a) + 1);
    match (a, b) {
        (op::JUMPDEST, b) => r.ip = at.wrapping_add(jumpdests(b)),
        (op::POP, op::POP) => r.stack.drop(2),
        (op::ISZERO, b) => {
            let condition = r.stack.pop();
            return jump_if(word::is_zero(&condition), b, r, m);
        }
        (op::EQ | op::LT | op::GT, b) => {
            let (x, y) = (r.stack.pop(), r.stack.pop());
            let condition = match a {
                op::EQ => word::equal(&x, &y),
                op::LT => word::less(&x, &y),
                _ => word::greater(&x, &y),
            };
            return jump_if(condition, b, r, m);
        }
        (op::POP, b) => {
            r.stack.drop(1);
            r.stack.push(immediate(push_len(b), r.ip));
            r.ip = r.ip.wrapping_add(push_len(b));
        }
        (op::SWAP1, op::DUP2) => {
            let (top, second) = (r.stack.word(0), r.stack.word(1));
            r.stack.set(0, second);
            r.stack.set(1, top);
            r.stack.push(top);
        }
        (op::SWAP1..=op::SWAP16, op::POP) => {
            let top = r.stack.pop();
            r.stack.set((a - op::SWAP1) as usize, top);
        }
        (op::SWAP1, op::SWAP2) => {
            let (top, second, third) = (r.stack.word(0), r.stack.word(1), r.stack.word(2));
            r.stack.set(0, third);
            r.stack.set(1, top);
            r.stack.set(2, second);
        }
        (op::SWAP1, op::MSTORE) => {
            return mstore_at(r, m, &r.stack.word(1), 0, 2);
        }
        (op::SWAP1, b) => {
            let top = r.stack.pop();
            r.stack.set(0, compute(b, &r.stack.word(0), &top));
        }
        (a, b) if a < op::PUSH0 => {
            let top = r.stack.pop();
            let first = compute(a, &top, &r.stack.pop());
            return with(first, b, r, m);
        }
        (a, b) => {
            let first = if a >= op::DUP1 {
                r.stack.word(a.wrapping_sub(op::DUP1) as usize)
            } else {
                immediate(push_len(a), at)
            };
            return with(first, b, r, m);
        }
    }
    Flow::Next
}

/// The second opcode with the word that the first would have pushed.
#[inline(always)]
fn with(first: U256, b: u8, r: &mut Registers, m: &mut Machine) -> Flow {
    match b {
        op::JUMP | METERED_JUMP => return jump_to(r, m, word::to_index(&first), b),
        op::JUMPI | METERED_JUMPI => {
            let condition = r.stack.pop();
            if !word::is_zero(&condition) {
                return jump_to(r, m, word::to_index(&first), b);
            }
        }
        op::MLOAD => {
            return mload_push(r, m, &first);
        }
        op::MSTORE => {
            return mstore_at(r, m, &first, 0, 1);
        }
        op::PUSH1 | op::PUSH4 => {
            r.stack.push(first);
            r.stack.push(immediate(push_len(b), r.ip));
            r.ip = r.ip.wrapping_add(push_len(b));
        }
        op::DUP1 => {
            r.stack.push(first);
            r.stack.push(first);
        }
        op::DUP2..=op::DUP16 => {
            let second = r.stack.word((b - op::DUP2) as usize);
            r.stack.push(first);
            r.stack.push(second);
        }
        op::SWAP1 => {
            let top = r.stack.word(0);
            r.stack.set(0, first);
            r.stack.push(top);
        }
        b => r.stack.set(0, compute(b, &first, &r.stack.word(0))),
    }
    Flow::Next
}

/// A condition with the PUSH and JUMPI that the pair `b` is.
#[inline(always)]
fn jump_if(condition: bool, b: u8, r: &mut Registers, m: &mut Machine) -> Flow {
    let Some((push, jump)) = pair(b) else { return Flow::Next };
    let target = immediate(push_len(push), r.ip);
    r.ip = r.ip.wrapping_add(push_len(push) + 1);
    if condition {
        return jump_to(r, m, word::to_index(&target), jump);
    }
    Flow::Next
}
