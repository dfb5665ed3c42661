//! `tandem asm`: assembles a source and prints the code.

use std::{
    io::{self, Read},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use tandem_asm::Assembler;
use tandem_evm::Fork;

use crate::{
    output::{Failure, complain, print},
    parse_fork,
};

/// Assemble EVM code and print it in hexadecimal.
///
/// The language is in docs/asm.md. What is legal and looks wrong is warned of on standard error.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit code: 0 if the code was printed; 2 if the source is wrong or unreadable.

Examples:
  echo '3 next: 1 SWAP1 SUB DUP1 @next JUMPI' | tandem asm -
  tandem asm fixtures/programs/poseidon_t3.evmmax.easm | tandem disasm - --extensions evmmax")]
pub(crate) struct Asm {
    /// The source; - reads standard input.
    file: PathBuf,

    /// Refuse opcodes that this fork lacks.
    #[arg(long, value_name = "NAME", value_parser = parse_fork, default_value = "Osaka")]
    fork: Fork,

    /// Print where the labels and data blocks of the outermost level are, instead of the code.
    #[arg(long)]
    labels: bool,
}

impl Asm {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let assembler = Assembler::new().fork(self.fork);
        let program = if self.file.as_os_str() == "-" {
            let mut text = String::new();
            let read = io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::Input(format!("standard input: {error}")))?;
            assembler.assemble("-", &text)
        } else {
            assembler.assemble_file(&self.file)
        };
        let program = program.map_err(|wrong| Failure::Input(wrong.to_string()))?;
        for warning in &program.warnings {
            complain(&format!("warning: {warning}"));
        }
        if self.labels {
            for (name, place) in &program.labels {
                print(format!("{place:04x}  {name}\n").as_bytes())?;
            }
        } else {
            print(format!("0x{}\n", const_hex::encode(&program.code)).as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
