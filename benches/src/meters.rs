//! What the ledger costs: the cases on Tandem with each meter, against none. Rows are made when they are
//! asked for; a column has them asked for after each transaction.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde::Serialize;
use tandem_evm::Meter;

use crate::{
    Error,
    case::Case,
    check::check,
    measure::{Contestant, geometric_mean, race},
    table::{print_line, progress, write_json},
    tandem::Tandem,
};

/// The meters by name, and whether rows are asked for; what the others cost is against the first.
const METERS: [(&str, Meter, bool); 4] = [
    ("off", Meter::Off, false),
    ("gas", Meter::Gas, false),
    ("rows", Meter::Gas, true),
    ("time", Meter::Time, false),
];

/// One case with each meter.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    gas: u64,
    /// Nanoseconds by meter.
    ns: BTreeMap<&'static str, f64>,
    /// How much longer it takes than with the meter off, as a part of that, by meter.
    overhead: BTreeMap<&'static str, f64>,
}

#[derive(Debug, Serialize)]
struct Report {
    cases: Vec<Row>,
    /// Of the geometric means.
    overhead: BTreeMap<&'static str, f64>,
}

/// Checks and times every case that is a program, and reports.
///
/// # Errors
/// If a case fails its check, or the report cannot be written.
pub fn run(cases: &[Case], time: Duration, json: Option<&Path>) -> Result<(), Error> {
    let programs = cases.iter().filter(|case| !case.is_overhead());
    let rows = programs.map(|case| row(case, time)).collect::<Result<Vec<_>, _>>()?;
    let mean = |meter| geometric_mean(rows.iter().map(|row| 1.0 + row.overhead[meter])) - 1.0;
    let overhead = METERS.iter().skip(1).map(|&(meter, ..)| (meter, mean(meter))).collect();

    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let headings = METERS.map(|(meter, ..)| format!("{:>14}", format!("{meter} ns")));
    print_line(&format!("{:width$} {:>12} {} overhead", "case", "gas", headings.join(" ")))?;
    for Row { name, gas, ns, overhead } in &rows {
        let ns = METERS.map(|(meter, ..)| format!("{:>14.1}", ns[meter])).join(" ");
        print_line(&format!("{name:width$} {gas:>12} {ns}{}", percents(overhead)))?;
    }
    print_line(&format!("geometric mean over {} cases:{}", rows.len(), percents(&overhead)))?;
    json.map_or(Ok(()), |path| write_json(path, &Report { cases: rows, overhead }))
}

fn row(case: &Case, time: Duration) -> Result<Row, Error> {
    let gas = check(case)?;
    let mut machines = Vec::new();
    for (_, meter, reads) in METERS {
        machines.push((Tandem::new(case, meter)?, reads));
    }
    let mut runs = machines.iter_mut().map(|(machine, reads)| {
        |count| if *reads { machine.run_and_read(count) } else { machine.run(count) }
    });
    let mut runs: [_; METERS.len()] = std::array::from_fn(|_| runs.next().expect("one for each"));
    let times = race(time, runs.each_mut().map(|run| run as Contestant<'_>));

    let timed = || METERS.iter().zip(times).map(|((meter, ..), time)| (*meter, time));
    let overhead = timed().skip(1).map(|(meter, time)| (meter, time / times[0] - 1.0)).collect();
    progress(&format!("{}{}", case.name, percents(&overhead)));
    Ok(Row { name: case.name.clone(), gas, ns: timed().collect(), overhead })
}

/// In the order of the meters.
fn percents(overhead: &BTreeMap<&'static str, f64>) -> String {
    let percents = METERS.iter().filter_map(|(meter, ..)| overhead.get(meter));
    percents.map(|part| format!(" {:>+7.1}%", part * 100.0)).collect()
}
