//! The transaction's end: its own frame, the refund, the intrinsic gas and the floor; for an execution
//! by its ledger, for a trace as far as that tells them.

use tandem_evm::{
    Halt, Intrinsic, Outcome, Precompile, Refund, Row, RowId, Status, Transaction, Unit, op,
    primitives::{Address, U256},
};

use super::{CollectError, Collector, Ended};
use crate::{Attribution, CallFrame, FrameKind};

/// How a transaction ended, as far as a trace or its receipt say.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever reads traces")]
pub struct End {
    /// The gas paid for, as the receipt has it.
    pub gas_used: Option<u64>,
    /// The gas of the execution alone: neither intrinsic gas nor refund is in it.
    pub execution_gas: Option<u64>,
    /// Whether the transaction's own frame failed.
    pub failed: Option<bool>,
    /// Whether the steps' refund counter has the refunds of authorizations (EIP-7702) in it.
    pub counts_authorizations: bool,
}

/// What a frame without code came to: how it ended, its row, and the gas it took.
type NoCode = (Status, Option<(RowId, u64)>, u64);

impl Collector {
    /// Ends the trace of a transaction that Tandem executed, with its outcome.
    ///
    /// # Errors
    /// If the steps and the outcome do not fit, row by row: then Tandem has a bug.
    pub fn finish(mut self, outcome: &Outcome) -> Result<Attribution, CollectError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(ledger) = &outcome.ledger else {
            return Err(CollectError::Result("the machine kept no ledger".into()));
        };
        let Some(tx) = self.tx.take() else {
            return Err(CollectError::Result("not told which transaction was executed".into()));
        };
        let succeeded = outcome.status == Status::Success;
        let top = outcome.created.map(|address| U256::from_be_bytes(address.into_word().0));
        self.end_root(tx.gas_limit - ledger.intrinsic.total(), &tx, Some(succeeded), top)?;
        if let (Some(root), Some(frame)) = (self.root, self.frames.first())
            && frame.status != outcome.status
        {
            let text = format!("the steps end with {:?}, not {:?}", root.status, outcome.status);
            return Err(CollectError::Result(text));
        }
        let attribution = self.attribution(
            tx.gas_limit,
            outcome.gas_used,
            ledger.intrinsic,
            ledger.refund,
            ledger.floor_top_up,
        );
        let key = |row: &Row| (row.unit, row.op, row.count, row.gas.total());
        let paid = ledger.rows().iter().filter(|row| row.count > 0 || row.gas.total() > 0);
        let mut rows: Vec<_> = paid.map(key).collect();
        rows.sort_unstable();
        let mut own: Vec<_> = attribution.rows().iter().map(key).collect();
        own.sort_unstable();
        if own != rows {
            let differs = own.iter().zip(&rows).find(|(own, row)| own != row);
            let text = format!("steps and ledger differ: {differs:?}");
            return Err(CollectError::Result(text));
        }
        Ok(attribution)
    }

    /// Ends somebody else's trace. If the transaction is known, so is its intrinsic gas, part by part;
    /// else it follows from the gas used.
    ///
    /// # Errors
    /// If the steps do not lead to that end.
    pub fn finish_trace(mut self, end: &End) -> Result<Attribution, CollectError> {
        let prices = self.schedule.transaction;
        let tx = self.tx.take();
        let intrinsic = tx.as_ref().map(|tx| tx.intrinsic_gas(&prices));
        let gas = match (self.first, &tx, &intrinsic) {
            (Some(first), Some(tx), Some((intrinsic, _))) => {
                if tx.gas_limit.checked_sub(intrinsic.total()) != Some(first.gas) {
                    return Err(CollectError::Result(format!(
                        "the trace begins with {} gas, the transaction with {} less {} intrinsic \
                         gas: it is another transaction, or another fork",
                        first.gas,
                        tx.gas_limit,
                        intrinsic.total()
                    )));
                }
                first.gas
            }
            (Some(first), ..) => first.gas,
            (None, Some(tx), Some((intrinsic, _))) => {
                tx.gas_limit.saturating_sub(intrinsic.total())
            }
            _ => {
                return Err(CollectError::Result(
                    "the trace has no steps: give the transaction, too (--tx)".into(),
                ));
            }
        };
        let no_steps = self.first.is_none();
        let succeeded = end.failed.map(|failed| !failed);
        if no_steps && succeeded.is_none() {
            return Err(CollectError::Result("the trace does not say how it ended".into()));
        }
        if let Some((intrinsic, _)) = &intrinsic {
            self.price_last_step(intrinsic.total(), end);
        }
        match &tx {
            Some(tx) => self.end_root(gas, tx, succeeded, None)?,
            None => self.leave(succeeded, None, None).map_err(CollectError::Result)?,
        }
        self.settle(tx.as_ref(), intrinsic, end)
    }

    /// What the transaction's last step took, if that is a SELFDESTRUCT: no step behind it shows it,
    /// but the gas used does.
    fn price_last_step(&mut self, intrinsic: u64, end: &End) {
        let Some(frame) = self.running.first() else { return };
        let Some(pending) = frame.pending.as_ref().filter(|it| it.operation.op == op::SELFDESTRUCT)
        else {
            return;
        };
        let before = self.frames.iter().map(CallFrame::gas).sum::<u64>()
            + frame.cells.values().map(|sum| sum.gas).sum::<u64>();
        let new = !self.destroyed.contains(&self.frames[frame.frame].address);
        let refund = if new { self.schedule.self_destruct_refund } else { 0 };
        let raw = u64::try_from(self.refund).unwrap_or(0) + refund;
        let fits = |cost: &u64| {
            let spent = intrinsic + before + cost;
            let capped = raw.min(spent / self.schedule.transaction.refund_quotient);
            match (end.gas_used, end.execution_gas) {
                (Some(used), _) => spent - capped == used,
                (None, Some(execution)) => before + cost == execution,
                (None, None) => false,
            }
        };
        let Some(cost) = self.fact_sums(pending).into_iter().find(fits) else { return };
        self.costs_are_partial = false;
        if let Some(pending) = self.running.first_mut().and_then(|frame| frame.pending.as_mut()) {
            pending.cost = Some(cost);
        }
    }

    /// Ends the transaction's own frame, or makes it if it ran no code.
    fn end_root(
        &mut self,
        gas: u64,
        tx: &Transaction,
        succeeded: Option<bool>,
        top: Option<U256>,
    ) -> Result<(), CollectError> {
        if self.first.is_some() {
            return self.leave(succeeded, top.as_ref(), None).map_err(CollectError::Result);
        }
        self.tx = Some(tx.clone());
        let (frame, succeeded) = (self.root_frame(), succeeded.unwrap_or(true));
        let (status, row, used) = match tx.to.and_then(|to| self.precompile(&to)) {
            Some(precompile) => self.precompile_root(tx, &precompile, gas, succeeded)?,
            None if tx.to.is_none() && !succeeded => {
                let halt = Halt::CreateCollision;
                let row = RowId::halt(Unit::State, halt);
                (Status::Halt(halt), Some((row, gas)), gas)
            }
            None => (Status::Success, None, 0),
        };
        self.add_frame(frame, status, row);
        if tx.to.is_none() && succeeded {
            let cell = self.end_of_no_code();
            self.frames[0].cells.push(cell);
        }
        self.root = Some(Ended { gas_left: gas - used, status, output_len: 0 });
        Ok(())
    }

    fn precompile_root(
        &mut self,
        tx: &Transaction,
        precompile: &Precompile,
        gas: u64,
        succeeded: bool,
    ) -> Result<NoCode, CollectError> {
        let unit = precompile.op.unit();
        let work = self.measure(unit).and_then(|one| one.measure(precompile.op, &tx.data).ok());
        let cost = work.and_then(|work| precompile.price.gas(&work.size));
        match cost {
            Some(cost) if succeeded && cost <= gas => {
                Ok((Status::Success, Some((RowId::precompile(precompile.op), cost)), cost))
            }
            _ if succeeded => Err(CollectError::Result(format!(
                "the transaction calls {}, which cannot have succeeded",
                precompile.op.name()
            ))),
            cost => {
                let short = cost.is_some_and(|cost| cost > gas);
                let halt = if short { Halt::OutOfGas } else { Halt::PrecompileFailed };
                Ok((Status::Halt(halt), Some((RowId::halt(unit, halt), gas)), gas))
            }
        }
    }

    /// Refund, intrinsic gas and floor of somebody else's trace.
    fn settle(
        mut self,
        tx: Option<&Transaction>,
        intrinsic: Option<(Intrinsic, u64)>,
        end: &End,
    ) -> Result<Attribution, CollectError> {
        let prices = self.schedule.transaction;
        let execution: u64 = self.frames.iter().map(CallFrame::gas).sum();
        let mut end = *end;
        if let Some(told) = end.execution_gas.filter(|told| *told != execution) {
            // Some give the receipt's gas there.
            if end.gas_used.is_some_and(|used| used != told) {
                return Err(CollectError::Result(format!(
                    "the steps took {execution} gas, the trace's end says {told}"
                )));
            }
            end.gas_used = Some(told);
        }
        let succeeded = self.root.is_some_and(|root| root.status == Status::Success);
        let first = self.first.map_or(0, |first| first.refund);
        let counter = if succeeded { self.refund } else { first };
        let raw = u64::try_from(counter).unwrap_or(0);
        let Some((intrinsic, floor)) = intrinsic else {
            return self.settle_unknown(execution, raw, &end);
        };
        let tx = tx.ok_or_else(|| CollectError::Result("no transaction".into()))?;
        let told = self.first.is_some() && end.counts_authorizations;
        let most = if told { 0 } else { tx.authorizations.len() as u64 };
        let mut fits = Vec::new();
        for held in 0..=most {
            let raw = raw + held * prices.authorization_refund;
            let spent = intrinsic.total() + execution;
            let capped = raw.min(spent / prices.refund_quotient);
            let floor_top_up = floor.saturating_sub(spent - capped);
            let gas_used = spent - capped + floor_top_up;
            if end.gas_used.is_none_or(|told| told == gas_used) {
                fits.push((gas_used, Refund::new(raw, capped), floor_top_up));
            }
        }
        let spent = intrinsic.total() + execution;
        if let Some(used) = end.gas_used
            && fits.is_empty()
            && !self.refund_told
            && (floor..=spent).contains(&used)
            && spent - used <= spent / prices.refund_quotient
        {
            // What was given back follows, but not what more the cap or the floor took.
            fits.push((used, Refund::new(spent - used, spent - used), 0));
            if spent - used == spent / prices.refund_quotient || used == floor {
                self.notes.push("the refund counter is not told: it may have been higher".into());
            }
        }
        let Some(&(gas_used, refund, floor_top_up)) = fits.first() else {
            if self.first.is_none() {
                return Err(CollectError::Result(
                    "the trace has no steps, but the transaction ran code: was it traced with \
                     them (anvil --steps-tracing)?"
                        .into(),
                ));
            }
            return Err(CollectError::Result(format!(
                "intrinsic gas {} and the steps' {execution} less the refund are not the {} gas \
                 used: the trace is of another transaction, or of another fork",
                intrinsic.total(),
                end.gas_used.unwrap_or_default()
            )));
        };
        if fits.len() > 1 {
            self.notes.push("not told how many authorizations were refunded".into());
        }
        Ok(self.attribution(tx.gas_limit, gas_used, intrinsic, refund, floor_top_up))
    }

    /// Without the transaction: the intrinsic gas is what is missing from the gas used.
    fn settle_unknown(
        mut self,
        execution: u64,
        raw: u64,
        end: &End,
    ) -> Result<Attribution, CollectError> {
        let prices = self.schedule.transaction;
        let first = self.first.map_or(0, |first| first.gas);
        let Some(gas_used) = end.gas_used else {
            return Err(CollectError::Result(
                "the trace does not say what gas the transaction used: give the transaction, too \
                 (--tx), or its gas used (--gas-used)"
                    .into(),
            ));
        };
        let quotient = prices.refund_quotient;
        // Intrinsic gas is even on every fork, so at most one of two neighbours is it.
        let spent = (gas_used..=gas_used.saturating_add(raw))
            .rev()
            .take(1)
            .chain({
                let guess = gas_used + gas_used / (quotient - 1);
                guess.saturating_sub(1)..=guess + 1
            })
            .find(|spent| {
                let capped = raw.min(spent / quotient);
                let intrinsic = spent.checked_sub(execution);
                spent - capped == gas_used
                    && intrinsic
                        .is_some_and(|it| it >= prices.base && (it - prices.base).is_multiple_of(2))
            });
        let Some(spent) = spent else {
            return Err(CollectError::Result(format!(
                "the steps took {execution} gas, which leaves no room for intrinsic gas in the \
                 {gas_used} used: is it a trace of another fork?"
            )));
        };
        let mut intrinsic = Intrinsic::default();
        intrinsic.base = prices.base;
        intrinsic.unsplit = spent - execution - prices.base;
        if intrinsic.unsplit > 0 {
            self.notes.push(format!(
                "the trace does not say what the {} gas of the intrinsic gas beyond its base are \
                 for: give the transaction, too (--tx)",
                intrinsic.unsplit
            ));
        }
        if !self.refund_told {
            self.notes.push("the refund is not told: intrinsic gas is given less it".into());
        }
        let refund = Refund::new(raw, spent - gas_used);
        let gas_limit = first + intrinsic.total();
        Ok(self.attribution(gas_limit, gas_used, intrinsic, refund, 0))
    }

    fn attribution(
        self,
        gas_limit: u64,
        gas_used: u64,
        intrinsic: Intrinsic,
        refund: Refund,
        floor_top_up: u64,
    ) -> Attribution {
        let mut frames = self.frames;
        // Who runs in somebody's name learns the name late, if that was being created.
        for n in 1..frames.len() {
            let kind = frames[n].kind;
            if matches!(kind, FrameKind::CallCode | FrameKind::DelegateCall) {
                frames[n].address = frames[n].parent.map_or(Address::ZERO, |it| frames[it].address);
            }
        }
        Attribution {
            name: None,
            fork: self.schedule.fork,
            status: frames.first().map_or(Status::Success, |frame| frame.status),
            gas_limit,
            gas_used,
            intrinsic,
            refund,
            floor_top_up,
            frames,
            notes: self.notes,
        }
    }
}
