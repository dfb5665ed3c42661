//! The memory of all frames: one buffer, in which each frame's memory starts where its caller's
//! ends. Calldata of the transaction lies in front of the first frame's. Prices of growth are here
//! too, since nothing else pays them.

use alloc::{vec, vec::Vec};

use tandem_coprocessor::{Unit, primitives::U256};

use tandem_schedule::{Halt, RowId};

use crate::machine::Machine;

/// No frame can pay for more: at 4 GiB the quadratic part alone is 2^45 gas.
const LIMIT: u64 = 1 << 32;

/// The buffer. Bytes from `clean` on are zero.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    buffer: Vec<u8>,
    clean: usize,
}

impl Memory {
    /// A larger buffer is given back after the transaction that needed it.
    const KEPT: usize = 4 << 20;

    /// Starts over with the transaction's calldata in front.
    pub(crate) fn reset(&mut self, calldata: &[u8]) {
        if self.buffer.len() > Self::KEPT {
            *self = Self::default();
        }
        self.reserve(calldata.len());
        self.buffer[..calldata.len()].copy_from_slice(calldata);
        self.clean = self.clean.max(calldata.len());
    }

    /// Makes `from..to` zero and addressable.
    fn extend(&mut self, from: usize, to: usize) {
        self.reserve(to);
        let dirty = self.clean.min(to);
        if from < dirty {
            self.buffer[from..dirty].fill(0);
        }
        self.clean = self.clean.max(to);
    }

    /// Makes the buffer reach `to`. A new buffer comes zeroed from the system, page by page as it is
    /// touched, and pages of zeros are not copied: deep calls with memories that are large but empty
    /// stay cheap.
    fn reserve(&mut self, to: usize) {
        const PAGE: usize = 4096;
        static ZEROS: [u8; PAGE] = [0; PAGE];
        if to <= self.buffer.len() {
            return;
        }
        let mut buffer = vec![0; (2 * to).next_multiple_of(PAGE)];
        for (old, new) in self.buffer[..self.clean].chunks(PAGE).zip(buffer.chunks_mut(PAGE)) {
            if *old != ZEROS[..old.len()] {
                new[..old.len()].copy_from_slice(old);
            }
        }
        self.buffer = buffer;
    }

    pub(crate) fn at(&mut self, start: usize) -> *mut u8 {
        self.buffer[start..].as_mut_ptr()
    }

    pub(crate) fn bytes(&self, start: usize, len: usize) -> &[u8] {
        &self.buffer[start..start + len]
    }

    pub(crate) fn bytes_mut(&mut self, start: usize, len: usize) -> &mut [u8] {
        &mut self.buffer[start..start + len]
    }

    pub(crate) fn copy_within(&mut self, from: usize, to: usize, len: usize) {
        self.buffer.copy_within(from..from + len, to);
    }
}

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

    /// Pays for and makes memory of at least `end` bytes; for `end` beyond the current length.
    #[inline(never)]
    pub(crate) fn grow(&mut self, gas: i64, end: usize) -> Option<i64> {
        let len = end.next_multiple_of(32);
        let price = self.memory_price(len) - self.memory_price(self.memory_len);
        let gas = self.charge(gas, RowId::MEMORY_GROWTH, price)?;
        let start = self.frame().memory_start;
        self.memory.extend(start + self.memory_len, start + len);
        self.memory_at = self.memory.at(start);
        self.memory_len = len;
        Some(gas)
    }

    pub(crate) fn memory_price(&self, len: usize) -> u64 {
        let words = (len + self.register_bytes).div_ceil(32) as u64;
        self.schedule.memory_word * words + words * words / 512
    }
}
