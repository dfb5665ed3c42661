//! `tandem disasm`: lists the instructions of code.

use std::{
    fs,
    io::{self, Read},
    path::Path,
    process::ExitCode,
};

use clap::Args;
use serde_json::Value;
use tandem_asm::Disassembler;
use tandem_evm::Extension;

use crate::{
    output::{Failure, print},
    parse_extension,
};

/// Disassemble EVM code: each instruction with its place and bytes, and where its jump goes.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit code: 0 if the listing was printed; 2 if the code is unreadable.

Examples:
  tandem disasm 0x6003565b
  tandem disasm code.hex --source | tandem asm -")]
pub(crate) struct Disasm {
    /// The code in hexadecimal, or a file that has it: as text, or as the \"code\" of a JSON object;
    /// - reads standard input.
    code: String,

    /// Opcodes of extensions to know: evmmax, simd.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_extension)]
    extensions: Vec<Extension>,

    /// Print source for `tandem asm` instead, which assembles to the same bytes.
    #[arg(long)]
    source: bool,
}

impl Disasm {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let code = self.read()?;
        let extensions = self.extensions.iter().copied().collect();
        let disassembly = Disassembler::new().extensions(extensions).disassemble(&code);
        let text = if self.source { disassembly.to_source() } else { disassembly.to_string() };
        print(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self) -> Result<Vec<u8>, Failure> {
        if self.code == "-" {
            let mut text = String::new();
            let read = io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::Input(format!("standard input: {error}")))?;
            return code_of(&text)
                .map_err(|wrong| Failure::Input(format!("standard input: {wrong}")));
        }
        if let Ok(code) = hexadecimal(&self.code) {
            return Ok(code);
        }
        let unreadable = |error: io::Error| {
            let message = format!("{} is neither hexadecimal nor a file: {error}", self.code);
            Failure::Input(message)
        };
        let text = fs::read_to_string(Path::new(&self.code)).map_err(unreadable)?;
        code_of(&text).map_err(|wrong| Failure::Input(format!("{}: {wrong}", self.code)))
    }
}

/// The code in a file's text.
fn code_of(text: &str) -> Result<Vec<u8>, String> {
    if text.trim_start().starts_with('{') {
        let json: Value =
            serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        let code = json["code"].as_str().ok_or("the JSON object has no text \"code\"")?;
        return hexadecimal(code);
    }
    let joined: String = text.split_whitespace().collect();
    hexadecimal(&joined)
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    const_hex::decode(text).map_err(|error| format!("no code in hexadecimal: {error}"))
}
