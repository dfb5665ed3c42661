//! The opcode table, the forks and the price lists, as data: what the glue executes by, and what
//! reports and tools read without a machine. How a price is applied is the glue's affair.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod fork;
mod opcode;
mod precompile;

pub use fork::{Fork, Schedule, StorePrice, TransactionPrices};
pub use opcode::{Opcode, op, opcode};
pub use precompile::{ModexpPrice, Precompile, Price};
