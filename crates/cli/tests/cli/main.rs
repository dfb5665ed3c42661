//! The program as its users see it: arguments in; streams and exit code out.

mod asm;
mod browser;
mod command;
mod formats;
mod gas;
mod program;
mod statetest;
