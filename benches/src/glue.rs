//! The cases, whole transactions, on Tandem without a meter and on revm. This is the table that the
//! claim "so many times as fast" rests on.

use std::{path::Path, time::Duration};

use serde::Serialize;
use tandem_evm::Meter;

use crate::{
    Error,
    case::Case,
    check::check,
    measure::race,
    peer::Peer,
    table::{Row, mean_ratio, print_line, print_rows, progress, write_json},
    tandem::Tandem,
};

/// The result as JSON.
#[derive(Debug, Serialize)]
struct Report<'r> {
    cases: &'r [Row],
    overhead: &'r [Row],
    geomean: f64,
}

/// Checks every case, then times them and reports; the mean is over the cases that are programs.
///
/// # Errors
/// If a case fails its check, or the report cannot be written.
pub fn run(cases: &[Case], time: Duration, json: Option<&Path>) -> Result<(), Error> {
    let rows = time_cases(cases, time)?;
    let (overhead, programs): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|(case, _)| case.is_overhead());
    let [overhead, programs] =
        [overhead, programs].map(|rows| rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
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

/// Checks and then times each case, in order.
///
/// # Errors
/// If a case fails its check.
pub fn time_cases(cases: &[Case], time: Duration) -> Result<Vec<(&Case, Row)>, Error> {
    let gas = cases.iter().map(check).collect::<Result<Vec<_>, _>>()?;
    progress(&format!("{} cases are right on both engines", cases.len()));
    let timed = cases.iter().zip(gas).map(|(case, gas)| {
        let mut tandem = Tandem::new(case, Meter::Off)?;
        let mut peer = Peer::new(case)?;
        let times = race(time, [&mut |count| tandem.run(count), &mut |count| peer.run(count)]);
        let row = Row::new(&case.name, gas, times);
        progress(&format!("{} {:.2}", row.name, row.ratio));
        Ok((case, row))
    });
    timed.collect()
}
