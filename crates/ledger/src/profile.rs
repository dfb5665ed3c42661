//! Which parts of codes ran, and from that how often each opcode did. Kept by stretches between taken
//! jumps, so that an execution notes one thing a jump and nothing an opcode.
//!
//! Notes are only looked at when somebody asks, or when there are many. From then on it is counted, by byte
//! of the code, how many more stretches start than end there: the running sum is how often a byte was
//! run through.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use tandem_code::Code;
use tandem_schedule::op;

/// Room for the jumps of most transactions, which then are not counted before somebody asks. Little in
/// debug builds, so that tests get to its end.
const NOTES: usize = if cfg!(debug_assertions) { 32 } else { 8192 };

/// One of two things, in halves: that the running stretch ended at a byte, exclusive, and another starts at a
/// byte of the same code; or, marked, that a code is the running one now, and where its stretch started.
#[derive(Clone, Copy, Debug)]
struct Note(u64);

impl Note {
    const RESUME: u32 = 1 << 31;

    #[inline(always)]
    const fn new(high: u32, start: usize) -> Self {
        Self((high as u64) << 32 | start as u64)
    }

    const fn high(self) -> u32 {
        (self.0 >> 32) as u32
    }

    const fn start(self) -> usize {
        self.0 as u32 as usize
    }

    const fn resumes(self) -> bool {
        self.high() & Self::RESUME != 0
    }
}

/// Stretches of one code, from one to the next jump.
struct Run<'n> {
    code: usize,
    start: usize,
    jumps: &'n [Note],
}

impl<'n> Run<'n> {
    /// The runs of notes, of which the first says in which code.
    fn each(notes: &'n [Note]) -> impl Iterator<Item = Self> {
        notes.chunk_by(|_, next| !next.resumes()).filter_map(|run| {
            let (first, jumps) = run.split_first()?;
            Some(Self { code: (first.high() ^ Note::RESUME) as usize, start: first.start(), jumps })
        })
    }

    /// Where the stretch starts that goes on.
    fn rest(&self) -> usize {
        self.jumps.last().map_or(self.start, |last| last.start())
    }

    /// How many bytes ran.
    fn len(&self) -> usize {
        let ends: usize = self.jumps.iter().map(|note| note.high() as usize).sum();
        let starts: usize = self.jumps.iter().map(|note| note.start()).sum();
        (ends + self.rest()) - (starts + self.start)
    }
}

/// A code, and where more of its stretches start than end; empty while it is not counted so.
#[derive(Debug)]
struct Profile {
    code: Arc<Code>,
    differences: Vec<i32>,
    /// How many of its bytes ran that are not yet counted.
    noted: usize,
}

impl Profile {
    /// Gets ready for counting, if so much was noted that it is worth it.
    fn prepare(&mut self) {
        if core::mem::take(&mut self.noted) > self.code.bytes.len() {
            self.prepare_to_count();
        }
    }

    fn prepare_to_count(&mut self) {
        // Stretches that start among immediates are not on one walk with the others.
        if self.code.is_aligned && self.differences.is_empty() {
            self.differences.resize(self.code.bytes.len() + 2, 0);
        }
    }

    fn settle(&mut self, run: &Run<'_>, ran: &mut Ran) {
        let Self { code, differences, .. } = self;
        if differences.is_empty() {
            let mut start = run.start;
            for jump in run.jumps {
                ran.walk(code, start, jump.high() as usize, 1);
                start = jump.start();
            }
            return;
        }
        let last = differences.len() - 1;
        differences[run.start] = differences[run.start].wrapping_add(1);
        for jump in run.jumps {
            let (end, start) = (last.min(jump.high() as usize), jump.start());
            differences[end] = differences[end].wrapping_sub(1);
            differences[start] = differences[start].wrapping_add(1);
        }
        differences[run.rest()] = differences[run.rest()].wrapping_sub(1);
    }
}

/// The stretches of a transaction.
#[derive(Debug)]
pub(crate) struct Profiles {
    notes: Box<[Note; NOTES]>,
    /// So many of them are made.
    len: usize,
    profiles: Vec<Profile>,
    /// Whether stretches are counted where that can be, rather than noted.
    counting: bool,
    /// The running code, and its differences if it is counted.
    running: usize,
    differences: Vec<i32>,
    ran: Ran,
}

impl Profiles {
    /// Where a suspended stretch started that is counted.
    const COUNTED: usize = usize::MAX;

