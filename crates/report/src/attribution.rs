//! Where a transaction's gas went, call frame by call frame and opcode by opcode: the grain from which
//! every view (by unit, opcode, frame, contract, selector, program counter) is summed. How it is found,
//! from an execution or from somebody else's trace, is in `collector`; how it is shown, in the formats.

use std::collections::BTreeMap;

use tandem_evm::{
    Fork, Gas, Intrinsic, Ledger, Refund, Row, RowId, Status, Unit, opcode, prefixed,
    primitives::{Address, FixedBytes},
};

use crate::Breakdown;

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
    /// What could not be told, a sentence each: a trace may lack it. Empty for an execution.
    pub notes: Vec<String>,
}

impl Attribution {
    /// The frames of a transaction whose breakdown is known otherwise.
    pub fn new(breakdown: &Breakdown, frames: Vec<CallFrame>) -> Self {
        let ledger = &breakdown.ledger;
        Self {
            name: breakdown.name.clone(),
            fork: breakdown.fork,
            status: breakdown.status,
            gas_limit: breakdown.gas_limit,
            gas_used: breakdown.gas_used,
            intrinsic: ledger.intrinsic,
            refund: ledger.refund,
            floor_top_up: ledger.floor_top_up,
            frames,
            notes: Vec::new(),
        }
    }

    /// The same without frames.
    pub fn breakdown(&self) -> Breakdown {
        Breakdown {
            name: self.name.clone(),
            fork: self.fork,
            status: self.status,
            gas_limit: self.gas_limit,
            gas_used: self.gas_used,
            ledger: self.ledger(),
        }
    }

    /// Names the transaction.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The ledger's rows, in its order: the cells of all frames, summed.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = BTreeMap::new();
        for cell in self.frames.iter().flat_map(|frame| &frame.cells) {
            let sum: &mut (u64, Gas) = rows.entry((cell.unit, cell.op)).or_default();
            sum.0 += cell.count;
            sum.1.execution += cell.gas.execution;
            sum.1.state += cell.gas.state;
        }
        let known = (0..RowId::COUNT).filter_map(|id| {
            let (unit, op) = RowId::from_index(id).name();
            let (count, gas) = rows.remove(&(unit, op))?;
            Some(Row::new(unit, op, count, gas))
        });
        known.collect()
    }

    /// The same without places.
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.intrinsic, self.rows(), self.refund, self.floor_top_up)
    }
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

impl CallFrame {
    /// A frame about which nothing else is known yet.
    pub fn new(parent: Option<usize>, kind: FrameKind) -> Self {
        Self {
            parent,
            kind,
            address: Address::ZERO,
            code_address: Address::ZERO,
            selector: None,
            status: Status::Success,
            cells: Vec::new(),
        }
    }

    /// The operation of a precompile, if the frame is a call to one: it runs no code.
    pub fn precompile(&self) -> Option<&'static str> {
        let op = self.cells.first()?.op;
        self.cells.iter().all(|cell| cell.opcode.is_none()).then_some(op)
    }

    /// What it spent itself, in gas.
    pub fn gas(&self) -> u64 {
        self.cells.iter().map(|cell| cell.gas.total()).sum()
    }
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

impl FrameKind {
    /// The opcode's mnemonic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "CALL",
            Self::CallCode => "CALLCODE",
            Self::DelegateCall => "DELEGATECALL",
            Self::StaticCall => "STATICCALL",
            Self::Create => "CREATE",
            Self::Create2 => "CREATE2",
        }
    }

    /// Whether the frame runs init code.
    pub const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Create2)
    }
}

/// What one row of the ledger took at one place in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cell {
    /// The program counter; 0 in a frame that runs no code (a precompile's).
    pub pc: usize,
    /// The opcode at `pc`, which caused the gas; `None` in a frame that runs no code.
    pub opcode: Option<u8>,
    /// The byte behind it, if it is the prefix of an extension's opcode.
    pub behind_prefix: Option<u8>,
    /// Whose work it was.
    pub unit: Unit,
    /// The ledger row's operation: the opcode's mnemonic, the precompile's name, or a named cost.
    pub op: &'static str,
    /// How often; 0 for a further part of an operation counted elsewhere.
    pub count: u64,
    /// What it took.
    pub gas: Gas,
}

impl Cell {
    /// What `row` took at `pc`, where `opcode` is.
    pub const fn new(pc: usize, opcode: Option<u8>, row: &Row) -> Self {
        Self {
            pc,
            opcode,
            behind_prefix: None,
            unit: row.unit,
            op: row.op,
            count: row.count,
            gas: row.gas,
        }
    }

    /// The mnemonic of what stands at `pc`, `INVALID` for a byte that is no opcode; `None` in a frame
    /// that runs no code.
    pub fn mnemonic(&self) -> Option<&'static str> {
        let row = self.behind_prefix.map_or_else(|| opcode(self.opcode?), prefixed);
        self.opcode.map(|_| row.map_or("INVALID", |row| row.name))
    }
}
