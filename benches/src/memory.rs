//! Peak memory: each case on each engine in a process of its own, which says how much it held at
//! most. What both hold alike, the program and the case, is in both numbers.

use std::{env, path::Path, process::Command};

use serde::Serialize;

use crate::{
    Error,
    case::Case,
    process::{Engine, arguments},
    table::{print_line, progress, write_json},
};

/// Executions in each process: buffers kept from one to the next are in the peak.
const EXECUTIONS: u64 = 3;

/// One case's peaks.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    tandem_kib: u64,
    peer_kib: u64,
}

/// Runs each case in two processes and reports.
///
/// # Errors
/// If a process fails, or the report cannot be written.
pub fn run(cases: &[Case], json: Option<&Path>) -> Result<(), Error> {
    let rows = cases.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    print_line(&format!("{:width$} {:>11} {:>11}", "case", "tandem KiB", "revm KiB"))?;
    for Row { name, tandem_kib, peer_kib } in &rows {
        print_line(&format!("{name:width$} {tandem_kib:>11} {peer_kib:>11}"))?;
    }
    json.map_or(Ok(()), |path| write_json(path, &rows))
}

fn row(case: &Case) -> Result<Row, Error> {
    progress(&case.name);
    Ok(Row {
        name: case.name.clone(),
        tandem_kib: peak(case, Engine::Tandem)?,
        peer_kib: peak(case, Engine::Revm)?,
    })
}

fn peak(case: &Case, engine: Engine) -> Result<u64, Error> {
    let output = Command::new(env::current_exe()?)
        .args(arguments(case, engine, EXECUTIONS)?)
        .arg("--peak-memory")
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