    pub(crate) fn new() -> Self {
        let notes = vec![Note(0); NOTES].into_boxed_slice();
        let notes = notes.try_into().unwrap_or_else(|_| unreachable!("as long as said"));
        Self {
            notes,
            len: 0,
            profiles: Vec::new(),
            counting: false,
            running: 0,
            differences: Vec::new(),
            ran: Ran::new(),
        }
    }

    /// Forgets what ran, and all but the first `codes` codes.
    pub(crate) fn begin(&mut self, codes: usize) {
        self.put_back();
        self.profiles.truncate(codes);
        self.clear();
    }

    fn clear(&mut self) {
        (self.len, self.counting) = (0, false);
        self.ran.clear();
        for profile in &mut self.profiles {
            profile.differences.clear();
        }
    }

    pub(crate) fn open(&mut self, code: Arc<Code>) {
        self.profiles.push(Profile { code, differences: Vec::new(), noted: 0 });
    }

    /// Leaves the running code, to come back to it: returns where its stretch started.
    pub(crate) fn suspend(&mut self) -> usize {
        if self.put_back() {
            return Self::COUNTED;
        }
        self.len.checked_sub(1).map_or(0, |last| self.notes[last].start())
    }

    /// Leaves the differences of the running code with it; true if there are any.
    fn put_back(&mut self) -> bool {
        let counted = !self.differences.is_empty();
        if counted {
            core::mem::swap(&mut self.profiles[self.running].differences, &mut self.differences);
        }
        counted
    }

    /// Goes on in a code: where a stretch starts, or in one that was suspended.
    pub(crate) fn resume(&mut self, code: usize, start: usize) {
        if self.counting {
            self.running = code;
            self.profiles[code].prepare_to_count();
            core::mem::swap(&mut self.profiles[code].differences, &mut self.differences);
            if !self.differences.is_empty() {
                self.add(start, 1);
                return;
            }
        }
        if self.note(Note::new(Note::RESUME | code as u32, start)) {
            self.count();
        }
    }

    /// Counts a start or an end in the running code, unless the start is counted.
    #[inline(always)]
    fn add(&mut self, at: usize, difference: i32) {
        if let Some(sum) = self.differences.get_mut(at) {
            *sum = sum.wrapping_add(difference);
        }
    }

    /// Ends a stretch and starts another in the same code. True if [`count`](Self::count) has to be
    /// called before the next.
    #[inline(always)]
    pub(crate) fn jump(&mut self, end: usize, next: usize) -> bool {
        if !self.differences.is_empty() {
            self.add(end, -1);
            self.add(next, 1);
            return false;
        }
        self.note(Note::new(end as u32, next))
    }

    /// Ends the running code's last stretch.
    pub(crate) fn leave(&mut self, end: usize) {
        match self.differences.len() {
            0 => {
                if self.note(Note::new(end as u32, 0)) {
                    self.settle();
                }
            }
            // Data cut off by the code's end may go on for some bytes, all of which STOP.
            len => self.add(end.min(len - 1), -1),
        }
        self.put_back();
    }

    #[inline(always)]
    fn note(&mut self, note: Note) -> bool {
        // There is room, since whoever filled it was told; this way it need not be checked.
        self.notes[self.len % NOTES] = note;
        self.len += 1;
        self.len == NOTES
    }

    /// Makes room for more notes.
    #[cold]
    pub(crate) fn count(&mut self) {
        let last = Run::each(&self.notes[..self.len]).last().map(|run| (run.code, run.rest()));
        self.settle();
        if let Some((code, start)) = last {
            self.resume(code, start);
        }
    }

    /// Counts all that was noted, and from here on if there were many notes. Which code runs is not
    /// told any more.
    fn settle(&mut self) {
        self.counting |= self.len == NOTES;
        let notes = &self.notes[..core::mem::take(&mut self.len)];
        for run in Run::each(notes) {
            self.profiles[run.code].noted += run.len();
        }
        self.profiles.iter_mut().for_each(Profile::prepare);
        for run in Run::each(notes) {
            self.profiles[run.code].settle(&run, &mut self.ran);
        }
    }

    /// Closes the last code opened, which will not run again and is not running: init code.
    pub(crate) fn close_last(&mut self) {
        self.settle();
        if let Some(last) = self.profiles.pop() {
            self.ran.add(&last);
        }
    }

    /// Calls `f` with each opcode that ran in the transaction, which is over, and how often it did.
    /// Nothing is left of it.
    pub(crate) fn take(&mut self, f: impl FnMut(u8, u64)) {
        self.put_back();
        self.settle();
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
    fn add(&mut self, Profile { code, differences, .. }: &Profile) {
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
