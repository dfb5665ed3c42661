//! Which parts of codes ran, and from that how often each opcode did. Kept by stretches between taken
//! jumps, so that an execution notes one thing a jump and nothing an opcode.
//!
//! Notes are only looked at when somebody asks, or when there are many. From then on it is counted, by byte
//! of the code, how many more stretches start than end there: the running sum is how often a byte was
//! run through.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use tandem_code::Code;
use tandem_schedule::op;

/// What is noted, at first: where the running stretch ended, exclusive, and where another starts in the same
/// code; or, marked by `RESUME`, which code is the running one now, and where its stretch started.
type Note = [u32; 2];

const RESUME: u32 = 1 << 31;

const fn resumes(note: &Note) -> bool {
    note[0] & RESUME != 0
}

/// Room for the jumps of most transactions, which then are not counted before somebody asks. Notes are
/// numbered in 16 bits, so that an index needs no check and the last one shows as an overflow.
const NOTES: usize = 1 << 16;

/// The first note: in debug builds there are few, so that tests get to their end.
const FIRST: u16 = if cfg!(debug_assertions) { u16::MAX - 31 } else { 0 };

/// Stretches of one code, from one to the next jump.
struct Run<'n> {
    code: usize,
    start: usize,
    jumps: &'n [Note],
}

impl<'n> Run<'n> {
    /// The runs of notes, of which the first says in which code.
    fn each(notes: &'n [Note]) -> impl Iterator<Item = Self> {
        notes.chunk_by(|_, next| !resumes(next)).filter_map(|run| {
            let (first, jumps) = run.split_first()?;
            Some(Self { code: (first[0] ^ RESUME) as usize, start: first[1] as usize, jumps })
        })
    }

    /// Where the stretch starts that goes on.
    fn rest(&self) -> usize {
        self.jumps.last().map_or(self.start, |last| last[1] as usize)
    }

    /// How many bytes ran.
    fn len(&self) -> usize {
        let ends: usize = self.jumps.iter().map(|note| note[0] as usize).sum();
        let starts: usize = self.jumps.iter().map(|note| note[1] as usize).sum();
        (ends + self.rest()) - (starts + self.start)
    }
}

/// How many more stretches of a code start than end, by byte. By so many bytes that an index of 16 bits needs
/// no check: longer code, which no fork lets on chain, is not counted so.
type Differences = [u64; 1 << 16];

/// Nothing counted, in memory that the system makes when it is touched.
fn no_differences() -> Box<Differences> {
    let zeros = vec![0; 1 << 16].into_boxed_slice();
    zeros.try_into().unwrap_or_else(|_| unreachable!("as long as said"))
}

/// A code, and its differences if it is counted.
#[derive(Debug)]
struct Profile {
    code: Arc<Code>,
    differences: Option<Box<Differences>>,
    /// How many of its bytes ran that are not yet counted.
    noted: usize,
}

impl Profile {
    /// How many differences there are. Data cut off by the code's end may go on for some bytes, all of
    /// which are STOP.
    fn len(&self) -> usize {
        self.code.bytes.len() + 2
    }

    /// Gets ready for counting, if so much was noted that it is worth it.
    fn prepare(&mut self, spare: &mut Vec<Box<Differences>>) {
        if core::mem::take(&mut self.noted) > self.code.bytes.len() {
            self.prepare_to_count(spare);
        }
    }

    fn prepare_to_count(&mut self, spare: &mut Vec<Box<Differences>>) {
        // Stretches that start among immediates are not on one walk with the others.
        let can_be = self.code.is_aligned && self.len() <= 1 << 16;
        if can_be && self.differences.is_none() {
            self.differences = Some(spare.pop().unwrap_or_else(no_differences));
        }
    }

    /// Forgets what was counted.
    fn clear(&mut self, spare: &mut Vec<Box<Differences>>) {
        let len = self.len();
        if let Some(mut differences) = self.differences.take() {
            differences[..len].fill(0);
            spare.push(differences);
        }
    }

