//! Code to text: a listing for people, and source that assembles to the same bytes. Instructions are read one
//! after another from the start, as the EVM would if it never jumped.

use std::{collections::HashSet, fmt, fmt::Write as _};

use tandem_schedule::{Extensions, op};

use crate::instruction::{Found, Immediate};

/// Disassembles code.
///
/// ```
/// use tandem_asm::Disassembler;
///
/// let listing = Disassembler::new().disassemble(&[0x5b, 0x5f, 0x56]).to_string();
/// assert_eq!(listing.lines().next(), Some("0000  5b  JUMPDEST  ; L_0000"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Disassembler {
    extensions: Extensions,
}

impl Disassembler {
    /// A disassembler that knows the opcodes of the newest fork.
    pub const fn new() -> Self {
        Self { extensions: Extensions::NONE }
    }

    /// Knows the opcodes of extensions too.
    #[must_use]
    pub const fn extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = extensions;
        self
    }

    /// Disassembles any bytes.
    pub fn disassemble(&self, code: &[u8]) -> Disassembly {
        let mut lines = self.lines(code);
        let targets = resolve_jumps(&mut lines, code);
        for line in &mut lines {
            line.is_target = targets.contains(&line.pc);
        }
        Disassembly { lines }
    }

    fn lines(&self, code: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut pc = 0;
        while pc < code.len() {
            let mut line = match Found::read(&code[pc..], self.extensions) {
                Some(found) => Line::of_instruction(&found),
                None => Line::of_bytes(&code[pc..pc + self.unknown(&code[pc..])]),
            };
            (line.pc, line.bytes) = (pc, code[pc..pc + line.bytes.len()].to_vec());
            pc += line.bytes.len();
            lines.push(line);
        }
        lines
    }

    /// How many bytes are no instruction: to the end if one is cut short there.
    fn unknown(&self, code: &[u8]) -> usize {
        /// So many fit a line.
        const MOST: usize = 16;
        let is_unknown =
            |at: &usize| *at < code.len() && Found::read(&code[*at..], self.extensions).is_none();
        let cut_short = match code[0] {
            op::PUSH1..=op::PUSH32 => code.len(),
            _ => 1,
        };
        (1..MOST)
            .take_while(is_unknown)
            .last()
            .map_or(1, |last| last + 1)
            .max(cut_short)
            .min(code.len())
    }
}

/// Disassembled code. `Display` lists it with places and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disassembly {
    /// An instruction each, or bytes that are none.
    pub lines: Vec<Line>,
}

/// An instruction in code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Where it begins, in bytes.
    pub pc: usize,
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// The mnemonic; of bytes that are no instruction, `.bytes`.
    pub mnemonic: String,
    /// The immediates as they are written in a source, or nothing.
    pub operands: String,
    /// Where the jump goes that follows this PUSH.
    pub target: Option<usize>,
    /// Whether a jump of this code goes here.
    pub is_target: bool,
}

impl Line {
    fn of_instruction(found: &Found<'_>) -> Self {
        let bytes = found.immediates;
        let operands = match (found.instruction.immediate, bytes) {
            (Immediate::Push(_), bytes) => format!("0x{}", const_hex::encode(bytes)),
            (Immediate::Registers, [out, out_stride, x, x_stride, y, y_stride, count]) => {
                format!("{out}:{out_stride}, {x}:{x_stride}, {y}:{y_stride}, {count}")
            }
            _ => String::new(),
        };
        Self::new(found.len(), found.mnemonic(), operands)
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        Self::new(bytes.len(), ".bytes".into(), format!("0x{}", const_hex::encode(bytes)))
    }

    fn new(len: usize, mnemonic: String, operands: String) -> Self {
        Self { pc: 0, bytes: vec![0; len], mnemonic, operands, target: None, is_target: false }
    }

    fn label(pc: usize) -> String {
        format!("L_{pc:04x}")
    }

    /// The line in a source, without its label.
    fn source(&self) -> String {
        // PUSH0 has no room for a label.
        let operands = match self.target.filter(|_| self.bytes.len() > 1) {
            Some(target) => format!("@{}", Self::label(target)),
            None => self.operands.clone(),
        };
        if operands.is_empty() {
            self.mnemonic.clone()
        } else {
            format!("{} {operands}", self.mnemonic)
        }
    }
}

/// Finds where constant jumps go, and returns all such places.
fn resolve_jumps(lines: &mut [Line], code: &[u8]) -> HashSet<usize> {
    let legal = jumpdests(code);
    let starts: HashSet<usize> = lines.iter().map(|line| line.pc).collect();
    let mut targets = HashSet::new();
    for n in 1..lines.len() {
        let [push, jump] = &mut lines[n - 1..=n] else { continue };
        let is_jump = [&[op::JUMP][..], &[op::JUMPI]].contains(&&*jump.bytes);
        let is_push = push.mnemonic.starts_with("PUSH");
        let target = push.bytes[1..]
            .iter()
            .try_fold(0_usize, |target, byte| Some(target.checked_mul(256)? + usize::from(*byte)));
        let target =
            target.filter(|at| is_jump && is_push && legal.contains(at) && starts.contains(at));
        push.target = target;
        targets.extend(target);
    }
    targets
}

/// Where the EVM lets jumps go: it skips the data of PUSH and knows no other immediates.
fn jumpdests(code: &[u8]) -> HashSet<usize> {
    let mut places = HashSet::new();
    let mut pc = 0;
    while let Some(&byte) = code.get(pc) {
        match byte {
            op::JUMPDEST => _ = places.insert(pc),
            op::PUSH1..=op::PUSH32 => pc += usize::from(byte - op::PUSH0),
            _ => {}
        }
        pc += 1;
    }
    places
}

impl fmt::Display for Disassembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Longer ones are cut; their operands have the rest.
        const MOST_BYTES: usize = 9;
        let shown = |line: &Line| match line.bytes.get(..MOST_BYTES) {
            Some(first) if line.bytes.len() > MOST_BYTES => const_hex::encode(first) + "..",
            _ => const_hex::encode(&line.bytes),
        };
        let width = self.lines.iter().map(|line| shown(line).len()).max().unwrap_or(0);
        for line in &self.lines {
            write!(f, "{:04x}  {:width$}  {}", line.pc, shown(line), line.mnemonic)?;
            if !line.operands.is_empty() {
                write!(f, " {}", line.operands)?;
            }
            if line.is_target {
                write!(f, "  ; {}", Line::label(line.pc))?;
            }
            if let Some(target) = line.target {
                write!(f, "  ; to {}", Line::label(target))?;
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}

impl Disassembly {
    /// Source text that assembles to the same bytes.
    pub fn to_source(&self) -> String {
        let mut source = String::new();
        for line in &self.lines {
            // A label brings its own JUMPDEST.
            source += &if line.is_target {
                format!("{}:\n", Line::label(line.pc))
            } else {
                format!("    {}\n", line.source())
            };
        }
        source
    }
}
