//! What must hold for any program: no panic, a ledger that adds up, the same result with the meter
//! on, off and traced, and row counts that agree with a trace. Programs are random but sensible
//! enough to get somewhere: most opcodes find the words they need, jumps mostly land, calls reach
//! precompiles, the program itself and another random one.

use std::collections::{HashSet, VecDeque};

use proptest::{prelude::*, sample::Index, test_runner::Config};
use tandem_asm::Assembler;
use tandem_evm::{
    AccessListItem, AccountInfo, Authorization, Block, Error, Evm, Failure, Fork, InMemoryState,
    Ledger, Meter, Outcome, Schedule, Status, Step, Tracer, Transaction, TransactionKind, Unit,
    deploy, fund, keccak256, op, opcode,
    primitives::{Address, Bytes, U256, address},
    state_root,
};

const SENDER: Address = address!("1000000000000000000000000000000000000001");
const PROGRAM: Address = address!("2000000000000000000000000000000000000002");
const OTHER: Address = address!("3000000000000000000000000000000000000003");
const NOBODY: Address = address!("4000000000000000000000000000000000000004");
const COINBASE: Address = address!("5000000000000000000000000000000000000005");

/// A piece of a program.
#[derive(Clone, Debug)]
enum Piece {
    /// A byte as it is.
    Byte(u8),
    /// A PUSH of these bytes.
    Push(Vec<u8>),
    /// An opcode, the words it takes pushed before it.
    Fed(u8, Vec<Vec<u8>>),
    /// A JUMPDEST.
    Label,
    /// A jump to one of the labels; nothing if there are none.
    Jump { conditional: bool, to: Index },
    /// A call, its arguments pushed before it.
    Call { opcode: u8, to: Callee, gas: Vec<u8>, value: u8, input: [u16; 2], output: [u8; 2] },
    /// A creation with up to 32 bytes of init code.
    Create { init_code: Vec<u8>, salt: Option<u8>, value: u8 },
}

#[derive(Clone, Copy, Debug)]
enum Callee {
    Itself,
    Caller,
    Known(Address),
    Precompile(u16),
}

/// One transaction in its world.
#[derive(Clone, Debug)]
struct Scenario {
    fork: Fork,
    program: Bytes,
    other: Bytes,
    block: Block,
    tx: Transaction,
}

impl Scenario {
    fn state(&self) -> InMemoryState {
        let mut state = InMemoryState::default();
        fund(&mut state, SENDER, U256::from(10).pow(U256::from(18)));
        deploy(&mut state, OTHER, self.other.clone());
        let code_hash = keccak256(&self.program);
        let info = AccountInfo { balance: U256::from(1_000), nonce: 1, code_hash };
        state.insert_account(PROGRAM, info, self.program.clone());
        for slot in 0..4 {
            state.insert_slot(PROGRAM, U256::from(slot), U256::from(slot + 1));
        }
        state
    }

    fn machine(&self, meter: Meter) -> Evm {
        Evm::builder(self.fork).meter(meter).build()
    }

    fn transact(&self, evm: &mut Evm) -> Result<Outcome, Error> {
        evm.transact(&mut self.state(), &self.block, &self.tx)
    }

    fn transact_traced(&self, evm: &mut Evm, trace: &mut Trace) -> Result<Outcome, Error> {
        evm.transact_traced(&mut self.state(), &self.block, &self.tx, trace)
    }
}

/// How often each opcode ran, and how often it ended its frame exceptionally.
struct Trace {
    clean: [u64; 256],
    halted: [u64; 256],
    running: Option<u8>,
}

impl Default for Trace {
    fn default() -> Self {
        Self { clean: [0; 256], halted: [0; 256], running: None }
    }
}

impl Tracer for Trace {
    fn before(&mut self, step: &Step<'_>) {
        assert_eq!(self.running.replace(step.op), None, "a step began before the last one ended");
    }

    fn after(&mut self, _cost: u64, failure: Option<Failure>) {
        let op = self.running.take().expect("a step ended that had not begun");
        let counts = if failure.is_some() { &mut self.halted } else { &mut self.clean };
        counts[usize::from(op)] += 1;
    }
}

