//! Field elements as coordinates of points: what a backend provides, and their bytes in EIP-2537.

use tandem_coprocessor::Fault;
use tandem_coprocessor::primitives::aliases::U384;

use crate::constants::P;

/// Bytes of an element of the base field: 16 zeros, then 48 big-endian.
pub(crate) const FP: usize = 64;

/// An element of the base field, or of its quadratic extension.
pub(crate) trait Coordinate: Copy + PartialEq {
    /// Bytes of an element.
    const BYTES: usize;
    /// The additive neutral element.
    const ZERO: Self;

    /// Reads [`Self::BYTES`] bytes.
    ///
    /// # Errors
    /// [`Fault::Input`] if the padding is not zero or a number is not below p.
    fn decode(bytes: &[u8]) -> Result<Self, Fault>;
    /// Writes [`Self::BYTES`] bytes.
    fn encode(&self, output: &mut [u8]);

    /// The constant b of the curve y² = x³ + b over this field.
    fn curve_constant() -> Self;
    /// self + other.
    fn plus(&self, other: &Self) -> Self;
    /// self − other.
    fn minus(&self, other: &Self) -> Self;
    /// self · other.
    fn times(&self, other: &Self) -> Self;
    /// 1 / self, or 0 for 0.
    fn inverse(&self) -> Self;

    /// −self.
    fn negated(&self) -> Self {
        Self::ZERO.minus(self)
    }

    /// self².
    fn squared(&self) -> Self {
        self.times(self)
    }
}

/// Reads a number of the base field: its limbs, the least first.
///
/// # Errors
/// [`Fault::Input`] if the padding is not zero or the number is not below p.
pub(crate) fn decode_limbs(bytes: &[u8]) -> Result<[u64; 6], Fault> {
    let (padding, number) = bytes.split_at(FP - U384::BYTES);
    let number = U384::try_from_be_slice(number).filter(|number| *number < P);
    let padded = padding.iter().all(|byte| *byte == 0);
    number.filter(|_| padded).map(U384::into_limbs).ok_or(Fault::Input)
}

/// Writes a number of the base field, given by its limbs.
pub(crate) fn encode_limbs(limbs: [u64; 6], output: &mut [u8]) {
    let (padding, number) = output.split_at_mut(FP - U384::BYTES);
    padding.fill(0);
    number.copy_from_slice(&U384::from_limbs(limbs).to_be_bytes::<{ U384::BYTES }>());
}

/// 1 / value modulo p, or 0 for 0, in limbs. Lehmer's algorithm in variable time, of which nothing
/// leaks that is not public; it takes less than half the time of either library's inversion.
pub(crate) fn invert_limbs(value: [u64; 6]) -> [u64; 6] {
    U384::from_limbs(value).inv_mod(P).unwrap_or_default().into_limbs()
}

/// 1 / (re + im·i), or 0 for 0.
pub(crate) fn invert_complex<F: Coordinate>(re: &F, im: &F) -> [F; 2] {
    let norm = re.squared().plus(&im.squared()).inverse();
    [re.times(&norm), im.times(&norm).negated()]
}
