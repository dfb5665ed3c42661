//! Extensions in the machine: opcodes that are unknown unless enabled, their gas in the ledger, registers
//! for as long as a frame runs, and code whose immediates are jumped into. What the instructions
//! compute is tested with their coprocessors.

mod attributed;

use std::{collections::HashSet, sync::Arc};

use attributed::assert_attributed;
use proptest::prelude::*;
use tandem_evm::{
    Block, Coprocessor, Evm, Extension, Facts, Failure, Fault, Fork, Halt, InMemoryState,
    Instruction, Instructions, Ledger, Meter, ModularRun, ModularSize, ModularTally, Op, Outcome,
    PREFIX, Schedule, Size, Status, Step, Tracer, Transaction, Unit, Work, deploy, fund, op,
    opcode,
    primitives::{Address, Bytes, U256, address},
};

const SENDER: Address = address!("1000000000000000000000000000000000000001");
const CONTRACT: Address = address!("2000000000000000000000000000000000000002");
const CALLEE: Address = address!("3000000000000000000000000000000000000003");
const GAS: u64 = 1_000_000;

/// Every EVM-MAX opcode, and the byte of its prefixed form.
const EVMMAX: [(u8, u8); 6] = [
    (op::SETMODX, 0xd0),
    (op::LOADX, 0xd1),
    (op::STOREX, 0xd2),
    (op::ADDMODX, 0xd3),
    (op::SUBMODX, 0xd4),
    (op::MULMODX, 0xd5),
];

fn state(code: &[u8], callee: &[u8]) -> InMemoryState {
    let mut state = InMemoryState::default();
    fund(&mut state, SENDER, U256::from(1_u64) << 100);
    deploy(&mut state, CONTRACT, code.to_vec().into());
    deploy(&mut state, CALLEE, callee.to_vec().into());
    state
}

fn machine(fork: Fork, meter: Meter, extensions: &[Extension]) -> Evm {
    Evm::builder(fork).meter(meter).extensions(extensions.iter().copied()).build()
}

fn transact(evm: &mut Evm, state: &mut InMemoryState) -> Outcome {
    let mut tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
    tx.gas_limit = GAS;
    evm.transact(state, &Block::default(), &tx).expect("a valid transaction")
}

