//! What files hold: state tests and bundles, which are executed, and traces, which are read. What
//! becomes of them is in `measure`.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
};

use tandem_evm::{Block, Database, Fork, Schedule, Transaction};
use tandem_fixtures::{Case, StateTest, parse_state_tests};
use tandem_inputs::{Bundle, Receipt, TraceReader};
use tandem_report::{Attribution, Collector};

use super::measure::{Done, Measure};

/// Enough of a file to see what it is.
const HEAD: u64 = 1 << 16;

/// Which cases of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    name: String,
    index: Option<usize>,
}

impl Selector {
    /// Test names have slashes of their own: only one before a number is the index's.
    pub(super) fn parse(text: &str) -> Result<Self, std::convert::Infallible> {
        let split =
            text.rsplit_once('/').and_then(|(name, index)| Some((name, index.parse().ok()?)));
        Ok(match split {
            Some((name, index)) => Self { name: name.into(), index: Some(index) },
            None => Self { name: text.into(), index: None },
        })
    }

    fn takes(&self, case: &Case<'_>) -> bool {
        case.test.name.contains(&self.name) && self.index.is_none_or(|index| index == case.index)
    }
}

/// A transaction that can be executed, as often as need be.
pub(super) struct Execution<'t> {
    pub(super) name: String,
    pub(super) fork: Fork,
    pub(super) block: Block,
    pub(super) tx: Transaction,
    pub(super) state: Box<dyn Database + 't>,
    /// The state test's case, unless it is executed on another fork than its own.
    pub(super) case: Option<Case<'t>>,
    pub(super) receipt: Option<Receipt>,
}

/// Calls `f` with what each transaction of a file came to, or why it came to nothing, in a line.
///
/// # Errors
/// If the file cannot be read, or none of its transactions is chosen; in a line.
pub(super) fn each(
    file: &Path,
    measure: &Measure,
    f: impl FnMut(Result<Done, String>),
) -> Result<(), String> {
    let shown = file.display();
    let unreadable = |error: io::Error| format!("{shown}: {error}");
    let mut input: Box<dyn Read> = match file == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(file).map_err(unreadable)?),
    };
    let mut head = Vec::new();
    input.by_ref().take(HEAD).read_to_end(&mut head).map_err(unreadable)?;
    if is_trace(&head) {
        return traces(file, head, input, measure, f);
    }
    let mut json = head;
    input.read_to_end(&mut json).map_err(unreadable)?;
    if is_bundle(&json) {
        return bundle(file, &json, measure, f);
    }
    let tests = parse_state_tests(&json).map_err(|error| {
        let kind = if error.to_string().contains("missing field") || json.starts_with(b"{") {
            "no state test, bundle or trace"
        } else {
            "no JSON and no trace"
        };
        format!("{shown}: {kind}: {error}")
    })?;
    cases(file, &tests, measure, f)
}

fn contains(text: &[u8], key: &str) -> bool {
    text.windows(key.len()).any(|window| window == key.as_bytes())
}

/// Whether a file that begins so is a trace: EIP-3155 lines, or geth's structLogs.
fn is_trace(head: &[u8]) -> bool {
    let object = head.iter().position(|byte| *byte == b'{').unwrap_or(head.len());
    let line = head[object..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let step = contains(line, "\"pc\"") || line.starts_with(b"{\"stateRoot\"");
    let state_test = contains(head, "\"pre\"") || contains(head, "\"post\"");
    contains(head, "\"structLogs\"") || (step && !state_test)
}

/// Whether a file is a bundle; a state test has other keys.
fn is_bundle(json: &[u8]) -> bool {
    let tops = ["\"prestate\"", "\"genesis\""];
    tops.into_iter().any(|key| contains(&json[..json.len().min(HEAD as usize)], key))
        && !contains(json, "\"post\"")
        || contains(json, "\"prestate\"")
            && contains(json, "\"transaction\"")
            && contains(json, "\"block\"")
}

fn cases(
    file: &Path,
    tests: &[StateTest],
    measure: &Measure,
    mut f: impl FnMut(Result<Done, String>),
) -> Result<(), String> {
    let all: Vec<_> = tests.iter().flat_map(StateTest::cases).collect();
    let named = |case: &&Case<'_>| measure.case.as_ref().is_none_or(|one| one.takes(case));
    let mut chosen: Vec<_> = all.iter().filter(named).collect();
    let mut what_if = None;
    if let Some(fork) = measure.side.only {
        chosen.retain(|case| case.fork() == Some(fork));
    }
    if let Some(fork) = measure.side.what_if {
        // Of cases for other forks only, the newest fork's are executed on this one.
        let own = chosen.iter().filter_map(|case| case.fork()).find(|own| *own == fork);
        let newest = chosen.iter().filter_map(|case| case.fork()).max();
        chosen.retain(|case| case.fork() == own.or(newest));
        what_if = Some(fork).filter(|_| own.is_none());
    }
    if chosen.is_empty() {
        return Err(nothing_chosen(file, &all));
    }
    for case in chosen {
        let label = || format!("{} on {}", case_name(case), case.fork_name);
        let done = execution(case, what_if).and_then(|mut one| measure.execute(&mut one));
        f(done.map_err(|reason| format!("{}: {reason}", label())));
    }
    Ok(())
}

fn execution<'t>(case: &Case<'t>, what_if: Option<Fork>) -> Result<Execution<'t>, String> {
    let own = case.fork().ok_or("a fork that Tandem does not know")?;
    Ok(Execution {
        name: case_name(case),
        fork: what_if.unwrap_or(own),
        block: case.block(),
        tx: case.transaction().map_err(|error| error.to_string())?,
        state: Box::new(case.database()),
        case: what_if.is_none().then_some(*case),
        receipt: None,
    })
}

