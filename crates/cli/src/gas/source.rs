//! What files hold: state tests and bundles, which are executed, and traces, which are read. What
//! becomes of them is in `measure`.

use std::{borrow::Cow, path::Path};

use serde::de::IgnoredAny;
use tandem_evm::{Block, Database, Extension, Fork, Transaction};
use tandem_fixtures::{Case, ParseError, StateTest, parse_state_tests};
use tandem_inputs::{Bundle, Program, Receipt};

use super::{
    input::Source,
    measure::{Done, Measure},
};
use crate::parse_fork;

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
    pub(super) name: Option<String>,
    pub(super) fork: Fork,
    pub(super) block: Block,
    pub(super) tx: Transaction,
    pub(super) state: Box<dyn Database + 't>,
    /// The state test's case, unless it is executed on another fork than its own.
    pub(super) case: Option<Case<'t>>,
    pub(super) receipt: Option<Receipt>,
    /// Extensions that it needs, beside those that were asked for.
    pub(super) extensions: Vec<Extension>,
    /// Whether no cap is on the gas limit: a program's, as benchmarks have them.
    pub(super) uncapped: bool,
}

/// Why a transaction came to nothing.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) line: String,
    /// Whether it is invalid, and its test expects just that.
    pub(super) expected: bool,
}

/// Calls `f` with what each transaction of a file came to, or why it came to nothing.
///
/// # Errors
/// If the file cannot be read, or none of its transactions is chosen; in a line.
pub(super) fn each(
    file: &Path,
    measure: &Measure<'_>,
    mut f: impl FnMut(Result<Done, Refused>),
) -> Result<(), String> {
    let fork = measure.side.what_if.or(measure.side.only);
    let opened = measure.input.open(Some(file), fork, measure.extensions);
    match opened.map_err(|failure| failure.to_string())? {
        Source::StateTests(json) => {
            let tests = parse_state_tests(&json)
                .map_err(|error| format!("{}: {}", shown(file), no_input(&json, &error)))?;
            cases(file, &tests, measure, f)
        }
        Source::Bundle(bundle, name) => {
            let name = name.or_else(|| measure.names_files.then(|| file_name(file)));
            f(executed(file, measure, bundled(*bundle, name)));
            Ok(())
        }
        Source::Program(program) => {
            let Program { name, bundle, extensions, .. } = *program;
            let execution = bundled(bundle, Some(name));
            f(executed(file, measure, Execution { extensions, uncapped: true, ..execution }));
            Ok(())
        }
        Source::Traces(traces) => {
            if measure.time.is_some() {
                let file = shown(file);
                return Err(format!(
                    "{file}: a trace has no times: --time executes, so it needs \
                                    the state"
                ));
            }
            for (place, traced) in traces.enumerate() {
                let attribution = traced.map_err(|failure| failure.to_string())?;
                let name = match place {
                    0 => file_name(file),
                    _ => format!("{}/{place}", file_name(file)),
                };
                f(Ok(Done::traced(attribution, measure.names_files.then_some(name))));
            }
            Ok(())
        }
    }
}

fn bundled(bundle: Bundle, name: Option<String>) -> Execution<'static> {
    Execution {
        name,
        fork: bundle.fork,
        block: bundle.block,
        tx: bundle.tx,
        state: Box::new(bundle.state),
        case: None,
        receipt: bundle.receipt,
        extensions: Vec::new(),
        uncapped: false,
    }
}

fn executed(
    file: &Path,
    measure: &Measure<'_>,
    mut execution: Execution<'_>,
) -> Result<Done, Refused> {
    let done = measure.execute(&mut execution);
    done.map_err(|reason| Refused { line: format!("{}: {reason}", shown(file)), expected: false })
}

/// A file's name for people.
pub(super) fn shown(file: &Path) -> Cow<'_, str> {
    if file == Path::new("-") { "standard input".into() } else { file.to_string_lossy() }
}

/// Why a file is nothing that is read, and what would be.
fn no_input(json: &[u8], error: &ParseError) -> String {
    if json.trim_ascii().is_empty() {
        return "is empty; a state test, bundle or trace is read".into();
    }
    // A field may be missing because the rest is.
    match serde_json::from_slice::<IgnoredAny>(json) {
        Err(error) if error.is_eof() => format!("is cut off, {error}: is the file complete?"),
        Err(error) => {
            format!("is no JSON, {error}; a state test, bundle or trace is read (see --help)")
        }
        Ok(_) => format!("no state test, bundle or trace, {error} (see --help)"),
    }
}

fn cases(
    file: &Path,
    tests: &[StateTest],
    measure: &Measure<'_>,
    mut f: impl FnMut(Result<Done, Refused>),
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
        return Err(nothing_chosen(file, &all, measure.side.only));
    }
    for case in chosen {
        let label = || format!("{} on {}", case_name(case), case.fork_name);
        let done = execution(case, what_if).and_then(|mut one| measure.execute(&mut one));
        f(done.map_err(|reason| Refused {
            expected: case
                .expected_exception()
                .is_some_and(|names| names.split('|').any(|name| reason.ends_with(name))),
            line: format!("{}: {reason}", label()),
        }));
    }
    Ok(())
}

fn execution<'t>(case: &Case<'t>, what_if: Option<Fork>) -> Result<Execution<'t>, String> {
    let own = parse_fork(case.fork_name)?;
    Ok(Execution {
        name: Some(case_name(case)),
        fork: what_if.unwrap_or(own),
        block: case.block(),
        tx: case.transaction().map_err(|error| error.to_string())?,
        state: Box::new(case.database()),
        case: what_if.is_none().then_some(*case),
        receipt: None,
        extensions: Vec::new(),
        uncapped: false,
    })
}

/// A case's name as `--case` takes it: with its index where the test has several.
fn case_name(case: &Case<'_>) -> String {
    let name = &case.test.name;
    if case.test.cases().count() == 1 { name.clone() } else { format!("{name}/{}", case.index) }
}

fn nothing_chosen(file: &Path, cases: &[Case<'_>], only: Option<Fork>) -> String {
    let file = shown(file);
    match cases.first() {
        Some(case) => {
            let (name, own) = (case_name(case), case.fork_name);
            // One fork chooses cases, two execute the same ones on both.
            let hint = only.filter(|fork| cases.iter().all(|case| case.fork() != Some(*fork)));
            let hint = hint.map(|fork| {
                format!(" (--fork {own} --fork {} executes them on both)", fork.name())
            });
            let count = cases.len();
            let hint = hint.unwrap_or_default();
            format!(
                "{file}: none of its {count} cases is chosen; the first is {name} on {own}{hint}"
            )
        }
        None => format!("{file}: has no cases of state tests (see --help for what is read)"),
    }
}

fn file_name(file: &Path) -> String {
    let stem = file.file_stem().filter(|_| file != Path::new("-"));
    stem.map_or_else(|| "transaction".into(), |stem| stem.to_string_lossy().into_owned())
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
