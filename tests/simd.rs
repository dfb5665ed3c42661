//! SIMD in the machine: every instruction by example, every way one can fail, the list precompile, and
//! what they cost. Kernels are tested with their coprocessor.

mod attributed;

use attributed::assert_attributed;
use tandem_asm::Assembler;
use tandem_evm::{
    Block, Evm, Extension, Fork, Halt, InMemoryState, Meter, Outcome, Status, Transaction, Unit,
    backends, deploy, fund,
    primitives::{Address, Bytes, U256, address},
};

const SENDER: Address = address!("1000000000000000000000000000000000000001");
const CONTRACT: Address = address!("2000000000000000000000000000000000000002");
const GAS: u64 = 1_000_000;
const INTRINSIC: u64 = 21_000;

fn transact(evm: &mut Evm, code: &[u8], gas: u64) -> Outcome {
    let mut state = InMemoryState::default();
    fund(&mut state, SENDER, U256::from(1_u64) << 100);
    deploy(&mut state, CONTRACT, Bytes::copy_from_slice(code));
    let mut tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
    tx.gas_limit = INTRINSIC + gas;
    let block = Block::default();
    let outcome = evm.transact(&mut state, &block, &tx).expect("a valid transaction");
    let attributed = assert_attributed(evm, &mut state, &block, &tx);
    assert_eq!(
        (attributed.status, attributed.gas_used, &attributed.output),
        (outcome.status, outcome.gas_used, &outcome.output)
    );
    outcome
}

/// Runs code with each backend, metered; all have to come to the same.
fn run_with_gas(code: &[u8], gas: u64) -> Outcome {
    let outcomes = backends(Unit::Lanes).iter().map(|backend| {
        let builder = Evm::builder(Fork::Osaka).meter(Meter::Gas).extensions([Extension::Simd]);
        let mut evm = builder.coprocessor(Unit::Lanes, (backend.new)()).build();
        let outcome = transact(&mut evm, code, gas);
        let ledger = outcome.ledger.as_ref().expect("the meter is on");
        assert_eq!(ledger.gas_used(), outcome.gas_used, "{}", backend.name);
        outcome
    });
    let mut outcomes: Vec<_> = outcomes.collect();
    assert!(outcomes.len() > 1, "two backends to compare");
    let last = outcomes.pop().expect("there are backends");
    for other in outcomes {
        assert_eq!(
            (other.status, other.gas_used, other.output),
            (last.status, last.gas_used, last.output.clone())
        );
    }
    last
}

fn run(code: &[u8]) -> Outcome {
    run_with_gas(code, GAS)
}

fn assemble(source: &str) -> Vec<u8> {
    let program = Assembler::new().assemble("test", source);
    program.unwrap_or_else(|wrong| panic!("{wrong}")).code
}

/// The word that a source leaves on the stack.
fn word(source: &str) -> U256 {
    let outcome = run(&assemble(&format!("{source} 0 MSTORE 32 0 RETURN")));
    assert_eq!(outcome.status, Status::Success, "{source}");
    U256::from_be_slice(&outcome.output)
}

/// How a source's frame halts, and whose fault that is.
fn halt(code: &[u8]) -> (Halt, Unit) {
    let outcome = run(code);
    let Status::Halt(halt) = outcome.status else { panic!("{:?}", outcome.status) };
    assert_eq!(outcome.gas_used, INTRINSIC + GAS, "all gas is gone");
    let ledger = outcome.ledger.expect("the meter is on");
    let row = ledger.rows().iter().find(|row| row.op.starts_with("halt"));
    (halt, row.expect("the lost gas has a row").unit)
}

/// Count and gas of a row.
fn row(outcome: &Outcome, name: &str) -> (u64, u64) {
    let ledger = outcome.ledger.as_ref().expect("the meter is on");
    let mut rows = ledger.rows().iter().filter(|row| row.unit == Unit::Lanes && row.op == name);
    rows.next().map_or((0, 0), |row| (row.count, row.gas.total()))
}