/// A case's name as `--case` takes it: with its index where the test has several.
fn case_name(case: &Case<'_>) -> String {
    let name = &case.test.name;
    if case.test.cases().count() == 1 { name.clone() } else { format!("{name}/{}", case.index) }
}

fn nothing_chosen(file: &Path, cases: &[Case<'_>]) -> String {
    let file = file.display();
    match cases.first() {
        Some(case) => format!(
            "{file}: none of its {} cases is chosen; the first is {} on {}",
            cases.len(),
            case_name(case),
            case.fork_name
        ),
        None => format!("{file}: has no cases"),
    }
}

fn bundle(
    file: &Path,
    json: &[u8],
    measure: &Measure,
    mut f: impl FnMut(Result<Done, String>),
) -> Result<(), String> {
    let shown = file.display();
    let fork = measure.side.what_if.or(measure.side.only);
    let bundle = Bundle::read(json, fork).map_err(|error| format!("{shown}: {error}"))?;
    let mut execution = Execution {
        name: file_name(file),
        fork: bundle.fork,
        block: bundle.block,
        tx: bundle.tx,
        state: Box::new(bundle.state),
        case: None,
        receipt: bundle.receipt,
    };
    f(measure.execute(&mut execution).map_err(|reason| format!("{shown}: {reason}")));
    Ok(())
}

fn file_name(file: &Path) -> String {
    let stem = file.file_stem().filter(|_| file != Path::new("-"));
    stem.map_or_else(|| "transaction".into(), |stem| stem.to_string_lossy().into_owned())
}

fn traces(
    file: &Path,
    head: Vec<u8>,
    mut rest: Box<dyn Read>,
    measure: &Measure,
    mut f: impl FnMut(Result<Done, String>),
) -> Result<(), String> {
    let shown = file.display();
    if measure.time.is_some() {
        return Err(format!(
            "{shown}: a trace has no times: --time executes, so it needs the state"
        ));
    }
    if let Some(fork) = measure.side.only.or(measure.side.what_if) {
        return read_traces(head, rest, fork, |attribution| {
            f(Ok(Done::traced(attribution, file_name(file), Vec::new())));
        })
        .map_err(|error| format!("{shown}: as a trace on {}: {error}", fork.name()));
    }
    // Prices tell forks apart: the newest on which every step costs what the trace says.
    let mut whole = head;
    rest.read_to_end(&mut whole).map_err(|error| format!("{shown}: {error}"))?;
    let mut first = None;
    for fork in Fork::ALL.iter().rev() {
        let mut found = Vec::new();
        let attempt =
            read_traces(Vec::new(), Box::new(Cursor::new(&whole)), *fork, |one| found.push(one));
        match attempt {
            Ok(()) => {
                let line = format!(
                    "{shown}: taken for a trace on {}, whose prices fit; --fork says otherwise",
                    fork.name()
                );
                for (place, attribution) in found.into_iter().enumerate() {
                    let lines = if place == 0 { vec![line.clone()] } else { Vec::new() };
                    f(Ok(Done::traced(attribution, file_name(file), lines)));
                }
                return Ok(());
            }
            Err(error) => first = first.or(Some(error)),
        }
    }
    let error = first.unwrap_or_default();
    Err(format!("{shown}: no fork's prices fit the trace; on the newest, {error}"))
}

fn read_traces(
    head: Vec<u8>,
    rest: Box<dyn Read + '_>,
    fork: Fork,
    mut f: impl FnMut(Attribution),
) -> Result<(), String> {
    let mut reader =
        TraceReader::new(Cursor::new(head).chain(rest)).map_err(|error| error.to_string())?;
    let mut none = true;
    loop {
        let collector = Collector::new(Schedule::new(fork));
        match reader.next(collector, None).map_err(|error| error.to_string())? {
            Some(attribution) => f(attribution),
            None if none => return Err("it has no steps".into()),
            None => return Ok(()),
        }
        none = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_behind_the_last_slash_is_an_index() {
        let parse = |text| Selector::parse(text).map(|selector| (selector.name, selector.index));
        assert_eq!(parse("a/b.py::t[x]"), Ok(("a/b.py::t[x]".into(), None)));
        assert_eq!(parse("a/b.py::t[x]/12"), Ok(("a/b.py::t[x]".into(), Some(12))));
        assert_eq!(parse("/3"), Ok((String::new(), Some(3))));
        assert_eq!(parse("t"), Ok(("t".into(), None)));
    }
}
