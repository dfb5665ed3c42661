//! Tandem executes Ethereum transactions and says, to the last gas, what went to the glue (a plain
//! stack machine) and what to each coprocessor (storage, logs, hashing, curves).
//!
//! This is the crate to embed, and the only one whose API is kept stable. It knows transactions and
//! blocks: validity, intrinsic gas, refunds, fees, roots. The opcodes are in `tandem-glue`, what is
//! expensive in the coprocessor crates.
//!
//! ```
//! use tandem_evm::{Block, Evm, Fork, InMemoryState, Meter, Status, Transaction};
//! use tandem_evm::primitives::{Address, Bytes, U256, address, bytes};
//!
//! let mut state = InMemoryState::default();
//! let sender = address!("1000000000000000000000000000000000000001");
//! let contract = address!("2000000000000000000000000000000000000002");
//! tandem_evm::fund(&mut state, sender, U256::from(10).pow(U256::from(18)));
//! // PUSH1 1, PUSH1 0, SSTORE
//! tandem_evm::deploy(&mut state, contract, bytes!("6001600055"));
//!
//! let mut evm = Evm::builder(Fork::Osaka).meter(Meter::Gas).build();
//! let block = Block::default();
//! let mut tx = Transaction::call(sender, contract, Bytes::new());
//! tx.gas_limit = 100_000;
//! let outcome = evm.transact(&mut state, &block, &tx)?;
//!
//! assert_eq!(outcome.status, Status::Success);
//! assert_eq!(outcome.gas_used, 21_000 + 2 * 3 + 22_100);
//! let ledger = outcome.ledger.expect("the meter is on");
//! assert_eq!(ledger.coprocessor_gas(), 22_100);
//! assert_eq!(ledger.gas_used(), outcome.gas_used);
//! state.apply(&outcome.changes);
//! # Ok::<(), tandem_evm::Error>(())
//! ```

#![forbid(unsafe_code)]

mod block;
mod error;
mod evm;
mod root;
mod timing;
mod transaction;

pub use alloy_primitives as primitives;
pub use block::{BlobParams, Block};
pub use error::{Error, Invalid};
pub use evm::{Evm, EvmBuilder, Meter, Outcome};
pub use root::{deploy, fund, keccak256, logs_hash, state_root};
pub use tandem_coprocessor::{
    Backend, Coprocessor, Facts, Fault, Instruction, Instructions, ModularRun, ModularSize,
    ModularTally, Op, Size, Unit, Work,
};
pub use tandem_glue::{Intrinsic, Ledger, Refund, Settlement, Status, Step, Tracer};
pub use tandem_schedule::{
    Decoded, Extension, Extensions, Failure, Fork, Gas, Halt, ListPrice, ModexpPrice,
    ModularPrices, Opcode, PREFIX, Precompile, Price, Row, RowId, Schedule, StorePrice,
    TransactionPrices, decode, op, opcode, prefixed, prefixed_op,
};
pub use tandem_state::{
    AccountChange, AccountInfo, Changes, Database, InMemoryState, MemoryAccount, StateError,
};
pub use timing::Timing;
pub use transaction::{AccessListItem, Authorization, Transaction, TransactionKind};

/// The backends there are for each unit's coprocessor, the preferred first.
pub fn backends(unit: Unit) -> &'static [Backend] {
    match unit {
        Unit::Hash => tandem_hash::BACKENDS,
        Unit::Signature => tandem_signature::BACKENDS,
        Unit::Bn254 => tandem_bn254::BACKENDS,
        Unit::Bls12381 => tandem_bls12_381::BACKENDS,
        Unit::Kzg => tandem_kzg::BACKENDS,
        Unit::Modexp => tandem_modexp::BACKENDS,
        Unit::EvmMax => tandem_evmmax::BACKENDS,
        Unit::Lanes => tandem_lanes::BACKENDS,
        _ => &[],
    }
}

/// The README's example, compiled and run with the doc-tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
