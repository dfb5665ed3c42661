//! Which parts of codes ran, and from that how often each opcode did: what becomes of the
//! [jumps](crate::jumps).

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use tandem_code::Code;
use tandem_schedule::op;

use crate::jumps::{
    AT_JUMP, Differences, FIRST, INDICES, Jumps, Kept, NOTES, Note, RESUME, add, zeros,
};

/// Bytes of a stretch, roughly.
const STRETCH: usize = 16;

/// Stretches of one code, from one to the next jump.
struct Run<'n> {
    code: usize,
    start: usize,
    jumps: &'n [Note],
}

impl<'n> Run<'n> {
    /// The runs of notes, of which the first says in which code.
    fn each(notes: &'n [Note]) -> impl Iterator<Item = Self> {
        notes.chunk_by(|_, next| next[0] & RESUME == 0).filter_map(|run| {
            let (first, jumps) = run.split_first()?;
            Some(Self { code: (first[0] ^ RESUME) as usize, start: first[1] as usize, jumps })
        })
    }
}

/// A code, and its differences if it is counted.
#[derive(Debug)]
struct Profile {
    code: Arc<Code>,
    differences: Option<Box<Differences>>,
    /// Roughly how many of its bytes were noted to have run.
    noted: usize,
}

impl Profile {
    /// How many differences there are. Data cut off by the code's end may go on for some bytes, all of
    /// which are STOP.
    fn len(&self) -> usize {
        self.code.bytes.len() + 2
    }

    /// Gets ready for counting, if so much was noted that it is worth it, with `more` bytes now.
    fn prepare(&mut self, more: usize, spare: &mut Vec<Box<Differences>>) {
        self.noted += more;
        if self.noted > self.code.bytes.len() {
            self.prepare_to_count(spare);
        }
    }

    fn prepare_to_count(&mut self, spare: &mut Vec<Box<Differences>>) {
        // Stretches that start among immediates are not on one walk with the others.
        let can_be = self.code.is_aligned && self.len() <= INDICES;
        if can_be && self.differences.is_none() {
            self.differences = Some(spare.pop().unwrap_or_else(zeros));
        }
    }

    /// Forgets what was counted.
    fn clear(&mut self, spare: &mut Vec<Box<Differences>>) {
        self.noted = 0;
        let len = self.len();
        if let Some(mut differences) = self.differences.take() {
            differences[..len].fill(0);
            spare.push(differences);
        }
    }

    fn settle(&mut self, run: &Run<'_>, ran: &mut Ran) {
        let Self { code, differences, .. } = self;
        let Some(differences) = differences else {
            let mut start = run.start;
            for &[end, next] in run.jumps {
                let end = if end == AT_JUMP { code.bytes.len() } else { end as usize };
                ran.walk(code, start, end, 1);
                start = next as usize;
            }
            return;
        };
        // Where the last one goes on is noted again, if it does.
        let Some((&[last, _], jumps)) = run.jumps.split_last() else { return };
        add(differences, run.start, 1);
        for &[end, next] in jumps {
            if end != AT_JUMP {
                add(differences, end as usize, -1);
            }
            add(differences, next as usize, 1);
        }
        if last != AT_JUMP {
            // An empty stretch may lie behind a JUMP; at the end of any other, that went astray.
            let start = jumps.last().map_or(run.start, |jump| jump[1] as usize);
            end_at(code, differences, last as usize, start != last as usize);
        }
    }
}

/// Counts an end, unless a JUMP is before it that went astray: stretches end at a JUMP without being told.
fn end_at(code: &Code, differences: &mut Differences, end: usize, astray: bool) {
    if !(astray && code.has_jump_before(end)) {
        add(differences, end.min(code.bytes.len() + 1), -1);
    }
}

/// The stretches of a transaction. Its jumps are with whoever runs it, or with the meter.
#[derive(Debug)]
pub(crate) struct Profiles {
    profiles: Vec<Profile>,
    /// Whether stretches are counted where that can be, rather than noted; then something is.
    counting: bool,
    /// Whether anything is counted.
    counted: bool,
    /// The running code.
    running: usize,
    /// Differences for codes to come, none of them counted.
    spare: Vec<Box<Differences>>,
    ran: Ran,
}

impl Profiles {
    /// Where a suspended stretch started that is counted.
    const COUNTED: usize = usize::MAX;

    pub(crate) const fn new() -> Self {
        Self {
            profiles: Vec::new(),
            counting: false,
            counted: false,
            running: 0,
            spare: Vec::new(),
            ran: Ran::new(),
        }
    }

    /// Forgets what ran, and all but the first `codes` codes.
    pub(crate) fn begin(&mut self, jumps: &mut Jumps, codes: usize) {
        self.clear(jumps);
        self.profiles.truncate(codes);
    }

    fn clear(&mut self, jumps: &mut Jumps) {
        jumps.next = FIRST;
        if core::mem::take(&mut self.counted) {
            self.counting = false;
            self.ran.clear();
            self.profiles.iter_mut().for_each(|profile| profile.clear(&mut self.spare));
        }
    }

