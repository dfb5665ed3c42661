//! Times Tandem against revm on the same transactions, in one process and one run.
//!
//! Here live the cases ([`case`]), the two engines set up as an embedder would ([`tandem`], [`peer`]),
//! the check that both do what the case says ([`check`]), the measuring core ([`measure`]), the table
//! ([`table`]), and one module for each subject measured. No number measured is kept here; see
//! `record/`.

#![forbid(unsafe_code)]

pub mod analysis;
pub mod assemble;
pub mod case;
pub mod check;
pub mod duel;
pub mod floor;
pub mod glue;
pub mod instructions;
pub mod measure;
pub mod memory;
pub mod meters;
pub mod opcodes;
pub mod peer;
pub mod process;
pub mod statetest;
pub mod storage;
pub mod subcalls;
pub mod table;
pub mod tandem;
pub mod tradeoff;

/// What keeps a bench from running, in words for whoever runs it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
