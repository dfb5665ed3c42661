//! The rows of the ledger: what is counted, under whose name. Counting is the glue's.

use tandem_coprocessor::{Op, Unit};

use crate::{Extension, Halt, Opcode, opcode, prefixed};

/// Gas as a vector: newer forks price two resources (EIP-8037). Forks up to Osaka charge execution
/// gas only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gas {
    /// Gas for executing.
    pub execution: u64,
    /// Gas for making the state grow.
    pub state: u64,
}

impl Gas {
    /// Both together.
    pub const fn total(self) -> u64 {
        self.execution.saturating_add(self.state)
    }
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Whose work it was.
    pub unit: Unit,
    /// The opcode's mnemonic, the precompile's name, or one of the few named costs.
    pub op: &'static str,
    /// How often.
    pub count: u64,
    /// What it took.
    pub gas: Gas,
    /// How long coprocessors worked for it, the cost of the clock taken off; 0 unless timed.
    pub nanoseconds: u64,
}

impl Row {
    /// A row that was not timed.
    pub const fn new(unit: Unit, op: &'static str, count: u64, gas: Gas) -> Self {
        Self { unit, op, count, gas, nanoseconds: 0 }
    }
}

/// Where a charge is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowId(u16);

/// Rows that are neither an opcode of its own unit nor a coprocessor's operation.
const NAMED: [(Unit, &str); 6] = [
    (Unit::Glue, "memory growth"),
    (Unit::State, "code deposit"),
    (Unit::Hash, "CREATE2"),
    (Unit::Glue, "EXTCODECOPY"),
    (Unit::Glue, "CREATE"),
    (Unit::Glue, "CREATE2"),
];

impl RowId {
    const PREFIXED: usize = 256;
    /// Of the bytes behind the prefix, those of SIMD's opcodes have rows: 0xb0 to 0xcf.
    const FIRST_PREFIXED: u8 = 0xb0;
    const OPS: usize = Self::PREFIXED + 0x20;
    const NAMED: usize = Self::OPS + Op::ALL.len();
    const HALTS: usize = Self::NAMED + NAMED.len();
    /// How many rows there may be.
    pub const COUNT: usize = Self::HALTS + Unit::ALL.len() * Halt::ALL.len();

    /// Growth of a frame's memory.
    pub const MEMORY_GROWTH: Self = Self(Self::NAMED as u16);
    /// A created contract's code.
    pub const CODE_DEPOSIT: Self = Self(Self::NAMED as u16 + 1);
    /// Words that CREATE2 hashes.
    pub const CREATE2_HASH: Self = Self(Self::NAMED as u16 + 2);
    /// Words that EXTCODECOPY copies.
    pub const EXTCODECOPY_WORDS: Self = Self(Self::NAMED as u16 + 3);
    /// Words of CREATE's init code.
    pub const CREATE_WORDS: Self = Self(Self::NAMED as u16 + 4);
    /// Words of CREATE2's init code.
    pub const CREATE2_WORDS: Self = Self(Self::NAMED as u16 + 5);

    /// An opcode under its own unit.
    pub const fn opcode(byte: u8) -> Self {
        Self(byte as u16)
    }

    /// An opcode behind the prefix, which EVM-MAX's share with their plain form.
    pub const fn prefixed(byte: u8) -> Self {
        match byte {
            0xd0..=0xd5 => Self::opcode(byte - 0x10),
            _ => Self(Self::PREFIXED as u16 + (byte - Self::FIRST_PREFIXED) as u16 % 0x20),
        }
    }

    /// An extension's instruction, given as [`Schedule::instruction_gas`](crate::Schedule::instruction_gas)
    /// takes it.
    pub const fn instruction(row: &Opcode, byte: u8) -> Self {
        match row.extension {
            Some(Extension::Simd) => Self::prefixed(byte),
            _ => Self::opcode(byte),
        }
    }

    /// A precompile.
    pub const fn precompile(op: Op) -> Self {
        Self((Self::OPS + op as usize) as u16)
    }

    /// Gas burnt by a halt.
    pub const fn halt(unit: Unit, halt: Halt) -> Self {
        Self((Self::HALTS + unit as usize * Halt::ALL.len() + halt as usize) as u16)
    }

    /// The row of an index below [`COUNT`](Self::COUNT).
    pub const fn from_index(index: usize) -> Self {
        Self(index as u16)
    }

    /// The row's index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The row's unit and operation.
    pub fn name(self) -> (Unit, &'static str) {
        let id = usize::from(self.0);
        if id >= Self::HALTS {
            let (unit, halt) =
                ((id - Self::HALTS) / Halt::ALL.len(), (id - Self::HALTS) % Halt::ALL.len());
            (Unit::ALL[unit], Halt::ALL[halt].row_name())
        } else if id >= Self::NAMED {
            NAMED[id - Self::NAMED]
        } else if id >= Self::OPS {
            let op = Op::ALL[id - Self::OPS];
            (op.unit(), op.name())
        } else if id >= Self::PREFIXED {
            let row = prefixed((id - Self::PREFIXED) as u8 + Self::FIRST_PREFIXED);
            row.map_or((Unit::Lanes, "INVALID"), |row| (row.unit, row.name))
        } else {
            opcode(id as u8).map_or((Unit::Glue, "INVALID"), |row| (row.unit, row.name))
        }
    }
}
