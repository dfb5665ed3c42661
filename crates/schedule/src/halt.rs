//! The EVM's own ways to stop a frame with all its gas gone.

use core::fmt;

use tandem_coprocessor::Unit;

macro_rules! halts {
    ($($(#[$doc:meta])* $name:ident $reason:literal)*) => {
        /// An exceptional halt (Yellow Paper, section 9.4.2).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Halt {
            $($(#[$doc])* $name,)*
        }

        impl Halt {
            /// Every halt, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The reason in words, for example `out of gas`.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// The name of its row in the ledger.
            pub const fn row_name(self) -> &'static str {
                match self { $(Self::$name => concat!("halt: ", $reason),)* }
            }
        }
    };
}

halts! {
    /// Less gas than the next step costs.
    OutOfGas "out of gas"
    /// Fewer words on the stack than the opcode takes.
    StackUnderflow "stack underflow"
    /// More than 1024 words on the stack.
    StackOverflow "stack overflow"
    /// A jump to something other than a JUMPDEST.
    BadJump "bad jump"
    /// An opcode the fork does not have.
    InvalidOpcode "invalid opcode"
    /// A change of state inside a static call (EIP-214).
    StaticViolation "static violation"
    /// A read beyond the return data (EIP-211).
    ReturnDataOutOfBounds "return data out of bounds"
    /// Creation of a contract where one is (EIP-684, EIP-7610).
    CreateCollision "create collision"
    /// Init code longer than the limit (EIP-3860).
    InitcodeTooLarge "init code too large"
    /// Deployed code longer than the limit (EIP-170).
    CodeTooLarge "code too large"
    /// Deployed code that starts with 0xEF (EIP-3541).
    InvalidCode "invalid code"
    /// A precompile that refused its input.
    PrecompileFailed "precompile failed"
    /// An extension's opcode that refused its operands (EIP-6690, EIP-616).
    InvalidOperand "invalid operand"
}

/// Why a frame halted exceptionally, and who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The reason.
    pub halt: Halt,
    /// Whose request failed, else the glue.
    pub unit: Unit,
    /// The gas destroyed: what the frame had left, less the parts of the opcode's price that were
    /// charged before it failed.
    pub burnt: u64,
}

/// As the glue notes it: the gas is never negative.
impl From<(Halt, Unit, i64)> for Failure {
    fn from((halt, unit, burnt): (Halt, Unit, i64)) -> Self {
        Self { halt, unit, burnt: burnt as u64 }
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}
