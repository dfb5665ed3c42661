//! Fusion: the commonest pairs of opcodes run as one. An image's first byte of a pair is replaced by a
//! byte no fork uses; the second byte stays in place, so a jump onto it still finds it. A pair's
//! stack and gas are checked at once, and where that fails the first opcode runs alone, so that the
//! one to blame is blamed. Jumps to a constant are checked here, once.
//!
//! Gain over the same driver without fusion: 1.25 times on the programs of the bench cases, for one
//! dispatch less and for words that never go through the stack.

use tandem_coprocessor::Unit;
use tandem_schedule::{Schedule, op, opcode};

use crate::{METERED_JUMP, METERED_JUMPI, SHADOWED_PUSH, plain};

/// Bytes that stand for pairs, first to last: undefined up to Amsterdam, and not wanted by EVM-MAX or
/// SIMD.
const RANGES: [(u8, u8); 7] = [
    (0xb2, 0xbf),
    (0xc8, 0xe5),
    (0x21, 0x2f),
    (0xa5, 0xad),
    (0xe9, 0xef),
    (0x0c, 0x0f),
    (0x4c, 0x4f),
];

/// The byte of the `n`th pair.
const fn byte_of_pair(mut n: usize) -> u8 {
    let mut range = 0;
    while range < RANGES.len() {
        let (first, last) = RANGES[range];
        if n <= (last - first) as usize {
            return first + n as u8;
        }
        n -= (last - first) as usize + 1;
        range += 1;
    }
    panic!("too many pairs")
}

/// The pairs, commonest first where several could start at a byte. Either half may itself be a pair.
const PAIRS: [(u8, u8); 83] = [
    (op::PUSH2, op::JUMP),
    (op::PUSH2, op::JUMPI),
    (op::PUSH1, op::JUMP),
    (op::PUSH1, op::JUMPI),
    (op::PUSH2, METERED_JUMP),
    (op::PUSH2, METERED_JUMPI),
    (op::PUSH1, METERED_JUMP),
    (op::PUSH1, METERED_JUMPI),
    (op::ISZERO, byte_of_pair(1)),
    (op::ISZERO, byte_of_pair(3)),
    (op::ISZERO, byte_of_pair(5)),
    (op::ISZERO, byte_of_pair(7)),
    (op::PUSH1, op::ADD),
    (op::PUSH1, op::SUB),
    (op::PUSH1, op::AND),
    (op::PUSH1, op::SHL),
    (op::PUSH1, op::SHR),
    (op::PUSH1, op::EQ),
    (op::PUSH1, op::LT),
    (op::PUSH1, op::GT),
    (op::PUSH1, op::MLOAD),
    (op::PUSH1, op::MSTORE),
    (op::PUSH1, op::DUP1),
    (op::PUSH1, op::DUP2),
    (op::PUSH1, op::DUP3),
    (op::PUSH1, op::SWAP1),
    (op::PUSH1, op::PUSH1),
    (op::PUSH2, op::ADD),
    (op::PUSH2, op::AND),
    (op::PUSH2, op::MLOAD),
    (op::PUSH2, op::MSTORE),
    (op::PUSH4, op::AND),
    (op::PUSH4, op::EQ),
    (op::PUSH8, op::AND),
    (op::PUSH20, op::AND),
    (op::PUSH32, op::AND),
    (op::DUP1, op::ADD),
    (op::DUP2, op::ADD),
    (op::DUP3, op::ADD),
    (op::DUP4, op::ADD),
    (op::DUP5, op::ADD),
    (op::DUP1, op::MLOAD),
    (op::DUP2, op::MSTORE),
    (op::DUP2, op::LT),
    (op::DUP2, op::EQ),
    (op::DUP2, op::SUB),
    (op::DUP2, op::XOR),
    (op::DUP6, op::AND),
    (op::DUP7, op::AND),
    (op::DUP2, op::DUP2),
    (op::SWAP1, op::SUB),
    (op::SWAP1, op::ADD),
    (op::SWAP1, op::MSTORE),
    (op::SWAP1, op::POP),
    (op::SWAP2, op::POP),
    (op::SWAP3, op::POP),
    (op::SWAP1, op::SWAP2),
    (op::POP, op::POP),
    (op::DUP3, op::LT),
    (op::EQ, byte_of_pair(1)),
    (op::EQ, byte_of_pair(5)),
    (op::LT, byte_of_pair(1)),
    (op::LT, byte_of_pair(5)),
    (op::GT, byte_of_pair(1)),
    (op::GT, byte_of_pair(5)),
    (op::ADD, op::SWAP1),
    (op::ADD, op::MLOAD),
    (op::ADD, op::ADD),
    (op::ADD, op::PUSH1),
    (op::SUB, op::SWAP1),
    (op::AND, op::OR),
    (op::AND, op::DUP1),
    (op::SHL, op::SUB),
    (op::SHR, op::AND),
    (op::SWAP1, op::DUP2),
    (op::DUP1, op::PUSH4),
    (op::DUP1, op::PUSH1),
    (op::POP, op::PUSH1),
    // Up to six in a row: nothing costs less gas than a JUMPDEST, so that nothing makes a gas take longer.
    (op::JUMPDEST, op::JUMPDEST),
    (op::JUMPDEST, byte_of_pair(78)),
    (op::JUMPDEST, byte_of_pair(79)),
    (op::JUMPDEST, byte_of_pair(80)),
    (op::JUMPDEST, byte_of_pair(81)),
];

