//! Peak memory: each case on each engine in processes of its own, each of which says how much it held
//! at most. What both hold alike, the program's data and the case, is in both numbers.

use std::{env, path::Path, process::Command};

use serde::Serialize;

use crate::{
    Error,
    case::Case,
    process::{Engine, Peak, arguments},
    table::{print_line, progress, write_json},
};

/// Executions in each process: buffers kept from one to the next are in the peak.
const EXECUTIONS: u64 = 3;

/// Processes for each number, of which the least counts: where the system puts stack and heap makes some
/// pages' difference.
const PROCESSES: usize = 5;

/// One case's peaks.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// Without pages of files, then with them.
    tandem_kib: u64,
    peer_kib: u64,
    tandem_whole_kib: u64,
    peer_whole_kib: u64,
}

/// Runs each case in two processes and reports.
///
/// # Errors
/// If a process fails, or the report cannot be written.
pub fn run(cases: &[Case], json: Option<&Path>) -> Result<(), Error> {
    let rows = cases.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let heading = ["tandem KiB", "revm KiB", "with files", "with files"];
    print_line(&format!(
        "{:width$}{}",
        "case",
        heading.map(|word| format!(" {word:>11}")).concat()
    ))?;
    for row in &rows {
        let numbers = [row.tandem_kib, row.peer_kib, row.tandem_whole_kib, row.peer_whole_kib];
        let numbers = numbers.map(|kib| format!(" {kib:>11}")).concat();
        print_line(&format!("{:width$}{numbers}", row.name))?;
    }
    json.map_or(Ok(()), |path| write_json(path, &rows))
}

fn row(case: &Case) -> Result<Row, Error> {
    progress(&case.name);
    let (tandem, peer) = (peak(case, Engine::Tandem)?, peak(case, Engine::Revm)?);
    Ok(Row {
        name: case.name.clone(),
        tandem_kib: tandem.own,
        peer_kib: peer.own,
        tandem_whole_kib: tandem.whole,
        peer_whole_kib: peer.whole,
    })
}

fn peak(case: &Case, engine: Engine) -> Result<Peak, Error> {
    let mut least = peak_of_one(case, engine)?;
    for _ in 1..PROCESSES {
        let Peak { whole, own } = peak_of_one(case, engine)?;
        least = Peak { whole: least.whole.min(whole), own: least.own.min(own) };
    }
    Ok(least)
}

fn peak_of_one(case: &Case, engine: Engine) -> Result<Peak, Error> {
    let output = Command::new(env::current_exe()?)
        .args(arguments(case, engine, EXECUTIONS)?)
        .arg("--peak-memory")
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Peak::read(&String::from_utf8(output.stdout)?)
}
