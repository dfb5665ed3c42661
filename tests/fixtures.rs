//! Conformance without a network: every state test of `fixtures/`, on the preferred backends and
//! on the portable ones, with the meter on; and the essay's transaction to the last gas. The public
//! suites are run by `tandem statetest`.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use tandem_evm::{Evm, Fork, Ledger, Meter, Outcome, Status, Unit, backends};
use tandem_fixtures::{find_files, parse_state_tests, run_case};
use tandem_report::Breakdown;

/// The units whose work is pure, and which therefore have backends.
const PURE: [Unit; 6] =
    [Unit::Hash, Unit::Signature, Unit::Bn254, Unit::Bls12381, Unit::Kzg, Unit::Modexp];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

fn preferred(fork: Fork) -> Evm {
    Evm::builder(fork).meter(Meter::Gas).build()
}

fn portable(fork: Fork) -> Evm {
    let builder = Evm::builder(fork).meter(Meter::Gas);
    PURE.into_iter()
        .fold(builder, |builder, unit| {
            let backend = backends(unit).iter().find(|backend| backend.portable);
            let backend =
                backend.unwrap_or_else(|| panic!("{} has no portable backend", unit.name()));
            builder.coprocessor(unit, (backend.new)())
        })
        .build()
}

/// Runs every case below a path and says what mismatched; a machine is made once for each fork.
fn run(path: &Path, machine: fn(Fork) -> Evm) -> (usize, Vec<String>) {
    let mut machines = HashMap::new();
    let (mut count, mut failures) = (0, Vec::new());
    let files = find_files(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for file in files {
        let json = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let tests =
            parse_state_tests(&json).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for case in tests.iter().flat_map(|test| test.cases()) {
            count += 1;
            let name = format!("{}, {} {}", case.test.name, case.fork_name, case.index);
            let Some(fork) = case.fork() else {
                failures.push(format!("{name}: no such fork"));
                continue;
            };
            let evm = machines.entry(fork).or_insert_with(|| machine(fork));
            if let Some(mismatch) = run_case(evm, &case, None).mismatch {
                failures.push(format!("{name}: {mismatch}"));
            }
        }
    }
    (count, failures)
}

fn assert_all_pass(machine: fn(Fork) -> Evm) {
    let directory = fixtures().join("state_tests");
    let (count, failures) = run(&directory, machine);
    assert!(count > 0, "{} has no test", directory.display());
    assert!(failures.is_empty(), "{} of {count} failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_state_test_passes_on_the_preferred_backends() {
    assert_all_pass(preferred);
}

#[test]
fn every_state_test_passes_on_the_portable_backends() {
    assert_all_pass(portable);
}

#[test]
fn every_precompile_and_every_fork_has_a_state_test() {
    let files = find_files(&fixtures().join("state_tests")).expect("the fixtures are there");
    let (mut rows, mut forks) = (HashSet::new(), HashSet::new());
    for file in files {
        let json = fs::read(&file).expect("a readable file");
        let tests = parse_state_tests(&json).expect("a file of state tests");
        for case in tests.iter().flat_map(|test| test.cases()) {
            let fork = case.fork().expect("a known fork");
            forks.insert(fork);
            let outcome = run_case(&mut preferred(fork), &case, None).result;
            rows.extend(outcome.ok().and_then(|outcome| outcome.ledger).into_iter().flat_map(
                |ledger| ledger.rows().iter().map(|row| (row.unit, row.op)).collect::<Vec<_>>(),
            ));
        }
    }
    let schedule = preferred(Fork::Osaka).schedule().clone();
    let missing: Vec<_> = schedule
        .precompiles
        .iter()
        .filter(|precompile| !rows.contains(&(precompile.op.unit(), precompile.op.name())))
        .map(|precompile| precompile.op.name())
        .collect();
    assert!(missing.is_empty(), "no state test succeeds in calling {missing:?}");
    // Petersburg took Constantinople's place in the same block; the specification leaves it out.
    forks.insert(Fork::Constantinople);
    let missing: Vec<_> = Fork::ALL.iter().filter(|fork| !forks.contains(fork)).collect();
    assert!(missing.is_empty(), "no state test is for {missing:?}");
}

/// The gas of one row, 0 if there is none.
fn gas(ledger: &Ledger, unit: Unit, op: &str) -> u64 {
    let rows = ledger.rows().iter().filter(|row| row.unit == unit && row.op == op);
    rows.map(|row| row.gas.total()).sum()
}

/// Executes the essay's transaction: ENS `setContenthash` for vitalik.eth.
fn essay(machine: fn(Fork) -> Evm) -> Outcome {
    let file = fixtures().join("ens-set-contenthash.json");
    let json = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let tests = parse_state_tests(&json).expect("a file of state tests");
    let mut cases = tests.iter().flat_map(|test| test.cases());
    let case = cases.next().expect("the file has a case");
    assert!(cases.next().is_none(), "the file has one case");
    let verdict = run_case(&mut machine(Fork::Cancun), &case, None);
    assert_eq!(case.fork(), Some(Fork::Cancun));
    assert_eq!(verdict.mismatch, None);
    verdict.result.expect("a valid transaction")
}

#[test]
fn the_essays_transaction_costs_what_the_essay_says() {
    for machine in [preferred, portable] {
        let outcome = essay(machine);
        assert_eq!(outcome.status, Status::Success);
        assert_eq!(outcome.gas_used, 46_924);
        let ledger = outcome.ledger.expect("the meter is on");
        assert_eq!(ledger.gas_used(), 46_924);
        assert_eq!(ledger.intrinsic.base, 21_000);
        assert_eq!(ledger.intrinsic.calldata(), 1_556);
        assert_eq!(ledger.intrinsic.total(), 22_556);
        assert_eq!(ledger.execution_gas(), 24_368);
        assert_eq!(gas(&ledger, Unit::State, "SLOAD"), 6_400);
        assert_eq!(gas(&ledger, Unit::State, "SSTORE"), 10_100);
        assert_eq!(gas(&ledger, Unit::State, "STATICCALL"), 2_600);
        assert_eq!(gas(&ledger, Unit::Log, "LOG2"), 2_149);
        assert_eq!(gas(&ledger, Unit::Hash, "KECCAK256"), 282);
        assert_eq!(ledger.coprocessor_gas(), 21_531);
        assert_eq!(ledger.glue_gas(), 2_837);
        assert_eq!((ledger.refund.capped, ledger.floor_top_up), (0, 0));
    }
}

fn readme() -> String {
    let file = fixtures().join("../README.md");
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn the_readme_shows_the_breakdown_as_it_is_printed() {
    let outcome = essay(preferred);
    let breakdown = Breakdown::new(Fork::Cancun, 60_000, &outcome).expect("the meter is on");
    let table = breakdown.named("ens_set_contenthash").to_table();
    assert!(readme().contains(&table), "put this into the README:\n{table}");
}

#[test]
fn the_readme_counts_the_state_tests() {
    let (count, failures) = run(&fixtures().join("state_tests"), preferred);
    let passed = count - failures.len();
    let row = format!("| {count} | {passed} | {} | 0 |", failures.len());
    assert!(readme().contains(&row), "put this into the README's conformance table: {row}");
}
