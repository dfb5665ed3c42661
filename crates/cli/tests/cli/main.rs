//! The program as its users see it: arguments in; streams and exit code out.

mod asm;
mod command;
mod gas;
mod program;
mod statetest;
