//! Paying for memory: what its growth costs, and ranges of it that are paid for. The bytes are in
//! `tandem_memory`.

use tandem_coprocessor::{Unit, primitives::U256};

use tandem_schedule::Halt;

use crate::machine::{Ip, Machine};

/// No frame can pay for more: at 4 GiB the quadratic part alone is 2^45 gas.
const LIMIT: u64 = 1 << 32;

/// A range of the running frame's memory, paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

impl Machine {
    /// Pays for memory up to `offset + len` and makes it addressable (Yellow Paper, appendix H).
    /// Returns the range and the gas left.
    pub(crate) fn range(&mut self, gas: i64, offset: &U256, len: &U256) -> Option<(Range, i64)> {
        if len.is_zero() {
            return Some((Range::default(), gas));
        }
        let bounds = u64::try_from(offset).ok().zip(u64::try_from(len).ok());
        let end = bounds.map_or(u64::MAX, |(offset, len)| offset.saturating_add(len));
        let Some((offset, len)) = bounds.filter(|_| end <= LIMIT) else {
            return self.fail(Halt::OutOfGas, Unit::Glue, gas);
        };
        let range = Range { offset: offset as usize, len: len as usize };
        if end as usize <= self.memory_len {
            return Some((range, gas));
        }
        Some((range, self.grow(gas, end as usize)?))
    }

    /// Makes memory of at least `end` bytes for the opcode at `ip`, which paid its static gas and will
    /// run again: `gas` and what is returned are as before that payment.
    pub(crate) fn grow_for(&mut self, ip: Ip, gas: i64, end: usize) -> Option<i64> {
        // SAFETY: an instruction pointer stands in its code's image.
        let upfront = self.upfront[usize::from(unsafe { *ip })];
        Some(self.grow(gas - upfront, end)? + upfront)
    }

    /// Pays for and makes memory of at least `end` bytes; for `end` beyond the current length, or registers just
    /// added. What that costs is posted when the frame ends.
    #[inline]
    pub(crate) fn grow(&mut self, gas: i64, end: usize) -> Option<i64> {
        let len = end.next_multiple_of(32);
        let cost = self.memory_cost(len);
        let growth = cost - self.memory_paid;
        if growth > gas as u64 {
            return self.fail(Halt::OutOfGas, Unit::Glue, gas);
        }
        (self.memory_paid, self.growths) = (cost, self.growths + 1);
        let start = self.frame().memory_start;
        self.memory.reach(start + len);
        self.memory_at = self.memory.at(start);
        self.memory_len = len;
        Some(gas - growth as i64)
    }

    /// What memory of `len` bytes and the frame's registers cost.
    pub(crate) fn memory_cost(&self, len: usize) -> u64 {
        self.schedule.memory(len + self.register_bytes)
    }
}
