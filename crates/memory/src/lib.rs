//! The memory of all frames of a transaction: one buffer, in which each frame's memory starts where its
//! caller's ends. Calldata of the transaction lies in front of the first frame's. What memory costs is
//! the glue's.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{vec, vec::Vec};

/// Bytes that the system hands out at a time.
const PAGE: usize = 4096;
static ZEROS: [u8; PAGE] = [0; PAGE];

/// The buffer. Zero are the bytes from the running frame's end up to `zeroed`, and from `dirty` on.
#[derive(Debug, Default)]
pub struct Memory {
    buffer: Vec<u8>,
    zeroed: usize,
    dirty: usize,
    calldata_len: usize,
}

impl Memory {
    /// A larger buffer is given back after the transaction that needed it.
    const KEPT: usize = 32 << 20;
    /// The first buffer: small, so that the heap finds it room whose pages were touched before.
    const LEAST: usize = 16 << 10;
    /// A larger one is made at least this large, so that it seldom has to be copied; its pages take room
    /// only when they are touched.
    const MUCH: usize = 256 << 10;
    /// What is made zero in advance, so that memory that grows word by word seldom asks.
    const AHEAD: usize = 1024;

    /// Starts over with the transaction's calldata in front; the last one's frame ended at `ended`.
    pub fn reset(&mut self, calldata: &[u8], ended: usize) {
        if self.buffer.capacity() > Self::KEPT {
            *self = Self::default();
        }
        self.resume(0, ended.max(self.calldata_len));
        self.calldata_len = calldata.len();
        if !calldata.is_empty() {
            self.reach(calldata.len());
            self.buffer[..calldata.len()].copy_from_slice(calldata);
        }
    }

    /// Goes on with a frame whose memory ends at `end`, after one whose memory ended at `ended`.
    #[inline]
    pub fn resume(&mut self, end: usize, ended: usize) {
        if self.zeroed >= self.dirty {
            self.dirty = ended;
        }
        self.zeroed = end;
    }

    /// Makes what lies before `end` addressable, and zero if it is new to the frame.
    #[inline]
    pub fn reach(&mut self, end: usize) {
        if end > self.zeroed {
            self.extend(end);
        }
    }

    #[inline(never)]
    fn extend(&mut self, end: usize) {
        if end > self.buffer.len() {
            self.grow(end);
        }
        if self.zeroed < self.dirty {
            let to = self.dirty.min(end + Self::AHEAD).min(self.buffer.len());
            self.buffer[self.zeroed..to].fill(0);
            self.zeroed = to;
        }
        if self.zeroed >= self.dirty {
            self.zeroed = self.buffer.len();
        }
    }

    /// Little more is filled with zeros, page by page, in a buffer that the system enlarges without copying
    /// it. Much more is taken from a new buffer, which comes zeroed from the system as it is touched, and
    /// pages of zeros are not copied: deep calls with memories that are large but empty stay cheap.
    fn grow(&mut self, end: usize) {
        let room = match end {
            ..=Self::LEAST => Self::LEAST,
            _ => (2 * end).max(Self::MUCH).next_multiple_of(PAGE),
        };
        let len = end.next_multiple_of(PAGE);
        if len - self.buffer.len() < Self::MUCH {
            if len > self.buffer.capacity() {
                self.buffer.reserve_exact(room - self.buffer.len());
            }
            self.buffer.resize(len, 0);
            return;
        }
        let mut buffer = vec![0; room];
        let pages = self.buffer[..self.zeroed].chunks(PAGE);
        for (old, new) in pages.zip(buffer.chunks_mut(PAGE)) {
            if *old != ZEROS[..old.len()] {
                new[..old.len()].copy_from_slice(old);
            }
        }
        (self.buffer, self.dirty) = (buffer, 0);
    }

    /// Where byte `start` lies, until the buffer has to [`reach`](Self::reach) farther. The pointer is the
    /// buffer's own, so that it stays good when references to bytes come and go.
    ///
    /// # Panics
    /// As this and the next do if the bytes were never within reach.
    #[inline]
    pub fn at(&mut self, start: usize) -> *mut u8 {
        assert!(start <= self.buffer.len(), "out of reach");
        self.buffer.as_mut_ptr().wrapping_add(start)
    }

    /// `len` bytes.
    #[inline]
    pub fn bytes(&self, start: usize, len: usize) -> &[u8] {
        &self.buffer[start..start + len]
    }

    /// `len` bytes, if they are there.
    #[inline]
    pub fn get(&self, start: usize, len: usize) -> Option<&[u8]> {
        self.buffer.get(start..)?.get(..len)
    }

    /// `len` bytes, to be written.
    #[inline]
    pub fn bytes_mut(&mut self, start: usize, len: usize) -> &mut [u8] {
        &mut self.buffer[start..start + len]
    }

    /// Copies `len` bytes; the two ranges may overlap.
    #[inline]
    pub fn copy_within(&mut self, from: usize, to: usize, len: usize) {
        self.buffer.copy_within(from..from + len, to);
    }
}

#[cfg(test)]
mod tests;
