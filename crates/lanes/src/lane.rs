//! The four kinds of lane as numbers: what one lane of a word is, how lanes lie in bytes, and the
//! arithmetic of a single lane. Which lanes of which operands meet is said in `kernel`.

/// Bytes of a word, the unit in which the kernels work: a stack item, or a piece of a list.
pub(crate) const WORD: usize = 32;

/// How wide a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Width {
    /// 8 bits.
    W8,
    /// 16 bits.
    W16,
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
}

impl Width {
    /// Every width, the narrowest first: `Width::ALL[width as usize] == width`.
    pub const ALL: [Self; 4] = [Self::W8, Self::W16, Self::W32, Self::W64];

    /// Bytes of a lane: 1, 2, 4 or 8.
    pub const fn bytes(self) -> usize {
        1 << self as usize
    }

    /// Bits of a lane: 8, 16, 32 or 64.
    pub const fn bits(self) -> u32 {
        8 << self as u32
    }
}

/// In which order the bytes of a lane lie. Lanes themselves lie in ascending order in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The least significant byte first, as the words of a stack lie in memory.
    Little,
    /// The most significant byte first, as lists in calldata do.
    Big,
}

/// An unsigned integer that is one lane. Signed operations read it as two's complement.
pub(crate) trait Lane: Copy + Ord {
    const ZERO: Self;
    const ONE: Self;

    /// Puts `f` of each pair of lanes in place of the second, as far as the mask has ones. The least
    /// significant byte comes first.
    fn zip(a: &[u8; WORD], b: &mut [u8; WORD], mask: &[u8; WORD], f: impl Fn(Self, Self) -> Self);
    /// A lane's bytes, at most eight, as a number.
    fn read<const BIG: bool>(bytes: &[u8]) -> Self;
    fn write<const BIG: bool>(self, bytes: &mut [u8]);
    fn from_u64(number: u64) -> Self;
    fn to_u64(self) -> u64;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// The upper half of the product.
    fn mulhi(self, other: Self) -> Self;
    /// Zero by zero (as the EVM's DIV).
    fn div(self, other: Self) -> Self;
    /// Zero by zero; the minimum by −1 is the minimum (as SDIV).
    fn sdiv(self, other: Self) -> Self;
    /// Zero by zero (as MOD).
    fn rem(self, other: Self) -> Self;
    /// Zero by zero, the sign that of the dividend (as SMOD).
    fn srem(self, other: Self) -> Self;
    fn slt(self, other: Self) -> bool;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Zero for an amount of the width or more.
    fn shl(self, amount: Self) -> Self;
    fn shr(self, amount: Self) -> Self;
    /// The sign for an amount of the width or more.
    fn sar(self, amount: Self) -> Self;
    /// By the amount modulo the width.
    fn rol(self, amount: Self) -> Self;
    fn ror(self, amount: Self) -> Self;

    /// The EVM's boolean.
    #[inline(always)]
    fn flag(set: bool) -> Self {
        if set { Self::ONE } else { Self::ZERO }
    }
}

/// Quotient and remainder by way of floating point, which vector units can divide and integers they
/// cannot. The quotient is rounded to the nearest integer, by adding a power of two which leaves it
/// in the low bits of the significand, and so is right or one too many; then the remainder is below
/// zero.
macro_rules! divide_by_float {
    ($signed:ty) => {
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            let (quotient, remainder) = self.nearest(other);
            let quotient = if remainder < 0 { quotient - 1 } else { quotient };
            if other == 0 { 0 } else { quotient as Self }
        }
        #[inline(always)]
        fn rem(self, other: Self) -> Self {
            let (_, remainder) = self.nearest(other);
            let remainder = if remainder < 0 { remainder + other as $signed } else { remainder };
            if other == 0 { 0 } else { remainder as Self }
        }
        #[inline(always)]
        fn sdiv(self, other: Self) -> Self {
            let (a, b) = (self.signed().unsigned_abs(), other.signed().unsigned_abs());
            let quotient = a.div(b);
            if self.signed() ^ other.signed() < 0 { quotient.wrapping_neg() } else { quotient }
        }
        #[inline(always)]
        fn srem(self, other: Self) -> Self {
            let remainder = self.signed().unsigned_abs().rem(other.signed().unsigned_abs());
            if self.signed() < 0 { remainder.wrapping_neg() } else { remainder }
        }
    };
}

/// Division to the nearest integer.
trait Nearest: Sized {
    type Signed;
    /// The quotient rounded and the remainder, which may be below zero; anything by zero.
    fn nearest(self, other: Self) -> (Self::Signed, Self::Signed);
}

