//! Two views side by side: transactions, forks or backends.

use std::collections::HashMap;

use serde::Serialize;

use crate::{
    Item, Part, Timed, View,
    grid::{Grid, Style, paint, shorten},
    number::{signed, thousands},
    records::{Column, Datum, Records},
    view::Key,
};

/// Two views from the same side, row by row.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Comparison {
    /// What the sides are called.
    pub names: [String; 2],
    /// What is compared: `gas`, or `nanoseconds`.
    pub measure: &'static str,
    /// What the rows of each add up to: the gas used, or the time.
    pub totals: [u64; 2],
    rows: Vec<Line>,
    by: &'static str,
}

#[derive(Clone, Debug)]
struct Line {
    part: Part,
    label: String,
    unit: Option<tandem_evm::Unit>,
    counts: [u64; 2],
    values: [i128; 2],
}

impl Line {
    const fn difference(&self) -> i128 {
        self.values[1] - self.values[0]
    }
}

/// Lines in the making.
#[derive(Default)]
struct Lines {
    places: HashMap<Key, usize>,
    lines: Vec<Line>,
}

impl Lines {
    fn add(&mut self, side: usize, key: Key, item: &Item, count: u64, value: i128) {
        let lines = &mut self.lines;
        let place = *self.places.entry(key).or_insert_with(|| {
            let (part, label, unit) = (item.part, item.label.clone(), item.unit);
            lines.push(Line { part, label, unit, counts: [0; 2], values: [0; 2] });
            lines.len() - 1
        });
        lines[place].counts[side] += count;
        lines[place].values[side] += value;
    }

    fn sorted(mut self) -> Vec<Line> {
        self.lines.sort_by_key(|line| {
            let rank = u8::from(line.part != Part::Execution);
            (rank, std::cmp::Reverse(line.values[0].abs().max(line.values[1].abs())))
        });
        self.lines
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    by: &'static str,
    a: &'a str,
    b: &'a str,
    measure: &'static str,
    totals: [u64; 2],
    difference: i128,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    part: &'static str,
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    count: [u64; 2],
    values: [i128; 2],
    difference: i128,
}

impl Comparison {
    /// Compares the gas of two views from the same side; `names` say which is which.
    pub fn new(a: &View, b: &View, names: [String; 2]) -> Self {
        let mut lines = Lines::default();
        for (side, view) in [a, b].into_iter().enumerate() {
            for item in &view.items {
                lines.add(side, item.key(), item, item.count, item.signed_gas());
            }
        }
        let (rows, totals) = (lines.sorted(), [a.gas_used, b.gas_used]);
        Self { names, measure: "gas", totals, rows, by: a.by.name() }
    }

    /// Compares the times of two.
    pub fn of_times(a: &Timed, b: &Timed, names: [String; 2]) -> Self {
        let mut lines = Lines::default();
        for (side, timed) in [a, b].into_iter().enumerate() {
            for row in &timed.rows {
                let mut item = Item::execution(&row.label, row.count);
                item.unit = row.unit;
                lines.add(side, item.key(), &item, row.count, row.nanoseconds.into());
            }
        }
        let totals = [a, b].map(|timed| timed.total().nanoseconds);
        Self { names, measure: "nanoseconds", totals, rows: lines.sorted(), by: a.by.name() }
    }

    /// A table for people.
    pub fn to_table(&self, colour: bool) -> String {
        let [a, b] = &self.names;
        let label = |side, name: &String| paint(Style::Sum, &format!("{side}  {name}\n"), colour);
        let mut text = [label("A", &shorten(a, 77)), label("B", &shorten(b, 77))].concat();
        text.push('\n');
        let mut grid =
            Grid::new(&[(self.by, 32), ("A", 11), ("B", 11), ("difference", 11), ("", 8)]);
        for row in &self.rows {
            let style = match row.difference() {
                0 => Style::Plain,
                difference if difference > 0 => Style::Worse,
                _ => Style::Better,
            };
            grid.line(style, line(row.label.clone(), row.values));
        }
        let (label, total) = (self.total_label(), self.totals.map(i128::from));
        grid.line(Style::Total, line(label.to_owned(), total));
        text.push_str(&grid.render(colour));
        text
    }

    fn total_label(&self) -> &'static str {
        if self.measure == "gas" { "gas used" } else { "nanoseconds" }
    }

    /// One line of JSON, schema `tandem-gas-comparison/1`.
    pub fn to_json(&self) -> String {
        let rows = self.rows.iter().map(|row| Row {
            part: row.part.name(),
            label: &row.label,
            unit: row.unit.map(tandem_evm::Unit::name),
            count: row.counts,
            values: row.values,
            difference: row.difference(),
        });
        let document = Document {
            schema: "tandem-gas-comparison/1",
            by: self.by,
            a: &self.names[0],
            b: &self.names[1],
            measure: self.measure,
            totals: self.totals,
            difference: i128::from(self.totals[1]) - i128::from(self.totals[0]),
            rows: rows.collect(),
        };
        serde_json::to_string(&document).expect("a tree of strings and numbers has a JSON form")
    }

    /// The columns of [`to_records`](Self::to_records): schema `tandem-gas-comparison-rows/1`.
    pub const COLUMNS: &'static [Column] = &[
        Column::Text("schema"),
        Column::Text("a"),
        Column::Text("b"),
        Column::Text("by"),
        Column::Text("part"),
        Column::Text("label"),
        Column::Text("unit"),
        Column::Integer("count_a"),
        Column::Integer("count_b"),
        Column::Text("measure"),
        Column::Integer("value_a"),
        Column::Integer("value_b"),
        Column::Integer("difference"),
    ];

    /// The rows for data people.
    pub fn to_records(&self) -> Records {
        let row = |row: &Line| {
            vec![
                Datum::Text("tandem-gas-comparison-rows/1".into()),
                Datum::Text(self.names[0].clone()),
                Datum::Text(self.names[1].clone()),
                Datum::Text(self.by.into()),
                Datum::Text(row.part.name().into()),
                Datum::Text(row.label.clone()),
                Datum::text(row.unit.map(tandem_evm::Unit::name)),
                Datum::Integer(row.counts[0].into()),
                Datum::Integer(row.counts[1].into()),
                Datum::Text(self.measure.into()),
                Datum::Integer(row.values[0]),
                Datum::Integer(row.values[1]),
                Datum::Integer(row.difference()),
            ]
        };
        Records::new(Self::COLUMNS, self.rows.iter().map(row).collect())
    }
}

fn line(label: String, [a, b]: [i128; 2]) -> [String; 5] {
    let difference = b - a;
    let text = match difference {
        0 => "=".to_owned(),
        difference if difference > 0 => format!("+{}", signed(difference)),
        difference => signed(difference),
    };
    let part = |number: i128| u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX);
    let share = match crate::number::per_mille(part(difference), part(a)) {
        _ if difference == 0 => String::new(),
        None => "new".into(),
        Some(_) if b == 0 => "gone".into(),
        Some(share) => {
            let sign = if difference > 0 { '+' } else { '-' };
            format!("{sign}{}.{} %", thousands(share / 10), share % 10)
        }
    };
    [label, signed(a), signed(b), text, share]
}
