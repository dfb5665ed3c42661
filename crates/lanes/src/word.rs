//! The vector opcodes of EIP-616, in the untyped profile: how an instruction is encoded, which
//! encodings there are, and what an instruction makes of one or two words. Where the words come from
//! and what an instruction costs is the glue's.
//!
//! A word is 32 bytes, the least significant first; lane 0 is the least significant. A type uses the
//! lowest lanes; the bits above are dead: not looked at in an operand, zero in a result.

use crate::{
    kernel::{self, LaneOp},
    lane::{Lane, WORD, Width},
};

/// How a word is read as lanes: EIP-616's type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaneType {
    width: Width,
    /// Logarithm of the number of lanes.
    log_count: u8,
}

impl LaneType {
    /// The type of a type byte: bits 4 and 5 are the logarithm of a lane's bytes, bits 0 to 2 that
    /// of the number of lanes. `None`, and the instruction halts, if bit 7 (floating point), 6 or 3
    /// is set (so also for 0x7F) or the lanes do not fit 32 bytes.
    pub const fn decode(byte: u8) -> Option<Self> {
        let width = Width::ALL[(byte >> 4 & 3) as usize];
        let log_count = byte & 7;
        if byte & 0b1100_1000 != 0 || width.bytes() << log_count > WORD {
            return None;
        }
        Some(Self { width, log_count })
    }

    /// How wide a lane is.
    pub const fn width(self) -> Width {
        self.width
    }

    /// How many lanes there are: a power of two.
    pub const fn count(self) -> usize {
        1 << self.log_count
    }

    /// Bytes of all lanes together, at most 32.
    pub const fn bytes(self) -> usize {
        self.width.bytes() << self.log_count
    }
}

/// An instruction of the profile, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Instruction {
    /// XADD to XROR: a lane-wise operation.
    Lanes(LaneOp, LaneType),
    /// XINDEX: the lane of the second word that the first, as a number of 256 bits, names; zero if
    /// there is none.
    Index(LaneType),
    /// XCAST: the word without its dead bits.
    Cast(LaneType),
    /// XSHUFFLE: the first word holds a mask of bytes, as many as there are lanes; lane *i* of the
    /// result is the lane of the second word that byte *i* names, or zero if there is none.
    Shuffle(LaneType),
    /// XCONV: lanes of one type made lanes of another, cut off above or filled with zeros; lanes the
    /// first type has not are zero.
    Convert {
        /// The operand's type.
        from: LaneType,
        /// The result's type.
        to: LaneType,
    },
}

impl Instruction {
    /// The instruction of an opcode and the bytes after it: a type byte, for XCONV (0xB8) two. Bytes
    /// that are not used do not matter. `None`, and the instruction halts, for an opcode that is none
    /// or a byte that is no type.
    #[inline(always)]
    pub const fn decode(opcode: u8, immediates: [u8; 2]) -> Option<Self> {
        let Some(ty) = LaneType::decode(immediates[0]) else { return None };
        // A table, since a jump by opcode here would be the second one of each instruction.
        Some(match KINDS[opcode as usize] {
            Kind::Lanes(op) => Self::Lanes(op, ty),
            Kind::Index => Self::Index(ty),
            Kind::Cast => Self::Cast(ty),
            Kind::Shuffle => Self::Shuffle(ty),
            Kind::Convert => {
                let Some(to) = LaneType::decode(immediates[1]) else { return None };
                Self::Convert { from: ty, to }
            }
            Kind::None => return None,
        })
    }

    /// How many words it takes from the stack, 1 or 2. It leaves one.
    pub const fn inputs(self) -> usize {
        match self {
            Self::Lanes(op, _) if op.is_unary() => 1,
            Self::Cast(_) | Self::Convert { .. } => 1,
            _ => 2,
        }
    }

    /// Whether it divides, which EIP-616 prices at two gas instead of one.
    pub const fn divides(self) -> bool {
        use LaneOp::{Div, Mod, Sdiv, Smod};
        matches!(self, Self::Lanes(Div | Sdiv | Mod | Smod, _))
    }
}

/// An instruction without its type.
#[derive(Clone, Copy)]
enum Kind {
    None,
    Lanes(LaneOp),
    Index,
    Cast,
    Shuffle,
    Convert,
}

