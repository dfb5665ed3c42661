//! The driver must not use native stack for opcodes: each opcode runs a million times, and a deep
//! chain of calls to its end, on a thread with 128 KiB of stack. In a debug build this tests the
//! loop; `.ci/run` runs it optimised as well, where handlers end in calls that have to be jumps.

use std::thread;

use tandem_evm::{
    Block, Evm, Extension, Fork, Halt, InMemoryState, Meter, PREFIX, Schedule, Status, Transaction,
    deploy, fund, op, opcode, prefixed_op,
    primitives::{Address, Bytes, U256, address},
};

const SENDER: Address = address!("1000000000000000000000000000000000000001");
const CALLER: Address = address!("2000000000000000000000000000000000000002");
const CALLEE: Address = address!("3000000000000000000000000000000000000003");
const RUNS: u32 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
const UNROLLED: u32 = 100;

/// Runs the caller's code with unlimited gas, on a thread with little stack.
fn run(code: Vec<u8>, callee: Vec<u8>, meter: Meter) -> Status {
    let mut state = InMemoryState::default();
    fund(&mut state, SENDER, U256::from(1_u64) << 200);
    deploy(&mut state, CALLER, code.into());
    deploy(&mut state, CALLEE, callee.into());
    let mut schedule = Schedule::new(Fork::Osaka);
    schedule.transaction.gas_limit_cap = u64::MAX;
    let mut evm = Evm::builder(Fork::Osaka)
        .schedule(schedule)
        .extensions(Extension::ALL)
        .meter(meter)
        .build();
    let mut block = Block::default();
    block.gas_limit = u64::MAX;
    let mut tx = Transaction::call(SENDER, CALLER, Bytes::new());
    tx.gas_limit = 1 << 50;
    let thread = thread::Builder::new().stack_size(128 << 10).spawn(move || {
        // The second time code is seen, it runs fused.
        evm.transact(&mut state, &block, &tx).expect("the transaction is valid");
        evm.transact(&mut state, &block, &tx).expect("the transaction is valid").status
    });
    thread.expect("a thread starts").join().expect("no stack overflow and no panic")
}

/// A loop over `body`, `RUNS / UNROLLED` times; the counter lies under whatever `body` does.
fn repeat(body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (RUNS / UNROLLED).to_be_bytes();
    let mut code = vec![op::PUSH3, a, b, c, op::JUMPDEST];
    for _ in 0..UNROLLED {
        code.extend_from_slice(body);
    }
    code.extend([op::PUSH1, 1, op::SWAP1, op::SUB, op::DUP1, op::PUSH1, 4, op::JUMPI, op::STOP]);
    code
}

/// The opcode with zeros for its inputs, and its outputs dropped.
fn alone(byte: u8) -> Vec<u8> {
    let row = opcode(byte).expect("an opcode");
    let mut body = vec![op::PUSH0; usize::from(row.inputs)];
    if matches!(byte, op::CREATE | op::CREATE2) {
        // More value than the account has: refused, or a million contracts would stay.
        body.truncate(usize::from(row.inputs) - 1);
        body.extend([op::PUSH0, op::NOT]);
    }
    body.push(byte);
    body.extend(vec![0; usize::from(row.immediate)]);
    body.extend(vec![op::POP; usize::from(row.outputs)]);
    body
}

fn ends_a_frame(byte: u8) -> bool {
    matches!(byte, op::STOP | op::RETURN | op::REVERT | op::INVALID | op::SELFDESTRUCT | op::JUMP)
}

fn call(gas: &[u8]) -> Vec<u8> {
    let mut code = vec![op::PUSH0; 5];
    code.push(op::PUSH20);
    code.extend(CALLEE);
    code.extend(gas);
    code.extend([op::CALL, op::POP]);
    code
}

#[test]
fn a_million_of_each_opcode_fit_a_small_stack() {
    let known = |byte: &u8| opcode(*byte).is_some_and(|row| row.extension.is_none());
    for byte in (0..=u8::MAX).filter(known) {
        let name = opcode(byte).expect("filtered").name;
        let (code, callee) = if ends_a_frame(byte) {
            (repeat(&call(&[op::PUSH2, 0x7f, 0xff])), alone(byte))
        } else {
            (repeat(&alone(byte)), vec![])
        };
        assert_eq!(run(code, callee, Meter::Off), Status::Success, "{name}");
    }
}

