//! What the ledger costs: the cases on Tandem with each meter, against none.

use std::{path::Path, time::Duration};

use serde::Serialize;
use tandem_evm::Meter;

use crate::{
    Error,
    case::Case,
    check::check,
    measure::{geometric_mean, race},
    table::{print_line, progress, write_json},
    tandem::Tandem,
};

/// One case with each meter.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    gas: u64,
    off_ns: f64,
    gas_ns: f64,
    /// How much longer it takes with the gas meter, as a part of the time without.
    gas_overhead: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    cases: Vec<Row>,
    /// Of the geometric mean of the ratios.
    gas_overhead: f64,
}

/// Checks every case, then times them and reports. The mean is over the programs.
///
/// # Errors
/// If a case fails its check, or the report cannot be written.
pub fn run(cases: &[Case], time: Duration, json: Option<&Path>) -> Result<(), Error> {
    let programs = cases.iter().filter(|case| !case.is_overhead());
    let rows = programs.map(|case| row(case, time)).collect::<Result<Vec<_>, _>>()?;

    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    print_line(&format!(
        "{:width$} {:>12} {:>14} {:>14} overhead",
        "case", "gas", "off ns", "gas ns"
    ))?;
    for Row { name, gas, off_ns, gas_ns, gas_overhead } in &rows {
        let percent = gas_overhead * 100.0;
        print_line(&format!(
            "{name:width$} {gas:>12} {off_ns:>14.1} {gas_ns:>14.1} {percent:>7.1}%"
        ))?;
    }
    let gas_overhead = geometric_mean(rows.iter().map(|row| row.gas_ns / row.off_ns)) - 1.0;
    print_line(&format!("geometric mean over {} cases: {:.1}%", rows.len(), gas_overhead * 100.0))?;
    match json {
        Some(path) => write_json(path, &Report { cases: rows, gas_overhead }),
        None => Ok(()),
    }
}

fn row(case: &Case, time: Duration) -> Result<Row, Error> {
    let gas = check(case)?;
    let mut off = Tandem::new(case, Meter::Off)?;
    let mut metered = Tandem::new(case, Meter::Gas)?;
    let [off_ns, gas_ns] =
        race(time, [&mut |count| off.run(count), &mut |count| metered.run(count)]);
    let gas_overhead = gas_ns / off_ns - 1.0;
    progress(&format!("{} {:.1}%", case.name, gas_overhead * 100.0));
    Ok(Row { name: case.name.clone(), gas, off_ns, gas_ns, gas_overhead })
}
