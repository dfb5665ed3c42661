//! Tandem's lanes coprocessor: many small integers at once, in words of the stack or in lists.
//!
//! Here live the *lane kernels* ([`Kernels::lanes`]: one operation on all lanes of byte slices) and their two
//! users: the vector opcodes of EIP-616 in the untyped profile ([`Instruction`]), which call them with
//! 32 bytes, and the experimental list precompile VECMATH ([`List`]), which calls them with kilobytes.
//! Prices, the opcodes' prefix and the precompile's address do not live here; they are the glue's.
//!
//! - `Portable` is plain Rust for any machine.
//! - `Native` is the same source compiled again for AVX2 and AVX-512, chosen when it runs.

#![no_std]
#![cfg_attr(not(feature = "native"), forbid(unsafe_code))]

extern crate alloc;

mod backend;
mod kernel;
mod lane;
mod list;
mod modular;
mod waist;
mod word;

use alloc::sync::Arc;

use tandem_coprocessor::Backend;

pub use crate::{
    kernel::LaneOp,
    lane::{Order, Width},
    list::{List, ListOp, MAX_COUNT},
    modular::ModularOp,
    word::{Instruction, LaneType},
};
#[cfg(feature = "native")]
pub use backend::Native;
pub use backend::{Kernels, Portable};

/// The backends of this build, the preferred first.
pub const BACKENDS: &[Backend] = &[
    // Not marked portable, though no C compiler is needed: its kernels are for one processor family.
    #[cfg(feature = "native")]
    Backend { name: "native", portable: false, new: || Arc::new(Native) },
    Backend { name: "portable", portable: true, new: || Arc::new(Portable) },
];
