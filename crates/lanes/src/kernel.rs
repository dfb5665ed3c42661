//! The kernels: one operation on all lanes of byte slices, of any length and width. Everything is
//! plain loops, for which LLVM finds the vector instructions of whatever machine it is told to
//! compile for; `backend` compiles it more than once. What the EVM's opcodes and the
//! list precompile make of the operands is in `word` and `list`.
//!
//! Every function here is inlined into its caller, so that it takes on the caller's instructions.

use crate::lane::{Lane, Order, WORD, Width};

/// A lane-wise operation: lane *i* of the result depends on the lanes *i* of the operands alone.
/// The arithmetic is that of the EVM's opcode of the same name, modulo the lane's width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is its opcode, `a` the first operand and `b` the second")]
pub enum LaneOp {
    Add,
    /// The low half of the product.
    Mul,
    /// The high half of the product, unsigned.
    MulHi,
    Sub,
    /// Zero by zero.
    Div,
    /// Two's complement; zero by zero, and the minimum by −1 is the minimum.
    Sdiv,
    /// Zero by zero.
    Mod,
    /// Two's complement, the sign of the dividend; zero by zero.
    Smod,
    /// 1 or 0 in each lane, as the other comparisons.
    Lt,
    Gt,
    Slt,
    Sgt,
    Eq,
    /// Of `b` alone.
    IsZero,
    And,
    Or,
    Xor,
    /// Of `b` alone.
    Not,
    /// `b` by `a` bits: zero for an amount of the width or more.
    Shl,
    Shr,
    /// The sign for an amount of the width or more.
    Sar,
    /// `b` by `a` bits, modulo the width.
    Rol,
    Ror,
}

impl LaneOp {
    /// Every operation, in the order of their numbers: `LaneOp::ALL[op as usize] == op`.
    pub const ALL: [Self; 23] = [
        Self::Add,
        Self::Mul,
        Self::MulHi,
        Self::Sub,
        Self::Div,
        Self::Sdiv,
        Self::Mod,
        Self::Smod,
        Self::Lt,
        Self::Gt,
        Self::Slt,
        Self::Sgt,
        Self::Eq,
        Self::IsZero,
        Self::And,
        Self::Or,
        Self::Xor,
        Self::Not,
        Self::Shl,
        Self::Shr,
        Self::Sar,
        Self::Rol,
        Self::Ror,
    ];

    /// Whether the first operand plays no part.
    pub const fn is_unary(self) -> bool {
        matches!(self, Self::IsZero | Self::Not)
    }
}

/// Something that can be done with the function a [`LaneOp`] stands for.
trait Apply {
    fn apply<L: Lane>(self, f: impl Fn(L, L) -> L);
}

/// Chooses the function of `op` for lanes of the kind `L`.
#[inline(always)]
fn choose<L: Lane>(op: LaneOp, to: impl Apply) {
    match op {
        LaneOp::Add => to.apply(L::add),
        LaneOp::Mul => to.apply(L::mul),
        LaneOp::MulHi => to.apply(L::mulhi),
        LaneOp::Sub => to.apply(L::sub),
        LaneOp::Div => to.apply(L::div),
        LaneOp::Sdiv => to.apply(L::sdiv),
        LaneOp::Mod => to.apply(L::rem),
        LaneOp::Smod => to.apply(L::srem),
        LaneOp::Lt => to.apply(|a: L, b| L::flag(a < b)),
        LaneOp::Gt => to.apply(|a: L, b| L::flag(a > b)),
        LaneOp::Slt => to.apply(|a: L, b| L::flag(a.slt(b))),
        LaneOp::Sgt => to.apply(|a: L, b| L::flag(b.slt(a))),
        LaneOp::Eq => to.apply(|a: L, b| L::flag(a == b)),
        LaneOp::IsZero => to.apply(|_, b: L| L::flag(b == L::ZERO)),
        LaneOp::And => to.apply(L::and),
        LaneOp::Or => to.apply(L::or),
        LaneOp::Xor => to.apply(L::xor),
        LaneOp::Not => to.apply(|_, b: L| L::ZERO.sub(b).sub(L::ONE)),
        LaneOp::Shl => to.apply(|a: L, b| b.shl(a)),
        LaneOp::Shr => to.apply(|a: L, b| b.shr(a)),
        LaneOp::Sar => to.apply(|a: L, b| b.sar(a)),
        LaneOp::Rol => to.apply(|a: L, b| b.rol(a)),
        LaneOp::Ror => to.apply(|a: L, b| b.ror(a)),
    }
}

