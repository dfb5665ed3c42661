//! Executing a transaction: validity, payment, warm addresses, authorizations, the machine, refund,
//! floor and fees (Yellow Paper, section 6).

use std::{fmt, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Log as LogEntry, U256};
use alloy_rlp::{BufMut, Encodable, Header};
use tandem_coprocessor::{AccountId, Coprocessor, Coprocessors, Fault, Log, Op, State, Unit};
use tandem_glue::{
    Completion, Env, Intrinsic, Ledger, Machine, Message, Meter as GasMeter, Refund, Settlement,
    Status, Tracer,
};
use tandem_hash::Remembered;
use tandem_log::Logs;
use tandem_schedule::{Extension, Fork, Schedule};
use tandem_state::{Changes, Database, Journal, Session};

use crate::{
    Authorization, Block, Error, Invalid, Timing, Transaction, TransactionKind,
    block::{BlobBaseFee, GAS_PER_BLOB},
    timing::{Reading, Stopwatch, Timed},
};

/// What the machine keeps account of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meter {
    /// Nothing; costs nothing.
    #[default]
    Off,
    /// Gas, by unit and operation: outcomes have a ledger.
    Gas,
    /// Gas and time: outcomes have a ledger whose rows tell coprocessors' time, and a [`Timing`].
    Time,
}

/// An Ethereum virtual machine for one fork. It keeps buffers and analysed code from transaction to
/// transaction; make one for each thread.
pub struct Evm {
    machine: Machine,
    journal: Journal,
    logs: Logs,
    meter: Meter,
    watch: Option<Arc<Stopwatch>>,
    blob_base_fee: BlobBaseFee,
}

impl fmt::Debug for Evm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fork = self.machine.schedule().fork;
        f.debug_struct("Evm")
            .field("fork", &fork)
            .field("meter", &self.meter)
            .finish_non_exhaustive()
    }
}

/// How to build an [`Evm`].
#[derive(Debug)]
pub struct EvmBuilder {
    schedule: Schedule,
    coprocessors: Coprocessors,
    meter: Meter,
    extensions: Vec<Extension>,
    remembers_hashes: bool,
}

impl EvmBuilder {
    /// What to keep account of; nothing unless said.
    #[must_use]
    pub const fn meter(mut self, meter: Meter) -> Self {
        self.meter = meter;
        self
    }

    /// Other prices than the fork's own.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Extensions that the machine has beside its fork's opcodes and precompiles; none unless said.
    #[must_use]
    pub fn extensions(mut self, extensions: impl IntoIterator<Item = Extension>) -> Self {
        self.extensions.extend(extensions);
        self
    }

    /// Another coprocessor for a unit than its preferred backend; see [`backends`](crate::backends).
    #[must_use]
    pub fn coprocessor(mut self, unit: Unit, coprocessor: Arc<dyn Coprocessor>) -> Self {
        self.coprocessors = self.coprocessors.with(unit, coprocessor);
        self
    }

    /// Whether to remember the hashes of 64 bytes, which are where mappings keep their values; so unless
    /// said otherwise, but never with [`Meter::Time`], which is to tell what hashing takes.
    #[must_use]
    pub const fn remember_hashes(mut self, remember: bool) -> Self {
        self.remembers_hashes = remember;
        self
    }

    /// The machine.
    pub fn build(mut self) -> Evm {
        for extension in self.extensions {
            self.schedule.enable(extension);
        }
        let warm = self.schedule.precompiles.iter().map(|row| row.address);
        let journal = Journal::new(warm.collect());
        let (schedule, coprocessors) = (self.schedule, self.coprocessors);
        let watch = (self.meter == Meter::Time).then(|| Arc::new(Stopwatch::new()));
        let machine = match &watch {
            Some(watch) => {
                let timed = coprocessors.map(|inner| {
                    Arc::new(Timed { watch: watch.clone(), inner }) as Arc<dyn Coprocessor>
                });
                let meter = GasMeter::new(&schedule, Some(watch.clone()));
                Machine::new(schedule, timed, Some(meter))
            }
            None => {
                let meter = (self.meter != Meter::Off).then(|| GasMeter::new(&schedule, None));
                let remember = |hash| Arc::new(Remembered::new(hash)) as Arc<dyn Coprocessor>;
                let coprocessors = match self.remembers_hashes {
                    true => coprocessors.map_one(Unit::Hash, remember),
                    false => coprocessors,
                };
                Machine::new(schedule, coprocessors, meter)
            }
        };
        let (logs, blob_base_fee) = (Logs::default(), BlobBaseFee::default());
        Evm { machine, journal, logs, meter: self.meter, watch, blob_base_fee }
    }
}

