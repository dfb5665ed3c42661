//! Tandem's coprocessor for EVM-MAX: modular arithmetic on registers of up to 768 bits, several at a
//! time (EIP-6690, the text of December 2024).
//!
//! Here live a frame's registers with the rules about them, and the kernels: Montgomery arithmetic for
//! odd moduli, masks for powers of two. What an instruction costs, which bytes it is, and what a frame
//! is do not live here. Where the EIP leaves a choice:
//!
//! - Identifiers of fields go from 0 to 255.
//! - A register's index is checked as that of the last element: `first + stride * (count - 1)`.
//! - Zeros in front of a modulus do not count; an element is as long as the modulus without them.
//! - Without any elements LOADX and STOREX do nothing, within a field and with a destination that exists.
//!
//! | backend | multiplication |
//! |---|---|
//! | `Native` | eight elements at once with AVX-512 IFMA where the processor has it and there are enough; fewer with MULX, of four and six limbs with ADX as well |
//! | `Portable` | one after the other, in plain Rust, with a kernel for each number of limbs |

#![no_std]
#![cfg_attr(not(feature = "native"), forbid(unsafe_code))]

extern crate alloc;

mod kernel;
mod modulus;
#[cfg(feature = "native")]
mod native;
mod operands;
mod registers;

use alloc::{boxed::Box, sync::Arc};

use tandem_coprocessor::{Backend, Coprocessor, Fault, Instructions, Op, Work};

#[cfg(feature = "native")]
pub use crate::native::Native;
use crate::registers::Registers;

/// The backends of this build, the preferred first.
pub const BACKENDS: &[Backend] = &[
    // Not marked portable, though no C compiler is needed: its kernels are for one processor family.
    #[cfg(feature = "native")]
    Backend { name: "ifma", portable: false, new: || Arc::new(Native) },
    Backend { name: "limbs", portable: true, new: || Arc::new(Portable) },
];

/// The bytes of the opcodes.
mod op {
    pub(crate) const SETMODX: u8 = 0xc0;
    pub(crate) const LOADX: u8 = 0xc1;
    pub(crate) const STOREX: u8 = 0xc2;
    pub(crate) const ADDMODX: u8 = 0xc3;
    pub(crate) const SUBMODX: u8 = 0xc4;
    pub(crate) const MULMODX: u8 = 0xc5;
}

/// Modular arithmetic in plain Rust.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Coprocessor for Portable {
    fn measure(&self, _op: Op, _input: &[u8]) -> Result<Work, Fault> {
        Err(Fault::Unsupported)
    }

    fn execute(&self, _op: Op, _input: &[u8], _output: &mut [u8]) -> Result<usize, Fault> {
        Err(Fault::Unsupported)
    }

    fn instructions(&self) -> Option<Box<dyn Instructions>> {
        Some(Box::new(Registers::new(kernel::portable)))
    }
}