/// Operands of 32 bytes, the least significant first, the second to be replaced by the bits of the
/// result that the mask has. The length is known, so that no loop is left.
struct Words<'a> {
    a: &'a [u8; WORD],
    b: &'a mut [u8; WORD],
    mask: &'a [u8; WORD],
}

impl Apply for Words<'_> {
    #[inline(always)]
    fn apply<L: Lane>(self, f: impl Fn(L, L) -> L) {
        L::zip(self.a, self.b, self.mask, f);
    }
}

/// `op` on all lanes of two words, the result in place of the second; of it, the bits of the mask.
#[inline(always)]
pub(crate) fn word(
    op: LaneOp,
    width: Width,
    a: &[u8; WORD],
    b: &mut [u8; WORD],
    mask: &[u8; WORD],
) {
    let words = Words { a, b, mask };
    match width {
        Width::W8 => choose::<u8>(op, words),
        Width::W16 => choose::<u16>(op, words),
        Width::W32 => choose::<u32>(op, words),
        Width::W64 => choose::<u64>(op, words),
    }
}

/// Operands of any length.
struct Slices<'a, const BIG: bool> {
    a: &'a [u8],
    b: &'a [u8],
    out: &'a mut [u8],
}

impl<const BIG: bool> Apply for Slices<'_, BIG> {
    #[inline(always)]
    fn apply<L: Lane>(self, f: impl Fn(L, L) -> L) {
        let bytes = size_of::<L>();
        let operands = self.a.chunks_exact(bytes).zip(self.b.chunks_exact(bytes));
        for (out, (a, b)) in self.out.chunks_exact_mut(bytes).zip(operands) {
            f(L::read::<BIG>(a), L::read::<BIG>(b)).write::<BIG>(out);
        }
    }
}

/// See [`Kernels::lanes`](crate::Kernels::lanes).
#[inline(always)]
pub(crate) fn lanes(op: LaneOp, width: Width, order: Order, a: &[u8], b: &[u8], out: &mut [u8]) {
    match order {
        Order::Little => slices(op, width, Slices::<false> { a, b, out }),
        Order::Big => slices(op, width, Slices::<true> { a, b, out }),
    }
}

#[inline(always)]
fn slices<const BIG: bool>(op: LaneOp, width: Width, slices: Slices<'_, BIG>) {
    let slices = Slices { a: if op.is_unary() { slices.b } else { slices.a }, ..slices };
    match width {
        Width::W8 => choose::<u8>(op, slices),
        Width::W16 => choose::<u16>(op, slices),
        Width::W32 => choose::<u32>(op, slices),
        Width::W64 => choose::<u64>(op, slices),
    }
}

/// Lane *i* of the result is the lane of `data` that lane *i* of `mask` names, or zero if there is
/// none: `M` is the kind of the mask's lanes, `L` of the data's.
#[inline(always)]
pub(crate) fn shuffle<L: Lane, M: Lane, const BIG: bool>(data: &[u8], mask: &[u8], out: &mut [u8]) {
    let (bytes, mask_bytes) = (size_of::<L>(), size_of::<M>());
    let count = data.len() / bytes;
    for (out, mask) in out.chunks_exact_mut(bytes).zip(mask.chunks_exact(mask_bytes)) {
        let index = M::read::<BIG>(mask).to_u64();
        if index < count as u64 {
            let start = index as usize * bytes;
            out.copy_from_slice(&data[start..start + bytes]);
        } else {
            out.fill(0);
        }
    }
}

/// Lanes of the kind `A` made lanes of the kind `B`: cut off above, or filled with zeros. Little-endian.
#[inline(always)]
pub(crate) fn convert<A: Lane, B: Lane>(from: &[u8], to: &mut [u8]) {
    let lanes = from.chunks_exact(size_of::<A>());
    for (to, from) in to.chunks_exact_mut(size_of::<B>()).zip(lanes) {
        B::from_u64(A::read::<false>(from).to_u64()).write::<false>(to);
    }
}

/// The sum of all lanes modulo the width.
#[inline(always)]
pub(crate) fn sum<L: Lane, const BIG: bool>(a: &[u8]) -> L {
    let lanes = a.chunks_exact(size_of::<L>()).map(L::read::<BIG>);
    lanes.fold(L::ZERO, L::add)
}

/// The sum of the products of the lanes modulo the width.
#[inline(always)]
pub(crate) fn dot<L: Lane, const BIG: bool>(a: &[u8], b: &[u8]) -> L {
    let lanes = |bytes| <[u8]>::chunks_exact(bytes, size_of::<L>()).map(L::read::<BIG>);
    lanes(a).zip(lanes(b)).fold(L::ZERO, |sum, (a, b)| sum.add(a.mul(b)))
}
