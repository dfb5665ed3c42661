//! The breakdown as one page that needs nothing else: no script, style, font or picture from
//! elsewhere. Tables are written here; the flame graph and the call tree are drawn by the page's own
//! script from the tree inside it.

use std::fmt::Write;

use serde::Serialize;
use tandem_evm::{Fork, Unit};

use crate::{
    Item, Part, Sort, Timed, Tree, View,
    number::{per_mille, percent, signed, thousands},
    status_text,
};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// How many lines a list of hot spots has.
const HOT: usize = 20;

/// A page in the making.
#[derive(Debug)]
pub struct Page<'a> {
    operations: &'a View,
    tree: &'a Tree,
    places: Option<&'a View>,
    timed: Option<&'a Timed>,
    transactions: &'a [(String, u64)],
}

#[derive(Serialize)]
struct Data<'a> {
    schema: &'static str,
    gas_used: u64,
    nodes: Vec<(&'a str, &'static str, Option<usize>, u64, u64)>,
}

impl<'a> Page<'a> {
    /// A page of one transaction or of many together: a view by operation, and the same as a tree.
    pub const fn new(operations: &'a View, tree: &'a Tree) -> Self {
        Self { operations, tree, places: None, timed: None, transactions: &[] }
    }

    /// With the places in the code that took most: a view by program counter.
    #[must_use]
    pub const fn places(mut self, view: &'a View) -> Self {
        self.places = Some(view);
        self
    }

    /// With time beside gas.
    #[must_use]
    pub const fn timed(mut self, timed: &'a Timed) -> Self {
        self.timed = Some(timed);
        self
    }

    /// With a list of transactions: name and gas used.
    #[must_use]
    pub const fn transactions(mut self, list: &'a [(String, u64)]) -> Self {
        self.transactions = list;
        self
    }