/// What a valid transaction came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// How the execution ended.
    pub status: Status,
    /// The gas paid for, refund and floor included, as the receipt has it.
    pub gas_used: u64,
    /// What the execution returned; with [`Status::Revert`] the reason.
    pub output: Bytes,
    /// The contract created.
    pub created: Option<Address>,
    /// Logs, oldest first.
    pub logs: Vec<LogEntry>,
    /// Who got which gas, if the meter was on.
    pub ledger: Option<Ledger>,
    /// Who took which time, with [`Meter::Time`].
    pub timing: Option<Box<Timing>>,
    /// What changed in the state; nothing is written to it.
    pub changes: Changes,
}

impl Evm {
    /// Starts building a machine for a fork, with its prices, the preferred coprocessors and no
    /// meter.
    pub fn builder(fork: Fork) -> EvmBuilder {
        let units =
            Unit::ALL.into_iter().filter_map(|unit| Some((unit, crate::backends(unit).first()?)));
        let coprocessors = units
            .fold(Coprocessors::none(), |all, (unit, backend)| all.with(unit, (backend.new)()));
        let schedule = Schedule::new(fork);
        EvmBuilder {
            schedule,
            coprocessors,
            meter: Meter::Off,
            extensions: Vec::new(),
            remembers_hashes: true,
        }
    }

    /// The prices and rules in force.
    pub fn schedule(&self) -> &Schedule {
        self.machine.schedule()
    }

    /// Executes a transaction on a state, which it reads and does not change; see
    /// [`Outcome::changes`].
    ///
    /// # Errors
    /// [`Error::Invalid`] if the transaction may not be in this block, [`Error::State`] if the state
    /// could not answer, [`Error::Fault`] if a coprocessor is missing.
    pub fn transact(
        &mut self,
        state: &mut dyn Database,
        block: &Block,
        tx: &Transaction,
    ) -> Result<Outcome, Error> {
        self.transact_inner(state, block, tx, None)
    }

    /// Like [`transact`](Self::transact), with a tracer that sees every step.
    ///
    /// # Errors
    /// As [`transact`](Self::transact).
    pub fn transact_traced(
        &mut self,
        state: &mut dyn Database,
        block: &Block,
        tx: &Transaction,
        tracer: &mut dyn Tracer,
    ) -> Result<Outcome, Error> {
        self.transact_inner(state, block, tx, Some(tracer))
    }

    fn transact_inner(
        &mut self,
        state: &mut dyn Database,
        block: &Block,
        tx: &Transaction,
        tracer: Option<&mut dyn Tracer>,
    ) -> Result<Outcome, Error> {
        let watch = self.watch.as_deref().map(|watch| {
            self.machine.take_meter_back();
            (watch, watch.reading())
        });
        self.logs.take();
        let mut session = self.journal.begin(state);
        Execution {
            machine: &mut self.machine,
            logs: &mut self.logs,
            session: &mut session,
            block,
            tx,
            watch,
            blob_base_fee: self.blob_base_fee.of(block),
        }
        .run(tracer)
    }
}