fn push(code: &mut Vec<u8>, word: &[u8]) {
    match word.len() {
        0 => code.extend([op::PUSH1, 0]),
        len => {
            code.push(op::PUSH1 - 1 + len as u8);
            code.extend(word);
        }
    }
}

impl Piece {
    fn assemble(&self, code: &mut Vec<u8>, jumps: &mut Vec<(usize, Index)>) {
        match self {
            Self::Byte(byte) => code.push(*byte),
            Self::Push(word) => push(code, word),
            Self::Fed(opcode, words) => {
                words.iter().for_each(|word| push(code, word));
                code.push(*opcode);
            }
            Self::Label => code.push(op::JUMPDEST),
            Self::Jump { conditional, to } => {
                if *conditional {
                    // Every other time: a bit of the gas left.
                    code.extend([op::PUSH1, 1, op::GAS, op::AND]);
                }
                jumps.push((code.len() + 1, *to));
                code.extend([op::PUSH2, 0, 0]);
                code.push(if *conditional { op::JUMPI } else { op::JUMP });
            }
            Self::Call { opcode, to, gas, value, input, output } => {
                output.iter().rev().for_each(|&number| push(code, &[number]));
                input.iter().rev().for_each(|number| push(code, &number.to_be_bytes()));
                if matches!(*opcode, op::CALL | op::CALLCODE) {
                    push(code, &[*value]);
                }
                to.assemble(code);
                push(code, gas);
                code.push(*opcode);
            }
            Self::Create { init_code, salt, value } => {
                push(code, init_code);
                code.extend([op::PUSH1, 0, op::MSTORE]);
                salt.iter().for_each(|&salt| push(code, &[salt]));
                push(code, &[init_code.len() as u8]);
                push(code, &[32 - init_code.len() as u8]);
                push(code, &[*value]);
                code.push(if salt.is_some() { op::CREATE2 } else { op::CREATE });
            }
        }
    }
}

impl Callee {
    fn assemble(self, code: &mut Vec<u8>) {
        match self {
            Self::Itself => code.push(op::ADDRESS),
            Self::Caller => code.push(op::CALLER),
            Self::Known(address) => push(code, address.as_slice()),
            Self::Precompile(number) => push(code, &number.to_be_bytes()),
        }
    }
}

fn assemble(pieces: &[Piece]) -> Bytes {
    let (mut code, mut jumps, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    let has_labels = pieces.iter().any(|piece| matches!(piece, Piece::Label));
    for piece in pieces {
        match piece {
            Piece::Label => labels.push(code.len() as u16),
            Piece::Jump { .. } if !has_labels => continue,
            _ => {}
        }
        piece.assemble(&mut code, &mut jumps);
    }
    for (place, to) in jumps {
        code[place..place + 2].copy_from_slice(&to.get(&labels).to_be_bytes());
    }
    code.into()
}

/// A word as bytes: mostly small, sometimes at an edge, sometimes anything.
fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => small(),
        1 => any::<u16>().prop_map(|number| number.to_be_bytes().to_vec()),
        1 => Just(vec![0xff; 32]),
        1 => Just([&[0x80][..], &[0; 31]].concat()),
        1 => Just(vec![0xff; 8]),
        1 => prop::collection::vec(any::<u8>(), 0..=32),
    ]
}

/// A word that is no trouble as an offset or a length.
fn small() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![(0u8..4).prop_map(|byte| vec![byte]), any::<u8>().prop_map(|byte| vec![byte])]
}

/// The opcodes a fork has, for which `select` holds.
fn opcodes(fork: Fork, select: fn(u8) -> bool) -> Vec<u8> {
    let has = |&byte: &u8| {
        opcode(byte).is_some_and(|known| known.since <= fork && known.extension.is_none())
            && select(byte)
    };
    (0..=u8::MAX).filter(has).collect()
}

/// Whether an opcode's words are offsets and lengths in memory, where most large ones end the frame.
fn touches_memory(byte: u8) -> bool {
    matches!(
        byte,
        op::KECCAK256
            | op::CALLDATACOPY
            | op::CODECOPY
            | op::EXTCODECOPY
            | op::RETURNDATACOPY
            | op::MCOPY
            | op::MLOAD
            | op::MSTORE
            | op::MSTORE8
            | op::LOG0..=op::LOG4 | op::RETURN | op::REVERT
    )
}

