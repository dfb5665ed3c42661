//! The experimental list precompile VECMATH: the format of its requests, and which kernel answers
//! them. A request names one operation on lists of big-endian lanes of 4 or 8 bytes; the answer is a
//! list of as many lanes, or a single lane for the two that add up. Its address and price are the
//! glue's.
//!
//! ```text
//! op (1)  width (1: 4 or 8)  count (4, big-endian: 1 to 1,000,000)  operands
//! ```
//!
//! Operands are lists of `count` lanes one after another, and for an operation modulo a number that
//! number, one lane, last. The input has exactly that length.

use tandem_coprocessor::Fault;

use crate::{
    kernel::{self, LaneOp},
    lane::{Lane, Order, Width},
    modular::{ModularOp, modular},
};

/// The most lanes in a list.
pub const MAX_COUNT: u32 = 1_000_000;
const HEADER: usize = 6;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListOp {
    /// 01 ADD, 02 MUL, 03 SUB, 04 AND, 05 OR, 06 XOR, 07 SHL, 08 SHR, 09 MOD: lane by lane, modulo
    /// the width. The shifts take the values first, then the amounts.
    Lanes(LaneOp),
    /// 0a REDUCE: the sum of one list, modulo the width.
    Sum,
    /// 0b DOT: the sum of the products of two lists, modulo the width.
    Dot,
    /// 0c MULMOD, 0d ADDMOD, 0e SUBMOD: two lists and a modulus.
    Modular(ModularOp),
    /// 0f SHUFFLE: a list, and a list of the places to take lanes from; zero for a place beyond it.
    Shuffle,
}

impl ListOp {
    /// The operation of a request's first byte.
    pub const fn decode(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01 => Self::Lanes(LaneOp::Add),
            0x02 => Self::Lanes(LaneOp::Mul),
            0x03 => Self::Lanes(LaneOp::Sub),
            0x04 => Self::Lanes(LaneOp::And),
            0x05 => Self::Lanes(LaneOp::Or),
            0x06 => Self::Lanes(LaneOp::Xor),
            0x07 => Self::Lanes(LaneOp::Shl),
            0x08 => Self::Lanes(LaneOp::Shr),
            0x09 => Self::Lanes(LaneOp::Mod),
            0x0a => Self::Sum,
            0x0b => Self::Dot,
            0x0c => Self::Modular(ModularOp::Mul),
            0x0d => Self::Modular(ModularOp::Add),
            0x0e => Self::Modular(ModularOp::Sub),
            0x0f => Self::Shuffle,
            _ => return None,
        })
    }

    const fn operands(self) -> usize {
        if matches!(self, Self::Sum) { 1 } else { 2 }
    }
}

/// A request, decoded.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    op: ListOp,
    width: Width,
    count: u32,
    operands: &'a [u8],
}

impl<'a> List<'a> {
    /// Decodes a request.
    ///
    /// # Errors
    /// [`Fault::Input`] for an unknown operation, a width that is neither 4 nor 8, a count of zero or
    /// above [`MAX_COUNT`], or an input of another length than they call for.
    pub fn decode(input: &'a [u8]) -> Result<Self, Fault> {
        let (&[op, width, count @ ..], operands) =
            input.split_first_chunk::<HEADER>().ok_or(Fault::Input)?;
        let op = ListOp::decode(op).ok_or(Fault::Input)?;
        let width = match width {
            4 => Width::W32,
            8 => Width::W64,
            _ => return Err(Fault::Input),
        };
        let count = u32::from_be_bytes(count);
        if count == 0 || count > MAX_COUNT {
            return Err(Fault::Input);
        }
        let trailing = usize::from(matches!(op, ListOp::Modular(_)));
        let lanes = op.operands() * count as usize + trailing;
        if operands.len() != lanes * width.bytes() {
            return Err(Fault::Input);
        }
        Ok(Self { op, width, count, operands })
    }

    /// What is asked for.
    pub const fn op(&self) -> ListOp {
        self.op
    }

    /// Lanes of a list, 1 to [`MAX_COUNT`].
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the answer.
    pub const fn output_len(&self) -> usize {
        let lanes = match self.op {
            ListOp::Sum | ListOp::Dot => 1,
            _ => self.count as usize,
        };
        lanes * self.width.bytes()
    }
}

/// Answers a request into `out`, which has its [`List::output_len`].
#[inline(always)]
pub(crate) fn list(request: &List<'_>, out: &mut [u8]) {
    match request.width {
        Width::W32 => typed::<u32>(request, out),
        _ => typed::<u64>(request, out),
    }
}

#[inline(always)]
fn typed<L: Lane>(request: &List<'_>, out: &mut [u8]) {
    let len = request.count as usize * request.width.bytes();
    let (a, rest) = request.operands.split_at(len);
    // The sum's second operand is empty.
    let (b, modulus) = rest.split_at(len.min(rest.len()));
    match request.op {
        ListOp::Lanes(op @ (LaneOp::Shl | LaneOp::Shr)) => {
            kernel::lanes(op, request.width, Order::Big, b, a, out);
        }
        ListOp::Lanes(op) => kernel::lanes(op, request.width, Order::Big, a, b, out),
        ListOp::Sum => kernel::sum::<L, true>(a).write::<true>(out),
        ListOp::Dot => kernel::dot::<L, true>(a, b).write::<true>(out),
        ListOp::Modular(op) => modular::<L, true>(op, a, b, L::read::<true>(modulus), out),
        ListOp::Shuffle => kernel::shuffle::<L, L, true>(a, b, out),
    }
}
