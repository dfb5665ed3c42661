//! The signature coprocessor: `ecrecover` on secp256k1 (precompile 0x01, Yellow Paper appendix E)
//! and P256VERIFY on secp256r1 (EIP-7951). Here live the byte formats of the two requests and the
//! backends that answer them; gas, forks and the signing rules of transactions do not.
//!
//! A signature that does not check is not a fault: the answer is then zero bytes.
//!
//! # Backends
//!
//! - [`Portable`]: `k256` and `p256`, the RustCrypto curves, pure Rust and `no_std`. The oracle.
//! - [`Native`] (cargo feature `native`, on by default): `secp256k1`, the binding of Bitcoin's
//!   libsecp256k1, and `aws-lc-rs`, AWS's fork of BoringSSL. Both build from bundled C sources with
//!   a C compiler alone. They were the fastest of the libraries measured: half the time of `k256`
//!   for a recovery, and a quarter of that of `p256` for a verification. Of the OpenSSL family only
//!   `aws-lc-rs` and `openssl` verify a message hashed elsewhere, and the latter wants a system
//!   library. Both are called through their safe interfaces.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

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
    Backend { name: "secp256k1, aws-lc", portable: false, new: || Arc::new(Native) },
    Backend { name: "k256, p256", portable: true, new: || Arc::new(Portable) },
];
