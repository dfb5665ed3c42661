//! Which parts of a code ran, and from that how often each opcode did. Kept by stretches between taken
//! jumps, so that an execution notes one thing a jump and nothing an opcode.

use alloc::{sync::Arc, vec, vec::Vec};

use tandem_code::Code;
use tandem_schedule::op;

/// The stretches of a code that ran.
#[derive(Debug)]
pub(crate) struct Profile {
    code: Arc<Code>,
    /// The first ones, as they were: a short transaction is not to walk all of a long code.
    first: Vec<(usize, usize)>,
    /// The others, as differences by byte: the running sum is how often a byte was run through.
    others: Vec<i32>,
    /// How often the STOP behind the end ran, which is none of the code's bytes.
    stops: u64,
}

impl Profile {
    const FIRST: usize = 64;

    /// Nothing of the code ran yet.
    pub(crate) fn new(code: Arc<Code>) -> Self {
        Self { code, first: Vec::new(), others: Vec::new(), stops: 0 }
    }

    /// Notes that the opcodes from `start` up to `end`, exclusive, ran.
    #[inline]
    pub(crate) fn ran(&mut self, start: usize, end: usize) {
        self.stops += u64::from(end > self.code.bytes.len());
        let end = end.min(self.code.bytes.len());
        // Stretches that start among immediates are not on one walk with the others.
        if self.first.len() < Self::FIRST || !self.code.is_aligned {
            return self.first.push((start, end));
        }
        if self.others.is_empty() {
            self.others = vec![0; self.code.bytes.len() + 1];
        }
        self.others[start] = self.others[start].wrapping_add(1);
        self.others[end] = self.others[end].wrapping_sub(1);
    }

    /// Adds how often each opcode ran.
    pub(crate) fn count(&self, counts: &mut [u64; 256]) {
        let bytes = &self.code.bytes;
        counts[op::STOP as usize] += self.stops;
        for &(mut pc, end) in &self.first {
            while pc < end {
                counts[bytes[pc] as usize] += 1;
                pc += self.code.instruction_len(pc);
            }
        }
        let (mut pc, mut count, mut summed) = (0, 0_i32, 0);
        while pc < bytes.len() && !self.others.is_empty() {
            // A stretch starts and ends at opcodes, but one may end behind data cut off by the end.
            while summed <= pc {
                count = count.wrapping_add(self.others[summed]);
                summed += 1;
            }
            counts[bytes[pc] as usize] += u64::from(count as u32);
            pc += self.code.instruction_len(pc);
        }
    }
}