    fn settle(&mut self, run: &Run<'_>, ran: &mut Ran) {
        let last = self.len() - 1;
        let Some(differences) = &mut self.differences else {
            let mut start = run.start;
            for jump in run.jumps {
                ran.walk(&self.code, start, jump[0] as usize, 1);
                start = jump[1] as usize;
            }
            return;
        };
        add(differences, run.start, 1);
        for jump in run.jumps {
            add(differences, last.min(jump[0] as usize), -1);
            add(differences, jump[1] as usize, 1);
        }
        add(differences, run.rest(), -1);
    }
}

/// Counts a start or an end.
#[inline(always)]
fn add(differences: &mut Differences, at: usize, difference: i64) {
    let sum = &mut differences[usize::from(at as u16)];
    *sum = sum.wrapping_add_signed(difference);
}

/// The stretches of a transaction.
#[derive(Debug)]
pub(crate) struct Profiles {
    notes: Box<[Note; NOTES]>,
    /// The next note.
    next: u16,
    profiles: Vec<Profile>,
    /// Whether stretches are counted where that can be, rather than noted.
    counting: bool,
    /// Whether any code is counted.
    counted: bool,
    /// The running code, and its differences if it is counted.
    running: usize,
    differences: Option<Box<Differences>>,
    /// Differences for codes to come, none of them counted.
    spare: Vec<Box<Differences>>,
    ran: Ran,
}

impl Profiles {
    /// Where a suspended stretch started that is counted.
    const COUNTED: usize = usize::MAX;

    pub(crate) fn new() -> Self {
        // Asked for as zeros, which the system makes when they are touched.
        let notes = vec![[0; 2]; NOTES].into_boxed_slice();
        let notes = notes.try_into().unwrap_or_else(|_| unreachable!("as long as said"));
        Self {
            notes,
            next: FIRST,
            profiles: Vec::new(),
            counting: false,
            counted: false,
            running: 0,
            differences: None,
            spare: Vec::new(),
            ran: Ran::new(),
        }
    }

    /// Forgets what ran, and all but the first `codes` codes.
    pub(crate) fn begin(&mut self, codes: usize) {
        self.put_back();
        self.clear();
        self.profiles.truncate(codes);
    }

    fn clear(&mut self) {
        (self.next, self.counting) = (FIRST, false);
        self.ran.clear();
        if core::mem::take(&mut self.counted) {
            self.profiles.iter_mut().for_each(|profile| profile.clear(&mut self.spare));
        }
    }

    pub(crate) fn open(&mut self, code: Arc<Code>) {
        self.profiles.push(Profile { code, differences: None, noted: 0 });
    }

    /// Leaves the running code, to come back to it: returns where its stretch started.
    pub(crate) fn suspend(&mut self) -> usize {
        if self.put_back() {
            return Self::COUNTED;
        }
        // There is one: that it was resumed, if no other.
        self.notes[usize::from(self.next.wrapping_sub(1))][1] as usize
    }

    /// Leaves the differences of the running code with it; true if there are any.
    fn put_back(&mut self) -> bool {
        let counted = self.differences.is_some();
        if counted {
            core::mem::swap(&mut self.profiles[self.running].differences, &mut self.differences);
        }
        counted
    }

    /// Goes on in a code: where a stretch starts, or in one that was suspended.
    pub(crate) fn resume(&mut self, code: usize, start: usize) {
        if self.counting {
            self.running = code;
            self.profiles[code].prepare_to_count(&mut self.spare);
            self.counted = true;
            core::mem::swap(&mut self.profiles[code].differences, &mut self.differences);
            if let Some(differences) = &mut self.differences {
                if start != Self::COUNTED {
                    add(differences, start, 1);
                }
                return;
            }
        }
        if self.note([RESUME | code as u32, start as u32]) {
            self.count();
        }
    }

    /// Ends a stretch and starts another in the same code. True if [`count`](Self::count) has to be
    /// called before the next.
    #[inline(always)]
    pub(crate) fn jump(&mut self, end: usize, next: usize) -> bool {
        if let Some(differences) = &mut self.differences {
            add(differences, end, -1);
            add(differences, next, 1);
            return false;
        }
        self.note([end as u32, next as u32])
    }