/// Whether an opcode ends its frame, or most likely does if its words are random.
fn ends(byte: u8) -> bool {
    let stops = matches!(byte, op::STOP | op::RETURN | op::REVERT | op::INVALID);
    stops || matches!(byte, op::SELFDESTRUCT | op::JUMP | op::RETURNDATACOPY)
}

/// Whether an opcode is in its place among its inputs alone, and goes on behind them.
fn goes_on(byte: u8) -> bool {
    let pushes = (op::PUSH1..=op::PUSH32).contains(&byte);
    let shuffles = (op::DUP1..=op::SWAP16).contains(&byte);
    let calls = (op::CREATE..=op::STATICCALL).contains(&byte);
    !(ends(byte) || pushes || shuffles || calls || byte == op::JUMPI)
}

fn fed(opcodes: Vec<u8>) -> impl Strategy<Value = Piece> {
    prop::sample::select(opcodes).prop_flat_map(|byte| {
        let inputs = opcode(byte).map_or(0, |opcode| usize::from(opcode.inputs));
        let word = if touches_memory(byte) { small().boxed() } else { word().boxed() };
        prop::collection::vec(word, inputs).prop_map(move |words| Piece::Fed(byte, words))
    })
}

fn callee() -> impl Strategy<Value = Callee> {
    prop_oneof![
        3 => Just(Callee::Itself),
        1 => Just(Callee::Caller),
        4 => Just(Callee::Known(OTHER)),
        1 => Just(Callee::Known(NOBODY)),
        8 => (1u16..=0x11).prop_map(Callee::Precompile),
        1 => Just(Callee::Precompile(0x100)),
    ]
}

fn call(fork: Fork) -> impl Strategy<Value = Piece> {
    let calls = opcodes(fork, |byte| {
        matches!(byte, op::CALL | op::CALLCODE | op::DELEGATECALL | op::STATICCALL)
    });
    // All there is, from EIP-150 on; before it, that fails.
    let gas =
        prop_oneof![Just(vec![0xff; 4]), any::<u16>().prop_map(|gas| gas.to_be_bytes().into())];
    // The lengths that precompiles like, and others.
    let lengths = vec![0, 32, 64, 96, 128, 160, 192, 213, 256, 288, 384, 512, 768];
    let length = prop_oneof![prop::sample::select(lengths), any::<u8>().prop_map(u16::from)];
    let (input, output) = ((any::<u8>(), length), any::<[u8; 2]>());
    (prop::sample::select(calls), callee(), gas, 0u8..3, input, output).prop_map(
        |(opcode, to, gas, value, (offset, length), output)| {
            let value = value / 2;
            Piece::Call { opcode, to, gas, value, input: [offset.into(), length], output }
        },
    )
}

fn create(fork: Fork) -> impl Strategy<Value = Piece> {
    // Returns a byte of memory as code; fails; returns code that EIP-3541 forbids; anything.
    let forbidden =
        [op::PUSH1, 0xef, op::PUSH1, 0, op::MSTORE8, op::PUSH1, 1, op::PUSH1, 0, op::RETURN];
    let init_code = prop_oneof![
        Just(vec![op::PUSH1, 1, op::PUSH1, 0, op::RETURN]),
        Just(vec![op::INVALID]),
        Just(forbidden.to_vec()),
        prop::collection::vec(any::<u8>(), 0..=32),
    ];
    (init_code, proptest::option::of(any::<u8>()), 0u8..2).prop_map(
        move |(init_code, salt, value)| {
            let salt = salt.filter(|_| fork >= Fork::Constantinople);
            Piece::Create { init_code, salt, value }
        },
    )
}