/// Operands are written as on the stack, the top last.
#[test]
fn every_instruction_by_example() {
    let ones = U256::MAX;
    let examples: [(&str, U256); 44] = [
        ("0x01ff00fe 0x02020103 xadd.u8x4", U256::from(0x0301_0101_u32)),
        ("0x01ff00fe 0x02020103 xadd.u16x2", U256::from(0x0401_0201_u32)),
        ("(2**256 - 1) 1 xadd.u64x4", ones - U256::from(u64::MAX)),
        ("0x1110 0x0304 xmul.u8x2", U256::from(0x3340_u32)),
        ("0xff10 0xff04 xmul.u8x2", U256::from(0x0140_u32)),
        ("0xff10 0xff20 xmulhi.u8x2", U256::from(0xfe02_u32)),
        // The top first: 5 - 3, 1 - 2.
        ("0x0302 0x0501 xsub.u8x2", U256::from(0x02ff_u32)),
        ("0x0003 0x0709 xdiv.u8x2", U256::from(3_u32)),
        ("0xff02 0x80f9 xsdiv.u8x2", U256::from(0x80fd_u32)),
        ("0x0004 0x0709 xmod.u8x2", U256::from(1_u32)),
        ("0x0004 0x07f9 xsmod.u8x2", U256::from(0xfd_u32)),
        ("0x0201 0x0102 xlt.u8x2", U256::from(0x0100_u32)),
        ("0x0201 0x0102 xgt.u8x2", U256::from(1_u32)),
        ("0x00ff 0xff00 xslt.u8x2", U256::from(0x0100_u32)),
        ("0x00ff 0xff00 xsgt.u8x2", U256::from(1_u32)),
        ("0x0507 0x0607 xeq.u8x2", U256::from(1_u32)),
        ("0x00000001 xiszero.u16x4", U256::from(0x0001_0001_0001_0000_u64)),
        ("0x0f0f 0x3c3c xand.u16x1", U256::from(0x0c0c_u32)),
        ("0x0f0f 0x3c3c xor.u16x1", U256::from(0x3f3f_u32)),
        ("0x0f0f 0x3c3c xxor.u16x1", U256::from(0x3333_u32)),
        ("0x0f0f xnot.u16x1", U256::from(0xf0f0_u32)),
        ("0 xnot.u64x4", ones),
        // The index is the top; lane 0 the lowest.
        ("0x11223344 0 xindex.u8x4", U256::from(0x44_u32)),
        ("0x11223344 1 xindex.u16x2", U256::from(0x1122_u32)),
        ("0x11223344 2 xindex.u16x2", U256::ZERO),
        ("0x11223344 (2**64) xindex.u8x4", U256::ZERO),
        // Amounts are the top.
        ("0x8181 0x0109 xshl.u8x2", U256::from(0x0200_u32)),
        ("0x8181 0x0109 xshr.u8x2", U256::from(0x4000_u32)),
        ("0x8181 0x01ff xsar.u8x2", U256::from(0xc0ff_u32)),
        ("0x8181 0x0109 xrol.u8x2", U256::from(0x0303_u32)),
        ("0x8181 0x0109 xror.u8x2", U256::from(0xc0c0_u32)),
        ("(2**256 - 1) xcast.u8x1", U256::from(0xff_u32)),
        ("(2**256 - 1) xcast.u32x4", U256::from(u128::MAX)),
        ("(2**256 - 1) xcast.u8x32", ones),
        ("0x11223344 0x00010203 xshuffle.u8x4", U256::from(0x4433_2211_u32)),
        ("0x11112222 0x0000 xshuffle.u16x2", U256::from(0x2222_2222_u32)),
        ("0x11112222 0x0200 xshuffle.u16x2", U256::from(0x2222_u32)),
        ("0x11112222 0xff00 xshuffle.u16x2", U256::from(0x2222_u32)),
        ("0x11223344 xconv.u8x4.u16x4", U256::from(0x0011_0022_0033_0044_u64)),
        ("0x1111222233334444 xconv.u16x4.u8x4", U256::from(0x1122_3344_u32)),
        ("0x11223344 xconv.u8x4.u16x2", U256::from(0x0033_0044_u32)),
        ("0x11223344 xconv.u8x2.u32x4", U256::from(0x0000_0033_0000_0044_u64)),
        // Dead bits of operands do not count.
        ("(2**256 - 254) (2**256 - 253) xadd.u8x1", U256::from(5_u32)),
        ("(2**255 + 7) (2**254 + 2) xgt.u64x1", U256::ZERO),
    ];
    for (source, expected) in examples {
        assert_eq!(word(source), expected, "{source}");
    }
}

