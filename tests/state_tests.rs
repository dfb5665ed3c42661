//! Every state test there is, held against traces by revm and against its own ledger. One program, since
//! linking an optimised one takes longer than running it.

mod attribution;
mod traces;
