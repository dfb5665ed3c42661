//! The operand stack as an opcode's body sees it, and the block of memory behind it. Checks of
//! height are the driver's, made from the opcode table before a body runs.

use alloc::boxed::Box;
use core::{mem::MaybeUninit, ptr::NonNull};

use tandem_coprocessor::primitives::U256;

/// The most words a stack holds (Yellow Paper, section 9.1).
pub(crate) const LIMIT: usize = 1024;

const WORD: usize = size_of::<U256>();

/// As many words, aligned to twice their size.
#[repr(C, align(65536))]
struct Words([U256; LIMIT]);
const ALIGNMENT: usize = align_of::<Words>();
const _: () = assert!(ALIGNMENT == 2 * LIMIT * WORD);

/// Room for one frame's words. Aligned to twice its size, so that a pointer into it, or to its very
/// end, tells the height of the stack without knowing where the block starts.
pub(crate) struct StackBlock(NonNull<U256>);

impl StackBlock {
    pub(crate) fn new() -> Self {
        // The words are written before they are read.
        let words = Box::into_raw(Box::<Words>::new_uninit());
        Self(NonNull::new(words.cast()).expect("a box is somewhere"))
    }

    /// The empty stack.
    pub(crate) fn bottom(&self) -> Stack {
        Stack(self.0.as_ptr())
    }

    /// The words of a stack on this block, the top last.
    pub(crate) fn words(&self, stack: Stack) -> &[U256] {
        // SAFETY: `stack` points into this block, and everything below it was written.
        unsafe { core::slice::from_raw_parts(self.0.as_ptr(), stack.height()) }
    }
}

impl Drop for StackBlock {
    fn drop(&mut self) {
        // SAFETY: it came from such a box in `new`.
        drop(unsafe { Box::from_raw(self.0.as_ptr().cast::<MaybeUninit<Words>>()) });
    }
}

// SAFETY: a block owns its memory and hands out no reference that outlives a borrow.
unsafe impl Send for StackBlock {}
// SAFETY: as above; a shared block is only read.
unsafe impl Sync for StackBlock {}

/// The running frame's stack: where the next word goes.
///
/// Invariant: it points into a [`StackBlock`] or to its end. Bodies rely on the driver having
/// checked the opcode's inputs and outputs against the height, so that every index they use is of a
/// word written before, and every push has room. The accessors are safe under that contract alone,
/// which is why nothing outside the crate sees this type.
#[derive(Clone, Copy)]
pub(crate) struct Stack(*mut U256);

impl Stack {
    /// Words on the stack.
    #[inline(always)]
    pub(crate) fn height(self) -> usize {
        (self.0.addr() & (ALIGNMENT - 1)) / WORD
    }

    /// The `n`th word from the top, counted from 0.
    #[inline(always)]
    pub(crate) fn peek<'a>(self, n: usize) -> &'a U256 {
        // SAFETY: the contract of `Stack`; the word lives as long as its frame's block.
        unsafe { &*self.0.sub(n + 1) }
    }

    /// The upper `n` words, the top last.
    pub(crate) fn top<'a>(self, n: usize) -> &'a mut [U256] {
        // SAFETY: the contract of `Stack`, as in `peek`; nobody else looks at them meanwhile.
        unsafe { core::slice::from_raw_parts_mut(self.0.sub(n), n) }
    }

    /// The `n`th word from the top, read limb by limb. Volatile keeps the four loads apart: merged
    /// into wide ones they would wait for the narrow stores that just wrote the word (1.2 to 2.4
    /// times slower on the bench cases).
    #[inline(always)]
    pub(crate) fn word(self, n: usize) -> U256 {
        let limbs = self.0.wrapping_sub(n + 1).cast::<u64>();
        // SAFETY: the contract of `Stack`; U256 is four limbs in little-endian order.
        let (low, high) = unsafe {
            let low = [limbs.read_volatile(), limbs.add(1).read_volatile()];
            (low, [limbs.add(2).read_volatile(), limbs.add(3).read_volatile()])
        };
        U256::from_limbs([low[0], low[1], high[0], high[1]])
    }

    /// The `n`th word's limbs, to change in place.
    #[inline(always)]
    pub(crate) fn limbs<'a>(self, n: usize) -> &'a mut [u64; 4] {
        // SAFETY: the contract of `Stack`; U256 is four limbs in little-endian order.
        unsafe { &mut *self.0.sub(n + 1).cast() }
    }

    /// Overwrites the `n`th word from the top.
    #[inline(always)]
    pub(crate) fn set(self, n: usize, word: U256) {
        // SAFETY: the contract of `Stack`.
        unsafe { self.0.sub(n + 1).write(word) }
    }

    /// For an opcode that left this stack: makes its result of two words, the first above the top.
    pub(crate) fn replace_two(self, f: impl FnOnce(&U256, &U256) -> U256) {
        let above = Self(self.0.wrapping_add(1));
        self.set(0, f(above.peek(0), self.peek(0)));
    }

    /// The same of three words, the first on top of the second.
    pub(crate) fn replace_three(self, f: impl FnOnce(&U256, &U256, &U256) -> U256) {
        let above = Self(self.0.wrapping_add(2));
        self.set(0, f(above.peek(0), above.peek(1), self.peek(0)));
    }

    /// Puts a word on top.
    #[inline(always)]
    pub(crate) fn push(&mut self, word: U256) {
        // SAFETY: the contract of `Stack`.
        unsafe { self.0.write(word) }
        self.0 = self.0.wrapping_add(1);
    }

    /// Forgets `n` words.
    #[inline(always)]
    pub(crate) fn drop(&mut self, n: usize) {
        self.0 = self.0.wrapping_sub(n);
    }

    /// Takes the top word.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> U256 {
        let top = self.word(0);
        self.drop(1);
        top
    }

    /// Swaps the top word with the `n`th below it, limb by limb: whole words would spill.
    #[inline(always)]
    pub(crate) fn swap(self, n: usize) {
        for limb in 0..4 {
            // SAFETY: the contract of `Stack`; both words are on it.
            unsafe {
                let top = self.0.sub(1).cast::<u64>().add(limb);
                let other = self.0.sub(n + 1).cast::<u64>().add(limb);
                let (a, b) = (top.read_volatile(), other.read_volatile());
                top.write(b);
                other.write(a);
            }
        }
    }
}