/// One transaction on its way.
struct Execution<'e, 's> {
    machine: &'e mut Machine,
    logs: &'e mut Logs,
    session: &'e mut Session<'s>,
    block: &'e Block,
    tx: &'e Transaction,
    /// The stopwatch, and what it showed when the transaction began.
    watch: Option<(&'e Stopwatch, Reading)>,
    /// The price of blob gas in wei.
    blob_base_fee: U256,
}

impl Execution<'_, '_> {
    /// Executes the transaction, and puts together what there is to tell of it.
    fn run(mut self, tracer: Option<&mut dyn Tracer>) -> Result<Outcome, Error> {
        let (completion, settlement, gas_used, ticks) = match self.execute(tracer) {
            Ok(done) => done,
            Err(error) => return Err(self.session.take_error().map_or(error, Error::State)),
        };
        let changes = self.session.finish(self.machine.schedule().clear_empty);
        let ledger = self.machine.take_ledger(&settlement);
        Ok(Outcome {
            status: completion.status,
            gas_used,
            output: completion.output,
            created: completion.created,
            logs: self.logs.take(),
            ledger,
            timing: self.watch.map(|(watch, start)| Box::new(watch.timing(start, ticks))),
            changes,
        })
    }

    /// From the rules to the fees. The numbers are the gas used and the ticks that the execution took.
    #[inline(always)]
    fn execute(
        &mut self,
        tracer: Option<&mut dyn Tracer>,
    ) -> Result<(Completion, Settlement, u64, u64), Error> {
        let (intrinsic, floor) = self.validate()?;
        let sender = self.validate_sender()?;
        let price = self.effective_gas_price();
        self.buy_gas(sender, price)?;
        let coinbase = self.warm_up();
        let refund = self.authorize()?;
        let message = Message {
            caller: &self.tx.sender,
            caller_id: sender,
            to: self.tx.to.as_ref().map(|to| (to, self.session.open(to))),
            nonce: self.tx.nonce,
            value: &self.tx.value,
            input: &self.tx.data,
            gas: self.tx.gas_limit - intrinsic.total(),
        };
        self.set_env(price);
        let (completion, ticks) = match self.watch {
            None => {
                let (state, log) = (&mut *self.session, &mut *self.logs);
                (self.machine.execute(state, log, &message, refund, tracer)?, 0)
            }
            Some((watch, _)) => {
                let inner: &mut dyn State = self.session;
                let mut state = Timed { watch, inner };
                let inner: &mut dyn Log = self.logs;
                let mut log = Timed { watch, inner };
                let (state, log) = (&mut state, &mut log);
                let done = self.machine.execute(state, log, &message, refund, tracer);
                let ticks = watch.finish();
                (done?, ticks)
            }
        };
        let (settlement, gas_used) =
            self.settle(&completion, intrinsic, floor, [sender, coinbase], price)?;
        Ok((completion, settlement, gas_used, ticks))
    }

    fn fork(&self) -> Fork {
        self.machine.schedule().fork
    }

    fn has_dynamic_fee(&self) -> bool {
        self.tx.kind >= TransactionKind::DynamicFee
    }

    /// The rules that need no state (EIP-1559, 2930, 3860, 4844, 7623, 7702, 7825).
    fn validate(&self) -> Result<(Intrinsic, u64), Invalid> {
        let (tx, block, schedule) = (self.tx, self.block, self.machine.schedule());
        let (byte, since) = match tx.kind {
            TransactionKind::Legacy => (0, Fork::Frontier),
            TransactionKind::AccessList => (1, Fork::Berlin),
            TransactionKind::DynamicFee => (2, Fork::London),
            TransactionKind::Blob => (3, Fork::Cancun),
            TransactionKind::SetCode => (4, Fork::Prague),
        };
        if schedule.fork < since {
            return Err(Invalid::TypeNotInFork(byte));
        }
        if let Some(got) = tx.chain_id.filter(|id| *id != block.chain_id) {
            return Err(Invalid::ChainId { expected: block.chain_id, got });
        }
        let cap = schedule.transaction.gas_limit_cap;
        if tx.gas_limit > cap {
            return Err(Invalid::GasLimitCap { limit: tx.gas_limit, cap });
        }
        if tx.gas_limit > block.gas_limit {
            return Err(Invalid::BlockGasLimit { limit: tx.gas_limit, block: block.gas_limit });
        }
        self.validate_fees()?;
        if tx.kind == TransactionKind::Blob {
            self.validate_blobs()?;
        }
        if tx.kind == TransactionKind::SetCode {
            if tx.to.is_none() {
                return Err(Invalid::SetCodeCreation);
            }
            if tx.authorizations.is_empty() {
                return Err(Invalid::NoAuthorizations);
            }
        }
        let max = schedule.max_initcode_size;
        if tx.to.is_none() && tx.data.len() > max {
            return Err(Invalid::InitcodeTooLarge { len: tx.data.len(), max });
        }
        let (intrinsic, floor) = tx.intrinsic_gas(&schedule.transaction);
        if tx.gas_limit < intrinsic.total() {
            return Err(Invalid::IntrinsicGas {
                limit: tx.gas_limit,
                intrinsic: intrinsic.total(),
            });
        }
        if tx.gas_limit < floor {
            return Err(Invalid::FloorGas { limit: tx.gas_limit, floor });
        }
        Ok((intrinsic, floor))
    }

