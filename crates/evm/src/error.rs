//! Why a transaction was not executed. A transaction that was executed and failed is no error; see
//! [`Status`](crate::Status).

use alloy_primitives::U256;
use tandem_coprocessor::Fault;
use tandem_state::StateError;

/// Why [`Evm::transact`](crate::Evm::transact) has no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The transaction is not valid in this block and state.
    #[error("invalid transaction: {0}")]
    Invalid(#[from] Invalid),
    /// The embedder's state could not answer.
    #[error("state: {0}")]
    State(StateError),
    /// A coprocessor is missing, or broke its contract.
    #[error("coprocessor: {0}")]
    Fault(#[from] Fault),
}

/// A validity rule that a transaction broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Invalid {
    #[error("type {0} transactions are not in this fork")]
    TypeNotInFork(u8),
    #[error("chain id {got}, the chain's is {expected}")]
    ChainId { expected: u64, got: u64 },
    #[error("gas limit {limit} above the block's {block}")]
    BlockGasLimit { limit: u64, block: u64 },
    #[error("gas limit {limit} above the cap {cap}")]
    GasLimitCap { limit: u64, cap: u64 },
    #[error("fee cap {cap} wei below the base fee {base_fee}")]
    FeeCapTooLow { cap: U256, base_fee: U256 },
    #[error("priority fee {priority} wei above the fee cap {cap}")]
    PriorityAboveFeeCap { priority: U256, cap: U256 },
    #[error("a blob transaction cannot create a contract")]
    BlobCreation,
    #[error("a blob transaction without blobs")]
    NoBlobs,
    #[error("blob {index} has a versioned hash of unknown version {version}")]
    BlobVersion { index: usize, version: u8 },
    #[error("{count} blobs, a block has at most {max}")]
    BlockBlobs { count: u64, max: u64 },
    #[error("{count} blobs, a transaction has at most {max}")]
    TooManyBlobs { count: u64, max: u64 },
    #[error("blob fee cap {cap} wei below the blob base fee {base_fee}")]
    BlobFeeCapTooLow { cap: U256, base_fee: U256 },
    #[error("a set-code transaction cannot create a contract")]
    SetCodeCreation,
    #[error("a set-code transaction without authorizations")]
    NoAuthorizations,
    #[error("init code of {len} bytes, at most {max} are allowed")]
    InitcodeTooLarge { len: usize, max: usize },
    #[error("gas limit {limit} below the intrinsic gas {intrinsic}")]
    IntrinsicGas { limit: u64, intrinsic: u64 },
    #[error("gas limit {limit} below the calldata floor {floor}")]
    FloorGas { limit: u64, floor: u64 },
    #[error("nonce {got}, the sender's is {expected}: too low")]
    NonceTooLow { expected: u64, got: u64 },
    #[error("nonce {got}, the sender's is {expected}: too high")]
    NonceTooHigh { expected: u64, got: u64 },
    #[error("the nonce has reached its maximum")]
    NonceIsMax,
    #[error("the sender has code")]
    SenderHasCode,
    #[error("gas limit times price does not fit 256 bits")]
    CostOverflow,
    #[error("the sender has {balance} wei and needs {cost}")]
    InsufficientFunds { balance: U256, cost: U256 },
}

impl Invalid {
    /// The name under which the execution-spec-tests know the rule, without the prefix
    /// `TransactionException.`.
    pub const fn eest_name(&self) -> &'static str {
        match self {
            Self::TypeNotInFork(1) => "TYPE_1_TX_PRE_FORK",
            Self::TypeNotInFork(2) => "TYPE_2_TX_PRE_FORK",
            Self::TypeNotInFork(3) => "TYPE_3_TX_PRE_FORK",
            Self::TypeNotInFork(_) => "TYPE_4_TX_PRE_FORK",
            Self::ChainId { .. } => "INVALID_CHAINID",
            Self::BlockGasLimit { .. } => "GAS_ALLOWANCE_EXCEEDED",
            Self::GasLimitCap { .. } => "GAS_LIMIT_EXCEEDS_MAXIMUM",
            Self::FeeCapTooLow { .. } => "INSUFFICIENT_MAX_FEE_PER_GAS",
            Self::PriorityAboveFeeCap { .. } => "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS",
            Self::BlobCreation => "TYPE_3_TX_CONTRACT_CREATION",
            Self::NoBlobs => "TYPE_3_TX_ZERO_BLOBS",
            Self::BlobVersion { .. } => "TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH",
            Self::BlockBlobs { .. } => "TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED",
            Self::TooManyBlobs { .. } => "TYPE_3_TX_BLOB_COUNT_EXCEEDED",
            Self::BlobFeeCapTooLow { .. } => "INSUFFICIENT_MAX_FEE_PER_BLOB_GAS",
            Self::SetCodeCreation => "TYPE_4_TX_CONTRACT_CREATION",
            Self::NoAuthorizations => "TYPE_4_EMPTY_AUTHORIZATION_LIST",
            Self::InitcodeTooLarge { .. } => "INITCODE_SIZE_EXCEEDED",
            Self::IntrinsicGas { .. } => "INTRINSIC_GAS_TOO_LOW",
            Self::FloorGas { .. } => "INTRINSIC_GAS_BELOW_FLOOR_GAS_COST",
            Self::NonceTooLow { .. } => "NONCE_MISMATCH_TOO_LOW",
            Self::NonceTooHigh { .. } => "NONCE_MISMATCH_TOO_HIGH",
            Self::NonceIsMax => "NONCE_IS_MAX",
            Self::SenderHasCode => "SENDER_NOT_EOA",
            Self::CostOverflow => "GASLIMIT_PRICE_PRODUCT_OVERFLOW",
            Self::InsufficientFunds { .. } => "INSUFFICIENT_ACCOUNT_FUNDS",
        }
    }
}
