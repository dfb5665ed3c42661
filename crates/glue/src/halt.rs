//! The EVM's own ways to stop a frame with all its gas gone.

use core::fmt;

/// An exceptional halt (Yellow Paper, section 9.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Halt {
    /// Less gas than the next step costs.
    OutOfGas,
    /// Fewer words on the stack than the opcode takes.
    StackUnderflow,
    /// More than 1024 words on the stack.
    StackOverflow,
    /// A jump to something other than a JUMPDEST.
    BadJump,
    /// An opcode the fork does not have.
    InvalidOpcode,
    /// A change of state inside a static call (EIP-214).
    StaticViolation,
    /// A read beyond the return data (EIP-211).
    ReturnDataOutOfBounds,
    /// Creation of a contract where one is (EIP-684, EIP-7610).
    CreateCollision,
    /// Init code longer than the limit (EIP-3860).
    InitcodeTooLarge,
    /// Deployed code longer than the limit (EIP-170).
    CodeTooLarge,
    /// Deployed code that starts with 0xEF (EIP-3541).
    InvalidCode,
    /// A precompile that refused its input.
    PrecompileFailed,
}

impl Halt {
    /// Every halt, in declaration order.
    pub const ALL: [Self; 12] = [
        Self::OutOfGas,
        Self::StackUnderflow,
        Self::StackOverflow,
        Self::BadJump,
        Self::InvalidOpcode,
        Self::StaticViolation,
        Self::ReturnDataOutOfBounds,
        Self::CreateCollision,
        Self::InitcodeTooLarge,
        Self::CodeTooLarge,
        Self::InvalidCode,
        Self::PrecompileFailed,
    ];

    /// The name of its row in the ledger.
    pub const fn row_name(self) -> &'static str {
        match self {
            Self::OutOfGas => "halt: out of gas",
            Self::StackUnderflow => "halt: stack underflow",
            Self::StackOverflow => "halt: stack overflow",
            Self::BadJump => "halt: bad jump",
            Self::InvalidOpcode => "halt: invalid opcode",
            Self::StaticViolation => "halt: static violation",
            Self::ReturnDataOutOfBounds => "halt: return data out of bounds",
            Self::CreateCollision => "halt: create collision",
            Self::InitcodeTooLarge => "halt: init code too large",
            Self::CodeTooLarge => "halt: code too large",
            Self::InvalidCode => "halt: invalid code",
            Self::PrecompileFailed => "halt: precompile failed",
        }
    }

    /// The reason in words, for example `out of gas`.
    pub fn reason(self) -> &'static str {
        &self.row_name()["halt: ".len()..]
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}