    /// The page.
    pub fn to_html(&self) -> String {
        let view = self.operations;
        let title = match &view.name {
            Some(name) => name.clone(),
            None if view.transactions > 1 => {
                format!("{} transactions", thousands(view.transactions))
            }
            None => "Transaction".to_owned(),
        };
        let title = escape(&title);
        let sections = [
            self.head(&title),
            self.breakdown(),
            self.time(),
            flame(),
            call_tree(),
            self.hot_operations(),
            self.hot_places(),
            self.list(),
        ];
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n\
             <meta name=\"generator\" content=\"tandem {version}, tandem-gas-html/1\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{title} · gas</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             {sections}<footer>intrinsic + execution − refund + floor top-up = gas used, exactly. \
             Written by tandem {version}.</footer>\n</main>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n\
             <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            version = env!("CARGO_PKG_VERSION"),
            sections = sections.concat(),
            data = self.data(),
        )
    }

    fn data(&self) -> String {
        let nodes =
            self.tree.nodes().iter().map(|node| {
                (node.label.as_str(), node.kind.name(), node.parent, node.count, node.own)
            });
        let data = Data {
            schema: "tandem-gas-html/1",
            gas_used: self.operations.gas_used,
            nodes: nodes.collect(),
        };
        let json = serde_json::to_string(&data);
        // Nothing in a label may end the script.
        json.expect("a tree of strings and numbers has a JSON form").replace('<', "\\u003c")
    }

    fn head(&self, title: &str) -> String {
        let view = self.operations;
        let fork = view.fork.map_or("several forks", Fork::name);
        let status = view.status.map(|status| format!(" · {}", escape(status_text(status))));
        let used = thousands(view.gas_used);
        let limit = thousands(view.gas_limit);
        let mut text = format!(
            "<h1>{title}</h1>\n<p class=\"facts\">{fork}{} · gas limit {limit}</p>\n\
             <p class=\"total\"><span id=\"gas-used\">{used}</span> <small>gas used</small></p>\n",
            status.unwrap_or_default()
        );
        let parts = self.parts();
        let whole: u64 = parts.iter().map(|part| part.2).sum();
        text.push_str("<div class=\"bar\" role=\"img\" aria-label=\"shares of the gas\">");
        for (_, class, gas) in &parts {
            let _ = write!(text, "<span class=\"{class}\" style=\"flex:{gas}\"></span>");
        }
        text.push_str("</div>\n<ul class=\"legend\">");
        for (label, class, gas) in &parts {
            let share = per_mille(*gas, whole).map(percent).unwrap_or_default();
            let gas = thousands(*gas);
            let _ = write!(text, "<li><i class=\"{class}\"></i>{label} <b>{gas}</b> {share}</li>");
        }
        text.push_str("</ul>\n");
        text
    }

    /// What the bar is made of: intrinsic, each unit, the floor. The refund is not in it.
    fn parts(&self) -> Vec<(&'static str, &'static str, u64)> {
        let sum = |wanted: &dyn Fn(&Item) -> bool| {
            let items = self.operations.items.iter().filter(|item| wanted(item));
            items.map(|item| item.gas.total()).sum::<u64>()
        };
        let mut parts = vec![("intrinsic", "other", sum(&|item| item.part == Part::Intrinsic))];
        for unit in units() {
            let gas = sum(&|item| item.part == Part::Execution && item.unit == Some(unit));
            parts.push((unit.name(), unit.name(), gas));
        }
        parts.push(("floor top-up", "other", sum(&|item| item.part == Part::Floor)));
        parts.retain(|part| part.2 > 0);
        parts
    }

    fn breakdown(&self) -> String {
        let view = self.operations;
        let mut rows = String::new();
        let others = |part| view.items.iter().filter(move |item: &&Item| item.part == part);
        for item in others(Part::Intrinsic) {
            rows.push_str(&row("", "other", &item.label.replace('_', " "), None, item, view));
        }
        for unit in units() {
            let own = |item: &&Item| item.part == Part::Execution && item.unit == Some(unit);
            let items: Vec<_> = view.items.iter().filter(own).collect();
            if items.is_empty() {
                continue;
            }
            let gas: u64 = items.iter().map(|item| item.gas.total()).sum();
            let counted = items.iter().filter(|item| item.label != "memory growth");
            let count: u64 = counted.map(|item| item.count).sum();
            let share = per_mille(gas, view.gas_used).map(percent).unwrap_or_default();
            let name = unit.name();
            let _ = writeln!(
                rows,
                "<tr class=\"sum\"><td><i class=\"{name}\"></i>{name}</td><td>{}</td><td>{}</td>\
                 <td>{share}</td></tr>",
                thousands(count),
                thousands(gas)
            );
            // The glue's many opcodes are among the hot spots.
            for item in items.iter().filter(|_| unit != Unit::Glue) {
                rows.push_str(&row("", "", &item.label, Some(1), item, view));
            }
        }
        for item in others(Part::Refund).chain(others(Part::Floor)) {
            rows.push_str(&row("", "other", &item.label, None, item, view));
        }
        let used = thousands(view.gas_used);
        let _ = writeln!(
            rows,
            "<tr class=\"total-row\"><td>gas used</td><td></td><td>{used}</td>\
             <td>100.0 %</td></tr>"
        );
        table("Breakdown", "", &["", "count", "gas", "share"], &rows, "breakdown")
    }

    fn time(&self) -> String {
        let Some(timed) = self.timed else { return String::new() };
        let mut rows = String::new();
        let total = timed.total();
        for row in timed.rows.iter().chain([&total]) {
            let number = |number: Option<f64>| {
                number.map(|number| format!("{number:.2}")).unwrap_or_default()
            };
            let class = row.unit.map_or("other", Unit::name);
            let share = per_mille(row.nanoseconds, total.nanoseconds).map(percent);
            let gas = per_mille(row.gas, total.gas).map(percent);
            let _ = writeln!(
                rows,
                "<tr><td><i class=\"{class}\"></i>{}</td><td>{}</td><td>{}</td><td>{}</td>\
                 <td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&row.label),
                gas.unwrap_or_default(),
                share.unwrap_or_default(),
                thousands(row.nanoseconds),
                number(row.ns_per_gas()),
                number(row.mgas_per_second()),
                thousands(row.implied_gas(timed.anchor).round() as u64),
            );
        }
        let note = format!(
            "Medians of {} runs; {} ns of each were the clock's own, and are taken off. The last \
             column is what the row would cost at {} Mgas/s.",
            thousands(timed.runs as u64),
            thousands(timed.clock_nanoseconds),
            timed.anchor
        );
        let heads = ["", "of gas", "of time", "ns", "ns/gas", "Mgas/s", "gas at rate"];
        table("Time beside gas", &note, &heads, &rows, "time")
    }

    fn hot_operations(&self) -> String {
        let mut view = self.operations.clone();
        view.sort(Sort::Gas);
        view.top(HOT);
        hot(&view, "Hot operations", "hot-operations")
    }

    fn hot_places(&self) -> String {
        let Some(places) = self.places else { return String::new() };
        let mut view = places.clone();
        view.sort(Sort::Gas);
        view.top(HOT);
        hot(&view, "Hot places in the code: contract, program counter, opcode", "hot-places")
    }

    fn list(&self) -> String {
        if self.transactions.is_empty() {
            return String::new();
        }
        let mut rows = String::new();
        for (name, gas) in self.transactions {
            let share = per_mille(*gas, self.operations.gas_used).map(percent);
            let _ = writeln!(
                rows,
                "<tr><td class=\"wide\">{}</td><td>{}</td><td>{}</td></tr>",
                escape(name),
                thousands(*gas),
                share.unwrap_or_default()
            );
        }
        let all = self.operations.transactions;
        let note = match self.transactions.len() as u64 {
            shown if shown < all => {
                format!("The {} of {} that used most.", thousands(shown), thousands(all))
            }
            _ => String::new(),
        };
        table("Transactions", &note, &["", "gas used", "share"], &rows, "transactions")
    }
}

