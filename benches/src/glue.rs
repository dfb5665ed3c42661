//! The cases, whole transactions, on Tandem without a meter and on revm. This is the table that any
//! claim "so many times as fast" rests on.

use std::{path::Path, time::Duration};

use serde::Serialize;

use crate::{
    Error,
    case::Case,
    duel::{Round, duel},
    table::{Row, mean_ratio, print_line, print_rows, write_json},
};

/// The result as JSON.
#[derive(Debug, Serialize)]
struct Report<'r> {
    cases: &'r [Row],
    overhead: &'r [Row],
    geomean: f64,
}

/// Checks every case, then times them and reports. The mean is over the programs; cases that
/// calibrate the machinery around them are listed apart.
///
/// # Errors
/// If a case fails its check, or the report cannot be written.
pub fn run(cases: Vec<Case>, time: Duration, json: Option<&Path>) -> Result<(), Error> {
    let (overhead, programs) = cases.into_iter().partition(Case::is_overhead);
    let rounds = |cases: Vec<Case>| {
        cases.into_iter().map(|case| Round { case, units: 1 }).collect::<Vec<_>>()
    };
    let overhead = duel(&rounds(overhead), time)?;
    let programs = duel(&rounds(programs), time)?;

    if !overhead.is_empty() {
        print_rows("overhead, not in the mean", &overhead)?;
        print_line("")?;
    }
    print_rows("case", &programs)?;
    let geomean = mean_ratio(&programs);
    print_line(&format!("geometric mean over {} cases: {geomean:.3}", programs.len()))?;
    match json {
        Some(path) => write_json(path, &Report { cases: &programs, overhead: &overhead, geomean }),
        None => Ok(()),
    }
}
