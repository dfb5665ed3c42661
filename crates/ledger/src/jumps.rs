//! What a metered machine keeps at its taken jumps: the least from which can be told later which stretches
//! of code ran. Which opcodes those are, and how often each, is worked out in `profile`.
//!
//! Notes are only looked at when somebody asks, or when there are many. From then on it is counted, by byte
//! of the code, how many more stretches start than end there: the running sum is how often a byte was
//! run through. Where a stretch ends with a JUMP is never said, since nothing goes on behind one.

use alloc::{boxed::Box, vec};

/// What is noted: where the running stretch ended, exclusive, or `AT_JUMP`, and where another starts in the
/// same code; or, marked by `RESUME`, which code is the running one now, and where its stretch started.
pub(crate) type Note = [u32; 2];

pub(crate) const RESUME: u32 = 1 << 31;
pub(crate) const AT_JUMP: u32 = !RESUME;

/// Notes are numbered in 16 bits, so that an index needs no check and the last one shows as an overflow.
pub(crate) const NOTES: usize = INDICES;

/// The first note. Those behind it are enough for the jumps of most transactions, which then are not counted
/// before somebody asks; in debug builds there are few, so that tests get to their end.
pub(crate) const FIRST: u16 = u16::MAX - if cfg!(debug_assertions) { 31 } else { 16_383 };

/// How many more stretches of a code start than end, by byte. For so many bytes that an index of 16 bits needs
/// no check: longer code is rare (EIP-170 ends at 24,576 bytes), and stays with its notes.
pub(crate) type Differences = [u64; INDICES];

/// As many as an index of 16 bits tells apart.
pub(crate) const INDICES: usize = 1 << 16;

/// Zeros, which the system makes when they are touched.
pub(crate) fn zeros<T: Clone + Default>() -> Box<[T; INDICES]> {
    let zeros = vec![T::default(); INDICES].into_boxed_slice();
    zeros.try_into().unwrap_or_else(|_| unreachable!("as long as said"))
}

/// Counts a start or an end.
#[inline(always)]
pub(crate) fn add(differences: &mut Differences, at: usize, difference: i64) {
    let sum = &mut differences[usize::from(at as u16)];
    *sum = sum.wrapping_add_signed(difference);
}

/// The jumps of the running code.
#[derive(Debug, Default)]
pub struct Jumps {
    pub(crate) kept: Kept,
    /// The next note.
    pub(crate) next: u16,
    /// The notes while a code runs that is counted.
    aside: Option<Box<[Note; NOTES]>>,
}

/// How jumps are kept: one choice, since each is looked at for each jump.
#[derive(Debug, Default)]
pub(crate) enum Kept {
    /// Nothing runs on a metered machine.
    #[default]
    Not,
    /// As notes.
    Noted(Box<[Note; NOTES]>),
    /// In the running code's differences.
    Counted(Box<Differences>),
}

impl Jumps {
    pub(crate) fn new() -> Self {
        Self { kept: Kept::Noted(zeros()), next: FIRST, aside: None }
    }

    /// Hands what is kept over, or takes it back; nothing is counted. Not all of it, since a load of more than was
    /// stored in one waits for the store.
    pub(crate) fn change_hands(&mut self, other: &mut Self) {
        core::mem::swap(&mut self.kept, &mut other.kept);
        other.next = self.next;
    }

    /// The running code came to a JUMP and goes on at `next`. True if [`Meter::count`](crate::Meter::count)
    /// has to be called before the next time.
    #[inline(always)]
    pub fn jump(&mut self, next: usize) -> bool {
        if let Kept::Counted(differences) = &mut self.kept {
            add(differences, next, 1);
            return false;
        }
        self.note([AT_JUMP, next as u32])
    }

    /// The running code came to a JUMPI, which ends at `end`, and goes on at `next`; as [`jump`](Self::jump).
    #[inline(always)]
    pub fn branch(&mut self, end: usize, next: usize) -> bool {
        if let Kept::Counted(differences) = &mut self.kept {
            add(differences, end, -1);
            add(differences, next, 1);
            return false;
        }
        self.note([end as u32, next as u32])
    }

    /// True if that was the last one there is room for.
    #[inline(always)]
    pub(crate) fn note(&mut self, note: Note) -> bool {
        let Kept::Noted(notes) = &mut self.kept else { return false };
        notes[usize::from(self.next)] = note;
        self.next = self.next.wrapping_add(1);
        self.next == 0
    }

    /// Counts from here on.
    pub(crate) fn count_in(&mut self, differences: Box<Differences>) {
        if let Kept::Noted(notes) = core::mem::replace(&mut self.kept, Kept::Counted(differences)) {
            self.aside = Some(notes);
        }
    }

    /// Notes from here on: the differences counted in so far.
    pub(crate) fn stop_counting(&mut self) -> Option<Box<Differences>> {
        if !matches!(self.kept, Kept::Counted(_)) {
            return None;
        }
        let notes = self.aside.take().map_or(Kept::Not, Kept::Noted);
        match core::mem::replace(&mut self.kept, notes) {
            Kept::Counted(differences) => Some(differences),
            _ => None,
        }
    }

    /// The notes up to `end`.
    pub(crate) fn noted(&self, end: usize) -> &[Note] {
        match &self.kept {
            Kept::Noted(notes) => &notes[usize::from(FIRST)..end],
            _ => &[],
        }
    }

    /// Where the running stretch started, of a code that is not counted.
    pub(crate) fn start(&self) -> usize {
        // There is a note: that the code was resumed, if no other.
        let last = usize::from(self.next.wrapping_sub(1));
        match &self.kept {
            Kept::Noted(notes) => notes[last][1] as usize,
            _ => 0,
        }
    }
}
