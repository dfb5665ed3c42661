//! Time beside gas: what each row of a ledger took of both, and what it would cost if gas were time.
//! Measuring is the machine's (`Meter::Time`), repeating the caller's; here are the medians and ratios.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use tandem_evm::{Outcome, Timing, Unit};

use crate::{
    Breakdown, By, Tree,
    grid::{Grid, Style, paint},
    number::{percent, shares, thousands},
    records::{Column, Datum, Records},
};

/// The times of one execution.
#[derive(Clone, Debug)]
pub struct Sample {
    timing: Timing,
    rows: BTreeMap<(Unit, &'static str), u64>,
}

impl Sample {
    /// The times of an outcome; `None` if its machine did not time it.
    pub fn new(outcome: &Outcome) -> Option<Self> {
        let rows = outcome.ledger.as_ref()?.rows().iter();
        let rows = rows.map(|row| ((row.unit, row.op), row.nanoseconds)).collect();
        Some(Self { timing: **outcome.timing.as_ref()?, rows })
    }

    /// The whole transaction, the clock's part of it taken off.
    pub fn total(&self) -> Duration {
        self.timing.total.saturating_sub(self.timing.overhead())
    }
}

/// One line of a timed breakdown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimedRow {
    /// What it is called.
    pub label: String,
    /// Whose work it was; `None` for what is no unit's.
    pub unit: Option<Unit>,
    /// How often.
    pub count: u64,
    /// Its gas.
    pub gas: u64,
    /// Its time: the median of all runs.
    pub nanoseconds: u64,
}

impl TimedRow {
    /// Nanoseconds per gas; `None` without gas.
    pub fn ns_per_gas(&self) -> Option<f64> {
        (self.gas > 0).then(|| self.nanoseconds as f64 / self.gas as f64)
    }

    /// Millions of gas a second; `None` without gas or without measurable time.
    pub fn mgas_per_second(&self) -> Option<f64> {
        (self.gas > 0 && self.nanoseconds > 0)
            .then(|| 1000.0 * self.gas as f64 / self.nanoseconds as f64)
    }

    /// What it would cost at so many million gas a second.
    pub fn implied_gas(&self, anchor: f64) -> f64 {
        self.nanoseconds as f64 * anchor / 1000.0
    }
}

/// A breakdown with time: coprocessors by unit or operation, the glue in one line (its opcodes are not
/// timed singly: reading the clock takes longer than they do), the transaction's rules around the
/// execution, and what could not be attributed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Timed {
    /// The gas.
    pub breakdown: Breakdown,
    /// What the rows stand for: units, or operations.
    pub by: By,
    /// The rate at which implied gas is computed, in millions of gas a second.
    pub anchor: f64,
    /// How many runs the medians are of.
    pub runs: usize,
    /// Whether the median had become stable.
    pub stable: bool,
    /// The rows; they add up to the whole in gas (before the refund) and in time.
    pub rows: Vec<TimedRow>,
    /// What reading the clock took of a run, in nanoseconds; taken off from all rows.
    pub clock_nanoseconds: u64,
    /// How often it was read around a call.
    pub timed_calls: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    name: Option<&'a str>,
    fork: &'static str,
    status: &'static str,
    by: &'static str,
    gas_used: u64,
    refund: u64,
    gas: u64,
    nanoseconds: u64,
    anchor_mgas_per_second: f64,
    runs: usize,
    stable: bool,
    clock_nanoseconds: u64,
    timed_calls: u64,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    label: &'a str,
    unit: Option<&'static str>,
    count: u64,
    gas: u64,
    nanoseconds: u64,
    gas_share: f64,
    time_share: f64,
    ratio: Option<f64>,
    ns_per_gas: Option<f64>,
    mgas_per_second: Option<f64>,
    implied_gas: f64,
}

