//! Code as the glue's drivers run it: analysed once, kept by code hash. The image that runs is a copy with
//! zeros (STOP) behind it, so that neither the end of the code nor a PUSH's data needs a check, and
//! with every opcode the fork lacks replaced by INVALID. The original bytes stay for what reads code.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod extended;
mod fusion;

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use core::{hash::BuildHasher, ops::Index};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use tandem_coprocessor::{
    AccountId,
    primitives::{Address, B256, Bytes, U256},
};
use tandem_schedule::{Extensions, PREFIX, Schedule, extension_bytes, op, opcode};

pub use address::{create_preimage, create2_preimage};
pub use fusion::{Shape, jumpdests, pair, shape, upfront};

/// Calls a macro with every byte behind its arguments: what dispatches on a byte is made with this.
#[macro_export]
macro_rules! every_byte {
    ($m:ident!($($args:tt)*)) => { $m! { $($args)*
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33
        34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64
        65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95
        96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119
        120 121 122 123 124 125 126 127 128 129 130 131 132 133 134 135 136 137 138 139 140 141 142
        143 144 145 146 147 148 149 150 151 152 153 154 155 156 157 158 159 160 161 162 163 164 165
        166 167 168 169 170 171 172 173 174 175 176 177 178 179 180 181 182 183 184 185 186 187 188
        189 190 191 192 193 194 195 196 197 198 199 200 201 202 203 204 205 206 207 208 209 210 211
        212 213 214 215 216 217 218 219 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234
        235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255
    } };
}

/// The longest run past the end: PUSH32's data, then STOP.
const PADDING: usize = 33;

/// What a delegated account's code starts with; the delegate's address follows (EIP-7702).
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];

/// Stands for JUMP in the image of a metered machine, which counts what ran at its jumps.
pub const METERED_JUMP: u8 = 0xb0;
/// Stands for JUMPI in the image of a metered machine.
pub const METERED_JUMPI: u8 = 0xb1;

/// Stands for a PUSH whose data an image had to alter; the data is in [`Code::bytes`]. Only code in
/// which a jump may go into an instruction's immediates has any.
pub const SHADOWED_PUSH: u8 = 0xc7;

/// The opcode that an image's byte stands for, pairs aside.
pub const fn plain(byte: u8) -> u8 {
    match byte {
        METERED_JUMP => op::JUMP,
        METERED_JUMPI => op::JUMPI,
        byte => byte,
    }
}

/// Bytes of data after an opcode of the forks; only PUSH1 to PUSH32 have any.
pub const fn push_len(byte: u8) -> usize {
    if byte >= op::PUSH1 && byte <= op::PUSH32 { (byte - op::PUSH0) as usize } else { 0 }
}

/// Analysed code.
#[derive(Clone, Debug)]
pub struct Code {
    /// Keccak-256 of the bytes; zero for init code, which is not cached.
    pub hash: B256,
    /// The code itself.
    pub bytes: Bytes,
    /// Whose code to run instead, if this is a delegation (EIP-7702).
    pub delegate: Option<Address>,
    image: Box<[u8]>,
    jumpdests: Box<[u64]>,
    /// Where instructions start, bit by bit; empty once fused unless a metered machine runs the code, and
    /// where `is_aligned` is false.
    starts: Box<[u64]>,
    fused: bool,
    /// Those whose opcodes may be in the code.
    extensions: Extensions,
    /// Whether every jump goes to where an instruction starts, read from the code's beginning.
    pub is_aligned: bool,
}

impl Code {
    /// Analyses code; each opcode runs alone.
    pub fn analyse(bytes: Bytes, hash: B256, dialect: &Dialect) -> Self {
        let mut image = Vec::with_capacity(bytes.len() + PADDING);
        image.extend_from_slice(&bytes);
        image.resize(bytes.len() + PADDING, op::STOP);
        let mut jumpdests = vec![0_u64; bytes.len() / 64 + 1].into_boxed_slice();
        let mut starts = vec![0_u64; jumpdests.len()].into_boxed_slice();
        let mut pc = 0;
        // A word's bits are collected here, since each would wait for the one before to be stored.
        let (mut word, mut bits) = (0, 0);
        let is_extended = dialect.is_extended(&bytes);
        while let Some(&byte) = bytes.get(pc) {
            if byte == op::JUMPDEST {
                jumpdests[pc / 64] |= 1 << (pc % 64);
            }
            if !is_extended {
                image[pc] = dialect.image[byte as usize];
            }
            if pc / 64 != word {
                starts[word] = bits;
                (word, bits) = (pc / 64, 0);
            }
            bits |= 1 << (pc % 64);
            pc += 1 + push_len(byte);
        }
        starts[word] = bits;
        let (mut extensions, mut is_aligned) = (Extensions::NONE, true);
        if is_extended {
            extensions = dialect.extensions;
            (starts, is_aligned) = extended::translate(&mut image, &bytes, &jumpdests, dialect);
        }
        if !is_aligned {
            starts = Box::default();
        }
        let delegate = (bytes.len() == 23 && bytes.starts_with(&DELEGATION))
            .then(|| Address::from_slice(&bytes[3..]));
        let (image, fused) = (image.into_boxed_slice(), false);
        Self { hash, bytes, delegate, image, jumpdests, starts, fused, extensions, is_aligned }
    }

