//! A modulus as SETMODX takes it, and the constants its arithmetic needs. Whether a frame may have it
//! beside its other registers is decided in `registers`.

use crate::kernel;

/// The most limbs of 64 bits a modulus has: 768 bits.
pub(crate) const MAX_LIMBS: usize = 12;

/// Why the first limbs of so many are always there.
const LIMBS: &str = "a kernel has no more limbs than the longest modulus";

/// An odd modulus or a power of two, from 3 to 2^768 - 1.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Modulus {
    /// Little-endian; zeros behind [`len`](Self::len).
    pub(crate) limbs: [u64; MAX_LIMBS],
    /// Limbs in use, 1 to 12.
    pub(crate) len: usize,
    pub(crate) odd: bool,
    /// -1 / modulus modulo 2^64, if it is odd.
    pub(crate) inverse: u64,
    /// R^2 modulo the modulus, with R = 2^(64 len), if it is odd: makes the Montgomery form.
    pub(crate) square: [u64; MAX_LIMBS],
    /// What elements are kept below, if it is odd: the modulus, or twice that where its two highest bits are free.
    bound: [u64; MAX_LIMBS],
}

impl Modulus {
    /// Reads a big-endian modulus, without the constants. `None` if EIP-6690 does not allow it; zeros in
    /// front do not count.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut limbs = [0; MAX_LIMBS];
        for (place, byte) in bytes.iter().rev().enumerate() {
            *limbs.get_mut(place / 8)? |= u64::from(*byte) << (place % 8 * 8);
        }
        let len = MAX_LIMBS - limbs.iter().rev().take_while(|limb| **limb == 0).count();
        let ones: u32 = limbs.iter().map(|limb| limb.count_ones()).sum();
        let odd = limbs[0] % 2 == 1;
        let small = len == 0 || (len == 1 && limbs[0] < 3);
        let allowed = !small && (odd || ones == 1);
        let (square, bound) = ([0; MAX_LIMBS], limbs);
        allowed.then_some(Self { limbs, len, odd, inverse: 0, square, bound })
    }

    /// Bytes of an element in memory and of a register: the modulus's, rounded up to a multiple of 8.
    pub(crate) fn element_size(&self) -> usize {
        8 * self.len
    }

    /// Bits of the modulus.
    pub(crate) fn bits(&self) -> usize {
        64 * self.len - self.free_bits() as usize
    }

    /// Bits of its limbs above the highest that is set.
    pub(crate) fn free_bits(&self) -> u32 {
        self.limbs[self.len - 1].leading_zeros()
    }

    /// The first `N` limbs.
    #[inline(always)]
    pub(crate) fn first<const N: usize>(&self) -> &[u64; N] {
        self.limbs.first_chunk().expect(LIMBS)
    }

    /// The first `N` limbs of what elements are kept below.
    #[inline(always)]
    pub(crate) fn bound<const N: usize>(&self) -> &[u64; N] {
        self.bound.first_chunk().expect(LIMBS)
    }

    /// The modulus in digits of 52 bits.
    #[cfg(feature = "native")]
    pub(crate) fn digits(&self) -> [u64; 15] {
        core::array::from_fn(|n| {
            let (limb, offset) = (52 * n / 64, 52 * n % 64);
            let above = self.limbs.get(limb + 1).copied().unwrap_or(0);
            let pair = u128::from(above) << 64 | u128::from(self.limbs[limb]);
            (pair >> offset) as u64 & ((1 << 52) - 1)
        })
    }

    /// Fills in the constants of an odd modulus of `N` limbs.
    pub(crate) fn prepare<const N: usize>(&mut self) {
        // Each step of Newton's doubles the bits that are right; of m itself three are.
        let m0 = self.limbs[0];
        let mut inverse = m0;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(m0.wrapping_mul(inverse)));
        }
        self.inverse = inverse.wrapping_neg();

        // From the highest power of two below the modulus double to R, which is one in Montgomery
        // form, and on to 2^N in that form; six squarings make it 2^(64 N) = R.
        let (bits, m) = (self.bits(), *self.first::<N>());
        let mut power = [0; N];
        power[(bits - 1) / 64] = 1 << ((bits - 1) % 64);
        for _ in bits - 1..64 * N + N {
            power = kernel::add(&power, &power, &m);
        }
        for _ in 0..6 {
            power = kernel::montgomery(&power, &power, &m, self.inverse);
        }
        self.square[..N].copy_from_slice(&power);
        if self.free_bits() >= 2 {
            let double: [u64; N] = kernel::sum(&m, &m).0;
            self.bound[..N].copy_from_slice(&double);
        }
    }
}
