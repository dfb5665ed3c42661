//! Images of code that uses extensions, whose opcodes have immediate bytes. Which jumps are valid is
//! not touched by them: a JUMPDEST is sought as ever, past the data of PUSHes only, so that no code
//! changes its meaning. Hence a jump may land among immediates, and bytes may be one instruction's
//! data and another's opcode, depending on where execution came from.

use alloc::{boxed::Box, vec, vec::Vec};

use tandem_schedule::{Extensions, decode, opcode};

use crate::{Dialect, SHADOWED_PUSH, is_set, push_len};

/// Bytes of the instruction that `code`, which is not empty, starts with.
pub(crate) fn instruction_len(code: &[u8], extensions: Extensions) -> usize {
    let pushed = push_len(code[0]);
    if pushed > 0 { 1 + pushed } else { decode(code, extensions).len }
}

/// Puts every byte that may run as an opcode into the image as what it runs as, and leaves the others
/// alone. Returns where instructions start, and whether no jump goes elsewhere than to the start of an
/// instruction as read from the beginning.
pub(crate) fn translate(
    image: &mut [u8],
    bytes: &[u8],
    jumpdests: &[u64],
    dialect: &Dialect,
) -> (Box<[u64]>, bool) {
    let mut starts = Starts { found: vec![false; bytes.len()], count: 0 };
    starts.follow(0, bytes, dialect.extensions);
    let read = starts.count;
    for pc in (0..bytes.len()).filter(|&pc| is_set(jumpdests, pc)) {
        starts.follow(pc, bytes, dialect.extensions);
    }
    let is_aligned = starts.count == read;
    let starts: Vec<_> = (0..bytes.len()).filter(|&pc| starts.found[pc]).collect();
    for &pc in &starts {
        image[pc] = dialect.image[bytes[pc] as usize];
    }
    // Back to front, since a PUSH replaced may itself lie in another's data.
    for &pc in starts.iter().rev() {
        let end = (pc + 1 + push_len(bytes[pc])).min(bytes.len());
        if image[pc + 1..end] != bytes[pc + 1..end] {
            image[pc] = SHADOWED_PUSH;
        }
    }
    if is_aligned {
        count_in_a_row(image, bytes, &starts);
    }
    let mut bits = vec![0; bytes.len() / 64 + 1].into_boxed_slice();
    for pc in starts {
        bits[pc / 64] |= 1 << (pc % 64);
    }
    (bits, is_aligned)
}

/// Writes behind each opcode on registers alone how many such instructions begin there, whole and one behind
/// another: nothing else reads an image there, whose immediates are taken from the code.
fn count_in_a_row(image: &mut [u8], bytes: &[u8], starts: &[usize]) {
    let mut behind = (usize::MAX, 0_u8);
    for &pc in starts.iter().rev() {
        if let Some(row) = opcode(image[pc]).filter(|row| row.on_registers()) {
            let end = pc + 1 + usize::from(row.immediate);
            let more = if behind.0 == end { behind.1 } else { 0 };
            image[pc + 1] = if end <= bytes.len() { more.saturating_add(1) } else { 0 };
            behind = (pc, image[pc + 1]);
        }
    }
}

/// Where instructions that may run start.
struct Starts {
    found: Vec<bool>,
    count: usize,
}

impl Starts {
    /// Marks the instruction at `pc` and those that follow it, up to one that is marked.
    fn follow(&mut self, mut pc: usize, bytes: &[u8], extensions: Extensions) {
        while pc < bytes.len() && !self.found[pc] {
            self.found[pc] = true;
            self.count += 1;
            pc += instruction_len(&bytes[pc..], extensions);
        }
    }
}
