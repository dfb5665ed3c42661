//! The program `tandem`: gas breakdowns of transactions, state tests, assembly. Here live the arguments,
//! what goes to which stream, and the exit code; everything that is computed comes from the libraries.
//!
//! Standard output has results and nothing else; progress, complaints and traces go to standard error.

mod asm;
mod disasm;
mod gas;
mod output;
mod statetest;

use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};
use tandem_evm::{Extension, Fork};

/// Runs Ethereum transactions and says, to the last gas, what went to the glue (a plain stack
/// machine) and what to each coprocessor (storage, logs, hashing, curves).
#[derive(Debug, Parser)]
#[command(name = "tandem", version, disable_version_flag = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Print the version.
    #[arg(short = 'v', short_alias = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Gas(gas::Gas),
    Statetest(statetest::Statetest),
    Asm(asm::Asm),
    Disasm(disasm::Disasm),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Gas(gas) => gas.run(),
        Command::Statetest(statetest) => statetest.run(),
        Command::Asm(asm) => asm.run(),
        Command::Disasm(disasm) => disasm.run(),
    };
    result.unwrap_or_else(|failure| failure.report())
}

/// A fork by any name it has in test suites.
fn parse_fork(name: &str) -> Result<Fork, String> {
    Fork::from_name(name).ok_or_else(|| {
        let known: Vec<_> = Fork::ALL.iter().map(|fork| fork.name()).collect();
        format!("no such fork; there are {}", known.join(", "))
    })
}

/// An extension by its name.
fn parse_extension(name: &str) -> Result<Extension, String> {
    Extension::from_name(name).ok_or_else(|| {
        let known: Vec<_> = Extension::ALL.iter().map(|extension| extension.name()).collect();
        format!("no such extension; there are {}", known.join(", "))
    })
}
