//! The opcode table, the forks, the price lists, the halts and the ledger's rows, as data: what the
//! glue executes by, and what reports and tools read without a machine. How a price is applied is the glue's affair.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod extension;
mod fork;
mod halt;
mod opcode;
mod precompile;
mod row;

pub use extension::{
    Decoded, Extension, Extensions, ListPrice, ModularPrices, decode, extension_bytes,
};
pub use fork::{Fork, Schedule, StorePrice, TransactionPrices};
pub use halt::{Failure, Halt};
pub use opcode::{Opcode, PREFIX, op, opcode, prefixed, prefixed_op};
pub use precompile::{ModexpPrice, Precompile, Price};
pub use row::{Gas, Row, RowId};