#[test]
fn an_instruction_costs_one_and_a_division_two() {
    for (name, gas) in [
        ("xadd", 1),
        ("xmul", 1),
        ("xmulhi", 1),
        ("xsub", 1),
        ("xdiv", 2),
        ("xsdiv", 2),
        ("xmod", 2),
        ("xsmod", 2),
        ("xcast", 1),
        ("xshuffle", 1),
        ("xlt", 1),
        ("xgt", 1),
        ("xslt", 1),
        ("xsgt", 1),
        ("xeq", 1),
        ("xiszero", 1),
        ("xand", 1),
        ("xor", 1),
        ("xxor", 1),
        ("xnot", 1),
        ("xindex", 1),
        ("xshl", 1),
        ("xshr", 1),
        ("xsar", 1),
        ("xrol", 1),
        ("xror", 1),
    ] {
        let outcome = run(&assemble(&format!("3 5 {name}.u16x8 3 {name}.u16x8")));
        assert_eq!(outcome.status, Status::Success, "{name}");
        assert_eq!(row(&outcome, &name.to_uppercase()), (2, 2 * gas), "{name}");
        assert_eq!(outcome.gas_used, INTRINSIC + 3 * 3 + 2 * gas, "{name}");
    }
    let outcome = run(&assemble("3 xconv.u16x8.u8x8"));
    assert_eq!((row(&outcome, "XCONV"), outcome.gas_used), ((1, 1), INTRINSIC + 4));
}

/// Two operands and an instruction as bytes, which the assembler would refuse to write.
fn raw(bytes: &[u8]) -> Vec<u8> {
    [&[0x60, 3, 0x60, 5, 0xae][..], bytes, &[0x00]].concat()
}

/// The same behind another instruction: a frame's first makes the coprocessor's part of it.
fn second(bytes: &[u8]) -> Vec<u8> {
    [&[0x60, 1, 0xae, 0xc9, 0x00][..], &raw(bytes)].concat()
}

#[test]
fn bytes_that_are_no_types_halt() {
    let is_type = |byte: u8| {
        let (width, count) = (byte >> 4, byte & 15);
        width <= 3 && count <= 5 && width + count <= 5
    };
    for byte in 0..=255 {
        if is_type(byte) {
            assert_eq!(run(&raw(&[0xb1, byte])).status, Status::Success, "{byte:#04x}");
            assert_eq!(run(&raw(&[0xb8, byte, byte])).status, Status::Success, "{byte:#04x}");
        } else {
            let invalid = (Halt::InvalidOperand, Unit::Lanes);
            assert_eq!(halt(&raw(&[0xb1, byte])), invalid, "{byte:#04x}");
            assert_eq!(halt(&second(&[0xb1, byte])), invalid, "{byte:#04x}");
            assert_eq!(halt(&raw(&[0xb8, byte, 0x00])), invalid, "{byte:#04x}");
            assert_eq!(halt(&raw(&[0xb8, 0x00, byte])), invalid, "{byte:#04x}");
        }
    }
}

#[test]
fn bytes_behind_the_prefix_that_are_no_opcodes_halt() {
    let has = |byte: u8| matches!(byte, 0xb1..=0xb9 | 0xbe..=0xcf);
    for byte in (0..=255).filter(|byte| !has(*byte)) {
        assert_eq!(halt(&raw(&[byte, 0x00])).0, Halt::InvalidOpcode, "{byte:#04x}");
    }
}

