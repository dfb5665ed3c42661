//! Results as a table on standard output and as JSON; progress on standard error.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;

use crate::{Error, measure::geometric_mean};

/// One line: what Tandem and revm took for the same work.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was executed.
    pub name: String,
    /// Its gas; 0 where that says nothing.
    pub gas: u64,
    /// Tandem's time in nanoseconds.
    pub tandem_ns: f64,
    /// revm's time in nanoseconds.
    pub peer_ns: f64,
    /// How many times as fast Tandem was.
    pub ratio: f64,
}

impl Row {
    /// A line; the ratio is worked out.
    pub fn new(name: impl Into<String>, gas: u64, [tandem_ns, peer_ns]: [f64; 2]) -> Self {
        Self { name: name.into(), gas, tandem_ns, peer_ns, ratio: peer_ns / tandem_ns }
    }
}

/// Writes the rows under a heading.
///
/// # Errors
/// If standard output is closed.
pub fn print_rows(heading: &str, rows: &[Row]) -> Result<(), Error> {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(heading.len());
    let mut out = io::stdout().lock();
    let (gas, tandem, peer) = ("gas", "tandem ns", "revm ns");
    writeln!(out, "{heading:width$} {gas:>12} {tandem:>14} {peer:>14} {:>6}", "ratio")?;
    for Row { name, gas, tandem_ns, peer_ns, ratio } in rows {
        writeln!(out, "{name:width$} {gas:>12} {tandem_ns:>14.1} {peer_ns:>14.1} {ratio:>6.2}")?;
    }
    Ok(())
}

/// Writes a line.
///
/// # Errors
/// If standard output is closed.
pub fn print_line(line: &str) -> Result<(), Error> {
    Ok(writeln!(io::stdout().lock(), "{line}")?)
}

/// Says what is being done, on standard error. That it cannot be said keeps nothing from being done.
pub fn progress(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The mean of the rows' ratios.
pub fn mean_ratio(rows: &[Row]) -> f64 {
    geometric_mean(rows.iter().map(|row| row.ratio))
}

/// Writes a result to a file, as JSON.
///
/// # Errors
/// If the file cannot be written.
pub fn write_json(path: &Path, result: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(result)? + "\n";
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
}
