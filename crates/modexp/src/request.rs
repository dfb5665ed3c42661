//! The format of a request (EIP-198): three lengths of 32 bytes each, then base, exponent and modulus,
//! all big-endian. The input is read as if zeros without end followed it, which nothing here stores.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use tandem_coprocessor::ModexpSize;

use crate::significant;

/// Length of the three lengths, in bytes.
const HEADER_LEN: u128 = 96;

/// The declared lengths in bytes; what does not fit saturates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    pub(crate) base: u64,
    pub(crate) exponent: u64,
    pub(crate) modulus: u64,
}

impl Lengths {
    pub(crate) fn read(input: &[u8]) -> Self {
        Self {
            base: Number::read(input, 0, 32).saturate(),
            exponent: Number::read(input, 32, 32).saturate(),
            modulus: Number::read(input, 64, 32).saturate(),
        }
    }

    /// The facts a price needs.
    pub(crate) fn size(self, input: &[u8]) -> ModexpSize {
        let head = Number::read(input, self.exponent_start(), self.exponent.min(32));
        ModexpSize {
            base_len: self.base,
            exponent_len: self.exponent,
            modulus_len: self.modulus,
            exponent_head_bits: head.bits(),
        }
    }

    /// Base, exponent and modulus.
    pub(crate) fn numbers(self, input: &[u8]) -> [Number<'_>; 3] {
        let modulus_start = self.exponent_start() + u128::from(self.exponent);
        [
            Number::read(input, HEADER_LEN, self.base),
            Number::read(input, self.exponent_start(), self.exponent),
            Number::read(input, modulus_start, self.modulus),
        ]
    }

    fn exponent_start(self) -> u128 {
        HEADER_LEN + u128::from(self.base)
    }
}

/// A number of the request: `bytes` · 256^`zeros`, the zeros being those beyond the input's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number<'a> {
    /// What the input has of it, big-endian, without leading zeros; empty if the number is 0.
    pub(crate) bytes: &'a [u8],
    /// How many bytes of it the input does not have; 0 if the number is 0.
    zeros: u64,
}

impl<'a> Number<'a> {
    /// The number of `len` bytes that starts at `start`.
    fn read(input: &'a [u8], start: u128, len: u64) -> Self {
        let within =
            |offset: u128| usize::try_from(offset).map_or(input.len(), |o| o.min(input.len()));
        let present = &input[within(start)..within(start + u128::from(len))];
        match significant(present) {
            [] => Self { bytes: &[], zeros: 0 },
            bytes => Self { bytes, zeros: len - present.len() as u64 },
        }
    }

    pub(crate) fn at_most_one(&self) -> bool {
        matches!((self.bytes, self.zeros), ([], _) | ([1], 0))
    }

    /// All of its bytes, the zeros at its end included.
    pub(crate) fn to_bytes(self) -> Cow<'a, [u8]> {
        if self.zeros == 0 {
            return Cow::Borrowed(self.bytes);
        }
        let zeros = usize::try_from(self.zeros).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(self.bytes.len().saturating_add(zeros));
        bytes.extend_from_slice(self.bytes);
        bytes.resize(self.bytes.len() + zeros, 0);
        Cow::Owned(bytes)
    }

    /// Its value, which is at most 32 bytes long, or `u64::MAX`.
    fn saturate(self) -> u64 {
        let bits = self.bits();
        if bits > u64::BITS {
            return u64::MAX;
        }
        let value = self.bytes.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
        value.checked_shl(8 * self.zeros as u32).unwrap_or(0)
    }

    /// Position of its highest set bit plus one. It is at most 32 bytes long.
    fn bits(self) -> u32 {
        let len = self.bytes.len() as u32 + self.zeros as u32;
        self.bytes.first().map_or(0, |first| 8 * len - first.leading_zeros())
    }
}
