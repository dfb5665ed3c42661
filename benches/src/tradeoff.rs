//! The essay's curve in numbers: the same task as plain opcodes, in the opcodes of an extension, and by a
//! native precompile; what each form costs in gas and in time, and who gets it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::Bytes;
use serde::Serialize;
use tandem_evm::Meter;

use crate::{
    Error,
    case::Case,
    measure::{Contestant, race_all},
    table::{print_line, progress, write_json},
    tandem::Tandem,
};

/// The form that the others are held against.
const NATIVE: &str = "precompile";
/// Timed runs of which the median says whose time it was.
const TIMED: usize = 51;

/// A task in one form. Gas and time are the program's: a transaction with nothing to execute is taken off.
#[derive(Debug, Serialize)]
struct Row {
    task: String,
    form: String,
    gas: u64,
    ns: f64,
    ns_per_gas: f64,
    /// The coprocessors' part of the gas, by the ledger; the glue's is the rest.
    coprocessor_gas_share: f64,
    /// The coprocessors' part of the execution's time, by the ledger, the clock's own time taken off.
    coprocessor_time_share: f64,
    /// Gas and time as multiples of the native precompile's, where there is one.
    gas_to_native: Option<f64>,
    time_to_native: Option<f64>,
}

/// The programs of the fixtures.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/programs")
}

/// Checks every form of every task, times them, and reports.
///
/// # Errors
/// If a form does not do what its case says, or the report cannot be written.
pub fn run(cases: &[Case], time: Duration, json: Option<&Path>) -> Result<(), Error> {
    for case in cases {
        check(case)?;
    }
    let mut rows = Vec::new();
    for forms in cases.chunk_by(|case, next| named(case).0 == named(next).0) {
        rows.extend(task(forms, time)?);
    }
    for n in 0..rows.len() {
        let native = rows.iter().find(|row| row.task == rows[n].task && row.form == NATIVE);
        if let Some((gas, ns)) = native.map(|row| (row.gas, row.ns)) {
            rows[n].gas_to_native = Some(rows[n].gas as f64 / gas as f64);
            rows[n].time_to_native = Some(rows[n].ns / ns);
        }
    }
    print(&rows)?;
    json.map_or(Ok(()), |path| write_json(path, &rows))
}

/// Whether a program returns what the case says it does, at that gas.
fn check(case: &Case) -> Result<(), Error> {
    let seen = Tandem::new(case, Meter::Gas)?.observe()?;
    let Some(expect) = &case.expect else {
        return Err(format!("{}: does not say what it should do", case.name).into());
    };
    let success = expect.status == "success";
    if (seen.success, &seen.output) != (success, &expect.output) {
        return Err(format!("{}: does not return what it should", case.name).into());
    }
    match seen.frame_gas {
        Some(gas) if gas != expect.gas_used => {
            Err(format!("{}: took {gas} gas instead of {}", case.name, expect.gas_used).into())
        }
        _ => Ok(()),
    }
}

/// A case's task and form.
fn named(case: &Case) -> (&str, &str) {
    let mut name = case.name.rsplit('/');
    let (form, task) = (name.next(), name.next());
    (task.unwrap_or_default(), form.unwrap_or_default())
}

/// All forms of a task, by turns, `time` for each: what is said of one against another is of one run.
fn task(forms: &[Case], time: Duration) -> Result<Vec<Row>, Error> {
    let mut machines = Vec::new();
    for case in forms {
        let idle = Case { calldata: case.calldata.clone(), ..Case::of_code("idle", Bytes::new()) };
        machines.push(Tandem::new(case, Meter::Off)?);
        machines.push(Tandem::new(&idle, Meter::Off)?);
    }
    let mut runs: Vec<_> = machines.iter_mut().map(|machine| |count| machine.run(count)).collect();
    let mut contestants: Vec<_> = runs.iter_mut().map(|run| run as Contestant<'_>).collect();
    let times = race_all(time * forms.len() as u32, &mut contestants);
    let programs = forms.iter().zip(times.as_chunks::<2>().0);
    programs.map(|(case, [program, nothing])| row(case, (program - nothing).max(0.0))).collect()
}

fn row(case: &Case, ns: f64) -> Result<Row, Error> {
    let gas = case.expect.as_ref().map_or(0, |expect| expect.gas_used);
    let (gas_share, time_share) = shares(case)?;
    let (task, form) = named(case);
    progress(&format!("{task} {form}: {gas} gas, {ns:.0} ns"));
    Ok(Row {
        task: task.into(),
        form: form.into(),
        gas,
        ns,
        ns_per_gas: ns / gas as f64,
        coprocessor_gas_share: gas_share,
        coprocessor_time_share: time_share,
        gas_to_native: None,
        time_to_native: None,
    })
}

/// The coprocessors' parts of gas and time.
fn shares(case: &Case) -> Result<(f64, f64), Error> {
    let mut machine = Tandem::new(case, Meter::Time)?;
    let mut gas = 0.0;
    let mut times = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        let outcome = machine.outcome()?;
        if let Some(ledger) = &outcome.ledger {
            gas = ledger.coprocessor_gas() as f64 / ledger.execution_gas().max(1) as f64;
        }
        if let Some(timing) = &outcome.timing {
            let all = timing.coprocessors + timing.glue();
            times.push(timing.coprocessors.as_secs_f64() / all.as_secs_f64().max(1e-9));
        }
    }
    times.sort_by(f64::total_cmp);
    Ok((gas, times.get(times.len() / 2).copied().unwrap_or_default()))
}

fn print(rows: &[Row]) -> Result<(), Error> {
    let width = rows.iter().map(|row| row.task.len()).max().unwrap_or(0).max("task".len());
    print_line(&format!(
        "{:width$} {:10} {:>9} {:>11} {:>7} {:>7} {:>7} {:>8} {:>8}",
        "", "", "", "", "ns per", "coprocessors", "", "to native", ""
    ))?;
    print_line(&format!(
        "{:width$} {:10} {:>9} {:>11} {:>7} {:>7} {:>7} {:>8} {:>8}",
        "task", "form", "gas", "ns", "gas", "gas", "time", "gas", "time"
    ))?;
    let times = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.2}x"));
    for row in rows {
        print_line(&format!(
            "{:width$} {:10} {:>9} {:>11.0} {:>7.2} {:>6.1}% {:>6.1}% {:>8} {:>8}",
            row.task,
            row.form,
            row.gas,
            row.ns,
            row.ns_per_gas,
            100.0 * row.coprocessor_gas_share,
            100.0 * row.coprocessor_time_share,
            times(row.gas_to_native),
            times(row.time_to_native),
        ))?;
    }
    Ok(())
}
