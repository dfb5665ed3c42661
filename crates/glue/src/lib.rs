//! The glue of Tandem: a small, plain, 256-bit stack machine.
//!
//! It owns control flow, stack, memory and the ledger, and runs by the opcode table and the price
//! lists of `tandem_schedule`. Everything expensive (storage, logs, hashing, curves) is a request to a coprocessor behind the traits of
//! `tandem_coprocessor`; the glue asks what the request takes, charges, and only then has it done.
//! Transactions, blocks and what embeds the machine live in `tandem-evm`.
//!
//! Where to read: `body` says what each opcode does, `request` what the opcodes that ask a coprocessor
//! do, `extension` those of EVM-MAX and SIMD, `call` how frames start and end, `machine` what a frame
//! has, `drive` the loop. Below stand the analysis of code (`tandem_code`), the account of who got which
//! gas (`tandem_ledger`), the buffer of memory (`tandem_memory`) and the arithmetic of words
//! (`tandem_word`).

#![no_std]

extern crate alloc;

mod body;
mod call;
mod drive;
mod extension;
mod fusion;
mod machine;
mod memory;
mod request;
mod stack;
#[cfg(all(tail_dispatch, not(debug_assertions)))]
mod tail;

pub use machine::Machine;
pub use tandem_ledger::{Clock, Intrinsic, Ledger, Meter, Refund, Settlement};
pub use tandem_message::{Completion, Env, Message, Status, Step, Tracer};
