//! Tandem set up for a case as an embedder would: one machine, a state in memory.

use std::hint::black_box;

use alloy_primitives::U256;
use tandem_evm::{
    AccountInfo, Block, Evm, Extension, InMemoryState, Meter, Outcome, Schedule, Status,
    Transaction, keccak256,
};

use crate::{Error, case::Case, check::Observed};

/// A machine, a state and a transaction to execute on it again and again.
#[derive(Debug)]
pub struct Tandem {
    /// In a box, as an embedder would keep it who hands it on: it is some kilobytes long.
    evm: Box<Evm>,
    state: InMemoryState,
    block: Block,
    tx: Transaction,
}

impl Tandem {
    /// Sets a case up. The limits on a transaction's and a block's gas are lifted, since cases need
    /// more.
    ///
    /// # Errors
    /// If the case names no fork, or numbers in it are too large.
    pub fn new(case: &Case, meter: Meter) -> Result<Self, Error> {
        let fork = case.fork()?;
        let mut schedule = Schedule::new(fork);
        schedule.transaction.gas_limit_cap = u64::MAX;

        let mut tx = Transaction::call(case.caller, case.to, case.calldata.clone());
        tx.value = case.value;
        tx.nonce = nonce_of_caller(case)?;
        tx.chain_id = Some(1);
        tx.gas_limit = case.gas_limit + tx.intrinsic_gas(&schedule.transaction).0.total();

        let mut block = Block::default();
        block.number = case.env.number.try_into()?;
        block.timestamp = case.env.timestamp.try_into()?;
        block.coinbase = case.env.coinbase;
        block.prevrandao = U256::from_be_bytes(case.env.prevrandao.0);
        block.gas_limit = u64::MAX;

        let known = |name: &String| {
            Extension::from_name(name).ok_or_else(|| format!("{}: no extension {name}", case.name))
        };
        let extensions = case.extensions.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let evm = Evm::builder(fork).schedule(schedule).extensions(extensions).meter(meter);
        let evm = Box::new(evm.build());
        Ok(Self { evm, state: state(case)?, block, tx })
    }

    /// Executes the transaction `count` times. Each is handed a transaction of its own, as it would
    /// be if it came from a block.
    ///
    /// # Panics
    /// If the transaction is refused; [`observe`](Self::observe) finds that out first.
    pub fn run(&mut self, count: u64) {
        for _ in 0..count {
            let tx = self.tx.clone();
            let outcome = self.evm.transact(&mut self.state, &self.block, &tx);
            black_box(outcome.expect("was executed before"));
        }
    }

    /// Like [`run`](Self::run), and has the rows of each ledger made.
    ///
    /// # Panics
    /// As [`run`](Self::run), and if the machine keeps no ledger.
    pub fn run_and_read(&mut self, count: u64) {
        for _ in 0..count {
            let tx = self.tx.clone();
            let outcome = self.evm.transact(&mut self.state, &self.block, &tx);
            let ledger = outcome.expect("was executed before").ledger.expect("the meter is on");
            black_box(ledger.rows());
        }
    }

    /// Executes the transaction once.
    ///
    /// # Errors
    /// If the transaction is refused.
    pub fn outcome(&mut self) -> Result<Outcome, Error> {
        Ok(self.evm.transact(&mut self.state, &self.block, &self.tx)?)
    }

    /// Executes the transaction once and says what came of it.
    ///
    /// # Errors
    /// If the transaction is refused.
    pub fn observe(&mut self) -> Result<Observed, Error> {
        let outcome = self.outcome()?;
        // Refunds are small beside the limits of the cases; the ledger has the frame's gas as such.
        let frame_gas = outcome.ledger.as_ref().map(|ledger| ledger.execution_gas());
        Ok(Observed {
            success: outcome.status == Status::Success,
            gas_used: outcome.gas_used,
            frame_gas,
            output: outcome.output,
            logs: outcome.logs.len(),
        })
    }
}

fn nonce_of_caller(case: &Case) -> Result<u64, Error> {
    let caller = case.pre.get(&case.caller);
    Ok(caller.map(|account| account.nonce).unwrap_or_default().try_into()?)
}

fn state(case: &Case) -> Result<InMemoryState, Error> {
    let mut state = InMemoryState::default();
    for (address, account) in case.accounts() {
        let info = AccountInfo {
            balance: account.balance,
            nonce: account.nonce.try_into()?,
            code_hash: keccak256(&account.code),
        };
        state.insert_account(address, info, account.code);
        for (key, value) in account.storage {
            state.insert_slot(address, key, value);
        }
    }
    Ok(state)
}
