//! Which parts of codes ran, and from that how often each opcode did. Kept by stretches between taken
//! jumps, so that an execution notes one thing a jump and nothing an opcode.
//!
//! The first stretches of a transaction are noted as they are, since a short transaction is not to
//! walk all of a long code. A long one then counts, by byte of the code, how many more stretches
//! start than end there: the running sum is how often a byte was run through.

use alloc::{sync::Arc, vec, vec::Vec};

use tandem_code::Code;
use tandem_schedule::op;

/// A stretch of a code that ran, from a byte up to another, exclusive. In this order, since a copy of two
/// fields at once would wait for the one written last.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Stretch {
    start: usize,
    end: usize,
    code: usize,
}

/// A code, and where more of its stretches start than end; empty while none of them is counted.
#[derive(Debug)]
struct Profile {
    code: Arc<Code>,
    differences: Vec<i32>,
}

impl Profile {
    /// The differences, of which there are none yet if the code's stretches are not counted so.
    fn take_differences(&mut self, counting: bool) -> Vec<i32> {
        // Stretches that start among immediates are not on one walk with the others.
        if counting && self.code.is_aligned && self.differences.is_empty() {
            return vec![0; self.code.bytes.len() + 1];
        }
        core::mem::take(&mut self.differences)
    }
}

/// The stretches of a transaction.
#[derive(Debug)]
pub(crate) struct Profiles {
    /// Those noted as they are.
    first: Vec<Stretch>,
    profiles: Vec<Profile>,
    /// The running code, and where its running stretch started: [`Self::COUNTED`] if that was counted.
    code: usize,
    start: usize,
    /// The running code's differences, if stretches are counted by now.
    differences: Vec<i32>,
    counting: bool,
    /// How often each opcode ran, whoever's it is, as far as that is known.
    /// In lanes, since one sum waits for the one before to the same place.
    ran: [[u64; LANES]; 256],
}

const LANES: usize = 4;

impl Profiles {
    /// So many stretches are noted as they are.
    const FIRST: usize = 1024;
    const COUNTED: usize = usize::MAX;

    pub(crate) fn new() -> Self {
        Self {
            first: Vec::with_capacity(Self::FIRST),
            profiles: Vec::new(),
            code: 0,
            start: Self::COUNTED,
            differences: Vec::new(),
            counting: false,
            ran: [[0; LANES]; 256],
        }
    }

    /// Whether there is anything to be taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.profiles.is_empty()
    }

    pub(crate) fn open(&mut self, code: Arc<Code>) {
        self.profiles.push(Profile { code, differences: Vec::new() });
    }

    /// Leaves the running code, to come back to it: returns where its stretch started.
    pub(crate) fn suspend(&mut self) -> usize {
        self.put_back();
        self.start
    }

    /// Goes on in a code: where a stretch starts, or in one that was suspended.
    pub(crate) fn resume(&mut self, code: usize, start: usize) {
        (self.code, self.start) = (code, start);
        self.differences = self.profiles[code].take_differences(self.counting);
        if start < self.differences.len() {
            self.differences[start] = self.differences[start].wrapping_add(1);
            self.start = Self::COUNTED;
        }
    }

    /// Ends a stretch and starts another in the same code. True if [`count`](Self::count) has to be
    /// called before the next.
    #[inline(always)]
    pub(crate) fn jump(&mut self, end: usize, next: usize) -> bool {
        let len = self.differences.len();
        if end < len && next < len {
            self.differences[end] = self.differences[end].wrapping_sub(1);
            self.differences[next] = self.differences[next].wrapping_add(1);
            return false;
        }
        if self.first.len() < self.first.capacity() {
            self.first.push(Stretch { code: self.code, start: self.start, end });
        }
        self.start = next;
        self.first.len() == self.first.capacity()
    }

    /// Ends the running code's last stretch.
    pub(crate) fn leave(&mut self, end: usize) {
        let len = self.profiles[self.code].code.bytes.len();
        // The STOP behind the end is none of the code's bytes.
        self.ran[op::STOP as usize][0] += u64::from(end > len);
        if self.jump(end.min(len), 0) {
            self.count();
        }
        if let Some(difference) = self.differences.first_mut() {
            *difference = difference.wrapping_sub(1);
        }
        self.start = Self::COUNTED;
        self.put_back();
    }

    fn put_back(&mut self) {
        if !self.differences.is_empty() {
            self.profiles[self.code].differences = core::mem::take(&mut self.differences);
        }
    }

    /// Counts from here on, and all that was noted.
    #[cold]
    pub(crate) fn count(&mut self) {
        self.put_back();
        self.counting = true;
        for n in 0..self.first.len() {
            self.settle(self.first[n], true);
        }
        self.first.clear();
        self.resume(self.code, self.start);
    }

    /// Adds the opcodes of a stretch, which ran so often.
    fn walk(&mut self, code: usize, start: usize, end: usize, times: u64) {
        let ran = &mut self.ran;
        let mut lane = 0;
        self.profiles[code].code.for_each_opcode(start, end, |byte| {
            ran[usize::from(byte)][lane] += times;
            lane = (lane + 1) % LANES;
        });
    }

    /// Closes the last code opened, which will not run again and is not running: init code.
    pub(crate) fn close_last(&mut self) {
        let last = self.profiles.len() - 1;
        self.sum(last);
        self.first.retain(|stretch| stretch.code != last);
        self.profiles.truncate(last);
    }

    /// Adds up what ran of a code.
    fn sum(&mut self, code: usize) {
        let len = self.profiles[code].code.bytes.len();
        let mut noted = 0;
        for stretch in self.first.iter().filter(|stretch| stretch.code == code) {
            noted += stretch.end - stretch.start;
        }
        // Once through the code is shorter then.
        let counts = noted > len;
        for n in 0..self.first.len() {
            if self.first[n].code == code {
                self.settle(self.first[n], counts);
            }
        }
        let differences = core::mem::take(&mut self.profiles[code].differences);
        let (mut start, mut times) = (0, 0_i32);
        for (pc, difference) in differences.iter().enumerate() {
            if *difference == 0 {
                continue;
            }
            if times != 0 {
                self.walk(code, start, pc, u64::from(times as u32));
            }
            (start, times) = (pc, times.wrapping_add(*difference));
        }
    }

    /// Adds a stretch to the differences, or to what ran where it cannot be.
    fn settle(&mut self, Stretch { code, start, end }: Stretch, counts: bool) {
        let profile = &mut self.profiles[code];
        if !counts && profile.differences.is_empty() {
            return self.walk(code, start, end, 1);
        }
        let mut differences = profile.take_differences(true);
        if differences.is_empty() {
            return self.walk(code, start, end, 1);
        }
        differences[start] = differences[start].wrapping_add(1);
        differences[end] = differences[end].wrapping_sub(1);
        profile.differences = differences;
    }

    /// Calls `f` with each opcode that ran in the transaction, which is over, and how often it did.
    /// Nothing is left of it.
    #[inline(never)]
    pub(crate) fn take(&mut self, mut f: impl FnMut(u8, u64)) {
        for code in 0..self.profiles.len() {
            self.sum(code);
        }
        self.first.clear();
        self.profiles.clear();
        self.differences.clear();
        (self.counting, self.start) = (false, Self::COUNTED);
        for (row, bytes) in self.ran.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            if bytes.as_flattened().iter().fold(0, |all, count| all | count) == 0 {
                continue;
            }
            for (column, lanes) in bytes.iter_mut().enumerate() {
                let count = core::mem::take(lanes).iter().sum();
                if count > 0 {
                    f((16 * row + column) as u8, count);
                }
            }
        }
    }
}
