//! Steps as EIP-3155 writes them, one JSON object a line, in the field order and with the error texts
//! of go-ethereum, so that whoever reads its traces reads these. A faulty step is one line.

use std::io::{self, Write};

use tandem_evm::{
    Failure, Halt, Opcode, Outcome, Status, Step, Tracer,
    primitives::{B256, U256},
};

/// Writes a line for each step an execution takes. The tracer's calls cannot fail: the first error of
/// the writer ends the trace and waits in [`finish`](Self::finish).
#[derive(Debug)]
pub struct Eip3155<W> {
    out: W,
    memory: bool,
    return_data: bool,
    /// The step's line up to the cost, which is known only afterwards, and behind it.
    head: Vec<u8>,
    tail: Vec<u8>,
    op: u8,
    opcode: Option<&'static Opcode>,
    stack_len: usize,
    /// Why the last step failed, as the inside of a JSON string; empty if it did not.
    fault: String,
    error: Option<io::Error>,
}

impl<W: Write> Eip3155<W> {
    /// A tracer that writes to `out`, many small pieces: give it a buffered writer.
    pub fn new(out: W) -> Self {
        Self {
            out,
            memory: false,
            return_data: false,
            head: Vec::new(),
            tail: Vec::new(),
            op: 0,
            opcode: None,
            stack_len: 0,
            fault: String::new(),
            error: None,
        }
    }

    /// Whether lines have the frame's memory; not unless said.
    #[must_use]
    pub const fn memory(mut self, memory: bool) -> Self {
        self.memory = memory;
        self
    }

    /// Whether lines have what the last call returned; not unless said.
    #[must_use]
    pub const fn return_data(mut self, return_data: bool) -> Self {
        self.return_data = return_data;
        self
    }

    /// Writes the line that ends the trace of a transaction. Its gas is the execution's: intrinsic
    /// gas, refund and floor are not in it. Does nothing if the machine kept no ledger to take it
    /// from.
    pub fn end(&mut self, outcome: &Outcome) {
        let Some(ledger) = &outcome.ledger else { return };
        let mut line = b"{\"output\":\"".to_vec();
        push_bytes(&mut line, &outcome.output);
        line.extend_from_slice(b"\",\"gasUsed\":\"");
        push_hex(&mut line, ledger.execution_gas());
        line.push(b'"');
        match outcome.status {
            Status::Success => {}
            Status::Revert => push_error(&mut line, "execution reverted"),
            Status::Halt(halt) if self.fault.is_empty() => push_error(&mut line, geth_text(halt)),
            _ => push_error(&mut line, &self.fault),
        }
        line.extend_from_slice(b"}\n");
        self.fault.clear();
        self.write(&line);
    }

    /// Flushes and gives the writer back.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        match self.error {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.out),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.out.write_all(bytes).err();
        }
    }

    fn describe(&mut self, halt: Halt) {
        let row = self.opcode;
        let (inputs, outputs) = row.map_or((0, 0), |row| (row.inputs, row.outputs));
        self.fault = match halt {
            Halt::InvalidOpcode => format!("invalid opcode: {}", op_name(self.op, self.opcode)),
            // go-ethereum's JSON writes < and > so.
            Halt::StackUnderflow => {
                format!("stack underflow ({} \\u003c=\\u003e {inputs})", self.stack_len)
            }
            Halt::StackOverflow => {
                let limit = 1024 + usize::from(inputs) - usize::from(outputs);
                format!("stack limit reached {} ({limit})", self.stack_len)
            }
            halt => geth_text(halt).into(),
        };
    }
}

