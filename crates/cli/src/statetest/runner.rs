//! One worker: runs files one after another on machines and buffers that it keeps.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
    fs::File,
    io::{self, BufWriter, Read},
    path::Path,
};

use serde::Serialize;
use tandem_evm::{Evm, Fork, Meter};
use tandem_fixtures::{Case, StateTest, Verdict, parse_state_tests, run_case};
use tandem_report::{Eip3155, state_root_line, status_text};

use super::{Console, Statetest};
use crate::output::print;

/// How the cases went.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// Cases of forks that Tandem does not know, by the fork's name.
    pub(super) skipped: BTreeMap<String, u64>,
    /// Files.
    pub(super) unreadable: u64,
}

impl Tally {
    pub(super) fn ran(&self) -> u64 {
        self.passed + self.failed
    }

    pub(super) fn skipped(&self) -> u64 {
        self.skipped.values().sum()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.unreadable += other.unreadable;
        for (fork, count) in other.skipped {
            *self.skipped.entry(fork).or_default() += count;
        }
    }

    /// Counts a path that could not be read, and says why.
    pub(super) fn unreadable(&mut self, console: &Console, path: &Path, reason: &dyn Display) {
        self.unreadable += 1;
        console.say(&format!("{}: {reason}", path.display()));
    }
}

/// A worker.
pub(super) struct Runner<'r> {
    options: &'r Statetest,
    console: &'r Console,
    machines: HashMap<Fork, Evm>,
    file: Vec<u8>,
    /// What goes to standard output and standard error when a file is done.
    results: Vec<u8>,
    lines: String,
    tally: Tally,
}

impl<'r> Runner<'r> {
    pub(super) fn new(options: &'r Statetest, console: &'r Console) -> Self {
        Self {
            options,
            console,
            machines: HashMap::new(),
            file: Vec::new(),
            results: Vec::new(),
            lines: String::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Runs the cases of a file that were asked for.
    ///
    /// # Errors
    /// If results or traces could not be written. A file that cannot be read is counted instead.
    pub(super) fn run_file(&mut self, path: &Path) -> io::Result<()> {
        let tests = match self.read(path) {
            Ok(tests) => tests,
            Err(reason) => {
                self.tally.unreadable(self.console, path, &reason);
                return Ok(());
            }
        };
        let named = |test: &&StateTest| match &self.options.run {
            Some(regex) => regex.is_match(&test.name),
            None => true,
        };
        for case in tests.iter().filter(named).flat_map(StateTest::cases) {
            if self.options.takes(&case) {
                self.run_case(path, &case)?;
            }
        }
        self.flush()
    }

    fn read(&mut self, path: &Path) -> Result<Vec<StateTest>, String> {
        self.file.clear();
        File::open(path)
            .and_then(|mut file| file.read_to_end(&mut self.file))
            .map_err(|error| error.to_string())?;
        parse_state_tests(&self.file).map_err(|error| error.to_string())
    }

    fn run_case(&mut self, path: &Path, case: &Case<'_>) -> io::Result<()> {
        let Some(fork) = case.fork() else {
            *self.tally.skipped.entry(case.fork_name.to_owned()).or_default() += 1;
            return Ok(());
        };
        let extensions = self.options.extensions.iter().copied();
        let build = || Evm::builder(fork).extensions(extensions).meter(Meter::Gas).build();
        let evm = self.machines.entry(fork).or_insert_with(build);
        let verdict =
            if self.options.json { traced(evm, case)? } else { run_case(evm, case, None) };
        self.book(path, case, &verdict);
        if self.options.json { self.flush() } else { Ok(()) }
    }

    fn book(&mut self, path: &Path, case: &Case<'_>, verdict: &Verdict) {
        match &verdict.mismatch {
            None => self.tally.passed += 1,
            Some(mismatch) => {
                self.tally.failed += 1;
                let (file, test) = (path.display(), &case.test.name);
                let (fork, index) = (case.fork_name, case.index);
                let line = format!("{file}: {test}, {fork}, index {index}: {mismatch}");
                self.lines.push_str(&self.console.comment(&line));
            }
        }
        if self.options.json_outcome {
            let json = serde_json::to_vec(&OutcomeLine::new(path, case, verdict));
            self.results.extend(json.expect("a tree of strings and numbers has a JSON form"));
            self.results.push(b'\n');
        }
        if self.console.wants_state_roots() {
            self.lines.push_str(&state_root_line(&verdict.state_root));
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.results.is_empty() {
            print(&self.results)?;
            self.results.clear();
        }
        self.console.write(&self.lines);
        self.lines.clear();
        Ok(())
    }
}

fn traced(evm: &mut Evm, case: &Case<'_>) -> io::Result<Verdict> {
    let mut tracer = Eip3155::new(BufWriter::with_capacity(1 << 16, io::stderr().lock()));
    let verdict = run_case(evm, case, Some(&mut tracer));
    if let Ok(outcome) = &verdict.result {
        tracer.end(outcome);
    }
    tracer.finish()?;
    Ok(verdict)
}

/// A case's result, under the names revme gives the fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeLine<'a> {
    state_root: String,
    logs_root: String,
    output: String,
    gas_used: u64,
    pass: bool,
    /// What differs from what the test expects.
    error_msg: String,
    /// How the execution ended; of an invalid transaction the exception.
    evm_result: &'a str,
    fork: &'a str,
    test: &'a str,
    index: usize,
    d: usize,
    g: usize,
    v: usize,
    file: String,
}

impl<'a> OutcomeLine<'a> {
    fn new(path: &Path, case: &Case<'a>, verdict: &'a Verdict) -> Self {
        let outcome = verdict.result.as_ref();
        Self {
            state_root: format!("{:#x}", verdict.state_root),
            logs_root: format!("{:#x}", verdict.logs_hash),
            output: outcome
                .map_or("0x".into(), |outcome| const_hex::encode_prefixed(&outcome.output)),
            gas_used: outcome.map_or(0, |outcome| outcome.gas_used),
            pass: verdict.mismatch.is_none(),
            error_msg: verdict.mismatch.as_ref().map(ToString::to_string).unwrap_or_default(),
            evm_result: match outcome {
                Ok(outcome) => status_text(outcome.status),
                Err(reason) => reason,
            },
            fork: case.fork_name,
            test: &case.test.name,
            index: case.index,
            d: case.data,
            g: case.gas,
            v: case.value,
            file: path.display().to_string(),
        }
    }
}