/// The byte of each pair by its opcodes, 0 where there is none. The rows are numbered by first opcode.
static BYTES: ([u8; 256], [[u8; 256]; ROWS]) = {
    let (mut row_of, mut rows, mut used) = ([0; 256], [[0; 256]; ROWS], 1);
    let mut n = 0;
    while n < PAIRS.len() {
        let (first, second) = (PAIRS[n].0 as usize, PAIRS[n].1 as usize);
        if row_of[first] == 0 {
            row_of[first] = used;
            used += 1;
        }
        rows[row_of[first] as usize][second] = byte_of_pair(n);
        n += 1;
    }
    assert!(used as usize == ROWS, "a row for each first opcode, and one for those of no pair");
    (row_of, rows)
};
const ROWS: usize = 28;

/// The pair that each byte stands for. A table, since handlers searched the list for it when they ran: the
/// optimiser gives up on the loop (`fibonacci` of the bench cases, 2.8 to 3.3 times revm's speed).
static PAIR_OF: [Option<(u8, u8)>; 256] = {
    let (mut pairs, mut n) = ([None; 256], 0);
    while n < PAIRS.len() {
        assert!(opcode(byte_of_pair(n)).is_none(), "the byte is no opcode's");
        pairs[byte_of_pair(n) as usize] = Some(PAIRS[n]);
        n += 1;
    }
    pairs
};

/// The pair that a byte stands for.
pub const fn pair(byte: u8) -> Option<(u8, u8)> {
    PAIR_OF[byte as usize]
}

/// How many JUMPDESTs each byte stands for.
static JUMPDESTS: [u8; 256] = {
    let (mut counts, mut n) = ([0; 256], 0);
    counts[op::JUMPDEST as usize] = 1;
    while n < PAIRS.len() {
        let (first, second) = PAIRS[n];
        if first == op::JUMPDEST {
            assert!(counts[second as usize] > 0, "a run goes on with a run");
            counts[byte_of_pair(n) as usize] = 1 + counts[second as usize];
        }
        n += 1;
    }
    counts
};

/// How many JUMPDESTs a byte stands for.
pub const fn jumpdests(byte: u8) -> usize {
    JUMPDESTS[byte as usize] as usize
}

/// What a byte needs of the stack: so many words on it, and room for so many more.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Words there must be.
    pub needs: i32,
    /// Words there must be room for.
    pub room: i32,
    delta: i32,
}

/// The shape of an opcode or a pair; bytes that are neither are as INVALID.
pub const fn shape(byte: u8) -> Shape {
    if let Some((first, second)) = pair(byte) {
        let (a, b) = (shape(first), shape(second));
        let needs = if a.needs > b.needs - a.delta { a.needs } else { b.needs - a.delta };
        let room = if a.room > a.delta + b.room { a.room } else { a.delta + b.room };
        return Shape { needs, room, delta: a.delta + b.delta };
    }
    match opcode(plain(byte)) {
        Some(row) => {
            let delta = row.outputs as i32 - row.inputs as i32;
            Shape { needs: row.inputs as i32, room: if delta > 0 { delta } else { 0 }, delta }
        }
        None if byte == SHADOWED_PUSH => Shape { needs: 0, room: 1, delta: 1 },
        None => Shape { needs: 0, room: 0, delta: 0 },
    }
}

/// The price of a pair: what its opcodes cost.
fn price(schedule: &Schedule, byte: u8) -> i64 {
    match pair(byte) {
        Some((first, second)) => price(schedule, first) + price(schedule, second),
        None => i64::from(schedule.base[plain(byte) as usize]),
    }
}

/// The gas of a byte's static part, as a driver charges it: nothing for an opcode that has to tell a
/// coprocessor's work first and pays in one sum. Of those on registers alone the most that any may cost.
pub fn upfront(schedule: &Schedule, byte: u8) -> i64 {
    match opcode(byte) {
        Some(row) if row.on_registers() => schedule.most_on_registers() as i64,
        Some(row) if row.unit != Unit::Glue => 0,
        _ => price(schedule, byte),
    }
}

/// Writes pairs over an image, back to front, so that a pair can be the second half of another. `starts`
/// has a bit for each byte that an instruction starts with.
pub(crate) fn fuse(image: &mut [u8], starts: &[u64], is_jumpdest: impl Fn(usize) -> bool) {
    let mut behind = None;
    for (n, word) in starts.iter().enumerate().rev() {
        let mut word = *word;
        while let Some(bit) = word.checked_ilog2() {
            word ^= 1 << bit;
            let pc = 64 * n + bit as usize;
            if let Some(next) = behind.replace(pc) {
                fuse_pair(image, pc, next, &is_jumpdest);
            }
        }
    }
}

/// Makes a pair of the instructions at two places, if there is one of them.
fn fuse_pair(image: &mut [u8], pc: usize, next: usize, is_jumpdest: impl Fn(usize) -> bool) {
    let wanted = (image[pc], image[next]);
    let byte = BYTES.1[BYTES.0[wanted.0 as usize] as usize][wanted.1 as usize];
    if byte == 0 {
        return;
    }
    let jumps = matches!(wanted.1, op::JUMP | op::JUMPI | METERED_JUMP | METERED_JUMPI);
    let data = image[pc + 1..next].iter().fold(0, |data, &byte| data << 8 | usize::from(byte));
    if !jumps || is_jumpdest(data) {
        image[pc] = byte;
    }
}