    /// Ends the running code's last stretch.
    pub(crate) fn leave(&mut self, end: usize) {
        match &mut self.differences {
            None => {
                if self.note([end as u32, 0]) {
                    self.settle(NOTES);
                }
            }
            Some(differences) => {
                add(differences, end.min(self.profiles[self.running].len() - 1), -1)
            }
        }
        self.put_back();
    }

    /// True if that was the last one.
    #[inline(always)]
    fn note(&mut self, note: Note) -> bool {
        self.notes[usize::from(self.next)] = note;
        self.next = self.next.wrapping_add(1);
        self.next == 0
    }

    /// Makes room for more notes, when the last is made.
    #[cold]
    pub(crate) fn count(&mut self) {
        let last = Run::each(&self.notes[usize::from(FIRST)..]).last();
        let last = last.map(|run| (run.code, run.rest()));
        self.settle(NOTES);
        if let Some((code, start)) = last {
            self.resume(code, start);
        }
    }

    /// Counts what was noted, up to `end`, and from here on if these were all notes there are. Which
    /// code runs is not told any more.
    fn settle(&mut self, end: usize) {
        self.counting |= end == NOTES;
        self.counted = true;
        self.next = FIRST;
        let notes = &self.notes[usize::from(FIRST)..end];
        for run in Run::each(notes) {
            self.profiles[run.code].noted += run.len();
        }
        self.profiles.iter_mut().for_each(|profile| profile.prepare(&mut self.spare));
        for run in Run::each(notes) {
            self.profiles[run.code].settle(&run, &mut self.ran);
        }
    }

    /// Closes the last code opened, which will not run again and is not running: init code.
    pub(crate) fn close_last(&mut self) {
        self.settle(self.next.into());
        if let Some(mut last) = self.profiles.pop() {
            self.ran.add(&last);
            last.clear(&mut self.spare);
        }
    }

    /// Calls `f` with each opcode that ran in the transaction, which is over, and how often it did.
    /// Nothing is left of it.
    pub(crate) fn take(&mut self, f: impl FnMut(u8, u64)) {
        self.put_back();
        self.settle(self.next.into());
        for profile in &self.profiles {
            self.ran.add(profile);
        }
        self.ran.take(f);
        self.clear();
    }
}

/// How often each opcode ran, whoever's it is, as far as that is counted.
#[derive(Debug)]
struct Ran {
    /// In lanes, since one sum waits for the one before to the same place.
    lanes: [[u64; LANES]; 256],
    /// Whether any did.
    any: bool,
}

const LANES: usize = 4;

impl Ran {
    const fn new() -> Self {
        Self { lanes: [[0; LANES]; 256], any: false }
    }

    fn clear(&mut self) {
        if core::mem::take(&mut self.any) {
            self.lanes = [[0; LANES]; 256];
        }
    }

    /// Adds the opcodes of a stretch, which ran so often.
    fn walk(&mut self, code: &Code, start: usize, end: usize, times: u64) {
        self.any = true;
        // The STOP behind the end is none of the code's bytes.
        let len = code.bytes.len();
        if end > len {
            self.lanes[usize::from(op::STOP)][0] += times;
        }
        let end = end.min(len);
        let mut lane = 0;
        code.for_each_opcode(start, end, |byte| {
            self.lanes[usize::from(byte)][lane] += times;
            lane = (lane + 1) % LANES;
        });
    }

    /// Adds what was counted of a code.
    fn add(&mut self, profile: &Profile) {
        let Some(differences) = &profile.differences else { return };
        let (mut start, mut times) = (0, 0_u64);
        for (pc, difference) in differences[..profile.len()].iter().enumerate() {
            if *difference == 0 {
                continue;
            }
            if times != 0 {
                self.walk(&profile.code, start, pc, times);
            }
            (start, times) = (pc, times.wrapping_add(*difference));
        }
    }

    /// Calls `f` with each opcode and how often it ran, where it did, and forgets it.
    #[inline(never)]
    fn take(&mut self, mut f: impl FnMut(u8, u64)) {
        self.any = false;
        for (row, bytes) in self.lanes.as_chunks_mut::<16>().0.iter_mut().enumerate() {
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