    pub(crate) fn open(&mut self, code: Arc<Code>) {
        self.profiles.push(Profile { code, differences: None, noted: 0 });
    }

    /// Leaves the running code, to come back to it: returns where its stretch started.
    pub(crate) fn suspend(&mut self, jumps: &mut Jumps) -> usize {
        if self.put_back(jumps) { Self::COUNTED } else { jumps.start() }
    }

    /// Leaves the differences of the running code with it; true if there are any.
    pub(crate) fn put_back(&mut self, jumps: &mut Jumps) -> bool {
        let differences = jumps.stop_counting();
        let counted = differences.is_some();
        if counted {
            self.profiles[self.running].differences = differences;
        }
        counted
    }

    /// Goes on in a code: where a stretch starts, or in one that was suspended.
    #[inline]
    pub(crate) fn resume(&mut self, jumps: &mut Jumps, code: usize, start: usize) {
        self.running = code;
        if self.counting && self.count_in(jumps, start) {
            return;
        }
        if jumps.note([RESUME | code as u32, start as u32]) {
            self.count(jumps);
        }
    }

    /// Counts the running code's jumps from here on, if that can be.
    #[inline(never)]
    fn count_in(&mut self, jumps: &mut Jumps, start: usize) -> bool {
        let profile = &mut self.profiles[self.running];
        profile.prepare_to_count(&mut self.spare);
        self.counted = true;
        let Some(mut differences) = profile.differences.take() else { return false };
        if start != Self::COUNTED {
            add(&mut differences, start, 1);
        }
        jumps.count_in(differences);
        true
    }

    /// Ends the running code's last stretch, with a jump that went astray or otherwise.
    pub(crate) fn leave(&mut self, jumps: &mut Jumps, end: usize, astray: bool) {
        if let Kept::Counted(differences) = &mut jumps.kept {
            end_at(&self.profiles[self.running].code, differences, end, astray);
        } else if jumps.note([end as u32, 0]) {
            self.settle(jumps, NOTES);
        }
        self.put_back(jumps);
    }

    /// Makes room for more notes, when the last is made.
    #[cold]
    #[inline(never)]
    pub(crate) fn count(&mut self, jumps: &mut Jumps) {
        let start = jumps.start();
        self.settle(jumps, NOTES);
        self.resume(jumps, self.running, start);
    }

    /// Counts what was noted, up to `end`, and from here on if these were all notes there are. Which
    /// code runs is not told any more.
    fn settle(&mut self, jumps: &mut Jumps, end: usize) {
        self.counting |= end == NOTES;
        self.counted = true;
        jumps.next = FIRST;
        for run in Run::each(jumps.noted(end)) {
            let profile = &mut self.profiles[run.code];
            profile.prepare(STRETCH * run.jumps.len(), &mut self.spare);
            profile.settle(&run, &mut self.ran);
        }
    }

    /// Closes the last code opened, which will not run again and is not running: init code.
    pub(crate) fn close_last(&mut self, jumps: &mut Jumps) {
        self.settle(jumps, jumps.next.into());
        if let Some(mut last) = self.profiles.pop() {
            self.ran.add(&last);
            last.clear(&mut self.spare);
        }
    }

    /// Calls `f` with each opcode that ran in the transaction, which is over, and how often it did.
    /// Nothing is left of it.
    pub(crate) fn take(&mut self, jumps: &mut Jumps, f: impl FnMut(u8, u64)) {
        self.put_back(jumps);
        self.settle(jumps, jumps.next.into());
        for profile in &self.profiles {
            self.ran.add(profile);
        }
        self.ran.take(f);
        self.clear(jumps);
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

    /// Adds the opcodes of a stretch, which ran so often; true if it ended with a JUMP, `end` or not.
    fn walk(&mut self, code: &Code, start: usize, end: usize, times: u64) -> bool {
        self.any = true;
        // The STOP behind the end is none of the code's bytes.
        let len = code.bytes.len();
        if end > len {
            self.lanes[usize::from(op::STOP)][0] += times;
        }
        let end = end.min(len);
        let mut lane = 0;
        code.walk(start, end, |byte| {
            self.lanes[usize::from(byte)][lane] += times;
            lane = (lane + 1) % LANES;
        })
    }

    /// Adds what was counted of a code.
    fn add(&mut self, profile: &Profile) {
        let Some(differences) = &profile.differences else { return };
        let (mut start, mut times) = (0, 0_u64);
        for (pc, difference) in differences[..profile.len()].iter().enumerate() {
            if *difference == 0 {
                continue;
            }
            if times != 0 && self.walk(&profile.code, start, pc, times) {
                times = 0;
            }
            (start, times) = (pc, times.wrapping_add(*difference));
        }
        if times != 0 {
            self.walk(&profile.code, start, profile.code.bytes.len(), times);
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
