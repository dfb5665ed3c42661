//! How frames end, what calls that ran no code came to, and the transaction's end: refund, intrinsic
//! gas and floor.

use tandem_evm::{
    Gas, Halt, Intrinsic, Op, Outcome, Precompile, Price, Refund, Row, RowId, Status, Transaction,
    Unit, op,
    primitives::{Address, U256},
};

use super::{
    Cells, CollectError, Collector, Ended, Fate, Pending, RowKey, Sum, price::Event, to_address,
};
use crate::{Attribution, CallFrame, Cell, FrameKind};

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
    /// Ends the running frame: its last step is the one that is open.
    pub(super) fn leave(
        &mut self,
        succeeded: Option<bool>,
        top: Option<&U256>,
        caller_gas: Option<u64>,
    ) -> Result<(), String> {
        let frame = self.running.last_mut().ok_or("no frame runs")?;
        if frame.callee.is_some() {
            return Err("a frame ends right behind its callee".into());
        }
        let pending = frame.pending.take().ok_or("a frame ends before it began")?;
        let (status, gas_left) = self.conclude(&pending, succeeded, caller_gas)?;
        let returns = matches!(pending.operation.op, op::RETURN | op::REVERT);
        let output = if returns && !matches!(status, Status::Halt(_)) {
            u64::try_from(pending.operation.peek(1)).unwrap_or(u64::MAX)
        } else {
            0
        };
        let Some(frame) = self.running.pop() else { return Ok(()) };
        if status != Status::Success {
            for address in self.warmed.drain(frame.warm_before..) {
                self.warm.remove(&address);
            }
            self.destroyed.truncate(frame.destroyed_before);
        }
        let entry = &mut self.frames[frame.frame];
        entry.status = status;
        entry.cells = cells(frame.cells);
        if let Some(address) = top.filter(|top| frame.creates && !top.is_zero()) {
            (entry.address, entry.code_address) = (to_address(*address), to_address(*address));
        }
        let ended = Ended { gas_left, status, output_len: output };
        match self.running.last_mut() {
            Some(caller) => caller.callee = Some(ended),
            None => self.root = Some(ended),
        }
        Ok(())
    }

    /// How the frame's last step ended it, and the gas it gives back.
    fn conclude(
        &mut self,
        pending: &Pending,
        succeeded: Option<bool>,
        caller_gas: Option<u64>,
    ) -> Result<(Status, u64), String> {
        if matches!(pending.fate, Fate::Failed(_)) {
            return Ok((self.bury(pending)?, 0));
        }
        let told = matches!(pending.fate, Fate::Error(_));
        let succeeded = if told { Some(false) } else { succeeded };
        let creates = self.running.last().is_some_and(|frame| frame.creates);
        let events = pending.operation.events(&self.schedule, &self.around());
        let (mut known, mut fails) = (0_u64, false);
        for event in &events.list {
            match event {
                Event::Charge { gas, .. } => known = known.saturating_add(*gas),
                Event::Fact { .. } => {}
                Event::Fail { .. } => fails = true,
            }
        }
        let runs = !fails && known <= pending.gas;
        match pending.operation.op {
            op::SELFDESTRUCT if runs && succeeded != Some(false) => {
                let Some(cost) = self.self_destruct_cost(pending, caller_gas)? else {
                    return Ok((self.bury(pending)?, 0));
                };
                self.post_step(pending, cost)?;
                self.destroy();
                Ok((Status::Success, pending.gas - cost))
            }
            op::REVERT if runs => {
                self.post_step(pending, known)?;
                Ok((Status::Revert, pending.gas - known))
            }
            op::STOP | op::RETURN if runs => {
                self.post_step(pending, known)?;
                let left = pending.gas - known;
                match (creates, succeeded) {
                    (true, _) => self.deposit(pending, left, succeeded),
                    (false, Some(false)) => Err(self.disagree(pending, "succeeds", "fails")),
                    (false, _) => Ok((Status::Success, left)),
                }
            }
            _ => Ok((self.bury(pending)?, 0)),
        }
    }

    fn destroy(&mut self) {
        let address = self.running.last().map(|frame| self.frames[frame.frame].address);
        if let Some(address) = address.filter(|address| !self.destroyed.contains(address)) {
            self.destroyed.push(address);
            self.refund += self.schedule.self_destruct_refund as i64;
        }
    }

    /// A creation pays for its code (EIP-2, EIP-170, EIP-3541).
    fn deposit(
        &mut self,
        pending: &Pending,
        left: u64,
        succeeded: Option<bool>,
    ) -> Result<(Status, u64), String> {
        let returns = pending.operation.op == op::RETURN;
        let len = if returns { pending.operation.peek(1) } else { U256::ZERO };
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        let price = self.schedule.code_deposit_byte.saturating_mul(len);
        let too_large = len > self.schedule.max_code_size as u64;
        let starts_with_ef = match pending.input.as_deref() {
            _ if !self.schedule.reject_ef || len == 0 => Some(false),
            Some(input) => Some(input.first() == Some(&0xef)),
            None => None,
        };
        let short = price > left && self.schedule.strict_deposit;
        let fails = succeeded.map_or(too_large || short || starts_with_ef == Some(true), |it| !it);
        if !fails {
            if too_large || short {
                return Err(self.disagree(pending, "cannot deploy its code", "does"));
            }
            if price == 0 || price > left {
                return Ok((Status::Success, left));
            }
            self.post(pending, RowId::CODE_DEPOSIT, 1, price);
            return Ok((Status::Success, left - price));
        }
        let halt = match starts_with_ef {
            _ if too_large => Halt::CodeTooLarge,
            Some(true) => Halt::InvalidCode,
            Some(false) if short => Halt::OutOfGas,
            Some(false) => return Err(self.disagree(pending, "deploys its code", "does not")),
            None if !short => Halt::InvalidCode,
            None => {
                let text = if let Fate::Error(text) = &pending.fate { text.as_str() } else { "" };
                if text.contains("0xef") || text.contains("WithEF") {
                    Halt::InvalidCode
                } else {
                    if !text.contains("gas") && !text.contains("OutOfGas") {
                        self.note(pending, "not told whether gas or the code failed its deposit");
                    }
                    Halt::OutOfGas
                }
            }
        };
        self.post(pending, RowId::halt(Unit::State, halt), 1, left);
        Ok((Status::Halt(halt), 0))
    }

    /// What a SELFDESTRUCT took that ended its frame: it must leave the caller with a price that a
    /// call can have. `None` if there was too little gas for it.
    fn self_destruct_cost(
        &mut self,
        pending: &Pending,
        caller_gas: Option<u64>,
    ) -> Result<Option<u64>, String> {
        let told = pending.cost.filter(|cost| *cost <= pending.gas && !self.costs_are_partial);
        let mut costs = self.fact_sums(pending);
        costs.retain(|cost| *cost <= pending.gas);
        let base = u64::from(self.schedule.base[usize::from(op::SELFDESTRUCT)]);
        let caller = self.running.len().checked_sub(2).map(|place| &self.running[place]);
        if let (Some(caller), Some(gas)) = (caller, caller_gas)
            && let Some(call) = &caller.pending
        {
            let own = |cost: u64| (call.gas + pending.gas).checked_sub(cost + gas + call.forwarded);
            let growth = call.operation.charges(&self.schedule, &caller.surroundings());
            let stipend = call.operation.stipend(&self.schedule);
            let sums = match call.operation.is_call() {
                true => self.fact_sums(call),
                false => vec![0],
            };
            let prices: Vec<_> = sums.iter().map(|sum| sum + growth + stipend).collect();
            // Who tells all of a call's cost tells which it is.
            let told = call.cost.and_then(|cost| cost.checked_sub(call.forwarded));
            let told = told.filter(|told| prices.contains(told));
            costs.retain(|cost| {
                own(*cost).is_some_and(|own| match told {
                    Some(told) => own == told,
                    None => prices.contains(&own),
                })
            });
        }
        // A base price may be all that was told, unless nothing else can tell.
        if let Some(told) = told.filter(|told| *told != base || caller_gas.is_none()) {
            costs.retain(|cost| *cost == told);
        }
        costs.sort_unstable();
        costs.dedup();
        if costs.len() > 1 && self.running.len() == 1 {
            return Err("the trace does not say what its last step, SELFDESTRUCT, cost".into());
        }
        if costs.len() > 1 {
            self.note(pending, "not told what it cost, only together with the call before it");
        }
        Ok(costs.first().copied())
    }

    /// The caller's step behind a call whose callee ran code.
    pub(super) fn come_back(
        &mut self,
        pending: &Pending,
        callee: Ended,
        gas: u64,
        top: Option<U256>,
    ) -> Result<(), String> {
        let rest = gas.checked_sub(callee.gas_left);
        let taken = rest.and_then(|rest| pending.gas.checked_sub(rest));
        let own = taken.and_then(|taken| taken.checked_sub(pending.forwarded));
        let (Some(taken), Some(own)) = (taken, own) else {
            let ours = format!("gets {} gas back", callee.gas_left);
            return Err(self.disagree(pending, &ours, &format!("is left with {gas}")));
        };
        self.check_cost(pending, taken)?;
        self.post_call(pending, own)?;
        let created = pending.operation.is_create() && callee.status == Status::Success;
        if created {
            self.warm_up(to_address(top.unwrap_or_default()));
            self.unnamed -= 1;
        }
        if let Some(frame) = self.running.last_mut() {
            frame.return_data = Some(if created { 0 } else { callee.output_len });
        }
        Ok(())
    }

    /// Holds what a call took against what is said of it. Some say only its base price.
    fn check_cost(&mut self, pending: &Pending, taken: u64) -> Result<(), String> {
        let base = u64::from(self.schedule.base[usize::from(pending.operation.op)]);
        let bases = [base, base + self.schedule.warm_account];
        match pending.cost {
            Some(told) if told != taken && bases.contains(&told) => {
                self.costs_are_partial = true;
                Ok(())
            }
            Some(told) if told != taken => Err(self.disagree(
                pending,
                &format!("costs {taken} gas by what is left"),
                &format!("costs {told}"),
            )),
            _ => Ok(()),
        }
    }

    /// The caller's step behind a call or creation that ran no code.
    pub(super) fn call_without_steps(
        &mut self,
        pending: &Pending,
        gas: u64,
        top: Option<U256>,
    ) -> Result<(), String> {
        let top = top.unwrap_or_default();
        if let Some(frame) = self.running.last_mut() {
            frame.return_data = Some(0);
        }
        if pending.operation.is_create() {
            return self.create_without_steps(pending, gas, top);
        }
        let to = to_address(pending.operation.peek(1));
        if let Some(precompile) = self.precompile(&to) {
            return self.call_precompile(pending, &precompile, gas, !top.is_zero());
        }
        // All that was forwarded came back, the stipend too.
        let stipend = pending.operation.stipend(&self.schedule);
        let Some(own) = (pending.gas + stipend).checked_sub(gas) else {
            return Err(self.disagree(pending, "gives back what it forwards", "gives back more"));
        };
        self.post_call(pending, own)?;
        if !top.is_zero() {
            let frame = self.callee_frame(pending, self.parent());
            self.add_frame(frame, Status::Success, None);
        }
        Ok(())
    }

    /// The running frame, as an index.
    fn parent(&self) -> usize {
        self.running.last().map_or(0, |frame| frame.frame)
    }

    fn create_without_steps(
        &mut self,
        pending: &Pending,
        gas: u64,
        top: U256,
    ) -> Result<(), String> {
        let own = pending.operation.charges(&self.schedule, &self.around());
        let available = pending.gas.checked_sub(own);
        let kept = match self.schedule.all_but_one_64th {
            true => available.map(|available| available / 64),
            false => Some(0),
        };
        let parts = available
            .zip(kept)
            .and_then(|(available, kept)| Some((available - kept, gas.checked_sub(kept)?)));
        let Some((forwarded, back)) = parts else {
            return Err(self.disagree(pending, &format!("costs {own} gas"), "leaves less"));
        };
        self.post_step(pending, own)?;
        let mut frame = self.callee_frame(pending, self.parent());
        if !top.is_zero() {
            (frame.address, frame.code_address) = (to_address(top), to_address(top));
            self.warm_up(frame.address);
            frame.cells.push(self.end_of_no_code());
            self.add_frame(frame, Status::Success, None);
        } else if back == 0 && forwarded > 0 {
            let row = RowId::halt(Unit::State, Halt::CreateCollision);
            self.unnamed += 1;
            self.add_frame(frame, Status::Halt(Halt::CreateCollision), Some((row, forwarded)));
        } else if forwarded == 0 {
            self.note(pending, "not told why a creation without gas failed: booked as not begun");
        }
        Ok(())
    }

    /// Empty init code stops at once, which some tracers do not show.
    fn end_of_no_code(&self) -> Cell {
        let (unit, name) = RowId::opcode(op::STOP).name();
        let gas = u64::from(self.schedule.base[usize::from(op::STOP)]);
        Cell {
            pc: 0,
            opcode: Some(op::STOP),
            behind_prefix: None,
            unit,
            op: name,
            count: 1,
            gas: Gas { execution: gas, state: 0 },
        }
    }

    fn call_precompile(
        &mut self,
        pending: &Pending,
        precompile: &Precompile,
        gas: u64,
        succeeded: bool,
    ) -> Result<(), String> {
        let Some((own, forwarded, back)) = self.forwarded(pending, precompile, gas, succeeded)
        else {
            let left = format!("leaves {gas} gas");
            return Err(self.disagree(pending, "calls a precompile", &left));
        };
        self.post_call(pending, own)?;
        let given = forwarded + pending.operation.stipend(&self.schedule);
        let deep = self.running.len() > 1024;
        if !succeeded && (deep || (given > 0 && back == given)) {
            return Ok(());
        }
        let frame = self.callee_frame(pending, self.parent());
        if !succeeded {
            let halt = self.refusal(precompile, pending, given);
            let row = RowId::halt(precompile.op.unit(), halt);
            self.add_frame(frame, Status::Halt(halt), Some((row, given)));
            return Ok(());
        }
        let Some(cost) = given.checked_sub(back) else {
            return Err(self.disagree(pending, "gives back at most what it forwards", "more"));
        };
        self.add_frame(frame, Status::Success, Some((RowId::precompile(precompile.op), cost)));
        if let Some(running) = self.running.last_mut() {
            running.return_data = output_len(precompile.op, pending.operation.input().1);
        }
        Ok(())
    }

    /// What a call to a precompile took for itself, what it forwarded, and what came back. A
    /// precompile is warm and has no delegate, so there are only two prices.
    fn forwarded(
        &mut self,
        pending: &Pending,
        precompile: &Precompile,
        gas: u64,
        succeeded: bool,
    ) -> Option<(u64, u64, u64)> {
        let price = self.price(pending, precompile);
        let (schedule, operation) = (&self.schedule, &pending.operation);
        let growth = operation.charges(schedule, &self.around());
        let sends = !operation.value().is_zero();
        let value = if sends { schedule.call_value } else { 0 };
        let base = u64::from(schedule.base[usize::from(operation.op)]);
        let least = growth.saturating_add(base + schedule.warm_account + value);
        let makes = operation.op == op::CALL && (sends || !schedule.clear_empty);
        let new = if makes { schedule.new_account } else { 0 };
        let requested = u64::try_from(operation.peek(0)).unwrap_or(u64::MAX);
        let stipend = operation.stipend(schedule);
        let fits = [least, least + new].into_iter().filter_map(|own| {
            let available = pending.gas.checked_sub(own)?;
            let forwarded = match schedule.all_but_one_64th {
                true => requested.min(available - available / 64),
                false => requested,
            };
            let back = gas.checked_sub(available.checked_sub(forwarded)?)?;
            let given = forwarded + stipend;
            let fits = match (succeeded, price) {
                (true, Some(price)) => given.checked_sub(back) == Some(price),
                (true, None) => back <= given,
                (false, _) => back == 0 || back == given,
            };
            fits.then_some((own, forwarded, back))
        });
        let fits: Vec<_> = fits.collect();
        let told = fits.iter().find(|(own, forwarded, _)| pending.cost == Some(own + forwarded));
        told.or(fits.first()).copied()
    }

    /// What a precompile asks for its input, if the trace has what that depends on.
    fn price(&mut self, pending: &Pending, precompile: &Precompile) -> Option<u64> {
        let len = usize::try_from(pending.operation.input().1).ok().filter(|len| *len < 1 << 26)?;
        let zeros;
        let input = match (&pending.input, precompile.price) {
            (Some(input), _) => input.as_slice(),
            (None, Price::Rounds(_) | Price::Modexp(_) | Price::List(_)) => return None,
            (None, _) => {
                zeros = vec![0; len];
                &zeros
            }
        };
        let work = self.measure(precompile.op.unit())?.measure(precompile.op, input).ok()?;
        precompile.price.gas(&work.size)
    }

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
        let paid = ledger.rows.iter().filter(|row| row.count > 0 || row.gas.total() > 0);
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
        let intrinsic = tx.as_ref().map(|tx| Intrinsic::of(tx, &prices));
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