/// Mostly what goes on; a piece in forty ends the frame.
fn piece(fork: Fork) -> impl Strategy<Value = Piece> {
    let coprocessors = opcodes(fork, |byte| {
        goes_on(byte) && opcode(byte).is_some_and(|known| known.unit != Unit::Glue)
    });
    prop_oneof![
        20 => word().prop_map(Piece::Push),
        40 => fed(opcodes(fork, goes_on)),
        30 => fed(coprocessors),
        // With what the pushes left.
        20 => prop::sample::select(opcodes(fork, |byte| goes_on(byte) && !touches_memory(byte)))
            .prop_map(Piece::Byte),
        10 => (op::DUP1..=op::DUP4).prop_map(Piece::Byte),
        10 => (op::SWAP1..=op::SWAP4).prop_map(Piece::Byte),
        15 => Just(Piece::Label),
        10 => (prop::bool::weighted(0.8), any::<Index>())
            .prop_map(|(conditional, to)| Piece::Jump { conditional, to }),
        30 => call(fork),
        5 => create(fork),
        3 => fed(opcodes(fork, ends)),
        1 => any::<u8>().prop_map(Piece::Byte),
    ]
}

fn program(fork: Fork) -> impl Strategy<Value = Bytes> {
    // The first pieces fill memory with calldata, for precompiles to find something, and the stack.
    let fill = [Piece::Fed(op::CALLDATACOPY, vec![vec![0xff], vec![0], vec![0]])];
    let stack = prop::collection::vec(word().prop_map(Piece::Push), 0..24);
    let pieces = prop::collection::vec(piece(fork), 0..60);
    (stack, pieces)
        .prop_map(move |(stack, pieces)| assemble(&[&fill[..], &stack, &pieces].concat()))
}

fn transaction(fork: Fork) -> impl Strategy<Value = Transaction> {
    let kinds = [
        (Fork::Frontier, TransactionKind::Legacy),
        (Fork::Berlin, TransactionKind::AccessList),
        (Fork::London, TransactionKind::DynamicFee),
        (Fork::Prague, TransactionKind::SetCode),
    ];
    let kinds: Vec<_> =
        kinds.into_iter().filter(|(since, _)| fork >= *since).map(|(_, kind)| kind).collect();
    let gas_limit = prop_oneof![4 => 100_000u64..400_000, 1 => 21_000u64..100_000];
    let data = prop::collection::vec(any::<u8>(), 0..300);
    let creates = prop::bool::weighted(0.1);
    (prop::sample::select(kinds), gas_limit, data, 0u64..3, creates, any::<[u8; 32]>()).prop_map(
        |(kind, gas_limit, data, value, creates, r)| {
            let mut tx = Transaction::call(SENDER, PROGRAM, data.into());
            (tx.kind, tx.gas_limit, tx.value) = (kind, gas_limit, U256::from(value));
            (tx.gas_price, tx.max_priority_fee) = (U256::from(10), U256::from(2));
            if creates && kind != TransactionKind::SetCode {
                tx.to = None;
            }
            let keys = vec![U256::ZERO, U256::from(9)];
            tx.access_list = vec![AccessListItem { address: PROGRAM, keys }];
            // Half of all r are on the curve, so half of these have an authority.
            let (r, s) = (U256::from_be_bytes(r), U256::ONE);
            let authorization = Authorization { address: OTHER, r, s, ..Authorization::default() };
            tx.authorizations = vec![authorization];
            tx
        },
    )
}

fn scenario() -> impl Strategy<Value = Scenario> {
    prop::sample::select(Fork::ALL).prop_flat_map(|fork| {
        (program(fork), program(fork), transaction(fork)).prop_map(move |(program, other, tx)| {
            let mut block = Block::default();
            block.number = 1_000;
            block.coinbase = COINBASE;
            block.base_fee = U256::from(7);
            Scenario { fork, program, other, block, tx }
        })
    })
}

/// What two runs of the same transaction must agree on.
fn facts(scenario: &Scenario, outcome: &Outcome) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut state = scenario.state();
    state.apply(&outcome.changes);
    (
        (outcome.status, outcome.gas_used, outcome.output.clone(), outcome.created),
        (outcome.logs.clone(), outcome.changes.clone(), state_root(&state)),
    )
}