impl Timed {
    /// The medians of some runs of the same transaction. `stable` says whether more would change much.
    pub fn new(
        breakdown: Breakdown,
        samples: &[Sample],
        by: By,
        anchor: f64,
        stable: bool,
    ) -> Self {
        let part = |of: &dyn Fn(&Sample) -> Duration| {
            median(samples.iter().map(|sample| of(sample).as_nanos() as u64).collect())
        };
        let mut rows = coprocessor_rows(&breakdown, samples, by);
        let attributed = |sample: &Sample| Duration::from_nanos(sample.rows.values().sum());
        let ledger = &breakdown.ledger;
        rows.sort_by_key(|row| std::cmp::Reverse((row.nanoseconds, row.gas)));
        let glue = ledger.rows().iter().filter(|row| row.unit == Unit::Glue);
        rows.push(TimedRow {
            label: "glue".into(),
            unit: Some(Unit::Glue),
            count: glue.filter(|row| row.op != "memory growth").map(|row| row.count).sum(),
            gas: ledger.glue_gas(),
            nanoseconds: part(&|sample| sample.timing.glue()),
        });
        rows.push(TimedRow {
            label: "transaction".into(),
            unit: None,
            count: 1,
            gas: ledger.intrinsic.total() + ledger.floor_top_up,
            nanoseconds: part(&|sample| {
                sample.timing.total.saturating_sub(sample.timing.execution)
            }),
        });
        rows.push(TimedRow {
            label: "unattributed".into(),
            unit: None,
            count: 0,
            gas: 0,
            nanoseconds: part(&|sample| {
                sample.timing.coprocessors.saturating_sub(attributed(sample))
            }),
        });
        Self {
            by,
            anchor,
            runs: samples.len(),
            stable,
            rows,
            clock_nanoseconds: part(&|sample| sample.timing.overhead()),
            timed_calls: samples.first().map_or(0, |sample| sample.timing.timed_calls),
            breakdown,
        }
    }

    /// All rows together.
    pub fn total(&self) -> TimedRow {
        let label = "all before refund".to_owned();
        let sum = |of: fn(&TimedRow) -> u64| self.rows.iter().map(of).sum();
        let (gas, nanoseconds) = (sum(|row| row.gas), sum(|row| row.nanoseconds));
        TimedRow { label, unit: None, count: 0, gas, nanoseconds }
    }

    /// A table for people. Its shares add up to 100 %.
    pub fn to_table(&self, colour: bool) -> String {
        let breakdown = &self.breakdown;
        let mut text = String::new();
        if let Some(name) = &breakdown.name {
            text.extend([&paint(Style::Sum, name, colour), "\n"]);
        }
        let (fork, status) = (breakdown.fork.name(), crate::status_text(breakdown.status));
        text.push_str(&format!("{fork}, {status}, {} gas used", thousands(breakdown.gas_used)));
        text.push_str("\n\n");
        let anchor = format!("gas@{}", self.anchor);
        let mut grid = Grid::new(&[
            (self.by.name(), 16),
            ("count", 6),
            ("gas", 7),
            ("time", 7),
            ("ratio", 5),
            ("ns", 7),
            ("ns/gas", 6),
            ("Mgas/s", 6),
            (&anchor, 7),
        ]);
        let (gas_shares, time_shares) = self.shares();
        for ((row, gas), time) in self.rows.iter().zip(gas_shares).zip(time_shares) {
            let style = row.unit.map_or(Style::Faint, Style::Unit);
            grid.line(style, self.cells(row, percent(gas), percent(time)));
        }
        let whole = percent(1000);
        grid.line(Style::Total, self.cells(&self.total(), whole.clone(), whole));
        text.push_str(&grid.render(colour));
        let state = if self.stable { "stable" } else { "NOT yet stable" };
        let (runs, calls) = (thousands(self.runs as u64), thousands(self.timed_calls));
        let clock = thousands(self.clock_nanoseconds);
        text.push_str(&format!(
            "\nmedians of {runs} runs, {state}; ratio is time share by gas share\n\
             the clock's {clock} ns of each run are taken off ({calls} calls timed)\n\
             glue: what is left of the execution; transaction: rules, payment, changes\n"
        ));
        text
    }

    fn cells(&self, row: &TimedRow, gas: String, time: String) -> [String; 9] {
        let number = |number: Option<f64>| number.map(three_digits).unwrap_or_default();
        let count = if row.count > 0 { thousands(row.count) } else { String::new() };
        [
            row.label.clone(),
            count,
            gas,
            time,
            number(self.ratio(row)),
            thousands(row.nanoseconds),
            number(row.ns_per_gas()),
            number(row.mgas_per_second()),
            thousands(row.implied_gas(self.anchor).round() as u64),
        ]
    }

    /// Above 1 for work that takes more of the time than of the gas.
    fn ratio(&self, row: &TimedRow) -> Option<f64> {
        let total = self.total();
        let time = row.nanoseconds as f64 / total.nanoseconds as f64;
        let gas = row.gas as f64 / total.gas as f64;
        (row.gas > 0 && total.nanoseconds > 0).then(|| time / gas)
    }

    fn shares(&self) -> (Vec<u64>, Vec<u64>) {
        let of = |of: fn(&TimedRow) -> u64| shares(&self.rows.iter().map(of).collect::<Vec<_>>());
        (of(|row| row.gas), of(|row| row.nanoseconds))
    }

