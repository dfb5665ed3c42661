//! What a transaction sees of its block and chain.

use alloy_primitives::{Address, U256};

/// The block, and the parameters of its chain, that a transaction runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// Block number.
    pub number: u64,
    /// Unix time in seconds.
    pub timestamp: u64,
    /// Who gets the fees.
    pub coinbase: Address,
    /// The block's gas limit.
    pub gas_limit: u64,
    /// Base fee in wei per gas (EIP-1559); not looked at before London.
    pub base_fee: U256,
    /// Since Paris the random value of the beacon chain, before it the difficulty.
    pub prevrandao: U256,
    /// Excess blob gas (EIP-4844); not looked at before Cancun.
    pub excess_blob_gas: u64,
    /// The chain's blob parameters at this block.
    pub blobs: BlobParams,
    /// Chain id (EIP-155).
    pub chain_id: u64,
}

impl Default for Block {
    /// Block 1 of chain 1, with a gas limit of 36 million, no base fee and Osaka's blob parameters.
    fn default() -> Self {
        Self {
            number: 1,
            timestamp: 0,
            coinbase: Address::ZERO,
            gas_limit: 36_000_000,
            base_fee: U256::ZERO,
            prevrandao: U256::ZERO,
            excess_blob_gas: 0,
            blobs: BlobParams::PRAGUE,
            chain_id: 1,
        }
    }
}

/// How many blobs a block may have, and how their price moves (EIP-7840).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an entry of the chain's blob schedule, written as a literal"
)]
pub struct BlobParams {
    /// The most blobs in a block.
    pub max: u64,
    /// Update fraction of the blob base fee.
    pub update_fraction: u64,
}

impl BlobParams {
    /// Cancun (EIP-4844).
    pub const CANCUN: Self = Self { max: 6, update_fraction: 3_338_477 };
    /// Prague and Osaka (EIP-7691).
    pub const PRAGUE: Self = Self { max: 9, update_fraction: 5_007_716 };
}

/// Gas of one blob (EIP-4844).
pub(crate) const GAS_PER_BLOB: u64 = 1 << 17;

impl Block {
    /// The price of blob gas in wei: an exponential of the excess (EIP-4844).
    pub fn blob_base_fee(&self) -> U256 {
        if self.excess_blob_gas == 0 {
            return U256::ONE;
        }
        fake_exponential(1, self.excess_blob_gas, self.blobs.update_fraction)
    }
}

/// The price of blob gas of the last block asked for, since a block's transactions all ask and the exponential
/// of a large excess takes microseconds.
#[derive(Debug, Default)]
pub(crate) struct BlobBaseFee {
    excess: u64,
    update_fraction: u64,
    /// In wei; zero if none was asked for, since the price never is.
    fee: U256,
}

impl BlobBaseFee {
    pub(crate) fn of(&mut self, block: &Block) -> U256 {
        let (excess, update_fraction) = (block.excess_blob_gas, block.blobs.update_fraction);
        if self.fee.is_zero() || (self.excess, self.update_fraction) != (excess, update_fraction) {
            *self = Self { excess, update_fraction, fee: block.blob_base_fee() };
        }
        self.fee
    }
}

/// `factor * e ** (numerator / denominator)` by Taylor expansion (EIP-4844); the largest number where that does not
/// fit, since the expansion of such a power would go on for ever.
fn fake_exponential(factor: u64, numerator: u64, denominator: u64) -> U256 {
    let (numerator, denominator) = (U256::from(numerator), U256::from(denominator.max(1)));
    let (mut sum, mut term) = (U256::ZERO, U256::from(factor) * denominator);
    let mut n = U256::ONE;
    while !term.is_zero() {
        let (total, product) = (sum.checked_add(term), term.checked_mul(numerator));
        let Some((total, product)) = total.zip(product) else { return U256::MAX };
        (sum, term) = (total, product / denominator.saturating_mul(n));
        n += U256::ONE;
    }
    sum / denominator
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blob_base_fee_follows_the_excess() {
        // Computed with the Python function in EIP-4844.
        for (excess, fee) in [(0, 1), (2_314_057, 1), (2_314_058, 2), (10 * 1024 * 1024, 23)] {
            let block =
                Block { excess_blob_gas: excess, blobs: BlobParams::CANCUN, ..Block::default() };
            assert_eq!(block.blob_base_fee(), U256::from(fee), "excess {excess}");
        }
    }

    #[test]
    fn a_blob_base_fee_beyond_all_numbers_is_the_largest() {
        for (excess_blob_gas, update_fraction) in [(u64::MAX, 3_338_477), (1 << 40, 1)] {
            let blobs = BlobParams { max: 6, update_fraction };
            let block = Block { excess_blob_gas, blobs, ..Block::default() };
            assert_eq!(block.blob_base_fee(), U256::MAX);
        }
        // By the Python function in EIP-4844.
        let blobs = BlobParams::CANCUN;
        let block = Block { excess_blob_gas: 295_000_000, blobs, ..Block::default() };
        assert_eq!(
            block.blob_base_fee(),
            U256::from(237_598_603_498_814_181_157_793_187_530_246_852_379_u128)
        );
    }

    #[test]
    fn a_block_has_its_own_blob_base_fee_whichever_was_before() {
        let block = |excess_blob_gas, blobs| Block { excess_blob_gas, blobs, ..Block::default() };
        let (excess, mut fee) = (10 * 1024 * 1024, BlobBaseFee::default());
        for (block, expected) in [
            (block(0, BlobParams::CANCUN), 1),
            (block(excess, BlobParams::CANCUN), 23),
            (block(excess, BlobParams::CANCUN), 23),
            (block(excess, BlobParams::PRAGUE), 8),
            (block(0, BlobParams::CANCUN), 1),
        ] {
            assert_eq!(fee.of(&block), U256::from(expected));
        }
    }
}
