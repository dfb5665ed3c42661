//! Code analysis, in nanoseconds per KB of code never seen before.
//!
//! revm analyses code when an embedder puts it into a database, so that call is timed. Tandem analyses
//! it when it first runs, so first calls of many contracts are timed on a new machine, less the same
//! calls of contracts of a few bytes. All contracts stop at once.

use std::{hint::black_box, time::Duration};

use alloy_primitives::{Address, Bytes};
use revm::bytecode::Bytecode;
use tandem_evm::{Block, Evm, Fork, InMemoryState, Transaction, deploy};

use crate::{
    Error,
    case::Case,
    measure::race,
    table::{Row, progress},
};

/// Contracts called in a run.
const CONTRACTS: u64 = 64;

/// A row for the code of each case that has a KB of it or more. Its length in bytes stands where
/// other tables have gas.
///
/// # Errors
/// If a case names no fork.
pub fn rows(cases: &[Case], time: Duration) -> Result<Vec<Row>, Error> {
    let mut seen = Vec::new();
    let mut rows = Vec::new();
    for case in cases {
        if case.code.len() >= 1024 && !seen.contains(&&case.code) {
            seen.push(&case.code);
            rows.push(row(case, time)?);
        }
    }
    Ok(rows)
}

fn row(case: &Case, time: Duration) -> Result<Row, Error> {
    let codes: Vec<_> = (0..CONTRACTS).map(|id| stopping(&case.code, id)).collect();
    let tiny: Vec<_> = (0..CONTRACTS).map(|id| stopping(&[], id)).collect();
    let fork = case.fork()?;
    let (mut whole, mut calls) = (Cold::new(fork, &codes), Cold::new(fork, &tiny));
    let mut peer = |count| {
        for _ in 0..count {
            for code in &codes {
                black_box(Bytecode::new_legacy(code.clone()));
            }
        }
    };
    let [whole, calls, peer] =
        race(time, [&mut |count| whole.run(count), &mut |count| calls.run(count), &mut peer]);
    let kilobytes = codes.iter().map(|code| code.len()).sum::<usize>() as f64 / 1024.0;
    let row = Row::new(
        &case.name,
        case.code.len() as u64,
        [(whole - calls).max(0.0) / kilobytes, peer / kilobytes],
    );
    progress(&format!("{} {:.2}", row.name, row.ratio));
    Ok(row)
}

/// The code behind a STOP, with a trailer that no other has.
fn stopping(code: &[u8], id: u64) -> Bytes {
    [&[0], code, &id.to_be_bytes()].concat().into()
}

/// A call of each of many contracts, on a machine that has seen none of them.
struct Cold {
    fork: Fork,
    state: InMemoryState,
    calls: Vec<Transaction>,
}

impl Cold {
    fn new(fork: Fork, codes: &[Bytes]) -> Self {
        let mut state = InMemoryState::default();
        let mut calls = Vec::new();
        for (id, code) in codes.iter().enumerate() {
            let to = Address::left_padding_from(&(id + 0x1000).to_be_bytes());
            deploy(&mut state, to, code.clone());
            calls.push(Transaction::call(Address::repeat_byte(0x11), to, Bytes::new()));
        }
        Self { fork, state, calls }
    }

    fn run(&mut self, count: u64) {
        for _ in 0..count {
            let mut evm = Evm::builder(self.fork).build();
            for call in &self.calls {
                let outcome = evm.transact(&mut self.state, &Block::default(), call);
                black_box(outcome.expect("nothing is wrong with a call of a STOP"));
            }
        }
    }
}