    fn validate_fees(&self) -> Result<(), Invalid> {
        let (tx, base_fee) = (self.tx, self.block.base_fee);
        if self.has_dynamic_fee() && tx.max_priority_fee > tx.gas_price {
            let (priority, cap) = (tx.max_priority_fee, tx.gas_price);
            return Err(Invalid::PriorityAboveFeeCap { priority, cap });
        }
        if self.fork() >= Fork::London && tx.gas_price < base_fee {
            return Err(Invalid::FeeCapTooLow { cap: tx.gas_price, base_fee });
        }
        Ok(())
    }

    fn validate_blobs(&self) -> Result<(), Invalid> {
        let (tx, count) = (self.tx, self.tx.blob_hashes.len() as u64);
        if tx.to.is_none() {
            return Err(Invalid::BlobCreation);
        }
        if count == 0 {
            return Err(Invalid::NoBlobs);
        }
        if let Some(index) = tx.blob_hashes.iter().position(|hash| hash[0] != 1) {
            return Err(Invalid::BlobVersion { index, version: tx.blob_hashes[index][0] });
        }
        if count > self.block.blobs.max {
            return Err(Invalid::BlockBlobs { count, max: self.block.blobs.max });
        }
        let max = self.machine.schedule().transaction.max_blobs;
        if count > max {
            return Err(Invalid::TooManyBlobs { count, max });
        }
        let (cap, base_fee) = (tx.max_fee_per_blob_gas, self.blob_base_fee);
        if cap < base_fee {
            return Err(Invalid::BlobFeeCapTooLow { cap, base_fee });
        }
        Ok(())
    }

    /// The rules about the sender's account (EIP-2681, EIP-3607, EIP-7702).
    fn validate_sender(&mut self) -> Result<AccountId, Error> {
        let tx = self.tx;
        let id = self.session.open(&tx.sender);
        let account = self.session.account(id)?;
        let (balance, expected, got) = (account.balance, account.nonce, tx.nonce);
        if account.has_code() && !is_delegation(&self.session.code(id)?) {
            return Err(Invalid::SenderHasCode.into());
        }
        if got < expected {
            return Err(Invalid::NonceTooLow { expected, got }.into());
        }
        if got > expected {
            return Err(Invalid::NonceTooHigh { expected, got }.into());
        }
        if got == u64::MAX {
            return Err(Invalid::NonceIsMax.into());
        }
        let mut cost = total(&tx.gas_price, tx.gas_limit).and_then(|gas| plus(&gas, &tx.value));
        if tx.kind == TransactionKind::Blob {
            let blobs = total(&tx.max_fee_per_blob_gas, self.blob_gas());
            cost = cost.zip(blobs).and_then(|(cost, blobs)| plus(&cost, &blobs));
        }
        let cost = cost.ok_or(Invalid::CostOverflow)?;
        if balance < cost {
            return Err(Invalid::InsufficientFunds { balance, cost }.into());
        }
        Ok(id)
    }

    fn blob_gas(&self) -> u64 {
        GAS_PER_BLOB * self.tx.blob_hashes.len() as u64
    }