macro_rules! nearest {
    ($lane:ty, $float:ty, $bits:ty, $signed:ty) => {
        impl Nearest for $lane {
            type Signed = $signed;
            #[inline(always)]
            fn nearest(self, other: Self) -> ($signed, $signed) {
                const SIGNIFICAND: $bits = (1 << (<$float>::MANTISSA_DIGITS - 1)) - 1;
                const ROUND: $float = (SIGNIFICAND + 1) as $float;
                let quotient = <$float>::from(self) / <$float>::from(other) + ROUND;
                let quotient = (quotient.to_bits() & SIGNIFICAND) as $signed;
                let product = quotient.wrapping_mul(other as $signed);
                (quotient, (self as $signed).wrapping_sub(product))
            }
        }
    };
}

nearest!(u8, f32, u32, i32);
nearest!(u16, f32, u32, i32);
nearest!(u32, f64, u64, i64);

macro_rules! divide_by_integer {
    () => {
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            self.checked_div(other).unwrap_or(0)
        }
        #[inline(always)]
        fn rem(self, other: Self) -> Self {
            self.checked_rem(other).unwrap_or(0)
        }
        #[inline(always)]
        fn sdiv(self, other: Self) -> Self {
            if other == 0 { 0 } else { self.signed().wrapping_div(other.signed()) as Self }
        }
        #[inline(always)]
        fn srem(self, other: Self) -> Self {
            if other == 0 { 0 } else { self.signed().wrapping_rem(other.signed()) as Self }
        }
    };
}

macro_rules! lane {
    ($lane:ident, $signed:ident, $double:ident, { $($divide:tt)* }) => {
        impl Lane for $lane {
            const ZERO: Self = 0;
            const ONE: Self = 1;

            #[inline(always)]
            fn zip(
                a: &[u8; WORD],
                b: &mut [u8; WORD],
                mask: &[u8; WORD],
                f: impl Fn(Self, Self) -> Self,
            ) {
                const BYTES: usize = size_of::<$lane>();
                let (a, _) = a.as_chunks::<BYTES>();
                let (b, _) = b.as_chunks_mut::<BYTES>();
                let (mask, _) = mask.as_chunks::<BYTES>();
                for i in 0..WORD / BYTES {
                    let lane = f(Self::from_le_bytes(a[i]), Self::from_le_bytes(b[i]));
                    b[i] = (lane & Self::from_le_bytes(mask[i])).to_le_bytes();
                }
            }
            #[inline(always)]
            fn read<const BIG: bool>(bytes: &[u8]) -> Self {
                let mut lane = [0; size_of::<$lane>()];
                lane.copy_from_slice(bytes);
                if BIG { Self::from_be_bytes(lane) } else { Self::from_le_bytes(lane) }
            }
            #[inline(always)]
            fn write<const BIG: bool>(self, bytes: &mut [u8]) {
                let lane = if BIG { self.to_be_bytes() } else { self.to_le_bytes() };
                bytes.copy_from_slice(&lane);
            }
            #[inline(always)]
            fn from_u64(number: u64) -> Self {
                number as Self
            }
            #[inline(always)]
            fn to_u64(self) -> u64 {
                self.into()
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn mulhi(self, other: Self) -> Self {
                ((self as $double * other as $double) >> Self::BITS) as Self
            }
            $($divide)*
            #[inline(always)]
            fn slt(self, other: Self) -> bool {
                self.signed() < other.signed()
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                self | other
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
            #[inline(always)]
            fn shl(self, amount: Self) -> Self {
                if amount < Self::BITS as Self { self << (amount & (Self::BITS - 1) as Self) } else { 0 }
            }
            #[inline(always)]
            fn shr(self, amount: Self) -> Self {
                if amount < Self::BITS as Self { self >> (amount & (Self::BITS - 1) as Self) } else { 0 }
            }
            #[inline(always)]
            fn sar(self, amount: Self) -> Self {
                (self.signed() >> amount.min((Self::BITS - 1) as Self)) as Self
            }
            #[inline(always)]
            fn rol(self, amount: Self) -> Self {
                self.rotate_left(amount as u32)
            }
            #[inline(always)]
            fn ror(self, amount: Self) -> Self {
                self.rotate_right(amount as u32)
            }
        }

        impl TwosComplement for $lane {
            type Signed = $signed;
            #[inline(always)]
            fn signed(self) -> $signed {
                self as $signed
            }
        }
    };
}

/// A lane read as a signed number.
trait TwosComplement {
    type Signed;
    fn signed(self) -> Self::Signed;
}

lane!(u8, i8, u16, {
    divide_by_float!(i32);
});
lane!(u16, i16, u32, {
    divide_by_float!(i32);
});
lane!(u32, i32, u64, {
    divide_by_float!(i64);
});
lane!(u64, i64, u128, {
    divide_by_integer!();
});
