//! `tandem gas`: executes the transactions of a file and prints where their gas went.

mod input;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use tandem_evm::{Evm, Extension, Fork, Meter};
use tandem_fixtures::{Case, Mismatch, StateTest, parse_state_tests, run_case};
use tandem_report::Breakdown;

use self::input::{Found, Input, Source};
use crate::{
    output::{Failure, NOT_DONE, complain, print},
    parse_extension, parse_fork,
};

/// Execute a transaction and print where its gas went.
///
/// The parts add up to the gas used, exactly: base, calldata and the other intrinsic parts, the
/// execution by coprocessor and glue, the refund, the calldata floor.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit code: 0 if every chosen transaction was executed; 2 if one is invalid, or
the file is unreadable.

Examples:
  tandem gas fixtures/ens-set-contenthash.json
  tandem gas tests.json --fork Osaka --case test_sload/0 --format json | jq .glue_gas")]
pub(crate) struct Gas {
    /// A file of state tests, a bundle, or a trace (EIP-3155 or structLogs); - reads standard input.
    file: Option<PathBuf>,

    #[command(flatten)]
    input: Input,

    /// Only cases of tests whose name contains NAME, and with /INDEX only those at that place in
    /// their fork's list; /INDEX alone goes too.
    #[arg(long, value_name = "NAME/INDEX", value_parser = Selector::parse)]
    case: Option<Selector>,

    /// Only cases of this fork; the fork of any other input.
    #[arg(long, value_name = "NAME", value_parser = parse_fork)]
    fork: Option<Fork>,

    /// Opcodes and precompiles beyond the fork's: evmmax, simd; separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_extension)]
    extensions: Vec<Extension>,

    /// A table for people, or JSON: a line for each case, schema tandem-gas/1.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Which cases of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Selector {
    name: String,
    index: Option<usize>,
}

impl Selector {
    /// Test names have slashes of their own: only one before a number is the index's.
    fn parse(text: &str) -> Result<Self, std::convert::Infallible> {
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

impl Gas {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let file = self.file.as_deref().unwrap_or(Path::new("-"));
        let tests = match self.input.open(self.file.as_deref(), self.fork)? {
            Source::StateTests(json) => parse_state_tests(&json).map_err(|error| {
                Failure::Input(format!("{}: no state test: {error}", file.display()))
            })?,
            Source::Found(found) => return self.show(found),
        };
        let cases: Vec<_> = tests.iter().flat_map(StateTest::cases).collect();
        let chosen: Vec<_> = cases.iter().filter(|case| self.takes(case)).collect();
        if chosen.is_empty() {
            return Err(Failure::Input(nothing_chosen(file, &cases)));
        }
        let mut all_done = true;
        let mut first = true;
        for case in chosen {
            match self.break_down(case) {
                Ok(breakdown) => {
                    print(self.text(&breakdown, first).as_bytes())?;
                    first = false;
                }
                Err(reason) => {
                    complain(&format!("{} on {}: {reason}", case_name(case), case.fork_name));
                    all_done = false;
                }
            }
        }
        Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::from(NOT_DONE) })
    }

    fn show(
        &self,
        found: impl Iterator<Item = Result<Found, Failure>>,
    ) -> Result<ExitCode, Failure> {
        let mut code = ExitCode::SUCCESS;
        for (n, found) in found.enumerate() {
            let found = found?;
            print(self.text(&found.attribution.breakdown(), n == 0).as_bytes())?;
            for note in &found.attribution.notes {
                complain(note);
            }
            if let Some(difference) = found.difference {
                complain(&format!("not the receipt's result: {difference}"));
                code = ExitCode::from(NOT_DONE);
            }
        }
        Ok(code)
    }

    fn takes(&self, case: &Case<'_>) -> bool {
        self.case.as_ref().is_none_or(|selector| selector.takes(case))
            && self.fork.is_none_or(|fork| case.fork() == Some(fork))
    }

    fn text(&self, breakdown: &Breakdown, first: bool) -> String {
        match self.format {
            Format::Json => breakdown.to_json() + "\n",
            Format::Table if first => breakdown.to_table(),
            Format::Table => format!("\n{}", breakdown.to_table()),
        }
    }

    fn break_down(&self, case: &Case<'_>) -> Result<Breakdown, String> {
        let fork = case.fork().ok_or("a fork that Tandem does not know")?;
        let mut evm = Evm::builder(fork)
            .extensions(self.extensions.iter().copied())
            .meter(Meter::Gas)
            .build();
        let verdict = run_case(&mut evm, case, None);
        let outcome =
            verdict.result.map_err(|reason| match reason.starts_with("TransactionException.") {
                true => format!("the transaction is invalid: {reason}"),
                false => reason,
            })?;
        match &verdict.mismatch {
            Some(mismatch @ Mismatch::Ledger { .. }) => return Err(mismatch.to_string()),
            Some(mismatch) => complain(&format!(
                "{} on {}: not the result the file expects: {mismatch}",
                case_name(case),
                case.fork_name
            )),
            None => {}
        }
        let gas_limit = case.transaction().map_err(|error| error.to_string())?.gas_limit;
        let breakdown = Breakdown::new(fork, gas_limit, &outcome).ok_or("no ledger was kept")?;
        Ok(breakdown.named(case_name(case)))
    }
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