    /// What a gas costs the sender in wei (EIP-1559).
    fn effective_gas_price(&self) -> U256 {
        if self.has_dynamic_fee() {
            let price = self.block.base_fee.saturating_add(self.tx.max_priority_fee);
            price.min(self.tx.gas_price)
        } else {
            self.tx.gas_price
        }
    }

    fn buy_gas(&mut self, sender: AccountId, price: U256) -> Result<(), Error> {
        let mut cost = total(&price, self.tx.gas_limit).unwrap_or(U256::MAX);
        if self.tx.kind == TransactionKind::Blob {
            let blobs = total(&self.blob_base_fee, self.blob_gas()).unwrap_or(U256::MAX);
            cost = cost.saturating_add(blobs);
        }
        self.session.charge_sender(sender, &cost)?;
        Ok(())
    }

    /// Makes warm what is so from the start (EIP-2929, EIP-2930, EIP-3651). Returns the coinbase.
    fn warm_up(&mut self) -> AccountId {
        let coinbase = if self.fork() >= Fork::Shanghai {
            self.session.open(&self.block.coinbase)
        } else {
            self.session.resolve(&self.block.coinbase)
        };
        if self.tx.kind == TransactionKind::Legacy {
            return coinbase;
        }
        for item in &self.tx.access_list {
            let id = self.session.access(&item.address).0;
            for key in &item.keys {
                self.session.access_slot(id, key);
            }
        }
        coinbase
    }

    /// Carries out the authorizations; those that do not hold are passed over. Returns the refund
    /// for accounts that exist (EIP-7702).
    fn authorize(&mut self) -> Result<u64, Error> {
        if self.tx.kind != TransactionKind::SetCode {
            return Ok(0);
        }
        let mut refund = 0;
        for authorization in &self.tx.authorizations {
            let chain_id = authorization.chain_id;
            let elsewhere = !chain_id.is_zero() && chain_id != U256::from(self.block.chain_id);
            if elsewhere || authorization.nonce == u64::MAX {
                continue;
            }
            let Some(authority) = self.authority(authorization)? else { continue };
            let id = self.session.access(&authority).0;
            let account = *self.session.account(id)?;
            let delegated = account.has_code() && is_delegation(&self.session.code(id)?);
            if (account.has_code() && !delegated) || account.nonce != authorization.nonce {
                continue;
            }
            if account.exists {
                refund += self.machine.schedule().transaction.authorization_refund;
            }
            if authorization.address.is_zero() {
                self.session.set_code(id, Bytes::new(), KECCAK256_EMPTY)?;
            } else {
                let code = Bytes::from([&DELEGATION, authorization.address.as_slice()].concat());
                let hash = self.keccak(&code)?;
                self.session.set_code(id, code, hash)?;
            }
            self.session.increment_nonce(id)?;
            self.session.credit(id, &U256::ZERO)?;
        }
        Ok(refund)
    }

    /// Who signed an authorization; `None` if the signature is no good (EIP-2, EIP-7702).
    fn authority(&self, authorization: &Authorization) -> Result<Option<Address>, Fault> {
        if authorization.s > HALF_CURVE_ORDER || authorization.y_parity > 1 {
            return Ok(None);
        }
        let mut message = vec![0x05];
        let fields: [&dyn Encodable; 3] =
            [&authorization.chain_id, &authorization.address, &authorization.nonce];
        let payload_length = fields.iter().map(|field| field.length()).sum();
        Header { list: true, payload_length }.encode(&mut message);
        for field in fields {
            field.encode(&mut message as &mut dyn BufMut);
        }
        let mut input = [0; 128];
        input[..32].copy_from_slice(self.keccak(&message)?.as_slice());
        input[63] = 27 + authorization.y_parity;
        input[64..96].copy_from_slice(&authorization.r.to_be_bytes::<32>());
        input[96..].copy_from_slice(&authorization.s.to_be_bytes::<32>());
        let mut output = [0; 32];
        let signature = self.machine.coprocessors().get(Unit::Signature)?;
        let len = signature.execute(Op::Ecrecover, &input, &mut output)?;
        Ok((len == 32).then(|| Address::from_slice(&output[12..])))
    }

