//! Precompiles as the glue sees them: an address, the coprocessor's operation, and a price computed
//! from the facts the coprocessor measured. What they compute is the coprocessors' affair.

use tandem_coprocessor::{ModexpSize, Op, Size, primitives::Address};

use crate::ListPrice;

/// A precompile of a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precompile {
    /// Its address.
    pub address: Address,
    /// What it computes.
    pub op: Op,
    /// What it costs.
    pub price: Price,
}

/// How a request's size becomes gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Price {
    /// The same for any input.
    Fixed(u64),
    /// By 32-byte words of input.
    Words {
        /// Any request.
        base: u64,
        /// Each word.
        word: u64,
    },
    /// By rounds.
    Rounds(u64),
    /// By pairs.
    Pairs {
        /// Any request.
        base: u64,
        /// Each pair.
        pair: u64,
    },
    /// By pairs, with a discount in thousandths by their number (EIP-2537).
    Msm {
        /// Each pair, before the discount.
        pair: u64,
        /// For 1, 2, … pairs; the last holds for more.
        discounts: &'static [u16; 128],
    },
    /// Modular exponentiation.
    Modexp(ModexpPrice),
    /// By elements of a list and what each takes.
    List(ListPrice),
}

impl Price {
    /// The gas for a request of that size, saturating; `None` if the fork refuses the request.
    pub fn gas(&self, size: &Size) -> Option<u64> {
        Some(match (self, *size) {
            (Self::Fixed(gas), _) => *gas,
            (Self::Words { base, word }, Size::Words(n)) => {
                base.saturating_add(word.saturating_mul(n))
            }
            (Self::Rounds(round), Size::Rounds(n)) => round.saturating_mul(n),
            (Self::Pairs { base, pair }, Size::Pairs(n)) => {
                base.saturating_add(pair.saturating_mul(n))
            }
            (Self::Msm { .. }, Size::Pairs(0)) => 0,
            (Self::Msm { pair, discounts }, Size::Pairs(n)) => {
                let discount = discounts[(n.min(128) - 1) as usize];
                pair.saturating_mul(n).saturating_mul(u64::from(discount)) / 1000
            }
            (Self::Modexp(price), Size::Modexp(size)) => return price.gas(&size),
            (Self::List(price), Size::List(count, work)) => return price.gas(count, work),
            _ => return None,
        })
    }
}

/// The three formulas of modular exponentiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModexpPrice {
    /// EIP-198.
    Byzantium,
    /// EIP-2565.
    Berlin,
    /// EIP-7883, with the length limit of EIP-7823.
    Osaka,
}

impl ModexpPrice {
    const MAX_LEN: u64 = 1024;

    fn gas(self, size: &ModexpSize) -> Option<u64> {
        let longest = size.base_len.max(size.modulus_len);
        if self == Self::Osaka && longest.max(size.exponent_len) > Self::MAX_LEN {
            return None;
        }
        let x = u128::from(longest);
        let words_squared = x.div_ceil(8).saturating_mul(x.div_ceil(8));
        let (complexity, tail_byte_bits, divisor, minimum) = match self {
            Self::Byzantium => (byzantium_complexity(x), 8, 20, 0),
            Self::Berlin => (words_squared, 8, 3, 200),
            Self::Osaka if x <= 32 => (16, 16, 1, 500),
            Self::Osaka => (2 * words_squared, 16, 1, 500),
        };
        let tail = u128::from(size.exponent_len.saturating_sub(32)) * tail_byte_bits;
        let iterations = (tail + u128::from(size.exponent_head_bits.saturating_sub(1))).max(1);
        let gas = complexity.saturating_mul(iterations) / divisor;
        Some(u64::try_from(gas).unwrap_or(u64::MAX).max(minimum))
    }
}

fn byzantium_complexity(x: u128) -> u128 {
    match x {
        0..=64 => x * x,
        65..=1024 => x * x / 4 + 96 * x - 3_072,
        _ => (x * x / 16).saturating_add(480 * x - 199_680),
    }
}

/// Discounts of a multi-scalar multiplication in G1, in thousandths (EIP-2537).
pub(crate) static MSM_DISCOUNTS_G1: [u16; 128] = [
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665,
    661, 658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615,
    613, 611, 609, 608, 606, 604, 603, 601, 599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585,
    584, 582, 581, 580, 579, 577, 576, 575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563,
    562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545,
    544, 543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531, 530, 529,
    528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
];

/// Discounts of a multi-scalar multiplication in G2, in thousandths (EIP-2537).
pub(crate) static MSM_DISCOUNTS_G2: [u16; 128] = [
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717, 711, 704,
    699, 693, 688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646, 643, 640, 637, 634, 632,
    629, 627, 624, 622, 620, 618, 615, 613, 611, 609, 607, 606, 604, 602, 600, 598, 597, 595, 593,
    592, 590, 589, 587, 586, 584, 583, 582, 580, 579, 578, 576, 575, 574, 573, 571, 570, 569, 568,
    567, 566, 565, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549,
    548, 547, 546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535, 534,
    533, 532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
];
