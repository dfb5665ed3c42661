//! The coprocessor of alt_bn128, also called BN254: addition and multiplication in G1 (EIP-196) and
//! the check of a product of pairings (EIP-197). Here live the byte formats of the three requests
//! and the mathematics behind them; gas and forks do not.
//!
//! # Backends
//!
//! - [`Portable`]: `ark-bn254`, pure Rust and `no_std`. Of the pure-Rust libraries measured it has
//!   the fastest multiplication and, with `halo2curves`, the fastest pairing; `substrate-bn` takes
//!   twice as long and serves the tests as an oracle. Four things are done here instead of there,
//!   each measured: points are added by the affine formula and multiplied by signed digits, fields
//!   are inverted by `ruint`, and G2 is recognised by a shorter endomorphism check.
//!
//! There is no native backend. `mcl` is faster, but needs CMake and a C++ compiler, writes machine
//! code at run time, and keeps its curve in a process global.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod curve;
mod encoding;
mod portable;

use alloc::sync::Arc;

use tandem_coprocessor::Backend;

pub use portable::Portable;

/// The backends compiled in, the preferred first.
pub const BACKENDS: &[Backend] =
    &[Backend { name: "ark-bn254", portable: true, new: || Arc::new(Portable) }];
