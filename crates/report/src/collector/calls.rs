//! What calls and creations come to once their caller goes on: those whose callee ran code, and those
//! without steps, to precompiles and to accounts without code.

use tandem_evm::{Gas, Halt, Op, Precompile, Price, RowId, Status, Unit, op, primitives::U256};

use super::{Collector, Ended, Pending, to_address};
use crate::Cell;

impl Collector {
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
    pub(super) fn end_of_no_code(&self) -> Cell {
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