    /// Makes pairs of opcodes one, where that can be.
    fn fuse(&mut self, dialect: &Dialect) {
        let Self { image, starts, jumpdests, .. } = self;
        fusion::fuse(image, starts, |pc| is_set(jumpdests, pc));
        if !dialect.metered {
            *starts = Box::default();
        }
        self.fused = true;
    }

    /// Calls `f` with the opcode of each instruction from `start` up to `end`, exclusive, or to the first
    /// JUMP, inclusive, if that comes before: true then.
    #[inline(always)]
    pub fn walk(&self, start: usize, end: usize, mut f: impl FnMut(u8)) -> bool {
        let (mut pc, bytes) = (start, &self.bytes[..end.min(self.bytes.len())]);
        // By bits where there are some: from byte to byte, each step waits for the one before.
        while pc < bytes.len() && !self.starts.is_empty() {
            let mut bits = self.starts[pc / 64] & u64::MAX << (pc % 64);
            let base = pc - pc % 64;
            while bits != 0
                && let Some(&byte) = bytes.get(base + bits.trailing_zeros() as usize)
            {
                f(byte);
                if byte == op::JUMP {
                    return true;
                }
                bits &= bits - 1;
            }
            pc = base + 64;
        }
        while pc < bytes.len() {
            f(bytes[pc]);
            if bytes[pc] == op::JUMP {
                return true;
            }
            pc += self.instruction_len(pc);
        }
        false
    }

    /// Whether the instruction that ends before `end` is a JUMP, of code whose instructions' starts are kept.
    pub fn has_jump_before(&self, end: usize) -> bool {
        let last = end.wrapping_sub(1);
        self.bytes.get(last) == Some(&op::JUMP) && is_set(&self.starts, last)
    }

    /// Bytes of the instruction at `pc`, its data included.
    #[inline]
    pub fn instruction_len(&self, pc: usize) -> usize {
        if self.extensions.is_empty() {
            1 + push_len(self.bytes[pc])
        } else {
            extended::instruction_len(&self.bytes[pc..], self.extensions)
        }
    }

    /// The PUSH at `pc`, and the word that it pushes; a SHADOWED_PUSH's data is not in the image.
    pub fn pushed(&self, pc: usize) -> (u8, U256) {
        let byte = self.bytes[pc];
        let data = (1..=push_len(byte)).map(|n| self.bytes.get(pc + n).copied().unwrap_or(0));
        (byte, data.fold(U256::ZERO, |word, byte| word << 8 | U256::from(byte)))
    }

    /// The eight bytes from `pc` on; zeros behind the end of the code.
    #[inline]
    pub fn eight_bytes(&self, pc: usize) -> [u8; 8] {
        match self.bytes.get(pc..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => *bytes,
            None => self.last_bytes(pc),
        }
    }

    /// The same near the end, in a function of its own: it needs room that callers are not to make.
    #[cold]
    #[inline(never)]
    fn last_bytes(&self, pc: usize) -> [u8; 8] {
        let mut bytes = [0; 8];
        let rest = self.bytes.get(pc..).unwrap_or_default();
        bytes[..rest.len()].copy_from_slice(rest);
        bytes
    }

    /// Where the image starts. It has at least 33 bytes behind the code's end, all STOP.
    pub fn image(&self) -> *const u8 {
        self.image.as_ptr()
    }

    /// Whether a jump may go to `pc`.
    #[inline(always)]
    pub fn is_jumpdest(&self, pc: usize) -> bool {
        is_set(&self.jumpdests, pc)
    }
}

#[inline(always)]
fn is_set(bits: &[u64], n: usize) -> bool {
    bits.get(n / 64).is_some_and(|word| word >> (n % 64) & 1 == 1)
}

/// Which opcodes run, and as what: the image byte for each code byte.
#[derive(Debug)]
pub struct Dialect {
    /// What a byte becomes in an image.
    pub image: [u8; 256],
    metered: bool,
    extensions: Extensions,
    /// Whether a byte is an enabled extension's opcode, or the prefix of one.
    extends: [bool; 256],
}