#[test]
fn pairs_and_metered_jumps_fit_a_small_stack() {
    let bodies: [&[u8]; 7] = [
        &[op::JUMPDEST; 7],
        &[op::PUSH1, 1, op::PUSH1, 2, op::ADD, op::POP],
        &[op::PUSH1, 1, op::DUP1, op::MLOAD, op::SWAP1, op::POP, op::POP],
        &[op::PUSH0, op::PUSH1, 64, op::MSTORE, op::PUSH1, 7, op::DUP2, op::LT, op::POP],
        &[op::PUSH1, 9, op::PUSH4, 1, 2, 3, 4, op::EQ, op::ISZERO, op::POP],
        &[op::PUSH0, op::PUSH1, 0, op::JUMPI],
        &[op::PUSH1, 1, op::ISZERO, op::PUSH1, 0, op::JUMPI],
    ];
    for body in bodies {
        for meter in [Meter::Off, Meter::Gas] {
            assert_eq!(run(repeat(body), vec![], meter), Status::Success, "{body:02x?}");
        }
    }
}

#[test]
fn a_million_of_each_extensions_opcode_fit_a_small_stack() {
    // Four registers modulo 13.
    let field = [op::PUSH1, 13, op::PUSH0, op::MSTORE, op::PUSH1, 4, op::PUSH1, 1, op::PUSH1, 31];
    let field = [&field[..], &[op::PUSH0, op::SETMODX]].concat();
    let bodies: [&[u8]; 7] = [
        &[op::PUSH0, op::PUSH0, op::PUSH0, op::PUSH0, op::SETMODX],
        &[op::PUSH1, 1, op::PUSH0, op::PUSH0, op::LOADX],
        &[op::PUSH0, op::PUSH0, op::PUSH0, op::STOREX],
        &[op::ADDMODX, 0, 1, 1, 1, 2, 1, 2, op::SUBMODX, 0, 1, 1, 1, 2, 1, 1],
        &[op::MULMODX, 0, 1, 1, 1, 2, 1, 2],
        &[PREFIX, 0xd5, 0, 1, 1, 1, 2, 1, 2],
        &[op::PUSH0, op::PUSH0, PREFIX, prefixed_op::XADD, 0x23, op::POP],
    ];
    for body in bodies {
        for meter in [Meter::Off, Meter::Gas] {
            let mut code = field.clone();
            let [_, a, b, c] = (RUNS / UNROLLED).to_be_bytes();
            code.extend([op::PUSH3, a, b, c, op::JUMPDEST]);
            let start = code.len() as u8 - 1;
            code.extend(body.repeat(UNROLLED as usize));
            code.extend([op::PUSH1, 1, op::SWAP1, op::SUB, op::DUP1, op::PUSH1, start, op::JUMPI]);
            assert_eq!(run(code, vec![], meter), Status::Success, "{body:02x?}");
        }
    }
}

#[test]
fn the_deepest_calls_fit_a_small_stack() {
    // The callee calls itself with all gas until the depth runs out.
    let code = call(&[op::GAS]);
    assert_eq!(run(code.clone(), code, Meter::Off), Status::Success);
}

#[test]
fn a_stack_overflow_of_the_machine_is_a_halt() {
    let code = vec![op::JUMPDEST, op::PUSH0, op::PUSH0, op::JUMP];
    assert_eq!(run(code, vec![], Meter::Off), Status::Halt(Halt::StackOverflow));
}

#[test]
fn an_opcode_that_was_free_can_be_given_a_price() {
    // PUSH0, PUSH0, RETURN, the last at 7 gas.
    let mut state = InMemoryState::default();
    fund(&mut state, SENDER, U256::from(1_u64));
    deploy(&mut state, CALLER, vec![op::PUSH0, op::PUSH0, op::RETURN].into());
    let mut schedule = Schedule::new(Fork::Osaka);
    schedule.base[op::RETURN as usize] = 7;
    let mut evm = Evm::builder(Fork::Osaka).schedule(schedule).meter(Meter::Gas).build();
    let tx = Transaction::call(SENDER, CALLER, Bytes::new());
    let outcome = evm.transact(&mut state, &Block::default(), &tx).expect("a valid transaction");
    assert_eq!(outcome.gas_used, 21_000 + 2 + 2 + 7);
    assert_eq!(outcome.ledger.expect("the meter is on").gas_used(), outcome.gas_used);
}
