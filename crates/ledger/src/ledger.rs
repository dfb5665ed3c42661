//! A transaction's gas ledger: the intrinsic parts, a row for each operation, the refund and the
//! floor. `intrinsic + Σ rows − refund + floor top-up = gas used`, exactly, on every path.

use alloc::vec::Vec;

use core::{fmt, ops::Deref};

use tandem_coprocessor::Unit;
use tandem_schedule::{Gas, Row};

use crate::rows::Rows;

/// The intrinsic gas, part by part (Yellow Paper, section 6.2; EIP-2930, 3860, 7702).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Intrinsic {
    /// Any transaction.
    pub base: u64,
    /// Creating a contract.
    pub creation: u64,
    /// Zero bytes of calldata.
    pub zero_calldata: u64,
    /// Non-zero bytes of calldata.
    pub nonzero_calldata: u64,
    /// Words of init code.
    pub initcode_words: u64,
    /// Addresses of the access list.
    pub access_list_addresses: u64,
    /// Keys of the access list.
    pub access_list_keys: u64,
    /// Authorizations.
    pub authorizations: u64,
    /// What is known only as a sum, of somebody else's trace; 0 for a transaction that is at hand.
    pub unsplit: u64,
}

impl Intrinsic {
    /// Each part under the name reports give it.
    pub const fn parts(&self) -> [(&'static str, u64); 9] {
        [
            ("base", self.base),
            ("creation", self.creation),
            ("zero_calldata", self.zero_calldata),
            ("nonzero_calldata", self.nonzero_calldata),
            ("initcode_words", self.initcode_words),
            ("access_list_addresses", self.access_list_addresses),
            ("access_list_keys", self.access_list_keys),
            ("authorizations", self.authorizations),
            ("unsplit", self.unsplit),
        ]
    }

    /// Zero and non-zero bytes of calldata together.
    pub const fn calldata(&self) -> u64 {
        self.zero_calldata + self.nonzero_calldata
    }

    /// All parts together.
    pub fn total(&self) -> u64 {
        self.parts().iter().map(|(_, gas)| gas).sum()
    }
}

/// The refund, in gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refund {
    /// The refund counter at the end.
    pub raw: u64,
    /// What was given back: at most a part of the gas used (EIP-3529).
    pub capped: u64,
}

impl Refund {
    /// A refund, in gas.
    pub const fn new(raw: u64, capped: u64) -> Self {
        Self { raw, capped }
    }
}

/// What a transaction's gas came to beside its execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// What was due before the execution.
    pub intrinsic: Intrinsic,
    /// What was given back.
    pub refund: Refund,
    /// What was added to reach the calldata floor (EIP-7623).
    pub floor_top_up: u64,
}

impl Settlement {
    /// A settlement of these parts, in gas.
    pub const fn new(intrinsic: Intrinsic, refund: Refund, floor_top_up: u64) -> Self {
        Self { intrinsic, refund, floor_top_up }
    }
}

/// Who got which gas of a transaction: its [`Settlement`], whose fields are the ledger's too, and rows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    rows: Rows,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settlement { intrinsic, refund, floor_top_up } = **self;
        f.debug_struct("Ledger")
            .field("intrinsic", &intrinsic)
            .field("rows", &self.rows())
            .field("refund", &refund)
            .field("floor_top_up", &floor_top_up)
            .finish()
    }
}

impl Deref for Ledger {
    type Target = Settlement;

    fn deref(&self) -> &Settlement {
        self.rows.settlement()
    }
}

impl From<Rows> for Ledger {
    fn from(rows: Rows) -> Self {
        Self { rows }
    }
}

impl Ledger {
    /// A ledger of these parts.
    pub fn new(intrinsic: Intrinsic, rows: Vec<Row>, refund: Refund, floor_top_up: u64) -> Self {
        Rows::made(Settlement::new(intrinsic, refund, floor_top_up), rows).into()
    }

    /// The execution, a row for each unit and operation. The first call makes them, in the time it
    /// takes to walk the code that ran; or the machine's next transaction, while the ledger is held.
    pub fn rows(&self) -> &[Row] {
        self.rows.get()
    }

    /// The gas of the execution: all rows.
    pub fn execution_gas(&self) -> u64 {
        self.rows().iter().map(|row| row.gas.total()).sum()
    }

    /// The glue's part of the execution.
    pub fn glue_gas(&self) -> u64 {
        self.unit_gas(Unit::Glue).total()
    }

    /// The coprocessors' part of the execution: every unit but the glue.
    pub fn coprocessor_gas(&self) -> u64 {
        self.execution_gas() - self.glue_gas()
    }

    /// One unit's part of the execution.
    pub fn unit_gas(&self, unit: Unit) -> Gas {
        let rows = self.rows().iter().filter(|row| row.unit == unit);
        rows.fold(Gas::default(), |sum, row| Gas {
            execution: sum.execution + row.gas.execution,
            state: sum.state + row.gas.state,
        })
    }

    /// What the parts add up to; equal to the transaction's gas used.
    pub fn gas_used(&self) -> u64 {
        (self.intrinsic.total() + self.execution_gas()).saturating_sub(self.refund.capped)
            + self.floor_top_up
    }
}