    fn keccak(&self, bytes: &[u8]) -> Result<B256, Fault> {
        let mut hash = B256::ZERO;
        self.machine.coprocessors().get(Unit::Hash)?.execute(Op::Keccak256, bytes, &mut hash.0)?;
        Ok(hash)
    }

    fn set_env(&mut self, gas_price: U256) {
        let (tx, block) = (self.tx, self.block);
        let env: &mut Env = self.machine.env_mut();
        env.origin = tx.sender;
        env.gas_price = gas_price;
        env.chain_id = block.chain_id;
        env.coinbase = block.coinbase;
        env.timestamp = block.timestamp;
        env.number = block.number;
        env.prevrandao = block.prevrandao;
        env.gas_limit = block.gas_limit;
        env.base_fee = block.base_fee;
        env.blob_base_fee = self.blob_base_fee;
        env.blob_hashes.clear();
        if tx.kind == TransactionKind::Blob {
            env.blob_hashes.extend_from_slice(&tx.blob_hashes);
        }
    }

    /// Refund, floor and payment of the coinbase (EIP-1559, 3529, 7623). The number is the gas used.
    fn settle(
        &mut self,
        completion: &Completion,
        intrinsic: Intrinsic,
        floor: u64,
        [sender, coinbase]: [AccountId; 2],
        price: U256,
    ) -> Result<(Settlement, u64), Error> {
        let (tx, schedule) = (self.tx, self.machine.schedule());
        let spent = tx.gas_limit - completion.gas_left;
        let raw = completion.refund;
        let most = || spent / schedule.transaction.refund_quotient;
        let capped = if raw == 0 { 0 } else { raw.min(most()) };
        let floor_top_up = floor.saturating_sub(spent - capped);
        let gas_used = spent - capped + floor_top_up;

        let unused = total(&price, tx.gas_limit - gas_used).unwrap_or(U256::MAX);
        self.session.credit(sender, &unused)?;
        let london = schedule.fork >= Fork::London;
        let burnt = if london { self.block.base_fee } else { U256::ZERO };
        let reward = total(&(price - burnt), gas_used).unwrap_or(U256::MAX);
        self.session.credit(coinbase, &reward)?;
        let settlement = Settlement::new(intrinsic, Refund::new(raw, capped), floor_top_up);
        Ok((settlement, gas_used))
    }
}

/// `a` and `b`; `None` beyond 256 bits. The library's addition is a call by way of memory.
#[inline(always)]
fn plus(a: &U256, b: &U256) -> Option<U256> {
    let (mut sum, mut carry) = (*a.as_limbs(), false);
    for (limb, more) in sum.iter_mut().zip(b.as_limbs()) {
        (*limb, carry) = limb.carrying_add(*more, carry);
    }
    (!carry).then_some(U256::from_limbs(sum))
}

/// The price of so much gas in wei; `None` beyond 256 bits.
fn total(price: &U256, gas: u64) -> Option<U256> {
    let [a, b, c, d] = *price.as_limbs();
    let (a, carry) = a.carrying_mul(gas, 0);
    // As any price is that somebody pays.
    if b | c | d == 0 {
        return Some(U256::from_limbs([a, carry, 0, 0]));
    }
    let (b, carry) = b.carrying_mul(gas, carry);
    let (c, carry) = c.carrying_mul(gas, carry);
    let (d, carry) = d.carrying_mul(gas, carry);
    (carry == 0).then_some(U256::from_limbs([a, b, c, d]))
}

/// What a delegated account's code starts with (EIP-7702).
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];

/// Half the order of secp256k1; a higher s is malleable (EIP-2).
const HALF_CURVE_ORDER: U256 = U256::from_limbs([
    0xdfe9_2f46_681b_20a0,
    0x5d57_6e73_57a4_501d,
    0xffff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
]);

fn is_delegation(code: &[u8]) -> bool {
    code.len() == 23 && code.starts_with(&DELEGATION)
}
