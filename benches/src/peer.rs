//! revm set up for a case as an embedder would: one machine, its own database in memory, the code in
//! it analysed.

use std::hint::black_box;

use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
    bytecode::Bytecode,
    context::{BlockEnv, CfgEnv, TxEnv},
    database::InMemoryDB,
    handler::MainnetContext,
    primitives::{TxKind, hardfork::SpecId},
    state::AccountInfo,
};
use tandem_evm::Fork;

use crate::{Error, case::Case, check::Observed};

/// A machine with its state, and a transaction to execute on it again and again.
#[derive(Debug)]
pub struct Peer {
    evm: MainnetEvm<MainnetContext<InMemoryDB>>,
    tx: TxEnv,
    intrinsic: u64,
}

impl Peer {
    /// Sets a case up. The limits on a transaction's and a block's gas are lifted, since cases need
    /// more.
    ///
    /// # Errors
    /// If the case names no fork that revm has, or numbers in it are too large.
    pub fn new(case: &Case) -> Result<Self, Error> {
        let mut cfg = CfgEnv::new_with_spec(spec_id(case.fork()?)?);
        cfg.tx_gas_limit_cap = Some(u64::MAX);

        let caller = case.pre.get(&case.caller);
        let mut tx = TxEnv {
            caller: case.caller,
            kind: TxKind::Call(case.to),
            value: case.value,
            data: case.calldata.clone(),
            nonce: caller.map(|account| account.nonce).unwrap_or_default().try_into()?,
            chain_id: Some(1),
            gas_limit: u64::MAX,
            ..TxEnv::default()
        };
        let intrinsic = cfg.gas_params.initial_tx_gas_for_tx(&tx, None).initial_total_gas();
        tx.gas_limit = case.gas_limit + intrinsic;

        let block = BlockEnv {
            number: case.env.number,
            timestamp: case.env.timestamp,
            beneficiary: case.env.coinbase,
            prevrandao: Some(case.env.prevrandao),
            gas_limit: u64::MAX,
            ..BlockEnv::default()
        };
        let context = Context::mainnet().with_db(database(case)?).with_cfg(cfg).with_block(block);
        Ok(Self { evm: context.build_mainnet(), tx, intrinsic })
    }

    /// Executes the transaction `count` times. Each is handed a transaction of its own, as it would
    /// be if it came from a block.
    ///
    /// # Panics
    /// If the transaction is refused; [`observe`](Self::observe) finds that out first.
    pub fn run(&mut self, count: u64) {
        for _ in 0..count {
            let outcome = self.evm.transact(self.tx.clone());
            black_box(outcome.expect("was executed before"));
        }
    }

    /// Executes the transaction once and says what came of it.
    ///
    /// # Errors
    /// If the transaction is refused.
    pub fn observe(&mut self) -> Result<Observed, Error> {
        let result = self.evm.transact(self.tx.clone())?.result;
        Ok(Observed {
            success: result.is_success(),
            gas_used: result.tx_gas_used(),
            frame_gas: Some(result.gas().total_gas_spent() - self.intrinsic),
            logs: result.logs().len(),
            output: result.into_output().unwrap_or_default(),
        })
    }
}

fn spec_id(fork: Fork) -> Result<SpecId, Error> {
    let name = match fork {
        Fork::TangerineWhistle => "Tangerine",
        Fork::SpuriousDragon => "Spurious",
        // What Petersburg took out again, the cases do not use.
        Fork::Constantinople => "Petersburg",
        Fork::Paris => "Merge",
        fork => fork.name(),
    };
    name.parse().map_err(|_| format!("revm has no fork {name}").into())
}

fn database(case: &Case) -> Result<InMemoryDB, Error> {
    let mut database = InMemoryDB::default();
    for (address, account) in case.accounts() {
        let code = Bytecode::new_legacy(account.code);
        let info = AccountInfo {
            balance: account.balance,
            nonce: account.nonce.try_into()?,
            ..AccountInfo::default().with_code(code)
        };
        database.insert_account_info(address, info);
        for (key, value) in account.storage {
            database.insert_account_storage(address, key, value)?;
        }
    }
    Ok(database)
}