/// Units as reports list them: coprocessors, then the glue.
fn units() -> impl Iterator<Item = Unit> {
    Unit::ALL.into_iter().filter(|unit| *unit != Unit::Glue).chain([Unit::Glue])
}

fn row(
    class: &str,
    mark: &str,
    label: &str,
    depth: Option<usize>,
    item: &Item,
    view: &View,
) -> String {
    let mark = if mark.is_empty() { String::new() } else { format!("<i class=\"{mark}\"></i>") };
    let count = if item.count > 0 { thousands(item.count) } else { String::new() };
    let sign = if item.part == Part::Refund { "-" } else { "" };
    let share = per_mille(item.gas.total(), view.gas_used).map(percent).unwrap_or_default();
    format!(
        "<tr class=\"{class}\"><td style=\"padding-left:{}px\">{mark}{}</td><td>{count}</td>\
         <td>{}</td><td>{sign}{share}</td></tr>\n",
        14 + 17 * depth.unwrap_or(0),
        escape(label),
        signed(item.signed_gas()),
    )
}

fn hot(view: &View, title: &str, id: &str) -> String {
    let mut rows = String::new();
    for item in view.items.iter().filter(|item| item.part == Part::Execution) {
        let mark = item.unit.map_or("other", Unit::name);
        rows.push_str(&row("", mark, &item.label, None, item, view));
    }
    table(title, "", &["", "count", "gas", "share"], &rows, id)
}

fn table(title: &str, note: &str, heads: &[&str], rows: &str, id: &str) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let note =
        if note.is_empty() { String::new() } else { format!("<p class=\"note\">{note}</p>\n") };
    format!(
        "<h2>{title}</h2>\n{note}<div class=\"card\"><table id=\"{id}\">\n\
         <thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn flame() -> String {
    "<h2>Flame graph</h2>\n\
     <p class=\"note\">As wide as its gas, refund not taken off. Click a box to go into it, Esc to \
     come back.</p>\n\
     <div class=\"card flame-frame\"><div class=\"crumbs\">\
     <button type=\"button\" id=\"flame-reset\">All</button>\
     <output id=\"flame-said\"></output></div><div id=\"flame\"></div></div>\n"
        .to_owned()
}

fn call_tree() -> String {
    let text = table(
        "Call tree",
        "Equal calls of one caller are one line.",
        &["", "count", "own gas", "with callees", "share"],
        "",
        "call-tree",
    );
    text.replace("<table id=\"call-tree\">", "<table id=\"call-tree\" class=\"tree\">")
        .replace("<tbody>\n</tbody>", "<tbody id=\"tree\"></tbody>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