#[test]
fn too_few_words_on_the_stack_halt() {
    for (code, enough) in [
        (&[0x60, 1, 0xae, 0xb1, 0x00][..], false),
        (&[0xae, 0xb1, 0x00], false),
        (&[0xae, 0xc9, 0x00], false),
        (&[0xae, 0xb8, 0x00, 0x00], false),
        (&[0x60, 1, 0xae, 0xc9, 0x00], true),
        (&[0x60, 1, 0xae, 0xb8, 0x00, 0x00], true),
    ] {
        if enough {
            assert_eq!(run(code).status, Status::Success, "{code:02x?}");
        } else {
            assert_eq!(halt(code).0, Halt::StackUnderflow, "{code:02x?}");
        }
    }
}

#[test]
fn without_gas_for_it_an_instruction_halts() {
    let code = assemble("3 5 xadd.u8x1");
    assert_eq!(run_with_gas(&code, 7).status, Status::Success);
    assert_eq!(run_with_gas(&code, 6).status, Status::Halt(Halt::OutOfGas));
    let code = assemble("3 5 xdiv.u8x1");
    assert_eq!(run_with_gas(&code, 8).status, Status::Success);
    assert_eq!(run_with_gas(&code, 7).status, Status::Halt(Halt::OutOfGas));
    // One PUSH and XNOT before, and another two PUSHes.
    let before = 3 + 1 + 3 + 3;
    let status = |bytes: &[u8], gas| run_with_gas(&second(bytes), gas).status;
    assert_eq!(status(&[0xb4, 0x00], before + 2), Status::Success);
    assert_eq!(status(&[0xb4, 0x00], before + 1), Status::Halt(Halt::OutOfGas));
    // What is no instruction has no price.
    assert_eq!(status(&[0xb4, 0x7f], before), Status::Halt(Halt::InvalidOperand));
}

#[test]
fn behind_the_end_of_the_code_are_zeros() {
    // A type of zero is u8x1; a prefix alone has no opcode.
    let cut = |bytes: &[u8]| [&[0x61, 1, 3, 0x61, 2, 5][..], bytes].concat();
    let outcome = run(&cut(&[0xae, 0xb1]));
    assert_eq!((outcome.status, row(&outcome, "XADD")), (Status::Success, (1, 1)));
    let outcome = run(&cut(&[0xae, 0xb8, 0x11]));
    assert_eq!((outcome.status, row(&outcome, "XCONV")), (Status::Success, (1, 1)));
    assert_eq!(halt(&cut(&[0xae])).0, Halt::InvalidOpcode);
}

#[test]
fn a_jump_target_behind_an_instruction_is_one() {
    // Over an INVALID, to right behind each instruction of the profile and a type.
    for opcode in (0xb1..=0xb9).chain(0xbe..=0xcf) {
        let mut code = vec![0x60, 8, 0x56, 0xfe, 0xae, opcode, 0x05, 0x05, 0x5b, 0x00];
        if opcode != 0xb8 {
            code[7] = 0xfe;
        }
        assert_eq!(run(&code).status, Status::Success, "{opcode:#04x}");
    }
}

#[test]
fn no_fork_has_it_by_itself() {
    for fork in Fork::ALL {
        let code = assemble("3 5 xadd.u32x8");
        let mut evm = Evm::builder(*fork).meter(Meter::Gas).build();
        let status = transact(&mut evm, &code, GAS).status;
        assert_eq!(status, Status::Halt(Halt::InvalidOpcode), "{fork:?}");
        let mut evm = Evm::builder(*fork).meter(Meter::Gas).extensions([Extension::Simd]).build();
        assert_eq!(transact(&mut evm, &code, GAS).status, Status::Success, "{fork:?}");
    }
}

/// Asks VECMATH with what `request` leaves from memory 0 on, and returns whether it answered, and the first
/// word of its answer.
fn ask(request: &str, len: usize) -> String {
    format!(
        "{request} 32 512 {len} 0 0xae00000000000000000000000000000000000001 GAS STATICCALL \
         480 MSTORE 64 480 RETURN"
    )
}