/// Runs code with EVM-MAX: metered, not metered, traced, and the second time when it may be fused. All
/// have to come to the same, and the ledger has to add up.
fn run_with(code: &[u8], callee: &[u8]) -> (Outcome, Vec<(usize, Option<&'static str>)>) {
    let mut state = state(code, callee);
    let mut evm = machine(Fork::Osaka, Meter::Gas, &[Extension::EvmMax]);
    let outcome = transact(&mut evm, &mut state);
    let again = transact(&mut evm, &mut state);
    let mut bare = machine(Fork::Osaka, Meter::Off, &[Extension::EvmMax]);
    let (unmetered, fused) = (transact(&mut bare, &mut state), transact(&mut bare, &mut state));
    let mut steps = Steps(Vec::new());
    let mut tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
    tx.gas_limit = GAS;
    let traced = evm.transact_traced(&mut state, &Block::default(), &tx, &mut steps);
    let attributed = assert_attributed(&mut evm, &mut state, &Block::default(), &tx);
    let traced = traced.expect("a valid transaction");
    for other in [&again, &unmetered, &fused, &traced, &attributed] {
        assert_eq!(
            (other.status, other.gas_used, &other.output),
            (outcome.status, outcome.gas_used, &outcome.output)
        );
    }
    assert_eq!(ledger(&outcome).gas_used(), outcome.gas_used);
    assert_eq!(ledger(&again).rows(), ledger(&outcome).rows());
    (outcome, steps.0)
}

fn run(code: &[u8]) -> Outcome {
    run_with(code, &[]).0
}

/// Where steps were taken, and what they were called.
struct Steps(Vec<(usize, Option<&'static str>)>);

impl Tracer for Steps {
    fn before(&mut self, step: &Step<'_>) {
        self.0.push((step.pc, step.opcode.map(|row| row.name)));
    }

    fn after(&mut self, _cost: u64, _failure: Option<Failure>) {}
}

fn ledger(outcome: &Outcome) -> &Ledger {
    outcome.ledger.as_ref().expect("the meter is on")
}

/// Count and gas of a row.
fn row(outcome: &Outcome, unit: Unit, name: &str) -> (u64, u64) {
    let mut rows = ledger(outcome).rows().iter().filter(|row| row.unit == unit && row.op == name);
    rows.next().map_or((0, 0), |row| (row.count, row.gas.total()))
}

/// PUSH2 of each number, the last on top.
fn push(numbers: &[u16]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| {
            let [high, low] = number.to_be_bytes();
            [op::PUSH2, high, low]
        })
        .collect()
}

/// Makes a field of `count` registers modulo 2^255 - 19.
fn field(count: u16) -> Vec<u8> {
    let mut code = vec![op::PUSH32, 0x7f];
    code.extend([0xff; 30]);
    code.extend([0xed, op::PUSH0, op::MSTORE]);
    code.extend(push(&[count, 32, 0, 1]));
    code.push(op::SETMODX);
    code
}

/// Stores 5 and 7 in registers 0 and 1, and returns register 2 after `body`.
fn with_numbers(body: &[u8]) -> Vec<u8> {
    let mut code = field(3);
    code.extend([op::PUSH1, 5, op::PUSH0, op::MSTORE, op::PUSH1, 7, op::PUSH1, 32, op::MSTORE]);
    code.extend(push(&[2, 0, 0]));
    code.push(op::STOREX);
    code.extend(body);
    code.extend(push(&[1, 2, 0]));
    code.extend([op::LOADX, op::PUSH1, 32, op::PUSH0, op::RETURN]);
    code
}

fn number(outcome: &Outcome) -> U256 {
    assert_eq!(outcome.status, Status::Success);
    U256::from_be_slice(&outcome.output)
}

#[test]
fn no_fork_has_an_extensions_opcode_by_itself() {
    for fork in Fork::ALL {
        for byte in EVMMAX.map(|(byte, _)| byte).into_iter().chain([PREFIX]) {
            let mut state = state(&[byte, 0xd3, 0, 0, 0, 0, 0, 0, 0, 0], &[]);
            for extensions in [&[][..], &[Extension::Simd]] {
                if extensions.is_empty() || byte != PREFIX {
                    let mut evm = machine(*fork, Meter::Gas, extensions);
                    let mut tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
                    tx.gas_limit = GAS;
                    let block = Block::default();
                    let outcome = assert_attributed(&mut evm, &mut state, &block, &tx);
                    let invalid = Status::Halt(Halt::InvalidOpcode);
                    assert_eq!(outcome.status, invalid, "{byte:#x} on {}", fork.name());
                }
            }
        }
    }
}

#[test]
fn every_fork_can_carry_evmmax() {
    // Forks before Shanghai have no PUSH0, so the program is as short as can be.
    let code = [op::PUSH1, 13, op::PUSH1, 0, op::MSTORE, op::PUSH1, 1, op::PUSH1, 1, op::PUSH1, 31];
    let code = [&code[..], &[op::PUSH1, 0, op::SETMODX, op::MULMODX, 0, 1, 0, 1, 0, 1, 1]].concat();
    for fork in Fork::ALL {
        let mut evm = machine(*fork, Meter::Gas, &[Extension::EvmMax]);
        let outcome = transact(&mut evm, &mut state(&code, &[]));
        assert_eq!(outcome.status, Status::Success, "{}", fork.name());
        assert_eq!(row(&outcome, Unit::EvmMax, "MULMODX"), (1, 1));
    }
}

#[test]
fn a_program_computes_and_pays_what_eip_6690_says() {
    let (outcome, steps) = run_with(&with_numbers(&[op::MULMODX, 2, 1, 0, 1, 1, 1, 1]), &[]);
    assert_eq!(number(&outcome), U256::from(35));
    assert_eq!(row(&outcome, Unit::EvmMax, "SETMODX"), (1, 1 + 32));
    assert_eq!(row(&outcome, Unit::EvmMax, "STOREX"), (1, 1 + 2 * 2));
    assert_eq!(row(&outcome, Unit::EvmMax, "MULMODX"), (1, 2));
    assert_eq!(row(&outcome, Unit::EvmMax, "LOADX"), (1, 1 + 2));
    // A word, then three registers of a word each, then a further word of memory.
    assert_eq!(row(&outcome, Unit::Glue, "memory growth"), (3, 3 + 3 * 3 + 3));
    assert_eq!(row(&outcome, Unit::Glue, "PUSH2").0, 4 + 3 + 3);
    let names: Vec<_> = steps.iter().filter_map(|step| step.1).collect();
    for name in ["SETMODX", "STOREX", "MULMODX", "LOADX"] {
        assert!(names.contains(&name), "the trace has no {name}: {names:?}");
    }
}

#[test]
fn the_prefixed_form_is_the_same() {
    let plain = with_numbers(&[op::SUBMODX, 2, 1, 0, 1, 1, 1, 1]);
    let mut prefixed = Vec::new();
    let mut pc = 0;
    while let Some(&byte) = plain.get(pc) {
        let (len, form) = match byte {
            op::PUSH1..=op::PUSH32 => (usize::from(byte - op::PUSH0) + 1, None),
            byte => (
                if byte == op::SUBMODX { 8 } else { 1 },
                EVMMAX.iter().find(|(plain, _)| *plain == byte),
            ),
        };
        prefixed.extend(form.iter().flat_map(|(_, behind)| [PREFIX, *behind]));
        prefixed.extend_from_slice(&plain[pc + usize::from(form.is_some())..pc + len]);
        pc += len;
    }
    let (plain, (prefixed, steps)) = (run(&plain), run_with(&prefixed, &[]));
    assert_eq!(number(&prefixed), (U256::ONE << 255) - U256::from(19 + 2));
    assert_eq!(number(&prefixed), number(&plain));
    assert_eq!(prefixed.gas_used, plain.gas_used);
    assert_eq!(ledger(&prefixed).rows(), ledger(&plain).rows());
    assert!(steps.iter().any(|step| step.1 == Some("SUBMODX")));
}

#[test]
fn memory_is_priced_on_top_of_registers() {
    // 8,192 bytes of registers are 256 words: with another word of memory 257, quadratic part included.
    let growth = |words: u64| 3 * words + words * words / 512;
    let code = [field(256), vec![op::PUSH1, 1, op::PUSH1, 32, op::MSTORE]].concat();
    let outcome = run(&code);
    assert_eq!(outcome.status, Status::Success);
    assert_eq!(row(&outcome, Unit::Glue, "memory growth"), (3, growth(256 + 2)));
}

#[test]
fn gas_is_taken_before_the_work() {
    let code = with_numbers(&[op::MULMODX, 2, 1, 0, 1, 1, 1, 1]);
    let enough = run(&code).gas_used;
    for short in 1..60 {
        let mut evm = machine(Fork::Osaka, Meter::Gas, &[Extension::EvmMax]);
        let mut tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
        tx.gas_limit = enough - short;
        let (mut state, block) = (state(&code, &[]), Block::default());
        let outcome = assert_attributed(&mut evm, &mut state, &block, &tx);
        assert_eq!(outcome.status, Status::Halt(Halt::OutOfGas), "{short} gas short");
        assert_eq!(ledger(&outcome).gas_used(), tx.gas_limit);
    }
}

#[test]
fn arithmetic_costs_the_same_whatever_gas_is_left() {
    // Where the gas reaches for the most that an opcode can cost (3,060 for MULMODX, 510 for the others), it
    // takes another way than where it does not.
    let bodies = [
        vec![op::MULMODX, 2, 1, 0, 1, 1, 1, 1],
        vec![op::SUBMODX, 0, 1, 0, 1, 1, 0, 3],
        vec![PREFIX, 0xd3, 2, 1, 0, 1, 1, 1, 1],
    ];
    for code in bodies.map(|body| with_numbers(&body)) {
        let expected = run(&code);
        assert_eq!(expected.status, Status::Success);
        for extra in (0..4_000).step_by(13) {
            let mut evm = machine(Fork::Osaka, Meter::Gas, &[Extension::EvmMax]);
            let mut tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
            tx.gas_limit = expected.gas_used + extra;
            let (mut state, block) = (state(&code, &[]), Block::default());
            let outcome = assert_attributed(&mut evm, &mut state, &block, &tx);
            assert_eq!(outcome.status, Status::Success, "{extra} gas left");
            assert_eq!(ledger(&outcome).rows(), ledger(&expected).rows(), "{extra} gas left");
        }
    }
}

#[test]
fn an_invalid_operand_burns_the_frames_gas_under_the_extension() {
    for body in [[op::MULMODX, 3, 1, 0, 1, 1, 1, 1], [op::ADDMODX, 2, 1, 0, 1, 1, 1, 0]] {
        let outcome = run(&with_numbers(&body));
        assert_eq!(outcome.status, Status::Halt(Halt::InvalidOperand));
        assert_eq!(outcome.gas_used, GAS);
        assert_eq!(row(&outcome, Unit::EvmMax, "halt: invalid operand").0, 1);
    }
    // Immediates behind the end of the code are zeros, and no element is no instruction.
    let cut = run(&[field(3), vec![op::MULMODX, 2, 1, 0, 1]].concat());
    assert_eq!(cut.status, Status::Halt(Halt::InvalidOperand));
}

#[test]
fn words_that_are_missing_are_an_underflow() {
    for (byte, prefixed) in EVMMAX {
        for code in [vec![op::PUSH0, byte], vec![op::PUSH0, PREFIX, prefixed]] {
            let no_words = !matches!(byte, op::SETMODX | op::LOADX | op::STOREX);
            let halt = if no_words { Halt::InvalidOperand } else { Halt::StackUnderflow };
            assert_eq!(run(&code).status, Status::Halt(halt), "{code:02x?}");
        }
    }
}

#[test]
fn a_byte_behind_the_prefix_has_to_be_an_opcode() {
    for byte in [0x00, op::ADD, op::SETMODX, 0xb1, 0xd6, 0xff] {
        assert_eq!(run(&[PREFIX, byte]).status, Status::Halt(Halt::InvalidOpcode), "{byte:#x}");
    }
    assert_eq!(run(&[PREFIX]).status, Status::Halt(Halt::InvalidOpcode));
}

/// Calls the callee with all gas, and returns whether it succeeded.
fn call(kind: u8) -> Vec<u8> {
    let words = if kind == op::DELEGATECALL || kind == op::STATICCALL { 4 } else { 5 };
    let mut code = vec![op::PUSH0; words];
    code.push(op::PUSH20);
    code.extend(CALLEE);
    code.extend([op::GAS, kind]);
    code
}

#[test]
fn registers_are_a_frames_own() {
    const SQUARE: [u8; 8] = [op::MULMODX, 2, 1, 0, 1, 1, 1, 1];
    for kind in [op::CALL, op::CALLCODE, op::DELEGATECALL, op::STATICCALL] {
        // The callee has no field, so it fails, and its caller's is as it was.
        let body = [call(kind), vec![op::PUSH2, 0, 0, op::MSTORE], SQUARE.to_vec()].concat();
        let (outcome, _) = run_with(&with_numbers(&body), &SQUARE);
        assert_eq!(number(&outcome), U256::from(35), "{kind:#x}");
        assert_eq!(row(&outcome, Unit::EvmMax, "halt: invalid operand").0, 1);

        // A callee with fields of its own does not disturb its caller's, nor the price of its memory.
        let callee = [field(200), vec![op::ADDMODX, 0, 1, 0, 1, 0, 1, 200]].concat();
        let body = [call(kind), vec![op::POP], SQUARE.to_vec()].concat();
        let (outcome, _) = run_with(&with_numbers(&body), &callee);
        assert_eq!(number(&outcome), U256::from(35), "{kind:#x}");
        assert_eq!(row(&outcome, Unit::EvmMax, "ADDMODX"), (1, 200));
        let growth = 3 * 201 + 201 * 201 / 512;
        assert_eq!(row(&outcome, Unit::Glue, "memory growth"), (5, 3 * 5 + growth), "{kind:#x}");

        // Nor does it leave anything behind for a frame that comes after it.
        let calls = [call(kind), call(kind), vec![op::ADD, op::PUSH0, op::MSTORE]].concat();
        let body = [calls, vec![op::PUSH1, 32, op::PUSH0, op::RETURN]].concat();
        let once = [vec![op::MSIZE, op::POP], SQUARE.to_vec()].concat();
        assert_eq!(number(&run_with(&body, &once).0), U256::ZERO);
    }
}

#[test]
fn jumps_may_go_among_immediates() {
    // The last immediates of an ADDMODX are JUMPDEST and PUSH1, jumped to from in front of it.
    let mut code = field(100);
    let target = code.len() as u16 + 3 + 1 + 6;
    code.extend(push(&[target]));
    code.push(op::JUMP);
    code.extend([op::ADDMODX, 0, 1, 0, 1, 0, op::JUMPDEST, op::PUSH1]);
    // The byte behind is this PUSH1's data, and to whoever reads from the start an opcode: a jump, which
    // a metered machine replaces, or a byte that no fork has.
    for byte in [op::JUMP, op::JUMPI, 0x0c, 0xb2, 0xc8] {
        let code =
            [&code[..], &[byte, op::PUSH0, op::MSTORE, op::PUSH1, 32, op::PUSH0, op::RETURN]];
        let outcome = run(&code.concat());
        assert_eq!(number(&outcome), U256::from(byte));
    }
}

/// What a piece of code does, told by a plain reading of it: the opcodes below, nothing replaced, nothing
/// analysed in advance but the targets of jumps. Whether it succeeds and the gas left; `None` if it comes
/// to an opcode that is not read here.
fn reading(code: &[u8], start: usize, mut gas: i64) -> Option<(bool, i64)> {
    let mut targets = HashSet::new();
    let mut pc = 0;
    while pc < code.len() {
        if code[pc] == op::JUMPDEST {
            targets.insert(U256::from(pc));
        }
        pc += 1 + usize::from(code[pc].saturating_sub(op::PUSH0) * u8::from(code[pc] < 0x80));
    }
    let at = |pc: usize| code.get(pc).copied().unwrap_or(0);
    let (mut pc, mut stack) = (start, Vec::<U256>::new());
    loop {
        let byte = at(pc);
        let (cost, inputs) = match byte {
            op::STOP => return Some((true, gas)),
            op::JUMPDEST => (1, 0),
            op::POP => (2, 1),
            op::ADD => (3, 2),
            op::JUMP => (8, 1),
            op::JUMPI => (10, 2),
            op::PUSH1..=op::PUSH4 => (3, 0),
            op::DUP1 => (3, 1),
            op::SWAP1 => (3, 2),
            op::ADDMODX => (i64::from(at(pc + 7)), 0),
            PREFIX if at(pc + 1) == 0xd3 => (i64::from(at(pc + 8)), 0),
            PREFIX => return Some((false, 0)),
            byte if opcode(byte).is_none() => return Some((false, 0)),
            _ => return None,
        };
        let grows = matches!(byte, op::DUP1 | op::PUSH1..=op::PUSH4);
        if stack.len() < inputs || (grows && stack.len() == 1024) {
            return Some((false, 0));
        }
        let immediates = pc + 1 + usize::from(byte == PREFIX);
        if byte == op::ADDMODX || byte == PREFIX {
            let [out, out_stride, x, x_stride, y, y_stride, count] =
                std::array::from_fn(|n| usize::from(at(immediates + n)));
            let last = |first, stride| first + stride * (count.max(1) - 1);
            let end = last(out, out_stride).max(last(x, x_stride)).max(last(y, y_stride));
            if count == 0 || out_stride == 0 || end >= 200 {
                return Some((false, 0));
            }
        }
        gas -= cost;
        if gas < 0 {
            return Some((false, 0));
        }
        pc = match byte {
            op::PUSH1..=op::PUSH4 => {
                let len = usize::from(byte - op::PUSH0);
                let word = (1..=len).fold(0, |word, n| word << 8 | u64::from(at(pc + n)));
                stack.push(U256::from(word));
                pc + 1 + len
            }
            op::DUP1 => {
                stack.push(stack[stack.len() - 1]);
                pc + 1
            }
            op::SWAP1 => {
                let top = stack.len() - 1;
                stack.swap(top, top - 1);
                pc + 1
            }
            op::POP => {
                stack.pop();
                pc + 1
            }
            op::ADD => {
                let top = stack.pop().unwrap_or_default();
                let under = stack.pop().unwrap_or_default();
                stack.push(top.wrapping_add(under));
                pc + 1
            }
            op::JUMP | op::JUMPI => {
                let target = stack.pop().unwrap_or_default();
                if byte == op::JUMPI && stack.pop().unwrap_or_default().is_zero() {
                    pc + 1
                } else if targets.contains(&target) {
                    target.to::<usize>()
                } else {
                    return Some((false, 0));
                }
            }
            op::ADDMODX | PREFIX => immediates + 7,
            _ => pc + 1,
        };
    }
}

/// A byte of which programs are made that jump about among immediates.
fn byte() -> impl Strategy<Value = u8> {
    let known = vec![
        op::JUMPDEST,
        op::JUMPDEST,
        op::JUMP,
        op::JUMPI,
        op::POP,
        op::ADD,
        op::DUP1,
        op::SWAP1,
        op::PUSH1,
        op::PUSH1,
        op::PUSH2,
        op::PUSH3,
        op::PUSH4,
        op::ADDMODX,
        op::ADDMODX,
        PREFIX,
        0xd3,
    ];
    prop_oneof![6 => prop::sample::select(known), 3 => 0..4_u8, 2 => 150..210_u8, 1 => any::<u8>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn code_with_immediates_does_what_it_reads(
        pieces in prop::collection::vec(prop_oneof![
            4 => prop::collection::vec(byte(), 1..8),
            3 => (any::<prop::sample::Index>(), prop::sample::select(vec![op::JUMP, op::JUMPI]))
                .prop_map(|(index, jump)| vec![op::PUSH1, 162 + index.index(90) as u8, jump]),
            3 => prop::collection::vec(byte(), 7).prop_map(|bytes| [vec![op::ADDMODX], bytes].concat()),
            2 => (0..60_u8, 1..2_u8, 0..60_u8, 0..2_u8, 0..60_u8, 0..2_u8, 1..120_u8).prop_map(
                |(out, out_stride, x, x_stride, y, y_stride, count)| {
                    vec![PREFIX, 0xd3, out, out_stride, x, x_stride, y, y_stride, count]
                }
            ),
        ], 1..25),
    ) {
        // The field is made in front, filled up to where the jumps go.
        let mut code = field(200);
        let start = code.len();
        code.resize(160, op::JUMPDEST);
        code.extend(pieces.concat());
        prop_assert!(code.len() < 1_000);
        let outcome = run(&code);
        let left = (GAS - gas_used(&field(200))) as i64;
        let Some((success, left)) = reading(&code, start, left) else { return Ok(()) };
        prop_assert_eq!(outcome.status == Status::Success, success, "{:02x?}", &code[start..]);
        prop_assert_eq!(outcome.gas_used, GAS - left as u64, "{:02x?}", &code[start..]);
    }
}

/// The gas that code uses, transaction and all.
#[test]
fn arithmetic_at_once_costs_what_it_does_one_by_one() {
    // More than are executed at once, with other opcodes between: in one go as far as the gas reaches for the most
    // they can cost, and one by one when traced.
    let mixed = [
        vec![op::MULMODX, 2, 1, 0, 1, 1, 1, 1],
        vec![op::SUBMODX, 0, 1, 0, 1, 1, 0, 2],
        vec![op::ADDMODX, 1, 1, 0, 1, 1, 1, 2],
    ];
    let rows = [mixed.concat().repeat(50), vec![op::JUMPDEST], mixed.concat().repeat(3)].concat();
    let code = with_numbers(&rows);
    let (expected, steps) = run_with(&code, &[]);
    assert_eq!(expected.status, Status::Success);
    assert_eq!(row(&expected, Unit::EvmMax, "MULMODX"), (53, 53 * 2));
    assert_eq!(row(&expected, Unit::EvmMax, "SUBMODX").0, 53);
    assert_eq!(row(&expected, Unit::EvmMax, "ADDMODX").0, 53);
    assert_eq!(steps.iter().filter(|step| step.1 == Some("ADDMODX")).count(), 53);
    for extra in (0..300_000).step_by(997) {
        let mut evm = machine(Fork::Osaka, Meter::Gas, &[Extension::EvmMax]);
        let mut tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
        tx.gas_limit = expected.gas_used + extra;
        let (mut state, block) = (state(&code, &[]), Block::default());
        let outcome = evm.transact(&mut state, &block, &tx).expect("a valid transaction");
        assert_eq!(outcome.status, Status::Success, "{extra} gas left");
        assert_eq!(outcome.output, expected.output, "{extra} gas left");
        assert_eq!(ledger(&outcome).rows(), ledger(&expected).rows(), "{extra} gas left");
    }
}

#[test]
fn an_invalid_operand_behind_valid_ones_burns_the_frames_gas() {
    let valid = [op::MULMODX, 2, 1, 0, 1, 1, 1, 1].repeat(5);
    let (outcome, steps) =
        run_with(&with_numbers(&[valid, vec![op::MULMODX, 3, 1, 0, 1, 1, 1, 1]].concat()), &[]);
    assert_eq!(outcome.status, Status::Halt(Halt::InvalidOperand));
    assert_eq!(outcome.gas_used, GAS);
    assert_eq!(steps.iter().filter(|step| step.1 == Some("MULMODX")).count(), 6);
    assert_eq!(row(&outcome, Unit::EvmMax, "MULMODX").0, 5);
}

/// A coprocessor that claims to have done more than any code has.
#[derive(Debug)]
struct Boasting;

impl Coprocessor for Boasting {
    fn measure(&self, _op: Op, _input: &[u8]) -> Result<Work, Fault> {
        Err(Fault::Unsupported)
    }

    fn execute(&self, _op: Op, _input: &[u8], _output: &mut [u8]) -> Result<usize, Fault> {
        Err(Fault::Unsupported)
    }

    fn instructions(&self) -> Option<Box<dyn Instructions>> {
        Some(Box::new(Self))
    }
}

impl Instructions for Boasting {
    fn measure(&self, _instruction: &Instruction<'_>, _memory: &[u8]) -> Result<Facts, Fault> {
        let size = Size::Modular(ModularSize { limbs: 1, count: 1, odd: true });
        Ok(Facts { size, register_bytes: 0 })
    }

    fn execute(&mut self, _: &Instruction<'_>, _memory: &mut [u8]) -> Result<U256, Fault> {
        Ok(U256::ZERO)
    }

    fn on_registers(&mut self, _code: &[u8], _most: usize) -> Option<ModularRun> {
        let tally = ModularTally { instructions: u16::MAX, elements: u16::MAX };
        Some(ModularRun { limbs: 1, odd: true, done: [tally; 3] })
    }
}

#[test]
fn a_coprocessor_cannot_have_done_more_than_there_was() {
    let code = [op::MULMODX, 0, 1, 0, 1, 0, 1, 1].repeat(3);
    let evm = Evm::builder(Fork::Osaka).meter(Meter::Gas).extensions([Extension::EvmMax]);
    let mut evm = evm.coprocessor(Unit::EvmMax, Arc::new(Boasting)).build();
    let outcome = transact(&mut evm, &mut state(&code, &[]));
    assert_eq!(outcome.status, Status::Success);
    assert_eq!(row(&outcome, Unit::EvmMax, "MULMODX"), (3, 3));
}

fn gas_used(code: &[u8]) -> u64 {
    let mut evm = machine(Fork::Osaka, Meter::Off, &[Extension::EvmMax]);
    transact(&mut evm, &mut state(code, &[])).gas_used
}

#[test]
fn prices_are_data() {
    // A what-if below one gas an element: 60 thousandths, rounded up once.
    let mut schedule = Schedule::new(Fork::Osaka);
    schedule.modular.add[3] = 60;
    let mut evm = Evm::builder(Fork::Osaka)
        .schedule(schedule)
        .extensions([Extension::EvmMax])
        .meter(Meter::Gas)
        .build();
    let code = [field(100), vec![op::ADDMODX, 0, 1, 0, 1, 0, 1, 100]].concat();
    let outcome = transact(&mut evm, &mut state(&code, &[]));
    assert_eq!(row(&outcome, Unit::EvmMax, "ADDMODX"), (1, 6));
    // Instructions behind one another are rounded each.
    let twice = [op::ADDMODX, 0, 1, 0, 1, 0, 1, 8].repeat(2);
    let outcome = transact(&mut evm, &mut state(&[field(100), twice].concat(), &[]));
    assert_eq!(row(&outcome, Unit::EvmMax, "ADDMODX"), (2, 2));
}
