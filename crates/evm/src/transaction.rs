//! Transactions of types 0 to 4, signature aside: who sent it is known.

use alloy_primitives::{Address, B256, Bytes, U256};
use tandem_glue::Intrinsic;
use tandem_schedule::TransactionPrices;

/// The type of a transaction, which says which fields count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TransactionKind {
    /// Type 0.
    #[default]
    Legacy,
    /// Type 1, with an access list (EIP-2930).
    AccessList,
    /// Type 2, with a fee cap and a priority fee (EIP-1559).
    DynamicFee,
    /// Type 3, with blobs (EIP-4844).
    Blob,
    /// Type 4, with authorizations (EIP-7702).
    SetCode,
}

/// A transaction whose sender is known.
///
/// Fields that its kind does not have are not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transaction {
    /// The type.
    pub kind: TransactionKind,
    /// Who signed it.
    pub sender: Address,
    /// The account called, or `None` to create a contract.
    pub to: Option<Address>,
    /// The sender's nonce.
    pub nonce: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Price in wei per gas; for dynamic fees the most to pay, base fee included.
    pub gas_price: U256,
    /// The most to pay to the coinbase, in wei per gas.
    pub max_priority_fee: U256,
    /// Value in wei.
    pub value: U256,
    /// Calldata, or init code.
    pub data: Bytes,
    /// Addresses and slots that are warm from the start.
    pub access_list: Vec<AccessListItem>,
    /// The most to pay per blob gas, in wei.
    pub max_fee_per_blob_gas: U256,
    /// Versioned hashes of the blobs.
    pub blob_hashes: Vec<B256>,
    /// Authorizations.
    pub authorizations: Vec<Authorization>,
    /// The chain it was signed for; `None` for a legacy transaction without one (EIP-155).
    pub chain_id: Option<u64>,
}

impl Transaction {
    /// A legacy transaction that calls an account, at gas price zero and with a million gas.
    pub fn call(sender: Address, to: Address, data: Bytes) -> Self {
        Self { sender, to: Some(to), data, gas_limit: 1_000_000, ..Self::default() }
    }

    /// A legacy transaction that creates a contract, at gas price zero and with a million gas.
    pub fn create(sender: Address, init_code: Bytes) -> Self {
        Self { sender, data: init_code, gas_limit: 1_000_000, ..Self::default() }
    }

    /// What the transaction pays before it executes. The second number is the floor its gas used
    /// cannot fall below (EIP-7623), 0 if there is none.
    pub fn intrinsic_gas(&self, prices: &TransactionPrices) -> (Intrinsic, u64) {
        // In runs short enough for a sum of one byte, which is counted sixteen bytes at a time.
        let count = |run: &[u8]| u64::from(run.iter().map(|&byte| u8::from(byte != 0)).sum::<u8>());
        let nonzero: u64 = self.data.chunks(255).map(count).sum();
        let zero = self.data.len() as u64 - nonzero;
        let keys: usize = self.access_list.iter().map(|item| item.keys.len()).sum();
        let creates = self.to.is_none();
        let initcode_words = if creates { self.data.len().div_ceil(32) as u64 } else { 0 };
        let floor = match prices.floor_token {
            0 => 0,
            token => prices.base + token * (zero + 4 * nonzero),
        };
        let mut parts = Intrinsic::default();
        parts.base = prices.base;
        parts.creation = if creates { prices.creation } else { 0 };
        parts.zero_calldata = prices.zero_byte * zero;
        parts.nonzero_calldata = prices.nonzero_byte * nonzero;
        parts.initcode_words = prices.initcode_word * initcode_words;
        parts.access_list_addresses = prices.list_address * self.access_list.len() as u64;
        parts.access_list_keys = prices.list_key * keys as u64;
        parts.authorizations = prices.authorization * self.authorizations.len() as u64;
        (parts, floor)
    }
}

/// An address of an access list, with its slots (EIP-2930).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an address and its keys is all EIP-2930 has")]
pub struct AccessListItem {
    /// The address.
    pub address: Address,
    /// Slots of it.
    pub keys: Vec<U256>,
}

/// A signed delegation of an account to code (EIP-7702).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the tuple of EIP-7702, written as a literal")]
pub struct Authorization {
    /// The chain it is for, or zero for any.
    pub chain_id: U256,
    /// Whose code to run; the zero address ends a delegation.
    pub address: Address,
    /// The authority's nonce.
    pub nonce: u64,
    /// Parity of the signature's y.
    pub y_parity: u8,
    /// The signature's r.
    pub r: U256,
    /// The signature's s.
    pub s: U256,
}
