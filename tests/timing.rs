//! Time beside gas: what a timed machine says agrees with itself, and with the gas of one that is not.

use std::time::Duration;

use tandem_evm::{
    Block, Evm, Fork, InMemoryState, Meter, Outcome, Row, Transaction, Unit, deploy, fund,
    primitives::{Address, Bytes, U256, address, hex},
};

const SENDER: Address = address!("1000000000000000000000000000000000000001");
const PROGRAM: Address = address!("2000000000000000000000000000000000000002");

/// Hashes 32 bytes, stores the hash, calls ecrecover with garbage, logs, and does all that 200 times.
fn transact(meter: Meter) -> Outcome {
    let mut state = InMemoryState::default();
    fund(&mut state, SENDER, U256::from(1) << 100);
    // PUSH1 200 JUMPDEST
    let mut code = vec![0x60, 200, 0x5b];
    // DUP1 PUSH0 MSTORE, PUSH1 32 PUSH0 KECCAK256, DUP2 SSTORE
    code.extend(hex!("805f52 60205f20 8155"));
    // PUSH1 32 PUSH1 64 PUSH1 128 PUSH0 PUSH1 1 GAS STATICCALL POP, PUSH1 32 PUSH0 LOG0
    code.extend(hex!("602060406080 5f60015afa50 60205fa0"));
    // PUSH1 1 SWAP1 SUB DUP1 PUSH1 2 JUMPI STOP
    code.extend(hex!("60019003 8060025700"));
    deploy(&mut state, PROGRAM, code.into());
    let mut tx = Transaction::call(SENDER, PROGRAM, Bytes::new());
    tx.gas_limit = 16_000_000;
    let mut evm = Evm::builder(Fork::Osaka).meter(meter).build();
    let first = evm.transact(&mut state, &Block::default(), &tx).expect("a valid transaction");
    let again = evm.transact(&mut state, &Block::default(), &tx).expect("a valid transaction");
    assert_eq!(first.gas_used, again.gas_used);
    again
}

fn nanoseconds(rows: &[Row], unit: Unit, op: &str) -> u64 {
    let row = rows.iter().find(|row| row.unit == unit && row.op == op);
    row.unwrap_or_else(|| panic!("no row {op}")).nanoseconds
}

#[test]
fn the_parts_of_the_time_are_within_the_whole() {
    let outcome = transact(Meter::Time);
    let (timing, ledger) = (outcome.timing.expect("timed"), outcome.ledger.expect("metered"));
    assert!(timing.total >= timing.execution);
    assert!(timing.execution >= timing.coprocessors + timing.glue());
    let rows: u64 = ledger.rows().iter().map(|row| row.nanoseconds).sum();
    let coprocessors = timing.coprocessors.as_nanos() as u64;
    assert!(rows <= coprocessors + ledger.rows().len() as u64, "{rows} ns of {coprocessors}");
    // What is nobody's is short: a call that is timed and has no row.
    assert!(rows * 10 >= coprocessors * 9, "{rows} ns of {coprocessors}");
    // 200 rounds of: hash, slot and store, access and transfer, measure and execute, log.
    assert!(timing.timed_calls >= 200 * 8, "{}", timing.timed_calls);
    assert!(timing.overhead() >= timing.clock);
}

#[test]
fn coprocessors_have_time_and_the_glue_has_none_of_its_own() {
    let rows = transact(Meter::Time).ledger.expect("metered").rows().to_vec();
    // 200 hashes take more than 100 ns each on any machine, and a store is not free.
    assert!(nanoseconds(&rows, Unit::Hash, "KECCAK256") > 200 * 100);
    assert!(nanoseconds(&rows, Unit::State, "SSTORE") > 0);
    assert!(nanoseconds(&rows, Unit::Log, "LOG0") > 0);
    assert!(nanoseconds(&rows, Unit::State, "STATICCALL") > 0);
    assert_eq!(nanoseconds(&rows, Unit::Glue, "JUMPI"), 0);
    assert_eq!(nanoseconds(&rows, Unit::Glue, "MSTORE"), 0);
}

#[test]
fn timing_changes_no_gas() {
    let (timed, metered, bare) =
        (transact(Meter::Time), transact(Meter::Gas), transact(Meter::Off));
    assert_eq!(timed.gas_used, bare.gas_used);
    assert_eq!(timed.logs, bare.logs);
    assert_eq!(timed.changes, bare.changes);
    let gas = |outcome: &Outcome| {
        let rows = outcome.ledger.as_ref().expect("metered").rows();
        rows.iter().map(|row| (row.unit, row.op, row.count, row.gas)).collect::<Vec<_>>()
    };
    // A row of a timed ledger may have time alone.
    let timed_gas: Vec<_> =
        gas(&timed).into_iter().filter(|row| row.2 + row.3.total() > 0).collect();
    assert_eq!(timed_gas, gas(&metered));
    assert_eq!((metered.timing, bare.timing), (None, None));
    assert!(timed.timing.is_some_and(|timing| timing.total > Duration::ZERO));
    let nanoseconds =
        metered.ledger.expect("metered").rows().iter().map(|row| row.nanoseconds).sum::<u64>();
    assert_eq!(nanoseconds, 0);
}
