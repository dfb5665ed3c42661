//! Where a transaction's gas went, call frame by call frame and opcode by opcode: the grain from which
//! every view (by unit, opcode, frame, contract, selector, program counter) is summed. How it is found,
//! from an execution or from somebody else's trace, is in `collector`; how it is shown, in the formats.

use tandem_evm::{
    Fork, Gas, Intrinsic, Refund, Status, Unit,
    primitives::{Address, FixedBytes},
};

/// One transaction's gas, to the last: `intrinsic + Σ cells − refund + floor top-up = gas used`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attribution {
    /// What the transaction is called, if it has a name.
    pub name: Option<String>,
    /// The fork it ran on.
    pub fork: Fork,
    /// How its execution ended.
    pub status: Status,
    /// Its gas limit.
    pub gas_limit: u64,
    /// The gas paid for, as the receipt has it.
    pub gas_used: u64,
    /// What was due before the execution.
    pub intrinsic: Intrinsic,
    /// What was given back.
    pub refund: Refund,
    /// What was added to reach the calldata floor (EIP-7623).
    pub floor_top_up: u64,
    /// The call frames in the order they were entered, the transaction's own first; a frame comes
    /// after its caller. Calls to precompiles and to accounts without code are frames, too.
    pub frames: Vec<CallFrame>,
}

/// One call frame, with what it spent itself: its callees' gas is in their own frames.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallFrame {
    /// Index of the caller's frame; `None` for the transaction's own.
    pub parent: Option<usize>,
    /// How it was entered.
    pub kind: FrameKind,
    /// The account whose storage and balance it works on.
    pub address: Address,
    /// The account whose code it runs: another one in DELEGATECALL, CALLCODE and under EIP-7702.
    pub code_address: Address,
    /// The first four bytes of its calldata, if there are as many and it is no creation.
    pub selector: Option<FixedBytes<4>>,
    /// How it ended.
    pub status: Status,
    /// Its gas, by program counter and row, in order of program counter.
    pub cells: Vec<Cell>,
}

/// How a frame was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "named as the opcodes; the transaction's own is CALL or CREATE")]
pub enum FrameKind {
    Call,
    CallCode,
    DelegateCall,
    StaticCall,
    Create,
    Create2,
}

/// What one row of the ledger took at one place in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cell {
    /// The program counter; 0 in a frame that runs no code (a precompile's).
    pub pc: usize,
    /// The opcode at `pc`, which caused the gas; `None` in a frame that runs no code.
    pub opcode: Option<u8>,
    /// Whose work it was.
    pub unit: Unit,
    /// The ledger row's operation: the opcode's mnemonic, the precompile's name, or a named cost.
    pub op: &'static str,
    /// How often; 0 for a further part of an operation counted elsewhere.
    pub count: u64,
    /// What it took.
    pub gas: Gas,
}
