//! The breakdown as a table: a tree of lines with count, gas and share of the gas used.

use std::fmt::Write;

use tandem_evm::{Row, Unit};

use crate::{
    Breakdown,
    number::{per_mille, percent, thousands},
    status_text,
};

/// What recovering the sender's signature costs as a precompile; the base of a transaction pays for
/// it.
const SIGNATURE_RECOVERY: u64 = 3_000;

/// Widest label of a line that is no transaction's name.
const LABEL: usize = 36;

/// One line of the tree.
struct Line {
    depth: usize,
    label: String,
    count: Option<u64>,
    gas: u64,
    /// Whether the gas is given back.
    negative: bool,
}

impl Line {
    fn new(depth: usize, label: impl Into<String>, gas: u64) -> Self {
        Self { depth, label: label.into(), count: None, gas, negative: false }
    }

    fn counted(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    fn given_back(self) -> Self {
        Self { negative: true, ..self }
    }
}

pub(crate) fn table(breakdown: &Breakdown) -> String {
    let mut text = String::new();
    if let Some(name) = &breakdown.name {
        text.extend([name, "\n"]);
    }
    let (fork, status) = (breakdown.fork.name(), status_text(breakdown.status));
    let limit = thousands(breakdown.gas_limit);
    text.extend([fork, ", ", status, ", gas limit ", &limit, "\n\n"]);
    write_lines(&mut text, &lines(breakdown), breakdown.gas_used);
    text.push('\n');
    write_split(&mut text, breakdown);
    text
}

fn lines(breakdown: &Breakdown) -> Vec<Line> {
    let ledger = &breakdown.ledger;
    let intrinsic = &ledger.intrinsic;
    let mut lines =
        vec![Line::new(0, "base", intrinsic.base), Line::new(0, "calldata", intrinsic.calldata())];
    let further = [
        ("contract creation", intrinsic.creation),
        ("init-code words", intrinsic.initcode_words),
        ("access-list addresses", intrinsic.access_list_addresses),
        ("access-list keys", intrinsic.access_list_keys),
        ("authorizations", intrinsic.authorizations),
    ];
    lines.extend(
        further.into_iter().filter(|part| part.1 > 0).map(|part| Line::new(0, part.0, part.1)),
    );
    lines.push(Line::new(0, "execution", ledger.execution_gas()));
    for unit in Unit::ALL.into_iter().filter(|unit| *unit != Unit::Glue) {
        coprocessor_lines(&mut lines, unit, &rows_of(breakdown, unit));
    }
    glue_lines(&mut lines, &rows_of(breakdown, Unit::Glue));
    let refund = ledger.refund;
    if refund.raw > 0 {
        let label = match refund.raw == refund.capped {
            true => "refund".into(),
            false => format!("refund, capped from {}", thousands(refund.raw)),
        };
        lines.push(Line::new(0, label, refund.capped).given_back());
    }
    if ledger.floor_top_up > 0 {
        lines.push(Line::new(0, "floor top-up", ledger.floor_top_up));
    }
    lines.push(Line::new(0, "gas used", breakdown.gas_used));
    lines
}

/// A unit's rows, the most gas first.
fn rows_of(breakdown: &Breakdown, unit: Unit) -> Vec<&Row> {
    let mut rows: Vec<_> = breakdown.ledger.rows.iter().filter(|row| row.unit == unit).collect();
    rows.sort_by(|a, b| b.gas.total().cmp(&a.gas.total()).then(a.op.cmp(b.op)));
    rows
}

fn coprocessor_lines(lines: &mut Vec<Line>, unit: Unit, rows: &[&Row]) {
    if rows.is_empty() {
        return;
    }
    lines.push(sum(1, unit.name(), rows));
    lines.extend(rows.iter().map(|row| Line::new(2, row.op, row.gas.total()).counted(row.count)));
}

/// The glue in one line; two kinds of lines below it if a halt burnt gas there.
fn glue_lines(lines: &mut Vec<Line>, rows: &[&Row]) {
    let (halts, opcodes): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.op.starts_with("halt: "));
    lines.push(sum(1, Unit::Glue.name(), rows));
    if !halts.is_empty() {
        lines.push(sum(2, "opcodes and memory growth", &opcodes));
        lines.extend(
            halts.iter().map(|row| Line::new(2, row.op, row.gas.total()).counted(row.count)),
        );
    }
}

fn sum(depth: usize, label: &str, rows: &[&Row]) -> Line {
    // Growing memory is no operation of its own.
    let counts = rows.iter().filter(|row| row.op != "memory growth").map(|row| row.count);
    Line::new(depth, label, rows.iter().map(|row| row.gas.total()).sum()).counted(counts.sum())
}

fn write_lines(text: &mut String, lines: &[Line], gas_used: u64) {
    let cells = lines.iter().map(|line| {
        let sign = if line.negative { "-" } else { "" };
        let label = format!("{:indent$}{}", "", line.label, indent = 2 * line.depth);
        let count = line.count.map(thousands).unwrap_or_default();
        let share = per_mille(line.gas, gas_used).map(percent).unwrap_or_default();
        [label, count, format!("{sign}{}", thousands(line.gas)), format!("{sign}{share}")]
    });
    let header = ["", "count", "gas", "share"].map(String::from);
    let rows: Vec<_> = std::iter::once(header).chain(cells).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (label, count, gas, share) =
        (width(0).max(LABEL), width(1).max(8), width(2).max(11), width(3));
    for row in &rows {
        let [a, b, c, d] = row;
        // A string cannot fail to be written to.
        let _ = writeln!(text, "{a:label$} {b:>count$} {c:>gas$}  {d:>share$}");
    }
}

/// How the execution splits, without and with the signature recovery that the base pays for.
fn write_split(text: &mut String, breakdown: &Breakdown) {
    let (glue, coprocessors) = (breakdown.ledger.glue_gas(), breakdown.ledger.coprocessor_gas());
    let Some(glue_share) = per_mille(glue, glue.saturating_add(coprocessors)) else {
        text.push_str("no gas went into execution\n");
        return;
    };
    let with_recovery = coprocessors.saturating_add(SIGNATURE_RECOVERY);
    let glue_share_of_more = per_mille(glue, glue.saturating_add(with_recovery)).unwrap_or(0);
    let shares =
        |glue: u64| format!("coprocessors {}, glue {}", percent(1000 - glue), percent(glue));
    let (first, second) = (shares(glue_share), shares(glue_share_of_more));
    let (coprocessors, glue) = (thousands(coprocessors), thousands(glue));
    let recovery = thousands(SIGNATURE_RECOVERY);
    text.extend([&first, " of the execution (", &coprocessors, " + ", &glue, ")\n"]);
    text.extend([&second, " with the base's ", &recovery, " for signature recovery\n"]);
}
