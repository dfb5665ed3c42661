//! `tandem statetest`: runs files of state tests in parallel and says how many passed.

mod console;
mod runner;

use std::{
    fs,
    io::{self, BufRead, IsTerminal},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use clap::Args;
use regex::Regex;
use tandem_evm::{Extension, Fork};
use tandem_fixtures::{Case, find_files};

use crate::{
    output::{Failure, NOT_DONE, print},
    parse_extension, parse_fork,
};
use console::Console;
use runner::{Runner, Tally};

/// Run state tests and check root, logs, exception and ledger of each.
///
/// The state root, the logs hash and the expected exception have to be the file's, and the parts of
/// the gas ledger have to add up to the gas used.
#[derive(Args, Debug)]
#[command(after_help = "\
Standard output: the closing line `N passed, N failed, N skipped`. With
--json-outcome a JSON object for each case; the closing line then goes to
standard error.

Standard error: mismatches, unreadable files, skipped forks; on a terminal a
progress bar. With --json, --json-outcome or file names from standard input each
case ends there with {\"stateRoot\": \"0x…\"}, the root it came to, and whatever is
no JSON starts with #.

Exit code: 1 if a case failed; else 2 if a file was unreadable or no case ran;
else 0.

Examples:
  tandem statetest state_tests/ --fork Osaka --run 'modexp|bls12'
  tandem statetest --json test.json 2> trace.jsonl
  tandem statetest -o state_tests/ | jq -r 'select(.pass | not) | .test'")]
pub(crate) struct Statetest {
    /// Files, and directories to search for *.json. Without any, file names are read from standard
    /// input, one a line, up to an empty line, and each is run as it comes.
    paths: Vec<PathBuf>,

    /// How many files to run at once [default: one for each core].
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Only tests whose name the regular expression matches.
    #[arg(long, value_name = "REGEX")]
    run: Option<Regex>,

    /// Only cases of this fork.
    #[arg(long, alias = "statetest.fork", value_name = "NAME", value_parser = parse_fork)]
    fork: Option<Fork>,

    /// Opcodes and precompiles beyond the fork's: evmmax, simd; separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_extension)]
    extensions: Vec<Extension>,

    /// Only the case at this place in its fork's list.
    #[arg(long, alias = "statetest.index", value_name = "N")]
    index: Option<usize>,

    /// Trace every step to standard error as EIP-3155 has it; one file at a time.
    #[arg(long, alias = "trace")]
    json: bool,

    /// Print a JSON object for each case to standard output.
    #[arg(short = 'o', long)]
    json_outcome: bool,
}

impl Statetest {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        if self.paths.is_empty() && io::stdin().is_terminal() {
            let message =
                "no paths; give files or directories, or pipe file names to standard input";
            return Err(Failure::Input(message.into()));
        }
        let console = Console::new(self.json || self.json_outcome || self.paths.is_empty());
        let mut tally = Tally::default();
        if self.paths.is_empty() {
            self.run_names(&console, &mut tally)?;
        } else {
            let files = self.files(&console, &mut tally);
            self.run_files(&console, &files, &mut tally)?;
        }
        console.finish();
        self.close(&console, &tally)?;
        Ok(tally.exit_code())
    }

    fn takes(&self, case: &Case<'_>) -> bool {
        self.fork.is_none_or(|fork| case.fork() == Some(fork))
            && self.index.is_none_or(|index| case.index == index)
    }

    /// The files to run with their sizes: in order if one runs at a time, else the largest first, so
    /// that all workers end together.
    fn files(&self, console: &Console, tally: &mut Tally) -> Vec<(PathBuf, u64)> {
        let mut files = Vec::new();
        for path in &self.paths {
            match find_files(path) {
                Ok(found) => files.extend(found.into_iter().map(|file| {
                    let size = fs::metadata(&file).map_or(0, |metadata| metadata.len());
                    (file, size)
                })),
                Err(error) => tally.unreadable(console, path, &error),
            }
        }
        if self.workers() > 1 {
            files.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        }
        files
    }

    /// Traces of two files must not mix.
    fn workers(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        if self.json { 1 } else { self.workers.map_or_else(cores, NonZeroUsize::get) }
    }

    fn run_files(
        &self,
        console: &Console,
        files: &[(PathBuf, u64)],
        tally: &mut Tally,
    ) -> io::Result<()> {
        console.start(files.iter().map(|(_, size)| size).sum());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut runner = Runner::new(self, console);
            while let Some((file, size)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                runner
                    .run_file(file)
                    .inspect_err(|_| next.store(files.len(), Ordering::Relaxed))?;
                console.advance(*size);
            }
            Ok(runner.into_tally())
        };
        let tallies: Vec<io::Result<Tally>> = thread::scope(|scope| {
            let spawn = |_| scope.spawn(work);
            let others: Vec<_> = (1..self.workers().min(files.len())).map(spawn).collect();
            let mut tallies = vec![work()];
            for worker in others {
                tallies
                    .push(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            tallies
        });
        tallies.into_iter().try_for_each(|other| other.map(|other| tally.add(other)))
    }

    /// Runs the files named on standard input, each before the next name is awaited.
    fn run_names(&self, console: &Console, tally: &mut Tally) -> io::Result<()> {
        let mut runner = Runner::new(self, console);
        for name in io::stdin().lock().lines() {
            let name = match name {
                Ok(name) if name.is_empty() => break,
                Ok(name) => PathBuf::from(name),
                Err(error) => {
                    tally.unreadable(console, Path::new("standard input"), &error);
                    break;
                }
            };
            match find_files(&name) {
                Ok(files) => files.iter().try_for_each(|file| runner.run_file(file))?,
                Err(error) => tally.unreadable(console, &name, &error),
            }
        }
        tally.add(runner.into_tally());
        Ok(())
    }

    fn close(&self, console: &Console, tally: &Tally) -> io::Result<()> {
        for (fork, count) in &tally.skipped {
            console
                .say(&format!("skipped {count} cases of {fork}, a fork that Tandem does not know"));
        }
        if tally.unreadable > 0 {
            console.say(&format!("{} files could not be read", tally.unreadable));
        }
        if tally.ran() == 0 {
            console.say("no test ran");
        }
        let (passed, failed, skipped) = (tally.passed, tally.failed, tally.skipped());
        let line = format!("{passed} passed, {failed} failed, {skipped} skipped");
        if self.json_outcome {
            console.say(&line);
            return Ok(());
        }
        match print(format!("{line}\n").as_bytes()) {
            // Whoever only wanted the exit code still gets it.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}

impl Tally {
    fn exit_code(&self) -> ExitCode {
        if self.failed > 0 {
            ExitCode::FAILURE
        } else if self.unreadable > 0 || self.ran() == 0 {
            ExitCode::from(NOT_DONE)
        } else {
            ExitCode::SUCCESS
        }
    }
}
