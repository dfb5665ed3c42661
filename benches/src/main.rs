//! The command line of the benches.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use regex::Regex;
use tandem_bench::{Error, case, glue, table::progress};

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

impl Cases {
    fn load(&self) -> Result<Vec<case::Case>, Error> {
        let directory = self.cases.clone().unwrap_or_else(case::default_directory);
        case::load(&directory, self.options.filter.as_ref())
    }
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
            let Options { seconds, json, .. } = &cases.options;
            glue::run(&cases.load()?, *seconds, json.as_deref())
        }
    }
}

fn seconds(text: &str) -> Result<Duration, Error> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}
