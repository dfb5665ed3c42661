//! The kernels: one operation on all lanes of byte slices, of any length and width. Everything is
//! plain Rust in words of 32 bytes, for which LLVM finds the vector instructions of whatever machine
//! it is told to compile for; `backend` compiles it more than once. What the EVM's opcodes and the
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
    /// Of `a` alone.
    IsZero,
    And,
    Or,
    Xor,
    /// Of `a` alone.
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
    /// Every operation.
    pub const ALL: [Self; 22] = [
        Self::Add,
        Self::Mul,
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

    /// Whether the second operand plays no part.
    pub const fn is_unary(self) -> bool {
        matches!(self, Self::IsZero | Self::Not)
    }
}

/// See [`Kernels::lanes`](crate::Kernels::lanes).
#[inline(always)]
pub(crate) fn lanes(op: LaneOp, width: Width, order: Order, a: &[u8], b: &[u8], out: &mut [u8]) {
    let b = if op.is_unary() { a } else { b };
    let len = out.len().min(a.len()).min(b.len());
    let (a, b, out) = (&a[..len], &b[..len], &mut out[..len]);
    match (order, width) {
        (_, Width::W8) => typed::<u8, false>(op, a, b, out),
        (Order::Little, Width::W16) => typed::<u16, false>(op, a, b, out),
        (Order::Little, Width::W32) => typed::<u32, false>(op, a, b, out),
        (Order::Little, Width::W64) => typed::<u64, false>(op, a, b, out),
        (Order::Big, Width::W16) => typed::<u16, true>(op, a, b, out),
        (Order::Big, Width::W32) => typed::<u32, true>(op, a, b, out),
        (Order::Big, Width::W64) => typed::<u64, true>(op, a, b, out),
    }
}

#[inline(always)]
fn typed<L: Lane, const BIG: bool>(op: LaneOp, a: &[u8], b: &[u8], out: &mut [u8]) {
    macro_rules! by {
        ($f:expr) => {
            words(a, b, out, |a, b| L::zip::<BIG>(a, b, $f))
        };
    }
    match op {
        LaneOp::Add => by!(L::add),
        LaneOp::Mul => by!(L::mul),
        LaneOp::Sub => by!(L::sub),
        LaneOp::Div => by!(L::div),
        LaneOp::Sdiv => by!(L::sdiv),
        LaneOp::Mod => by!(L::rem),
        LaneOp::Smod => by!(L::srem),
        LaneOp::Lt => by!(|a, b| L::flag(a < b)),
        LaneOp::Gt => by!(|a, b| L::flag(a > b)),
        LaneOp::Slt => by!(|a, b| L::flag(a.slt(b))),
        LaneOp::Sgt => by!(|a, b| L::flag(b.slt(a))),
        LaneOp::Eq => by!(|a, b| L::flag(a == b)),
        LaneOp::IsZero => by!(|a, _| L::flag(a == L::ZERO)),
        LaneOp::And => by!(L::and),
        LaneOp::Or => by!(L::or),
        LaneOp::Xor => by!(L::xor),
        LaneOp::Not => by!(|a, _| L::ZERO.sub(a).sub(L::ONE)),
        LaneOp::Shl => by!(|a, b| b.shl(a)),
        LaneOp::Shr => by!(|a, b| b.shr(a)),
        LaneOp::Sar => by!(|a, b| b.sar(a)),
        LaneOp::Rol => by!(|a, b| b.rol(a)),
        LaneOp::Ror => by!(|a, b| b.ror(a)),
    }
}

/// `f` on each word of the operands, which are of one length; the last one is filled up with zeros.
#[inline(always)]
fn words(a: &[u8], b: &[u8], out: &mut [u8], f: impl Fn(&[u8; WORD], &[u8; WORD]) -> [u8; WORD]) {
    let (a, a_rest) = a.as_chunks::<WORD>();
    let (b, b_rest) = b.as_chunks::<WORD>();
    let (out, out_rest) = out.as_chunks_mut::<WORD>();
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(a, b);
    }
    if !out_rest.is_empty() {
        out_rest.copy_from_slice(&f(&fill(a_rest), &fill(b_rest))[..out_rest.len()]);
    }
}

fn fill(rest: &[u8]) -> [u8; WORD] {
    let mut word = [0; WORD];
    word[..rest.len()].copy_from_slice(rest);
    word
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
