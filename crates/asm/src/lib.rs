//! Assembly for the EVM: source text to code, and code to text. The language is a thin one (see
//! `docs/asm.md`): an instruction in the source is an instruction in the code, and what it adds is names, numbers,
//! repetition and data. Opcodes come from the opcode table of `tandem-schedule`, and nothing runs here.

#![forbid(unsafe_code)]

mod diagnostic;
mod disassemble;
mod expand;
mod expression;
mod instruction;
mod layout;
mod lexer;
mod parse;
mod scope;
mod stack;

use std::path::Path;

use num_bigint::BigInt;
use tandem_schedule::{Extensions, Fork};

pub use diagnostic::{Diagnostic, Note};
pub use disassemble::{Disassembler, Disassembly, Line};

use diagnostic::Sources;

/// Assembles source text.
///
/// ```
/// use tandem_asm::Assembler;
///
/// let program = Assembler::new().assemble("count.easm", "3 next: 1 SWAP1 SUB DUP1 @next JUMPI")?;
/// assert_eq!(program.code, [0x60, 3, 0x5b, 0x60, 1, 0x90, 0x03, 0x80, 0x60, 2, 0x57]);
/// # Ok::<(), tandem_asm::Diagnostic>(())
/// ```
#[derive(Clone, Debug)]
pub struct Assembler {
    fork: Fork,
    definitions: Vec<(String, BigInt)>,
}

impl Default for Assembler {
    fn default() -> Self {
        Self::new()
    }
}

impl Assembler {
    /// An assembler for the newest fork.
    pub const fn new() -> Self {
        Self { fork: Fork::Osaka, definitions: Vec::new() }
    }

    /// Refuses opcodes that this fork lacks; before Shanghai, zero is pushed by PUSH1.
    #[must_use]
    pub const fn fork(mut self, fork: Fork) -> Self {
        self.fork = fork;
        self
    }

    /// Defines a constant, as if the source began with `.const name = value`.
    #[must_use]
    pub fn define(mut self, name: impl Into<String>, value: impl Into<BigInt>) -> Self {
        self.definitions.push((name.into(), value.into()));
        self
    }

    /// Assembles a text; `name` stands for it in messages, and what it includes is looked for beside it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn assemble(&self, name: &str, text: &str) -> Result<Program, Diagnostic> {
        let mut sources = Sources::default();
        let file = sources.add(name.into(), text.into());
        self.translate(sources, file)
    }

    /// Assembles a file.
    ///
    /// # Errors
    /// If it cannot be read, or the first thing that is wrong, with its place.
    pub fn assemble_file(&self, path: &Path) -> Result<Program, Diagnostic> {
        let mut sources = Sources::default();
        let file = sources.read(path).map_err(|error| {
            Diagnostic::without_place(path.display().to_string(), format!("cannot read: {error}"))
        })?;
        self.translate(sources, file)
    }

    fn translate(&self, mut sources: Sources, file: u32) -> Result<Program, Diagnostic> {
        let result = parse::parse_file(&mut sources, file)
            .and_then(|block| expand::expand(self.fork, &self.definitions, &block))
            .and_then(layout::layout);
        let placed = result.map_err(|problem| problem.render(&sources))?;
        Ok(Program {
            code: placed.code,
            labels: placed.labels,
            extensions: placed.extensions,
            warnings: placed.warnings.iter().map(|warning| warning.render(&sources)).collect(),
        })
    }
}

/// What came of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Program {
    /// The code.
    pub code: Vec<u8>,
    /// Where the labels and data blocks of the outermost level are, in bytes from the start, by place.
    pub labels: Vec<(String, usize)>,
    /// Which extensions the code needs.
    pub extensions: Extensions,
    /// What is legal and looks wrong: jump targets that data hides, data that is a jump target.
    pub warnings: Vec<Diagnostic>,
}
