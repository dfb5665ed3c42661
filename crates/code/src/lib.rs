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

use core::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use tandem_coprocessor::primitives::{Address, B256, Bytes, U256};
use tandem_schedule::{Extensions, PREFIX, Schedule, extension_bytes, op, opcode};

pub use address::{create_preimage, create2_preimage};
pub use fusion::{Shape, pair, price, shape};

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
#[derive(Debug)]
pub struct Code {
    /// Keccak-256 of the bytes; zero for init code, which is not cached.
    pub hash: B256,
    /// The code itself.
    pub bytes: Bytes,
    /// Whose code to run instead, if this is a delegation (EIP-7702).
    pub delegate: Option<Address>,
    image: Box<[u8]>,
    jumpdests: Box<[u64]>,
    fused: bool,
    /// Those whose opcodes may be in the code.
    extensions: Extensions,
    /// Whether every jump goes to where an instruction starts, read from the code's beginning.
    pub is_aligned: bool,
}

impl Code {
    /// Analyses code; with `fused`, pairs of opcodes become one.
    pub fn analyse(bytes: Bytes, hash: B256, dialect: &Dialect, fused: bool) -> Self {
        let mut image = Vec::with_capacity(bytes.len() + PADDING);
        image.extend_from_slice(&bytes);
        image.resize(bytes.len() + PADDING, op::STOP);
        let mut jumpdests = vec![0_u64; bytes.len() / 64 + 1].into_boxed_slice();
        let mut starts = Vec::with_capacity(if fused { bytes.len() } else { 0 });
        let mut pc = 0;
        let is_extended = dialect.is_extended(&bytes);
        while let Some(&byte) = bytes.get(pc) {
            if byte == op::JUMPDEST {
                jumpdests[pc / 64] |= 1 << (pc % 64);
            }
            if !is_extended {
                image[pc] = dialect.image[byte as usize];
                if fused {
                    starts.push(pc);
                }
            }
            pc += 1 + push_len(byte);
        }
        let (mut extensions, mut is_aligned) = (Extensions::NONE, true);
        if is_extended {
            extensions = dialect.extensions;
            (starts, is_aligned) = extended::translate(&mut image, &bytes, &jumpdests, dialect);
            if !fused || !is_aligned {
                starts.clear();
            }
        }
        fusion::fuse(&mut image, &starts, |pc| is_set(&jumpdests, pc));
        let delegate = (bytes.len() == 23 && bytes.starts_with(&DELEGATION))
            .then(|| Address::from_slice(&bytes[3..]));
        let image = image.into_boxed_slice();
        Self { hash, bytes, delegate, image, jumpdests, fused, extensions, is_aligned }
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
        if let Some(bytes) = self.bytes.get(pc..).and_then(<[u8]>::first_chunk) {
            return *bytes;
        }
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
        Self { image, extensions, extends }
    }

    /// Whether code may use extensions: one of their bytes is in it, be it as data.
    fn is_extended(&self, code: &[u8]) -> bool {
        !self.extensions.is_empty() && code.iter().any(|&byte| self.extends[byte as usize])
    }
}

/// Analysed code by code hash, kept across transactions.
#[derive(Debug, Default)]
pub struct CodeCache {
    table: HashTable<Arc<Code>>,
    seeds: RandomState,
    bytes: usize,
}

impl CodeCache {
    /// Emptied when the code kept reaches this many bytes: about 3,000 contracts of full size.
    const CAPACITY: usize = 64 << 20;

    /// Code seen before. The second time, it is worth fusing.
    pub fn get(&mut self, hash: &B256, dialect: &Dialect) -> Option<Arc<Code>> {
        let place = place(&self.seeds, hash);
        let code = self.table.find_mut(place, |code| code.hash == *hash)?;
        if !code.fused {
            *code = Arc::new(Code::analyse(code.bytes.clone(), *hash, dialect, true));
        }
        Some(code.clone())
    }

    /// Keeps code.
    pub fn insert(&mut self, code: Arc<Code>) {
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