fn check_ledger(ledger: &Ledger, outcome: &Outcome, tx: &Transaction) -> Result<(), TestCaseError> {
    prop_assert_eq!(ledger.gas_used(), outcome.gas_used, "{:#?}", ledger);
    prop_assert!(outcome.gas_used <= tx.gas_limit);
    prop_assert_eq!(ledger.glue_gas() + ledger.coprocessor_gas(), ledger.execution_gas());
    prop_assert!(ledger.refund.capped <= ledger.refund.raw);
    let keys: HashSet<_> = ledger.rows().iter().map(|row| (row.unit, row.op)).collect();
    prop_assert_eq!(keys.len(), ledger.rows().len(), "a row is there twice: {:#?}", ledger.rows());
    Ok(())
}

/// The glue's opcodes are counted by stretches of code; a trace counts them one by one. An opcode
/// that halts is in its row if it was paid for before it failed.
fn check_counts(ledger: &Ledger, trace: &Trace, prices: &Schedule) -> Result<(), TestCaseError> {
    let by_size = [op::EXP, op::CALLDATACOPY, op::CODECOPY, op::RETURNDATACOPY, op::MCOPY];
    for byte in 0..=u8::MAX {
        let Some(known) = opcode(byte).filter(|one| one.unit == Unit::Glue) else {
            continue;
        };
        let row = ledger.rows().iter().find(|row| row.unit == Unit::Glue && row.op == known.name);
        let (count, gas) = row.map_or((0, 0), |row| (row.count, row.gas.total()));
        let (clean, halted) = (trace.clean[usize::from(byte)], trace.halted[usize::from(byte)]);
        prop_assert!(
            (clean..=clean + halted).contains(&count),
            "{} is counted {count} times; it ran {clean} times and halted {halted} times",
            known.name
        );
        if !by_size.contains(&byte) {
            let price = u64::from(prices.base[usize::from(byte)]);
            prop_assert_eq!(gas, count * price, "{} has a fixed price", known.name);
        }
    }
    Ok(())
}

fn check(scenario: &Scenario) -> Result<(), TestCaseError> {
    let (mut metered, mut bare) = (scenario.machine(Meter::Gas), scenario.machine(Meter::Off));
    let mut trace = Trace::default();
    let first = scenario.transact(&mut metered);
    // Code that a machine has seen before may run by another image of it.
    let runs = [
        ("again", scenario.transact(&mut metered)),
        ("traced", scenario.transact_traced(&mut metered, &mut trace)),
        ("unmetered", scenario.transact(&mut bare)),
        ("unmetered, again", scenario.transact(&mut bare)),
        ("unmetered, traced", scenario.transact_traced(&mut bare, &mut Trace::default())),
    ];
    let outcome = match first {
        Ok(outcome) => outcome,
        Err(error) => {
            for (how, run) in runs {
                let same = run.is_err_and(|other| other.to_string() == error.to_string());
                prop_assert!(same, "{how}: not {error}");
            }
            return Ok(());
        }
    };
    let expected = facts(scenario, &outcome);
    let ledger = outcome.ledger.as_ref().expect("the meter is on");
    check_ledger(ledger, &outcome, &scenario.tx)?;
    check_counts(ledger, &trace, metered.schedule())?;
    for (how, run) in runs {
        let run = run.map_err(|error| TestCaseError::fail(format!("{how}: {error}")))?;
        prop_assert_eq!(&facts(scenario, &run), &expected, "{}", how);
        let kept = (!how.starts_with("unmetered")).then_some(ledger);
        prop_assert_eq!(run.ledger.as_ref(), kept, "{}", how);
    }
    Ok(())
}

/// Miri takes minutes for each.
const CASES: u32 = if cfg!(miri) { 2 } else { 2_000 };

proptest! {
    #![proptest_config(Config { cases: CASES, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_program_runs_the_same_metered_or_not_and_its_ledger_adds_up(scenario in scenario()) {
        check(&scenario)?;
    }

    #[test]
    fn bytes_that_are_no_program_do_no_harm(
        code in prop::collection::vec(any::<u8>(), 0..200),
        scenario in scenario(),
    ) {
        check(&Scenario { program: code.into(), ..scenario })?;
    }
}

