//! Breakdowns of small transactions: what the table and the JSON say, and that it adds up.

use tandem_evm::{
    AccessListItem, Block, Evm, Fork, InMemoryState, Ledger, Meter, Outcome, Settlement,
    Transaction, deploy, fund,
    primitives::{Address, Bytes, U256, address, bytes},
};
use tandem_report::{Breakdown, By, Sample, Timed};

const SENDER: Address = address!("1000000000000000000000000000000000000001");
const CONTRACT: Address = address!("2000000000000000000000000000000000000002");

fn run(fork: Fork, code: Bytes, change: impl FnOnce(&mut Transaction)) -> (Outcome, Breakdown) {
    run_with(Meter::Gas, fork, code, change)
}

fn run_with(
    meter: Meter,
    fork: Fork,
    code: Bytes,
    change: impl FnOnce(&mut Transaction),
) -> (Outcome, Breakdown) {
    let mut state = InMemoryState::default();
    fund(&mut state, SENDER, U256::from(10).pow(U256::from(18)));
    deploy(&mut state, CONTRACT, code);
    state.insert_slot(CONTRACT, U256::ZERO, U256::ONE);
    let mut tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
    tx.gas_limit = 100_000;
    change(&mut tx);
    let mut evm = Evm::builder(fork).meter(meter).build();
    let outcome = evm.transact(&mut state, &Block::default(), &tx).expect("a valid transaction");
    let breakdown = Breakdown::new(fork, tx.gas_limit, &outcome).expect("the meter is on");
    (outcome, breakdown)
}

/// SLOAD slot 1, KECCAK256 of 32 bytes, LOG0 of them, SSTORE 0 to slot 0, a call of the identity.
const BUSY: Bytes =
    bytes!("6001545060206000205060206000a0600060005560006000602060006000600460fff150");

#[test]
fn a_table_lists_units_and_their_operations() {
    let (outcome, breakdown) = run(Fork::Cancun, BUSY, |tx| tx.data = bytes!("000102"));
    assert_eq!(outcome.gas_used, breakdown.ledger.gas_used());
    insta::assert_snapshot!(breakdown.named("busy").to_table());
}

#[test]
fn a_table_shows_every_intrinsic_part_there_is() {
    let (_, breakdown) = run(Fork::Cancun, Bytes::new(), |tx| {
        tx.kind = tandem_evm::TransactionKind::AccessList;
        tx.chain_id = Some(1);
        tx.to = None;
        tx.data = bytes!("6001600055");
        tx.access_list = vec![AccessListItem { address: CONTRACT, keys: vec![U256::ZERO] }];
    });
    insta::assert_snapshot!(breakdown.to_table());
}

#[test]
fn a_table_names_gas_burnt_by_the_glue() {
    // PUSH1 0, JUMP
    let (_, breakdown) = run(Fork::Cancun, bytes!("600056"), |_| {});
    insta::assert_snapshot!(breakdown.to_table());
}

#[test]
fn a_table_says_when_nothing_was_executed_and_the_floor_was_topped_up() {
    let (_, breakdown) = run(Fork::Prague, Bytes::new(), |tx| tx.data = vec![1; 100].into());
    insta::assert_snapshot!(breakdown.to_table());
}

#[test]
fn tables_fit_80_columns_even_with_the_largest_numbers() {
    let (_, mut breakdown) = run(Fork::Osaka, BUSY, |_| {});
    breakdown.gas_limit = u64::MAX;
    let scale = 1_000_000_000;
    let mut rows = breakdown.ledger.rows().to_vec();
    for row in &mut rows {
        row.gas.execution *= scale;
        row.count *= scale;
    }
    let Settlement { intrinsic, refund, floor_top_up, .. } = *breakdown.ledger;
    breakdown.ledger = Ledger::new(intrinsic, rows, refund, floor_top_up);
    breakdown.gas_used = breakdown.ledger.gas_used();
    for line in breakdown.to_table().lines().filter(|line| !line.contains("of the execution")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn tables_of_time_fit_80_columns_even_if_the_medians_are_not_stable() {
    let (outcome, breakdown) = run_with(Meter::Time, Fork::Osaka, BUSY, |_| {});
    let samples = vec![Sample::new(&outcome).expect("the meter times"); 16_384];
    let table = Timed::new(breakdown, &samples, By::Opcode, 100.0, false).to_table(false);
    assert!(table.contains("16,384 runs, NOT yet stable"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn json_has_every_row_and_adds_up() {
    let (outcome, breakdown) = run(Fork::Cancun, BUSY, |tx| tx.data = bytes!("000102"));
    let text = breakdown.named("busy").to_json();
    assert!(!text.contains('\n'));
    insta::assert_snapshot!(text);
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let gas = |value: &serde_json::Value| value.as_u64().expect("a number");
    let rows = json["rows"].as_array().expect("a list");
    let execution: u64 = rows.iter().map(|row| gas(&row["gas"])).sum();
    assert_eq!(execution, gas(&json["glue_gas"]) + gas(&json["coprocessor_gas"]));
    let intrinsic = json["intrinsic"].as_object().expect("an object");
    let parts: u64 =
        intrinsic.iter().filter(|(name, _)| *name != "total").map(|(_, part)| gas(part)).sum();
    assert_eq!(parts, gas(&intrinsic["total"]));
    let total = parts + execution - gas(&json["refund"]["capped"]) + gas(&json["floor_top_up"]);
    assert_eq!(total, gas(&json["gas_used"]));
    assert_eq!(total, outcome.gas_used);
}
