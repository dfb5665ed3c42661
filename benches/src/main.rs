//! The command line of the benches.

use std::{env, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use regex::Regex;
use tandem_bench::{
    Error, analysis,
    case::{self, Case},
    duel::{Round, duel},
    floor, glue, instructions, memory, meters, opcodes,
    process::{self, Engine},
    statetest::{self, Runners},
    storage, subcalls,
    table::{Row, mean_ratio, print_line, print_rows, progress, write_json},
    tradeoff,
};

/// Times Tandem against revm: same programs, same process, same run.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The cases as whole transactions, on Tandem and on revm
    Glue(Cases),
    /// The cases on Tandem with each meter
    Meters(Cases),
    /// Peak memory of each case, on Tandem and on revm
    Memory(Cases),
    /// Code analysis: nanoseconds per KB of the cases' code
    Analysis(Cases),
    /// Transactions with nothing to execute
    Floor(Options),
    /// A thousand sub-calls: nanoseconds for each
    Subcalls(Options),
    /// Loops over storage: nanoseconds for each access
    Storage(Options),
    /// Each opcode alone: nanoseconds for each
    Opcodes(Options),
    /// Tasks as plain opcodes, in extensions' opcodes and by precompiles: gas and time of each
    Tradeoff(Cases),
    /// `tandem statetest` against `revme statetest`
    Statetest(Statetest),
    /// Instruction counts against those on record, under valgrind
    Instructions(Instructions),
    /// One case on one engine again and again, for profilers
    Run(Run),
}

#[derive(Debug, Args)]
struct Cases {
    /// Where the cases are [default: ../shared/cases beside the workspace, else the project's own]
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
struct Options {
    /// Only what has a name that matches
    #[arg(long, value_name = "REGEX")]
    filter: Option<Regex>,
    /// Write the result to a file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Seconds for each row of the table
    #[arg(long, default_value = "0.5", value_parser = seconds)]
    seconds: Duration,
}

#[derive(Debug, Args)]
struct Statetest {
    /// A state test, or a directory of them
    #[arg(value_name = "PATH")]
    tests: PathBuf,
    /// The revme program
    #[arg(long, value_name = "PATH")]
    revme: PathBuf,
    /// The tandem program [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    tandem: Option<PathBuf>,
    /// Runs of each
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Write the result to a file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Instructions {
    /// Rewrite the record instead of comparing with it
    #[arg(long)]
    update: bool,
    /// What part more than recorded is too much
    #[arg(long, default_value_t = 0.02)]
    tolerance: f64,
    /// Only programs with a name that matches
    #[arg(long, value_name = "REGEX", conflicts_with = "update")]
    filter: Option<Regex>,
}

#[derive(Debug, Args)]
struct Run {
    /// A case's file
    case: PathBuf,
    /// Who executes it
    #[arg(long, value_enum, default_value = "tandem")]
    engine: Engine,
    /// How often, after a first time
    #[arg(long, default_value_t = 1)]
    executions: u64,
    /// Print the most memory the process held, in KiB: all of it, and without pages of files
    #[arg(long)]
    peak_memory: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Glue(cases) => {
            glue::run(cases.load()?, cases.options.seconds, cases.options.json.as_deref())
        }
        Command::Meters(cases) => {
            meters::run(&cases.load()?, cases.options.seconds, cases.options.json.as_deref())
        }
        Command::Memory(cases) => memory::run(&cases.load()?, cases.options.json.as_deref()),
        Command::Analysis(cases) => {
            let rows = analysis::rows(&cases.load()?, cases.options.seconds)?;
            cases.options.report("code analysis, per KB; bytes, not gas", &rows)
        }
        Command::Floor(options) => options.duel("transaction", floor::rounds()),
        Command::Subcalls(options) => options.duel("sub-call", subcalls::rounds()),
        Command::Storage(options) => options.duel("access", storage::rounds()),
        Command::Opcodes(options) => options.duel("opcode", opcodes::rounds()),
        Command::Tradeoff(Cases { cases, options }) => {
            let directory = cases.unwrap_or_else(tradeoff::directory);
            let cases = case::load(&directory, options.filter.as_ref())?;
            tradeoff::run(&cases, options.seconds, options.json.as_deref())
        }
        Command::Statetest(options) => options.run(),
        Command::Instructions(Instructions { update, tolerance, filter }) => {
            instructions::run(filter.as_ref(), tolerance, update)
        }
        Command::Run(run) => process::run(&run.case, run.engine, run.executions, run.peak_memory),
    }
}

impl Cases {
    fn load(&self) -> Result<Vec<Case>, Error> {
        let directory = self.cases.clone().unwrap_or_else(case::default_directory);
        case::load(&directory, self.options.filter.as_ref())
    }
}

impl Options {
    fn duel(&self, heading: &str, mut rounds: Vec<Round>) -> Result<(), Error> {
        let matches = |name: &str| self.filter.as_ref().is_none_or(|filter| filter.is_match(name));
        rounds.retain(|round| matches(&round.case.name));
        self.report(heading, &duel(&rounds, self.seconds)?)
    }

    fn report(&self, heading: &str, rows: &[Row]) -> Result<(), Error> {
        print_rows(heading, rows)?;
        print_line(&format!("geometric mean: {:.3}", mean_ratio(rows)))?;
        self.json.as_ref().map_or(Ok(()), |path| write_json(path, &rows))
    }
}

impl Statetest {
    fn run(self) -> Result<(), Error> {
        let tandem = match self.tandem {
            Some(path) => path,
            None => {
                env::current_exe()?.with_file_name(format!("tandem{}", env::consts::EXE_SUFFIX))
            }
        };
        let runners = Runners { tandem, revme: self.revme, tests: &self.tests };
        statetest::run(&runners, self.runs, self.json.as_deref())
    }
}

fn seconds(text: &str) -> Result<Duration, Error> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}