/// Loops as often as calldata says; each time round hashes a word, and calls itself with half the number.
const LOOPS: &str = "
    0 CALLDATALOAD
    next: DUP1 @go JUMPI STOP
    go: 1 SHR DUP1 0 MSTORE 32 0 SHA3 POP 0 0 32 0 ADDRESS GAS STATICCALL POP
    DUP1 @next JUMPI
    65 spin: 1 SWAP1 SUB DUP1 @spin JUMPI
";

/// Loops as often as calldata says, jumps to the JUMPDEST right behind the JUMP, and then astray.
const ASTRAY: &str = "
    0 CALLDATALOAD
    loop: 1 SWAP1 SUB DUP1 @loop JUMPI
    @next JUMP next: DUP1 @next JUMPI 3 JUMP
";

#[test]
fn a_transaction_that_broke_off_leaves_nothing_in_the_next_ledger() {
    let mut state = InMemoryState::default();
    fund(&mut state, SENDER, U256::from(10).pow(U256::from(18)));
    // Its code is nowhere, so that whoever calls it is stopped by the state, with memory that has grown.
    let info = AccountInfo { code_hash: keccak256(b"missing"), ..AccountInfo::default() };
    state.insert_account(OTHER, info, Bytes::new());
    let code = |source: &str| -> Bytes {
        let program = Assembler::new().assemble("program", source).expect("it assembles");
        program.code.into()
    };
    let calls = format!("1 64 MSTORE 0 0 0 0 {OTHER} GAS STATICCALL STOP");
    deploy(&mut state, PROGRAM, code(&calls));
    deploy(&mut state, NOBODY, code("1 0 MSTORE STOP"));

    let ledger = |evm: &mut Evm, state: &mut InMemoryState| {
        let tx = Transaction::call(SENDER, NOBODY, Bytes::new());
        let outcome = evm.transact(state, &Block::default(), &tx).expect("a valid transaction");
        outcome.ledger.expect("the meter is on")
    };
    let machine = || Evm::builder(Fork::Osaka).meter(Meter::Gas).build();
    let mut evm = machine();
    let broken = Transaction::call(SENDER, PROGRAM, Bytes::new());
    let error = evm.transact(&mut state, &Block::default(), &broken).expect_err("no such code");
    assert!(matches!(error, Error::State(_)), "{error}");
    assert_eq!(ledger(&mut evm, &mut state), ledger(&mut machine(), &mut state));
}

#[test]
fn a_ledger_adds_up_wherever_the_gas_ends() {
    let mut code = Assembler::new().assemble("astray", ASTRAY).expect("it is right").code;
    check_at_gas(&code.clone().into(), 1);
    // Too long for jumps to be counted, so that they are noted again and again.
    code.resize(1 << 16, 0);
    check_at_gas(&code.into(), 7);
}

#[test]
fn each_jumpdest_of_a_run_is_paid_for_wherever_it_is_entered() {
    // Calldata says where; what is before the run costs 13.
    const RUN: u64 = 17;
    let mut code = vec![op::PUSH0, op::CALLDATALOAD, op::JUMP];
    code.extend([op::JUMPDEST; RUN as usize]);
    let mut state = InMemoryState::default();
    deploy(&mut state, PROGRAM, code.into());
    fund(&mut state, SENDER, U256::MAX >> 1);
    for meter in [Meter::Off, Meter::Gas] {
        let mut evm = Evm::builder(Fork::Cancun).meter(meter).build();
        for left in 0..RUN {
            let entry = U256::from(3 + left).to_be_bytes::<32>();
            let mut tx = Transaction::call(SENDER, PROGRAM, Bytes::copy_from_slice(&entry));
            let intrinsic = tx.intrinsic_gas(&Schedule::new(Fork::Cancun).transaction).0.total();
            let cost = 13 + RUN - left;
            for gas in 0..=cost + 1 {
                tx.gas_limit = intrinsic + gas;
                let outcome =
                    evm.transact(&mut state, &Block::default(), &tx).expect("it is valid");
                let (spent, case) =
                    (outcome.gas_used - intrinsic, format!("{left} left, {gas} gas"));
                assert_eq!(outcome.status == Status::Success, gas >= cost, "{case}");
                assert_eq!(spent, gas.min(cost), "{case}");
                let Some(ledger) = outcome.ledger.filter(|_| gas >= cost) else { continue };
                let row = ledger.rows().iter().find(|row| row.op == "JUMPDEST");
                assert_eq!(row.map(|row| row.count), Some(RUN - left), "{case}");
            }
        }
    }
}

