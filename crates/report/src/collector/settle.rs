//! How frames end: by their last step, by its failure, or by what a creation's code costs.

use tandem_evm::{Gas, Halt, RowId, Status, Unit, op, primitives::U256};

use super::{Cells, Collector, Ended, Fate, Pending, RowKey, Sum, price::Event, to_address};
use crate::Cell;

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