    /// One line of JSON, schema `tandem-gas-time/1`.
    pub fn to_json(&self) -> String {
        let (breakdown, total) = (&self.breakdown, self.total());
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let rows = self.rows.iter().map(|row| Row {
            label: &row.label,
            unit: row.unit.map(Unit::name),
            count: row.count,
            gas: row.gas,
            nanoseconds: row.nanoseconds,
            gas_share: share(row.gas, total.gas),
            time_share: share(row.nanoseconds, total.nanoseconds),
            ratio: self.ratio(row),
            ns_per_gas: row.ns_per_gas(),
            mgas_per_second: row.mgas_per_second(),
            implied_gas: row.implied_gas(self.anchor),
        });
        let document = Document {
            schema: "tandem-gas-time/1",
            name: breakdown.name.as_deref(),
            fork: breakdown.fork.name(),
            status: crate::status_text(breakdown.status),
            by: self.by.name(),
            gas_used: breakdown.gas_used,
            refund: breakdown.ledger.refund.capped,
            gas: total.gas,
            nanoseconds: total.nanoseconds,
            anchor_mgas_per_second: self.anchor,
            runs: self.runs,
            stable: self.stable,
            clock_nanoseconds: self.clock_nanoseconds,
            timed_calls: self.timed_calls,
            rows: rows.collect(),
        };
        serde_json::to_string(&document).expect("a tree of strings and numbers has a JSON form")
    }

    /// The columns of [`to_records`](Self::to_records): schema `tandem-gas-time-rows/1`.
    pub const COLUMNS: &'static [Column] = &[
        Column::Text("schema"),
        Column::Text("transaction"),
        Column::Text("fork"),
        Column::Text("by"),
        Column::Text("label"),
        Column::Text("unit"),
        Column::Integer("count"),
        Column::Integer("gas"),
        Column::Integer("nanoseconds"),
        Column::Integer("runs"),
        Column::Real("ns_per_gas"),
        Column::Real("mgas_per_second"),
        Column::Real("implied_gas"),
        Column::Real("anchor_mgas_per_second"),
    ];

    /// The rows for data people.
    pub fn to_records(&self) -> Records {
        let real = |number: Option<f64>| number.map_or(Datum::None, Datum::Real);
        let row = |row: &TimedRow| {
            vec![
                Datum::Text("tandem-gas-time-rows/1".into()),
                Datum::text(self.breakdown.name.clone()),
                Datum::Text(self.breakdown.fork.name().into()),
                Datum::Text(self.by.name().into()),
                Datum::Text(row.label.clone()),
                Datum::text(row.unit.map(Unit::name)),
                Datum::Integer(row.count.into()),
                Datum::Integer(row.gas.into()),
                Datum::Integer(row.nanoseconds.into()),
                Datum::Integer(self.runs as i128),
                real(row.ns_per_gas()),
                real(row.mgas_per_second()),
                Datum::Real(row.implied_gas(self.anchor)),
                Datum::Real(self.anchor),
            ]
        };
        Records::new(Self::COLUMNS, self.rows.iter().map(row).collect())
    }

    /// The time as a tree for flame graphs, in nanoseconds.
    pub fn to_tree(&self) -> Tree {
        let mut tree = Tree::new(self.breakdown.name.as_deref().unwrap_or("transaction"));
        for row in &self.rows {
            match row.unit {
                Some(Unit::Glue) | None => tree.add_other(&[&row.label], row.nanoseconds),
                Some(unit) => tree.add_timed(unit, &row.label, row.count, row.nanoseconds),
            }
        }
        tree
    }
}

fn coprocessor_rows(breakdown: &Breakdown, samples: &[Sample], by: By) -> Vec<TimedRow> {
    let mut rows: BTreeMap<(Unit, &str), (u64, u64, Vec<&'static str>)> = BTreeMap::new();
    for row in breakdown.ledger.rows().iter().filter(|row| row.unit != Unit::Glue) {
        let op = if by == By::Unit { row.unit.name() } else { row.op };
        let sum = rows.entry((row.unit, op)).or_default();
        sum.0 += row.count;
        sum.1 += row.gas.total();
        sum.2.push(row.op);
    }
    let timed = rows.into_iter().map(|((unit, label), (count, gas, ops))| {
        let time = |sample: &Sample| {
            ops.iter().filter_map(|op| sample.rows.get(&(unit, *op))).sum::<u64>()
        };
        let nanoseconds = median(samples.iter().map(time).collect());
        TimedRow { label: label.to_owned(), unit: Some(unit), count, gas, nanoseconds }
    });
    timed.collect()
}

/// The median; 0 of nothing.
fn median(mut numbers: Vec<u64>) -> u64 {
    let middle = numbers.len() / 2;
    if numbers.is_empty() { 0 } else { *numbers.select_nth_unstable(middle).1 }
}

/// A number with about three digits that mean something.
fn three_digits(number: f64) -> String {
    match number {
        number if number >= 100.0 => thousands(number.round() as u64),
        number if number >= 10.0 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}