/// By opcode.
static KINDS: [Kind; 256] = {
    let mut kinds = [Kind::None; 256];
    kinds[0xb1] = Kind::Lanes(LaneOp::Add);
    kinds[0xb2] = Kind::Lanes(LaneOp::Mul);
    kinds[0xb3] = Kind::Lanes(LaneOp::Sub);
    kinds[0xb4] = Kind::Lanes(LaneOp::Div);
    kinds[0xb5] = Kind::Lanes(LaneOp::Sdiv);
    kinds[0xb6] = Kind::Lanes(LaneOp::Mod);
    kinds[0xb7] = Kind::Lanes(LaneOp::Smod);
    kinds[0xb8] = Kind::Convert;
    kinds[0xb9] = Kind::Lanes(LaneOp::MulHi);
    kinds[0xbe] = Kind::Cast;
    kinds[0xbf] = Kind::Shuffle;
    kinds[0xc0] = Kind::Lanes(LaneOp::Lt);
    kinds[0xc1] = Kind::Lanes(LaneOp::Gt);
    kinds[0xc2] = Kind::Lanes(LaneOp::Slt);
    kinds[0xc3] = Kind::Lanes(LaneOp::Sgt);
    kinds[0xc4] = Kind::Lanes(LaneOp::Eq);
    kinds[0xc5] = Kind::Lanes(LaneOp::IsZero);
    kinds[0xc6] = Kind::Lanes(LaneOp::And);
    kinds[0xc7] = Kind::Lanes(LaneOp::Or);
    kinds[0xc8] = Kind::Lanes(LaneOp::Xor);
    kinds[0xc9] = Kind::Lanes(LaneOp::Not);
    kinds[0xca] = Kind::Index;
    kinds[0xcb] = Kind::Lanes(LaneOp::Shl);
    kinds[0xcc] = Kind::Lanes(LaneOp::Shr);
    kinds[0xcd] = Kind::Lanes(LaneOp::Sar);
    kinds[0xce] = Kind::Lanes(LaneOp::Rol);
    kinds[0xcf] = Kind::Lanes(LaneOp::Ror);
    kinds
};

/// See [`Kernels::word`](crate::Kernels::word).
#[inline(always)]
pub(crate) fn word(instruction: Instruction, a: &[u8; WORD], b: &mut [u8; WORD]) {
    match instruction {
        Instruction::Lanes(op, ty) => kernel::word(op, ty.width, a, b, live(ty)),
        Instruction::Index(ty) => *b = index(a, b, ty),
        Instruction::Cast(ty) => kernel::word(LaneOp::And, Width::W64, live(ty), b, live(ty)),
        Instruction::Shuffle(ty) => *b = shuffle(a, b, ty),
        Instruction::Convert { from, to } => {
            let mut out = [0; WORD];
            convert(from, to, &b[..from.bytes()], &mut out[..to.bytes()]);
            *b = out;
        }
    }
}

/// All bits of the live bytes.
#[inline(always)]
pub(crate) fn live(ty: LaneType) -> &'static [u8; WORD] {
    // By logarithm of the number of bytes: 1, 2, 4, 8, 16, 32.
    static LIVE: [[u8; WORD]; 6] = {
        let mut masks = [[0; WORD]; 6];
        let mut log = 0;
        while log < 6 {
            let mut byte = 0;
            while byte < 1 << log {
                masks[log][byte] = 0xff;
                byte += 1;
            }
            log += 1;
        }
        masks
    };
    &LIVE[ty.width as usize + ty.log_count as usize]
}

#[inline(always)]
fn index(a: &[u8; WORD], b: &[u8; WORD], ty: LaneType) -> [u8; WORD] {
    let mut out = [0; WORD];
    let (groups, _) = a.as_chunks::<8>();
    let [index, rest @ ..] = [0, 1, 2, 3].map(|i| u64::from_le_bytes(groups[i]));
    if index < ty.count() as u64 && rest == [0; 3] {
        // The eight bytes with the lane, moved down until it is the lowest.
        let start = (index as usize) << ty.width as u32;
        let (groups, _) = b.as_chunks::<8>();
        let lane = u64::from_le_bytes(groups[start / 8 % 4]) >> (start % 8 * 8);
        let lane = lane & (u64::MAX >> (64 - ty.width.bits()));
        out[..8].copy_from_slice(&lane.to_le_bytes());
    }
    out
}

#[inline(always)]
fn shuffle(mask: &[u8; WORD], data: &[u8; WORD], ty: LaneType) -> [u8; WORD] {
    let mut out = [0; WORD];
    let (data, mask) = (&data[..ty.bytes()], &mask[..ty.count()]);
    let lanes = &mut out[..ty.bytes()];
    match ty.width {
        Width::W8 => kernel::shuffle::<u8, u8, false>(data, mask, lanes),
        Width::W16 => kernel::shuffle::<u16, u8, false>(data, mask, lanes),
        Width::W32 => kernel::shuffle::<u32, u8, false>(data, mask, lanes),
        Width::W64 => kernel::shuffle::<u64, u8, false>(data, mask, lanes),
    }
    out
}

#[inline(always)]
fn convert(from: LaneType, to: LaneType, a: &[u8], out: &mut [u8]) {
    #[inline(always)]
    fn from_lanes<A: Lane>(to: Width, a: &[u8], out: &mut [u8]) {
        match to {
            Width::W8 => kernel::convert::<A, u8>(a, out),
            Width::W16 => kernel::convert::<A, u16>(a, out),
            Width::W32 => kernel::convert::<A, u32>(a, out),
            Width::W64 => kernel::convert::<A, u64>(a, out),
        }
    }
    match from.width {
        Width::W8 => from_lanes::<u8>(to.width, a, out),
        Width::W16 => from_lanes::<u16>(to.width, a, out),
        Width::W32 => from_lanes::<u32>(to.width, a, out),
        Width::W64 => from_lanes::<u64>(to.width, a, out),
    }
}
