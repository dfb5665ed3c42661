//! Programs written in code: an opcode at a time, with loops.

use alloy_primitives::{Address, Bytes, U256};
use tandem_evm::op;

/// Runtime code in the making.
#[derive(Clone, Debug, Default)]
pub struct Program(Vec<u8>);

impl Program {
    /// No code yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an opcode without data.
    #[must_use]
    pub fn op(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// Appends opcodes without data.
    #[must_use]
    pub fn ops(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends the shortest PUSH of a number.
    #[must_use]
    pub fn push(self, number: u64) -> Self {
        self.push_word(U256::from(number))
    }

    /// Appends the shortest PUSH of a word.
    #[must_use]
    pub fn push_word(self, word: U256) -> Self {
        self.push_bytes(&word.to_be_bytes_trimmed_vec())
    }

    /// Appends the PUSH of an address.
    #[must_use]
    pub fn push_address(self, address: Address) -> Self {
        self.push_bytes(address.as_slice())
    }

    /// Appends the PUSH that is as long as `bytes`.
    ///
    /// # Panics
    /// If there are more than 32.
    #[must_use]
    pub fn push_bytes(mut self, bytes: &[u8]) -> Self {
        assert!(bytes.len() <= 32, "no PUSH holds {} bytes", bytes.len());
        self.0.push(op::PUSH0 + bytes.len() as u8);
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends the same piece again and again.
    #[must_use]
    pub fn repeat(self, times: usize, piece: impl Fn(Self) -> Self) -> Self {
        (0..times).fold(self, |program, _| piece(program))
    }

    /// Appends a loop that runs `times` times. Its body finds the number of rounds left on top of the
    /// stack, never zero, and leaves the stack as it was.
    #[must_use]
    pub fn count_down(self, times: u64, body: impl FnOnce(Self) -> Self) -> Self {
        let start = self.push(times);
        let target = start.0.len() as u16;
        let body = body(start.op(op::JUMPDEST));
        let body = body.push(1).ops(&[op::SWAP1, op::SUB, op::DUP1]);
        body.push_bytes(&target.to_be_bytes()).ops(&[op::JUMPI, op::POP])
    }

    /// Where the next opcode will be, in bytes.
    pub fn position(&self) -> usize {
        self.0.len()
    }

    /// The code; its end is a STOP.
    pub fn code(self) -> Bytes {
        self.0.into()
    }
}
