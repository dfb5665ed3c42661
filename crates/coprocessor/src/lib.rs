//! The waist of Tandem: what the glue and the coprocessors agree on, and nothing else.
//!
//! A coprocessor reports *facts and bytes*; prices, forks and who pays are the glue's. Here live the
//! kinds of coprocessor ([`Coprocessor`] for pure work on bytes, with [`Instructions`] for those that
//! have opcodes of their own, [`State`] and [`Log`] for what has a memory), the list of pure operations ([`Op`]), the units they are booked under ([`Unit`]),
//! the facts a price list needs ([`Work`]) and the ways to fail ([`Fault`]). No price, no
//! cryptography and no default backend live here.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod extension;
mod pure;
mod state;

pub use alloy_primitives as primitives;
pub use extension::{Facts, Instruction, Instructions};
pub use pure::{
    Backend, Coprocessor, Coprocessors, ListWork, ModexpSize, ModularRun, ModularSize,
    ModularTally, Op, Size, Work,
};
pub use state::{
    Access, Account, AccountId, AccountInfo, Checkpoint, Creation, Log, SelfDestruct, SlotId,
    State, StorageChange,
};

/// Who a piece of work belongs to: the glue, or one coprocessor. A column of every gas report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unit {
    /// The stack machine itself.
    Glue,
    /// Accounts, storage, transient storage and code.
    State,
    /// Event logs.
    Log,
    /// KECCAK256, SHA-256, RIPEMD-160, BLAKE2F and identity.
    Hash,
    /// ecrecover and P256VERIFY.
    Signature,
    /// The curve alt_bn128 of EIP-196 and EIP-197.
    Bn254,
    /// The curve BLS12-381 of EIP-2537.
    Bls12381,
    /// Point evaluation of EIP-4844.
    Kzg,
    /// Modular exponentiation of EIP-198.
    Modexp,
    /// Modular arithmetic on registers, EVM-MAX (EIP-6690).
    EvmMax,
    /// Arithmetic on lanes of words and on lists: SIMD (EIP-616), VECMATH.
    Lanes,
}

impl Unit {
    /// Every unit, in the order reports list them.
    pub const ALL: [Self; 11] = [
        Self::Glue,
        Self::State,
        Self::Log,
        Self::Hash,
        Self::Signature,
        Self::Bn254,
        Self::Bls12381,
        Self::Kzg,
        Self::Modexp,
        Self::EvmMax,
        Self::Lanes,
    ];

    /// The unit's name in reports, for example `bls12-381`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glue => "glue",
            Self::State => "state",
            Self::Log => "log",
            Self::Hash => "hash",
            Self::Signature => "signature",
            Self::Bn254 => "bn254",
            Self::Bls12381 => "bls12-381",
            Self::Kzg => "kzg",
            Self::Modexp => "modexp",
            Self::EvmMax => "evmmax",
            Self::Lanes => "lanes",
        }
    }
}

/// Why a coprocessor did not do what it was asked. No library's error type crosses the waist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The input is not a valid request: wrong length, point not on the curve, failed proof.
    /// The EVM request fails; the transaction goes on.
    Input,
    /// The caller's output buffer is shorter than [`Work::max_output`].
    Output,
    /// This coprocessor does not know the operation.
    Unsupported,
    /// The embedder's state could not answer; the transaction cannot be executed.
    State,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Input => "the input is not a valid request",
            Self::Output => "the output buffer is too short",
            Self::Unsupported => "the coprocessor does not know the operation",
            Self::State => "the state could not answer",
        })
    }
}

impl core::error::Error for Fault {}