fn check_at_gas(code: &Bytes, step: usize) {
    let mut evm = Evm::builder(Fork::Cancun).meter(Meter::Gas).build();
    // Few jumps are noted; in debug builds, more than 32 are counted.
    for n in [1_u8, 3, 40] {
        let mut tx = Transaction::call(SENDER, PROGRAM, Bytes::from(vec![0; 32]));
        tx.data = Bytes::copy_from_slice(&U256::from(n).to_be_bytes::<32>());
        let intrinsic = tx.intrinsic_gas(&Schedule::new(Fork::Cancun).transaction).0.total();
        // A round takes 26.
        for gas in (0..26 * u64::from(n) + 60).step_by(step) {
            let mut state = InMemoryState::default();
            deploy(&mut state, PROGRAM, code.clone());
            fund(&mut state, SENDER, U256::MAX >> 1);
            tx.gas_limit = intrinsic + gas;
            let outcome = evm.transact(&mut state, &Block::default(), &tx).expect("it is valid");
            let ledger = outcome.ledger.expect("the meter is on");
            assert_eq!(ledger.gas_used(), outcome.gas_used, "{n} rounds, {gas} gas: {ledger:#?}");
        }
    }
}

#[test]
fn rows_are_the_same_whenever_they_are_asked_for() {
    let code: Bytes = Assembler::new().assemble("loops", LOOPS).expect("it is right").code.into();
    let run = |evm: &mut Evm, n: u8| {
        let mut state = InMemoryState::default();
        deploy(&mut state, PROGRAM, code.clone());
        let calldata = U256::from(n).to_be_bytes::<32>();
        let mut tx = Transaction::call(SENDER, PROGRAM, Bytes::copy_from_slice(&calldata));
        tx.gas_limit = 1_000_000;
        fund(&mut state, SENDER, U256::MAX >> 1);
        let outcome =
            evm.transact(&mut state, &Block::default(), &tx).expect("a valid transaction");
        outcome.ledger.expect("the meter is on")
    };
    let machine = || Evm::builder(Fork::Osaka).meter(Meter::Gas).build();
    let numbers = [0, 200, 7, 64, 1, 255];
    let mut evm = machine();
    let at_once = numbers.map(|n| run(&mut evm, n).rows().to_vec());
    for (n, rows) in numbers.iter().zip(&at_once) {
        assert_eq!(run(&mut machine(), *n).rows(), rows, "{n}");
    }

    let mut evm = machine();
    let held = numbers.map(|n| {
        drop(run(&mut evm, 100));
        run(&mut evm, n)
    });
    let last = held[5].clone();
    let asked = std::thread::scope(|threads| {
        let ask = || held.each_ref().map(|ledger| ledger.rows().to_vec());
        let others = [threads.spawn(ask), threads.spawn(ask)];
        drop(evm);
        others.map(|other| other.join().expect("it does not panic"))
    });
    assert_eq!(asked, [at_once.clone(), at_once.clone()]);
    assert_eq!(last, held[5]);

    // Let go elsewhere and in another order than they came, while machines come and go.
    let (giver, taker) = std::sync::mpsc::channel::<(usize, Ledger)>();
    let holder = std::thread::spawn(move || {
        let mut held = VecDeque::new();
        for (n, ledger) in taker {
            held.push_front((n, ledger));
            if held.len() > 5 {
                held.swap(0, 3);
                let (n, ledger) = held.pop_front().expect("there are six");
                assert_eq!(ledger.rows(), at_once[n], "{n}");
            }
        }
    });
    for _ in 0..if cfg!(miri) { 2 } else { 20 } {
        let mut evm = machine();
        for n in [5, 1, 4, 0, 2, 3, 3] {
            giver.send((n, run(&mut evm, numbers[n]))).expect("somebody takes it");
            drop(run(&mut evm, 9));
        }
    }
    drop(giver);
    holder.join().expect("it does not panic");
}