/// A request as source: at most two words.
fn store(bytes: &[u8]) -> String {
    let mut padded = bytes.to_vec();
    padded.resize(64, 0);
    let words = padded.chunks(32).enumerate();
    let stores = words.map(|(at, word)| format!("0x{} {} MSTORE", hex(word), 32 * at));
    stores.collect::<Vec<_>>().join(" ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(request: &[u8]) -> (bool, U256, Outcome) {
    let outcome = run(&assemble(&ask(&store(request), request.len())));
    assert_eq!(outcome.status, Status::Success);
    let (answered, word) = outcome.output.split_at(32);
    (answered[31] == 1, U256::from_be_slice(word), outcome)
}

/// Two lists of two lanes of 4 bytes, (6, 7) and (3, 2), and 5 behind them for a modulus.
fn lists(op: u8) -> Vec<u8> {
    let lanes = [6_u32, 7, 3, 2, 5].map(u32::to_be_bytes);
    let count = match op {
        0x0a => 2,
        0x0c..=0x0e => 5,
        _ => 4,
    };
    [&[op, 4, 0, 0, 0, 2][..], &lanes[..count].concat()].concat()
}

#[test]
fn the_list_precompile_computes_and_charges_by_operation() {
    let two = |first: u32, second: u32| (u64::from(first) << 32 | u64::from(second), 8);
    let one = |sum: u32| (u64::from(sum), 4);
    for (op, (answered, len), element) in [
        (0x01, two(9, 9), 3),
        (0x02, two(18, 14), 5),
        (0x03, two(3, 5), 3),
        (0x04, two(2, 2), 3),
        (0x05, two(7, 7), 3),
        (0x06, two(5, 5), 3),
        (0x07, two(48, 28), 3),
        (0x08, two(0, 1), 3),
        (0x09, two(0, 1), 8),
        (0x0a, one(13), 3),
        (0x0b, one(32), 10),
        (0x0c, two(3, 4), 8),
        (0x0d, two(4, 4), 5),
        (0x0e, two(3, 0), 5),
        (0x0f, two(0, 0), 3),
    ] {
        let (success, word, outcome) = answer(&lists(op));
        assert!(success, "{op:#x}");
        let expected = U256::from(answered) << (256 - 8 * len);
        assert_eq!(word, expected, "{op:#x}");
        assert_eq!(row(&outcome, "vecmath"), (1, 100 + 2 * element), "{op:#x}");
    }
}

#[test]
fn the_list_precompile_is_warm_from_the_start() {
    let (_, _, outcome) = answer(&lists(0x01));
    let ledger = outcome.ledger.expect("the meter is on");
    let call = ledger.rows().iter().find(|row| row.op == "STATICCALL").expect("it was called");
    assert_eq!(call.gas.total(), 100);
}

#[test]
fn requests_that_are_wrong_fail_and_take_their_gas() {
    let right = lists(0x01);
    let changed = |at: usize, byte: u8| {
        let mut request = right.clone();
        request[at] = byte;
        request
    };
    let wrong = [
        vec![],
        right[..5].to_vec(),
        right[..right.len() - 1].to_vec(),
        [&right[..], &[0]].concat(),
        changed(0, 0),
        changed(0, 0x10),
        changed(1, 2),
        changed(1, 8),
        changed(5, 0),
        changed(5, 3),
        changed(2, 0xff),
    ];
    for request in wrong {
        let (success, word, outcome) = answer(&request);
        assert!(!success, "{request:02x?}");
        assert_eq!(word, U256::ZERO);
        // A 64th is kept back by the caller.
        assert!(outcome.gas_used > INTRINSIC + GAS / 64 * 62, "{request:02x?}");
        assert_eq!(row(&outcome, "vecmath"), (0, 0));
    }
}

#[test]
fn without_the_extension_there_is_nobody_at_the_precompiles_address() {
    let code = assemble(&ask(&store(&lists(0x01)), lists(0x01).len()));
    let mut evm = Evm::builder(Fork::Osaka).meter(Meter::Gas).build();
    let outcome = transact(&mut evm, &code, GAS);
    assert_eq!(outcome.status, Status::Success);
    // The call of an account that is not there succeeds and answers nothing.
    assert_eq!(U256::from_be_slice(&outcome.output[..32]), U256::ONE);
    assert_eq!(U256::from_be_slice(&outcome.output[32..]), U256::ZERO);
}