impl Dialect {
    /// The opcodes of a schedule; a metered machine counts at its jumps.
    pub fn new(schedule: &Schedule, metered: bool) -> Self {
        let mut image = [op::INVALID; 256];
        for byte in 0..=u8::MAX {
            if opcode(byte).is_some_and(|row| schedule.has(row)) {
                image[byte as usize] = byte;
            }
        }
        if metered {
            image[op::JUMP as usize] = METERED_JUMP;
            image[op::JUMPI as usize] = METERED_JUMPI;
        }
        let extensions = schedule.extensions;
        if !extensions.is_empty() {
            image[PREFIX as usize] = PREFIX;
        }
        let mut extends = [false; 256];
        for byte in extension_bytes() {
            extends[byte as usize] = image[byte as usize] == byte;
        }
        Self { image, metered, extensions, extends }
    }

    /// Whether code may use extensions: one of their bytes is in it, be it as data.
    fn is_extended(&self, code: &[u8]) -> bool {
        !self.extensions.is_empty() && code.iter().any(|&byte| self.extends[byte as usize])
    }
}

/// The codes of the running transaction, by the index that frames keep, and those kept for later ones.
#[derive(Debug, Default)]
pub struct Codes {
    list: Vec<Arc<Code>>,
    /// Index of the code last run for an account.
    of_account: Vec<Option<u32>>,
    cache: CodeCache,
}

impl Codes {
    /// So many codes stay from one transaction to the next.
    const STAY: usize = 16;

    /// The index of the code last run for an account, if it has that hash.
    #[inline]
    pub fn of(&self, account: AccountId, hash: &B256) -> Option<usize> {
        let index = self.of_account.get(account.0 as usize).copied().flatten()? as usize;
        (self.list.get(index)?.hash == *hash).then_some(index)
    }

    /// Code of an earlier transaction.
    pub fn kept(&mut self, hash: &B256, dialect: &Dialect) -> Option<Arc<Code>> {
        self.cache.get(hash, dialect)
    }

    /// Keeps code for later transactions.
    pub fn keep(&mut self, code: &Arc<Code>) {
        self.cache.insert(code.clone());
    }

    /// Adds a code, an account's or init code, and returns its index.
    pub fn push(&mut self, account: Option<AccountId>, code: Arc<Code>) -> usize {
        let index = self.list.len();
        self.list.push(code);
        if let Some(AccountId(id)) = account {
            let len = self.of_account.len().max(id as usize + 1);
            self.of_account.resize(len, None);
            self.of_account[id as usize] = Some(index as u32);
        }
        index
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Drops the code at `index` if it is the last: init code runs once, and many creations would pile
    /// up. Returns whether it was.
    pub fn drop_last(&mut self, index: usize) -> bool {
        let last = index + 1 == self.list.len();
        self.list.truncate(if last { index } else { self.list.len() });
        last
    }

    /// Ends the transaction. A few codes that need no more work stay for the next one, which then does
    /// not have to look them up; whatever else is remembered of accounts is told by its hash.
    pub fn end_transaction(&mut self) {
        if self.list.len() > Self::STAY || self.list.iter().any(|code| !code.fused) {
            self.clear();
        }
    }

    /// Forgets the codes of the transaction; those kept are kept.
    pub fn clear(&mut self) {
        self.list.clear();
        self.of_account.clear();
    }
}

impl Index<usize> for Codes {
    type Output = Arc<Code>;

    #[inline]
    fn index(&self, index: usize) -> &Arc<Code> {
        &self.list[index]
    }
}

/// Analysed code by code hash, kept across transactions.
#[derive(Debug, Default)]
struct CodeCache {
    table: HashTable<Arc<Code>>,
    seeds: RandomState,
    bytes: usize,
}

impl CodeCache {
    /// Emptied when the code kept reaches this many bytes: about 3,000 contracts of full size.
    const CAPACITY: usize = 64 << 20;

    /// Code seen before. The second time, it is worth fusing.
    fn get(&mut self, hash: &B256, dialect: &Dialect) -> Option<Arc<Code>> {
        let place = place(&self.seeds, hash);
        let code = self.table.find_mut(place, |code| code.hash == *hash)?;
        if !code.fused {
            // In place, unless an account with the same code runs it as it is.
            Arc::make_mut(code).fuse(dialect);
        }
        Some(code.clone())
    }

    /// Keeps code.
    fn insert(&mut self, code: Arc<Code>) {
        if self.bytes > Self::CAPACITY {
            self.table.clear();
            self.bytes = 0;
        }
        self.bytes += code.bytes.len();
        let Self { table, seeds, .. } = self;
        table.insert_unique(place(seeds, &code.hash), code, |code| place(seeds, &code.hash));
    }
}

/// A code hash is as good as random: a seed keeps its first bytes from being chosen to collide.
fn place(seeds: &RandomState, hash: &B256) -> u64 {
    let (words, _) = hash.0.as_chunks::<8>();
    seeds.hash_one(u64::from_le_bytes(words[0]))
}
