//! The attribution of a transaction's gas by place, found step by step, is its ledger, row by row: on
//! every state test of `fixtures/`, and of the directory in `TANDEM_STATE_TESTS` if that is set. So is
//! every view of it the gas used.

#![expect(clippy::print_stdout, reason = "a test of many cases says how many there were")]

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
};

use tandem_evm::{Evm, Meter, Schedule};
use tandem_fixtures::{Case, find_files, parse_state_tests, run_case};
use tandem_report::{Attribution, By, Collector, Names, View};

fn directories() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/state_tests");
    [own].into_iter().chain(env::var_os("TANDEM_STATE_TESTS").map(PathBuf::from)).collect()
}

/// Calls `f` with every case and a machine for its fork; returns how many there were.
fn each(mut f: impl FnMut(&mut Evm, &Case<'_>)) -> usize {
    let (mut machines, mut count) = (HashMap::new(), 0);
    for file in directories().iter().flat_map(|path| find_files(path).expect("a directory")) {
        let json = fs::read(&file).expect("a readable file");
        for test in parse_state_tests(&json).expect("a file of state tests") {
            for case in test.cases() {
                let fork = case.fork().expect("a known fork");
                let make = || Evm::builder(fork).meter(Meter::Gas).build();
                f(machines.entry(fork).or_insert_with(make), &case);
                count += 1;
            }
        }
    }
    count
}

fn name(case: &Case<'_>) -> String {
    format!("{} on {}, {}", case.test.name, case.fork_name, case.index)
}

/// The attribution of a case; `None` if its transaction is invalid.
fn attribute(evm: &mut Evm, case: &Case<'_>) -> Option<Result<Attribution, String>> {
    let tx = case.transaction().ok()?;
    let schedule: Schedule = evm.schedule().clone();
    let coinbase = case.block().coinbase;
    let mut collector = Collector::new(schedule).transaction(&tx, Some(coinbase));
    let outcome = run_case(evm, case, Some(&mut collector)).result.ok()?;
    Some(collector.finish(&outcome).map_err(|error| error.to_string()))
}

/// Every side there is to see a transaction from.
const SIDES: [By; 6] = [By::Unit, By::Opcode, By::Frame, By::Contract, By::Selector, By::Pc];

/// What the ledger's parts, or the rows of a view, come to instead of the gas used.
fn wrong_sum(attribution: &Attribution, names: &Names) -> Option<String> {
    let (used, sum) = (attribution.gas_used, attribution.ledger().gas_used());
    if sum != used {
        return Some(format!("{sum} is not {used}"));
    }
    SIDES.into_iter().find_map(|by| {
        let view = View::of_attribution(attribution, by, names);
        let sum: i128 = view.items.iter().map(|item| item.signed_gas()).sum();
        (sum != i128::from(used)).then(|| format!("by {}: {sum} is not {used}", by.name()))
    })
}

#[test]
fn the_steps_of_an_execution_add_up_to_its_ledger_row_by_row() {
    let (mut failures, mut valid, mut frames) = (Vec::new(), 0, 0);
    let names = Names::default();
    let count = each(|evm, case| match attribute(evm, case) {
        Some(Ok(attribution)) => {
            (valid, frames) = (valid + 1, frames + attribution.frames.len());
            failures.extend(
                wrong_sum(&attribution, &names).map(|sum| format!("{}: {sum}", name(case))),
            );
        }
        Some(Err(error)) => failures.push(format!("{}: {error}", name(case))),
        None => {}
    });
    println!("{count} cases, {valid} valid transactions, {frames} frames");
    assert!(valid > 500 && frames > valid, "{valid} transactions with {frames} frames");
    let shown = failures.iter().take(20).map(|text| format!("{text:.600}\n")).collect::<String>();
    assert!(failures.is_empty(), "{} of {valid} failed:\n{shown}", failures.len());
}
