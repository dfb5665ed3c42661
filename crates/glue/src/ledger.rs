//! The ledger: who got which gas. One row per (unit, operation), with count and gas.
//!
//! Coprocessor requests, memory growth and burnt gas are posted as they are charged. The glue's own
//! opcodes are not counted one by one: a metered machine notes at each taken jump and at each
//! frame's end which stretch of code ran, and the rows follow from the code. Off, none of it runs.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use tandem_coprocessor::{Op, Unit};

use tandem_schedule::{Schedule, op, opcode};

use crate::{Code, Halt, code::push_len};

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
}

/// Where a charge is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowId(u16);

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
    const OPS: usize = 256;
    const NAMED: usize = Self::OPS + Op::ALL.len();
    const HALTS: usize = Self::NAMED + NAMED.len();
    const COUNT: usize = Self::HALTS + Unit::ALL.len() * Halt::ALL.len();

    pub(crate) const MEMORY_GROWTH: Self = Self(Self::NAMED as u16);
    pub(crate) const CODE_DEPOSIT: Self = Self(Self::NAMED as u16 + 1);
    pub(crate) const CREATE2_HASH: Self = Self(Self::NAMED as u16 + 2);
    pub(crate) const EXTCODECOPY_WORDS: Self = Self(Self::NAMED as u16 + 3);
    pub(crate) const CREATE_WORDS: Self = Self(Self::NAMED as u16 + 4);
    pub(crate) const CREATE2_WORDS: Self = Self(Self::NAMED as u16 + 5);

    /// An opcode under its own unit.
    pub(crate) const fn opcode(byte: u8) -> Self {
        Self(byte as u16)
    }

    /// A precompile.
    pub(crate) const fn precompile(op: Op) -> Self {
        Self((Self::OPS + op as usize) as u16)
    }

    /// Gas burnt by a halt.
    pub(crate) const fn halt(unit: Unit, halt: Halt) -> Self {
        Self((Self::HALTS + unit as usize * Halt::ALL.len() + halt as usize) as u16)
    }

    /// The row's unit and operation.
    pub(crate) fn name(self) -> (Unit, &'static str) {
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
        } else {
            opcode(id as u8).map_or((Unit::Glue, "INVALID"), |row| (row.unit, row.name))
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    gas: u64,
}

/// How often each byte of a code was run through, as differences: the running sum is the count.
#[derive(Debug)]
struct Profile {
    code: Arc<Code>,
    differences: Vec<i32>,
}

/// Collects one transaction's rows.
#[derive(Debug)]
pub(crate) struct Meter {
    tallies: Box<[Tally; RowId::COUNT]>,
    profiles: Vec<Profile>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { tallies: Box::new([Tally::default(); RowId::COUNT]), profiles: Vec::new() }
    }

    /// Books `count` operations and their gas.
    pub(crate) fn post(&mut self, row: RowId, count: u64, gas: u64) {
        let tally = &mut self.tallies[usize::from(row.0)];
        tally.count += count;
        tally.gas += gas;
    }

    /// Makes room for a code that is about to run for the first time in this transaction.
    pub(crate) fn open(&mut self, code: Arc<Code>) {
        let differences = vec![0; code.bytes.len() + 1];
        self.profiles.push(Profile { code, differences });
    }

    /// Notes that the opcodes from `start` up to `end`, exclusive, ran in the `code`th code opened.
    #[inline(always)]
    pub(crate) fn ran(&mut self, code: usize, start: usize, end: usize) {
        let differences = &mut self.profiles[code].differences;
        // The STOP behind the end of the code is no opcode of it.
        let end = end.min(differences.len() - 1);
        differences[start] = differences[start].wrapping_add(1);
        differences[end] = differences[end].wrapping_sub(1);
    }

    /// Closes the last code opened, which will not run again: init code.
    pub(crate) fn close_last(&mut self, schedule: &Schedule) {
        if let Some(profile) = self.profiles.pop() {
            self.book(&profile, schedule);
        }
    }

    /// The rows so far, and none are left.
    pub(crate) fn take_rows(&mut self, schedule: &Schedule) -> Vec<Row> {
        for profile in core::mem::take(&mut self.profiles) {
            self.book(&profile, schedule);
        }
        let mut rows = Vec::new();
        for (id, tally) in self.tallies.iter_mut().enumerate() {
            let Tally { count, gas } = core::mem::take(tally);
            if count > 0 || gas > 0 {
                let (unit, op) = RowId(id as u16).name();
                rows.push(Row { unit, op, count, gas: Gas { execution: gas, state: 0 } });
            }
        }
        rows
    }

    fn book(&mut self, profile: &Profile, schedule: &Schedule) {
        let bytes = &profile.code.bytes;
        let (mut pc, mut count, mut summed) = (0, 0_i32, 0);
        while pc < bytes.len() {
            // A stretch starts and ends at opcodes, but one may end behind data cut off by the end.
            while summed <= pc {
                count = count.wrapping_add(profile.differences[summed]);
                summed += 1;
            }
            let byte = bytes[pc];
            let glue = opcode(byte)
                .is_some_and(|row| row.unit == Unit::Glue && row.since <= schedule.fork);
            if count != 0 && glue && byte != op::INVALID {
                let count = u64::from(count as u32);
                self.post(
                    RowId::opcode(byte),
                    count,
                    count * u64::from(schedule.base[byte as usize]),
                );
            }
            pc += 1 + push_len(byte);
        }
    }
}
