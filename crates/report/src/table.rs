//! Tables for people: the breakdown as a tree of lines with count, gas and share of the gas used, and
//! views, a line a row.

use tandem_evm::{Fork, Row, Status, Unit};

use crate::{
    Breakdown, By, Part, View,
    grid::{Grid, Style, paint, shorten},
    number::{per_mille, percent, signed, thousands},
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
    style: Style,
}

impl Line {
    fn new(depth: usize, label: impl Into<String>, gas: u64) -> Self {
        Self { depth, label: label.into(), count: None, gas, negative: false, style: Style::Plain }
    }

    fn counted(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    fn given_back(self) -> Self {
        Self { negative: true, ..self }
    }
}

pub(crate) fn table(breakdown: &Breakdown, colour: bool) -> String {
    let status = status_text(breakdown.status);
    let mut text =
        head(breakdown.name.as_deref(), breakdown.fork.name(), status, breakdown.gas_limit, colour);
    text.push_str(&grid(&lines(breakdown), breakdown.gas_used).render(colour));
    text.push('\n');
    write_split(&mut text, breakdown);
    text
}

/// What the transaction is, above its table.
fn head(name: Option<&str>, fork: &str, status: &str, gas_limit: u64, colour: bool) -> String {
    let mut text = String::new();
    if let Some(name) = name {
        text.extend([&paint(Style::Sum, name, colour), "\n"]);
    }
    text.extend([fork, ", ", status, ", gas limit ", &thousands(gas_limit), "\n\n"]);
    text
}

/// A view as a table: its rows, those of callees indented, then the other parts and the gas used.
pub(crate) fn view(view: &View, colour: bool) -> String {
    let mut text = match (view.fork, view.status) {
        (Some(fork), Some(status)) => {
            let (name, status) = (view.name.as_deref(), status_text(status));
            head(name, fork.name(), status, view.gas_limit, colour)
        }
        (fork, _) => {
            let count = format!("{} transactions", thousands(view.transactions));
            let fork = fork.map_or("several forks", Fork::name);
            format!("{} on {fork}\n\n", paint(Style::Sum, &count, colour))
        }
    };
    let callees = view.by.has_callees();
    // A frame is one.
    let counted = view.by != By::Frame;
    let mut columns = vec![(view.by.name(), LABEL - 12 * usize::from(callees))];
    if counted {
        columns.push(("count", if callees { 5 } else { 8 }));
    }
    // Room for an address.
    columns.push(if callees { ("own gas", 9) } else { ("gas", 11) });
    if callees {
        columns.push(("with callees", 12));
    }
    columns.push(("share", 7));
    let mut grid = Grid::new(&columns);
    for item in &view.items {
        let gas = item.signed_gas();
        let label = format!("{:indent$}{}", "", item.label, indent = 2 * item.depth.min(12));
        let mut cells = vec![label];
        if counted {
            cells.push(if item.count > 0 { thousands(item.count) } else { String::new() });
        }
        cells.push(signed(gas));
        let execution = item.part == Part::Execution;
        if callees {
            cells.push(if execution { thousands(item.total) } else { String::new() });
        }
        let of = if callees && execution { item.total } else { item.gas.total() };
        let sign = if gas < 0 { "-" } else { "" };
        cells.push(format!("{sign}{}", share(of, view.gas_used)));
        let style = match item.unit {
            Some(unit) => Style::Unit(unit),
            None if execution => Style::Plain,
            None => Style::Faint,
        };
        grid.line(style, cells);
    }
    let mut last = vec!["gas used".to_owned()];
    last.extend(counted.then(String::new));
    last.push(thousands(view.gas_used));
    last.extend(callees.then(String::new));
    last.push(share(view.gas_used, view.gas_used));
    grid.line(Style::Total, last);
    text.push_str(&grid.render(colour));
    text
}

pub(crate) fn summary_header() -> String {
    format!("{:43} {:>12} {:>7} {:>7} {:>7}\n", "", "gas used", "intrins", "coproc", "glue")
}

pub(crate) fn summary(breakdown: &Breakdown) -> String {
    let ledger = &breakdown.ledger;
    let used = breakdown.gas_used;
    let name = breakdown.name.as_deref().unwrap_or("transaction");
    let name = match breakdown.status {
        Status::Success => shorten(name, 43),
        status => {
            let status = shorten(status_text(status), 22);
            format!("{} ({status})", shorten(name, 40 - status.chars().count()))
        }
    };
    let [intrinsic, coprocessors, glue] =
        [ledger.intrinsic.total(), ledger.coprocessor_gas(), ledger.glue_gas()]
            .map(|part| share(part, used));
    let used = thousands(used);
    format!("{name:43} {used:>12} {intrinsic:>7} {coprocessors:>7} {glue:>7}\n")
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
        ("intrinsic, not told apart", intrinsic.unsplit),
    ];
    lines.extend(
        further.into_iter().filter(|part| part.1 > 0).map(|part| Line::new(0, part.0, part.1)),
    );
    lines.push(Line::new(0, "execution", ledger.execution_gas()).styled(Style::Sum));
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
    lines.push(Line::new(0, "gas used", breakdown.gas_used).styled(Style::Total));
    lines
}

/// A unit's rows, the most gas first.
fn rows_of(breakdown: &Breakdown, unit: Unit) -> Vec<&Row> {
    let mut rows: Vec<_> = breakdown.ledger.rows().iter().filter(|row| row.unit == unit).collect();
    rows.sort_by(|a, b| b.gas.total().cmp(&a.gas.total()).then(a.op.cmp(b.op)));
    rows
}

fn coprocessor_lines(lines: &mut Vec<Line>, unit: Unit, rows: &[&Row]) {
    if rows.is_empty() {
        return;
    }
    lines.push(sum(1, unit.name(), rows).styled(Style::Unit(unit)));
    lines.extend(rows.iter().map(|row| Line::new(2, row.op, row.gas.total()).counted(row.count)));
}

/// The glue in one line; two kinds of lines below it if a halt burnt gas there.
fn glue_lines(lines: &mut Vec<Line>, rows: &[&Row]) {
    let (halts, opcodes): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.op.starts_with("halt: "));
    lines.push(sum(1, Unit::Glue.name(), rows).styled(Style::Unit(Unit::Glue)));
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

fn grid(lines: &[Line], gas_used: u64) -> Grid {
    let mut grid = Grid::new(&[("", LABEL), ("count", 8), ("gas", 11), ("share", 0)]);
    for line in lines {
        let label = format!("{:indent$}{}", "", line.label, indent = 2 * line.depth);
        let count = line.count.map(thousands).unwrap_or_default();
        let sign = if line.negative { "-" } else { "" };
        let (gas, share) = (thousands(line.gas), share(line.gas, gas_used));
        grid.line(line.style, [label, count, format!("{sign}{gas}"), format!("{sign}{share}")]);
    }
    grid
}

fn share(part: u64, whole: u64) -> String {
    per_mille(part, whole).map(percent).unwrap_or_default()
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
