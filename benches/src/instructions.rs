//! Instructions that Tandem executes for a run of each of the project's own programs, counted by
//! callgrind: steady where times are not, and so the gate against regressions. Start-up is not in the
//! count, which is the difference between two runs of which one executes the program twice as often.

use std::{collections::BTreeMap, env, path::Path, process::Command};

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    case::{self, Case},
    process::{self, Engine},
    table::{print_line, progress, write_json},
};

/// Executions in the shorter of the two runs.
const EXECUTIONS: u64 = 10;

/// What is kept in the repository.
#[derive(Debug, Deserialize, Serialize)]
struct Record {
    /// The compiler the counts were taken with; another may count otherwise.
    rustc: String,
    /// Instructions of one execution, by program.
    instructions: BTreeMap<String, u64>,
}

/// Counts, and compares with the record or, with `update`, rewrites it.
///
/// # Errors
/// If valgrind does not run, or if a count is above the record by more than the part `tolerance`.
pub fn run(filter: Option<&Regex>, tolerance: f64, update: bool) -> Result<(), Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("record/instructions.json");
    let cases = case::load(&case::own_directory(), filter)?;
    let counts = cases.iter().map(|case| Ok((case.name.clone(), count(case)?)));
    let instructions = counts.collect::<Result<BTreeMap<_, _>, Error>>()?;
    if update {
        return write_json(&path, &Record { rustc: rustc()?, instructions });
    }
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    compare(&serde_json::from_str(&text)?, &instructions, tolerance)
}

fn compare(record: &Record, counts: &BTreeMap<String, u64>, tolerance: f64) -> Result<(), Error> {
    let mut above = Vec::new();
    print_line(&format!("{:20} {:>14} {:>14} change", "program", "recorded", "now"))?;
    for (name, &now) in counts {
        let missing = || format!("{name} has no count on record; take one with --update");
        let recorded = *record.instructions.get(name).ok_or_else(missing)?;
        let change = now as f64 / recorded as f64 - 1.0;
        print_line(&format!("{name:20} {recorded:>14} {now:>14} {:>+5.1}%", change * 100.0))?;
        if change > tolerance {
            above.push(name.as_str());
        }
    }
    if above.is_empty() {
        return Ok(());
    }
    let percent = tolerance * 100.0;
    let names = above.join(", ");
    Err(format!(
        "more than {percent}% above the record: {names} (recorded with {}, this is {})",
        record.rustc,
        rustc()?
    )
    .into())
}

/// Instructions of one execution.
fn count(case: &Case) -> Result<u64, Error> {
    progress(&case.name);
    let once = callgrind(case, EXECUTIONS)?;
    let twice = callgrind(case, 2 * EXECUTIONS)?;
    Ok(twice.saturating_sub(once) / EXECUTIONS)
}

/// All instructions of a process of this program that executes a case so many times.
fn callgrind(case: &Case, executions: u64) -> Result<u64, Error> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(process::arguments(case, Engine::Tandem, executions)?)
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    match collected {
        Some((_, number)) if output.status.success() => Ok(number.trim().parse()?),
        _ => Err(format!("valgrind did not count:\n{said}").into()),
    }
}

fn rustc() -> Result<String, Error> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_tolerance_is_an_error_and_less_is_not() {
        let record = Record {
            rustc: "rustc".into(),
            instructions: BTreeMap::from([("own/a".into(), 1000)]),
        };
        let compared = |now| compare(&record, &BTreeMap::from([("own/a".into(), now)]), 0.02);
        assert!(compared(1019).is_ok());
        assert!(compared(500).is_ok());
        assert!(compared(1021).is_err());
        assert!(compare(&record, &BTreeMap::from([("own/b".into(), 1)]), 0.02).is_err());
    }
}