impl<W: Write> Tracer for Eip3155<W> {
    fn before(&mut self, step: &Step<'_>) {
        if self.error.is_some() {
            return;
        }
        (self.op, self.opcode, self.stack_len) = (step.op, step.opcode, step.stack.len());
        self.fault.clear();
        let head = &mut self.head;
        head.clear();
        head.extend_from_slice(b"{\"pc\":");
        push_decimal(head, step.pc as u64);
        head.extend_from_slice(b",\"op\":");
        push_decimal(head, step.op.into());
        head.extend_from_slice(b",\"gas\":\"");
        push_hex(head, step.gas);
        head.extend_from_slice(b"\",\"gasCost\":\"");
        let tail = &mut self.tail;
        tail.clear();
        tail.push(b'"');
        if self.memory && !step.memory.is_empty() {
            tail.extend_from_slice(b",\"memory\":\"0x");
            push_bytes(tail, step.memory);
            tail.push(b'"');
        }
        tail.extend_from_slice(b",\"memSize\":");
        push_decimal(tail, step.memory.len() as u64);
        push_stack(tail, step.stack);
        if self.return_data && !step.return_data.is_empty() {
            tail.extend_from_slice(b",\"returnData\":\"0x");
            push_bytes(tail, step.return_data);
            tail.push(b'"');
        }
        tail.extend_from_slice(b",\"depth\":");
        push_decimal(tail, step.depth as u64);
        // A vector cannot fail to be written to.
        let _ = write!(
            tail,
            ",\"refund\":{},\"opName\":\"{}\"",
            step.refund,
            op_name(step.op, step.opcode)
        );
    }

    fn after(&mut self, cost: u64, failure: Option<Failure>) {
        if self.error.is_some() {
            return;
        }
        push_hex(&mut self.head, cost);
        self.head.extend_from_slice(&self.tail);
        if let Some(failure) = failure {
            self.describe(failure.halt);
            push_error(&mut self.head, &self.fault);
        }
        self.head.extend_from_slice(b"}\n");
        self.error = self.out.write_all(&self.head).err();
    }
}

/// The line that ends a state test, the space included: readers search for it.
pub fn state_root_line(root: &B256) -> String {
    format!("{{\"stateRoot\": \"{root:#x}\"}}\n")
}

/// What go-ethereum says of a halt, as far as it needs no details.
fn geth_text(halt: Halt) -> &'static str {
    match halt {
        Halt::BadJump => "invalid jump destination",
        Halt::StaticViolation => "write protection",
        Halt::CreateCollision => "contract address collision",
        Halt::InitcodeTooLarge => "max initcode size exceeded",
        Halt::CodeTooLarge => "max code size exceeded",
        Halt::InvalidCode => "invalid code: must not begin with 0xef",
        halt => halt.reason(),
    }
}

/// The mnemonic, or go-ethereum's text for a byte that is no opcode on any fork.
fn op_name(op: u8, opcode: Option<&Opcode>) -> std::borrow::Cow<'static, str> {
    match opcode {
        Some(row) => row.name.into(),
        None => format!("opcode {op:#x} not defined").into(),
    }
}

fn push_stack(line: &mut Vec<u8>, stack: &[U256]) {
    line.extend_from_slice(b",\"stack\":[");
    for (place, word) in stack.iter().enumerate() {
        line.extend_from_slice(if place > 0 { b",\"" } else { b"\"" });
        push_word(line, word);
        line.push(b'"');
    }
    line.push(b']');
}

fn push_error(line: &mut Vec<u8>, text: &str) {
    line.extend_from_slice(b",\"error\":\"");
    line.extend_from_slice(text.as_bytes());
    line.push(b'"');
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn push_bytes(line: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        line.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn push_hex(line: &mut Vec<u8>, number: u64) {
    push_word(line, &U256::from(number));
}

/// A word in hex without leading zeros; zero is `0x0`.
fn push_word(line: &mut Vec<u8>, word: &U256) {
    line.extend_from_slice(b"0x");
    let limbs = word.as_limbs();
    let digits = word.bit_len().div_ceil(4).max(1);
    line.extend(
        (0..digits)
            .rev()
            .map(|digit| DIGITS[(limbs[digit / 16] >> (digit % 16 * 4)) as usize & 15]),
    );
}

fn push_decimal(line: &mut Vec<u8>, number: u64) {
    // A vector cannot fail to be written to.
    let _ = write!(line, "{number}");
}
