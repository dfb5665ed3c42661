//! The coprocessor of BLS12-381: the seven operations of EIP-2537. Here live the byte formats of
//! the requests, an algorithm for short multi-scalar multiplications, and the backends that bring
//! the curve's arithmetic; gas and forks do not.
//!
//! # Backends
//!
//! - [`Portable`]: `ark-bls12-381`, pure Rust and `no_std`; the fastest of the pure-Rust libraries
//!   measured. The oracle.
//! - [`Native`] (cargo feature `native`, on by default): `blst`, C and assembly bundled, built by a
//!   C compiler alone; no library measured is faster across the seven. Its C interface is used,
//!   because the crate's own one spreads work over threads of its own.
//!
//! Three things are done here for both, each measured: points are added by the affine formula,
//! fields are inverted by `ruint`, and few points are multiplied while their subgroup is checked.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

mod constants;
mod coordinate;
mod group;
mod msm;
#[cfg(feature = "native")]
mod native;
mod portable;
mod request;

use alloc::sync::Arc;

use tandem_coprocessor::Backend;

#[cfg(feature = "native")]
pub use native::Native;
pub use portable::Portable;

/// The backends compiled in, the preferred first.
pub const BACKENDS: &[Backend] = &[
    #[cfg(feature = "native")]
    Backend { name: "blst", portable: false, new: || Arc::new(Native) },
    Backend { name: "ark-bls12-381", portable: true, new: || Arc::new(Portable) },
];