fn cells(cells: Cells) -> Vec<Cell> {
    let paid = |sum: &Sum| sum.count > 0 || sum.gas > 0;
    let mut cells: Vec<_> = cells.into_iter().filter(|(_, sum)| paid(sum)).collect();
    cells.sort_unstable_by_key(|(key, _)| *key);
    let cell = |((pc, row), sum): ((usize, RowKey), Sum)| {
        let (unit, op) = RowId::from_index(row.0).name();
        Cell {
            pc,
            opcode: Some(sum.opcode),
            behind_prefix: sum.behind_prefix,
            unit,
            op,
            count: sum.count,
            gas: Gas { execution: sum.gas, state: 0 },
        }
    };
    cells.into_iter().map(cell).collect()
}

/// How long a precompile's output is, if the length of its input says so.
fn output_len(op: Op, input: U256) -> Option<u64> {
    Some(match op {
        Op::Sha256 | Op::Ripemd160 | Op::Bn254Pairing | Op::BlsPairing => 32,
        Op::Identity => u64::try_from(input).ok()?,
        Op::Blake2f | Op::Bn254Add | Op::Bn254Mul | Op::PointEvaluation => 64,
        Op::BlsG1Add | Op::BlsG1Msm | Op::BlsMapFpToG1 => 128,
        Op::BlsG2Add | Op::BlsG2Msm | Op::BlsMapFp2ToG2 => 256,
        _ => return None,
    })
}
