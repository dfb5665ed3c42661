//! What goes into the stack machine and comes out of it: the block's and transaction's values, the
//! message to run, what a tracer is told meanwhile, and how it ended. The machine is in `tandem_glue`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod trace;

use alloc::vec::Vec;

use tandem_coprocessor::{
    AccountId,
    primitives::{Address, B256, Bytes, U256},
};
use tandem_schedule::Halt;

pub use trace::{Step, Tracer};

/// The transaction's and block's values that opcodes read.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the word its opcode pushes")]
pub struct Env {
    pub origin: Address,
    pub gas_price: U256,
    pub chain_id: u64,
    pub coinbase: Address,
    pub timestamp: u64,
    pub number: u64,
    /// PREVRANDAO since Paris, DIFFICULTY before.
    pub prevrandao: U256,
    pub gas_limit: u64,
    pub base_fee: U256,
    pub blob_base_fee: U256,
    pub blob_hashes: Vec<B256>,
}

/// What the transaction asks of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The caller; its nonce was already raised and the gas paid.
    pub caller: &'a Address,
    /// The caller's handle; it is warm.
    pub caller_id: AccountId,
    /// The account to call, with its handle, or `None` to create one.
    pub to: Option<(&'a Address, AccountId)>,
    /// The caller's nonce before the transaction, which makes a created contract's address.
    pub nonce: u64,
    /// Value in wei.
    pub value: &'a U256,
    /// Calldata, or init code.
    pub input: &'a [u8],
    /// Gas for the execution, the intrinsic gas taken off.
    pub gas: u64,
}

/// How a frame ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// By STOP, RETURN, SELFDESTRUCT or the end of the code.
    Success,
    /// By REVERT: state undone, gas left given back.
    Revert,
    /// Exceptionally: state undone, gas gone.
    Halt(Halt),
}

/// The result of the machine.
#[derive(Clone, Debug)]
pub struct Completion {
    /// How the transaction's own frame ended.
    pub status: Status,
    /// Gas not used.
    pub gas_left: u64,
    /// The refund counter, not capped.
    pub refund: u64,
    /// What the frame returned.
    pub output: Bytes,
    /// The contract created.
    pub created: Option<Address>,
}
