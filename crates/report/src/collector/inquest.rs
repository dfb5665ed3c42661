//! How a frame halted: which parts of the last opcode's price were paid before it failed, whose
//! request failed, and what burnt. A machine says so itself; from a trace it follows from the prices
//! and the gas that was left. Where it does not follow, that is noted.

use tandem_evm::{Failure, Halt, Precompile, Price, RowId, Status, Unit, op, primitives::U256};

use super::{
    Collector, Fate, Pending,
    price::{Event, Events, Operation},
    to_address,
};

/// A part of what depends on the state: the gas it needs, and what of it is posted.
#[derive(Clone, Copy, Debug)]
struct Part {
    needs: u64,
    posts: u64,
}

impl Part {
    const fn plain(gas: u64) -> Self {
        Self { needs: gas, posts: gas }
    }
}

/// How far an opcode came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Way {
    posts: Vec<(RowId, u64, u64)>,
    /// What stopped it.
    end: Option<(Halt, Unit)>,
    /// The gas left then, which burns if something did.
    left: u64,
}

impl Collector {
    /// Ends the running frame's last step, which halted: posts what it paid and what burnt.
    pub(super) fn bury(&mut self, pending: &Pending) -> Result<Status, String> {
        let mut way = match &pending.fate {
            Fate::Failed(failure) => self.told(pending, failure)?,
            Fate::Error(text) => self.inferred(pending, text)?,
            Fate::Done => self.inferred(pending, "")?,
        };
        let (halt, unit) = way.end.take().unwrap_or((Halt::OutOfGas, Unit::Glue));
        for (row, count, gas) in way.posts {
            self.post(pending, row, count, gas);
        }
        self.post(pending, RowId::halt(unit, halt), 1, way.left);
        Ok(Status::Halt(halt))
    }

    /// The way that ends as the machine says.
    fn told(&self, pending: &Pending, failure: &Failure) -> Result<Way, String> {
        let end = Some((failure.halt, failure.unit));
        let ways = self.ways(pending, &pending.operation.events(&self.schedule, &self.around()));
        let same = |way: &&Way| way.end == end && way.left == failure.burnt;
        if let Some(way) = ways.iter().find(same) {
            return Ok(way.clone());
        }
        // Immediates are looked at before anything is paid.
        if failure.halt == Halt::InvalidOperand && failure.burnt == pending.gas {
            return Ok(Way { end, left: pending.gas, ..Way::default() });
        }
        // What fails after everything is paid is none of the prices' business.
        let paid = ways.into_iter().find(|way| way.end.is_none() && way.left == failure.burnt);
        let Some(way) = paid else {
            return Err(format!(
                "step {} (pc {}, opcode {:#04x}) burnt {} of {} gas ({}), which does not fit its prices",
                pending.number,
                pending.pc,
                pending.operation.op,
                failure.burnt,
                pending.gas,
                failure.halt
            ));
        };
        Ok(Way { end, ..way })
    }

    /// The way that a halted step must have gone.
    fn inferred(&mut self, pending: &Pending, text: &str) -> Result<Way, String> {
        let mut around = self.around();
        let operation = &pending.operation;
        let unsure = operation.op == op::RETURNDATACOPY && around.return_data.is_none();
        if unsure && says(text, &["return data", "OutOfOffset"]) {
            around.return_data = Some(0);
        }
        let ways = self.ways(pending, &operation.events(&self.schedule, &around));
        let paid = ways.iter().find(|way| way.end.is_none()).cloned();
        if let Some(row) = operation.opcode().filter(|row| row.extension.is_some())
            && text.contains(Halt::InvalidOperand.reason())
        {
            // Only STOREX looks at values, which it has paid for then.
            let stores = row.name == "STOREX";
            let way = paid.filter(|_| stores);
            let way = way.unwrap_or_else(|| Way { left: pending.gas, ..Way::default() });
            return Ok(Way { end: Some((Halt::InvalidOperand, row.unit)), ..way });
        }
        let mut halted: Vec<_> = ways.into_iter().filter(|way| way.end.is_some()).collect();
        halted.sort_by_key(|way| std::cmp::Reverse(way.left));
        if let Some(way) = halted.first().cloned() {
            if halted.iter().any(|other| *other != way) {
                self.note(
                    pending,
                    "not told what it paid before it ran out of gas: booked as burnt",
                );
            }
            if unsure && around.return_data.is_none() {
                self.note(pending, "not told whether gas or return data fell short");
            }
            return Ok(way);
        }
        match (operation.op, paid) {
            (op::JUMP | op::JUMPI, Some(way)) => {
                Ok(Way { end: Some((Halt::BadJump, Unit::Glue)), ..way })
            }
            (op::RETURNDATACOPY, _) if unsure => {
                around.return_data = Some(0);
                let ways = self.ways(pending, &operation.events(&self.schedule, &around));
                ways.into_iter().next().ok_or_else(|| self.disagree(pending, "runs", "halts"))
            }
            _ => Err(self.disagree(pending, "runs", &format!("halts ({text})"))),
        }
    }

    /// Every way the opcode may have gone, by what the state may have said.
    fn ways(&self, pending: &Pending, events: &Events) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        for facts in self.facts(&pending.operation, pending.cold) {
            let way = self.way(pending, events, &facts);
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways
    }

    fn way(&self, pending: &Pending, events: &Events, facts: &[Part]) -> Way {
        let mut way = Way { left: pending.gas, ..Way::default() };
        for event in &events.list {
            match *event {
                Event::Fail { halt, unit } => way.end = Some((halt, unit)),
                Event::Charge { row, count, gas } => {
                    way.pay(row, count, Part::plain(gas));
                }
                Event::Fact { row } => {
                    for (place, part) in facts.iter().enumerate() {
                        way.pay(row, u64::from(place == 0), *part);
                    }
                    way.forward(&pending.operation, self);
                }
            }
            if way.end.is_some() {
                break;
            }
        }
        way
    }

    /// What an opcode may cost by the state, in parts as they are charged.
    fn facts(&self, operation: &Operation, known: Option<bool>) -> Vec<Vec<Part>> {
        let schedule = &self.schedule;
        let base = u64::from(schedule.base[usize::from(operation.op)]);
        let all = |warm, cold| match known {
            Some(true) => vec![cold],
            Some(false) => vec![warm],
            None => vec![warm, cold],
        };
        let accounts = || all(base + schedule.warm_account, base + schedule.cold_account);
        match operation.op {
            op::EXTCODECOPY => {
                accounts().into_iter().map(|price| vec![Part::plain(price)]).collect()
            }
            op::SELFDESTRUCT => {
                let prices = all(base, base + schedule.cold_account);
                let new = if schedule.all_but_one_64th { schedule.new_account } else { 0 };
                [new, 0]
                    .into_iter()
                    .flat_map(|new| {
                        prices.iter().map(move |price| vec![Part::plain(*price), Part::plain(new)])
                    })
                    .collect()
            }
            _ if operation.is_call() => {
                let prices = accounts();
                let to = to_address(operation.peek(1));
                let delegates: &[u64] = if schedule.delegations && !self.undelegated.contains(&to) {
                    &[0, schedule.warm_account, schedule.cold_account]
                } else {
                    &[0]
                };
                let makes = !operation.value().is_zero() || !schedule.clear_empty;
                let new = if operation.op == op::CALL && makes { schedule.new_account } else { 0 };
                let value = match operation.stipend(schedule) {
                    _ if operation.value().is_zero() => Part::plain(0),
                    stipend => {
                        Part { needs: schedule.call_value, posts: schedule.call_value - stipend }
                    }
                };
                let mut facts = Vec::new();
                for &price in &prices {
                    for &delegate in delegates {
                        for new in [0, new] {
                            let parts = [price, delegate, new].map(Part::plain);
                            facts.push([&parts[..], &[value]].concat());
                        }
                    }
                }
                facts
            }
            // One charge: if the step halts for want of gas, it is that one.
            _ => vec![vec![Part::plain(u64::MAX)]],
        }
    }

    /// What a call or a SELFDESTRUCT may be posted by the state in all, as far as is known.
    pub(super) fn fact_sums(&self, pending: &Pending) -> Vec<u64> {
        sums(&self.facts(&pending.operation, pending.cold))
    }

    /// Whether an opcode can cost so much by the state.
    pub(super) fn is_price(&self, operation: &Operation, gas: u64) -> bool {
        let schedule = &self.schedule;
        let base = u64::from(schedule.base[usize::from(operation.op)]);
        let of = |prices: [u64; 2]| prices.iter().any(|price| base + price == gas);
        match operation.op {
            op::SLOAD => of([schedule.warm_slot, schedule.cold_slot]),
            op::SSTORE => schedule.store.iter().any(|price| {
                let cost = u64::from(price.cost);
                gas == cost || gas == cost + schedule.cold_slot
            }),
            op::BALANCE | op::EXTCODESIZE | op::EXTCODEHASH => {
                of([schedule.warm_account, schedule.cold_account])
            }
            // What its immediates say is in no step.
            _ if operation.opcode().is_some_and(|row| row.extension.is_some()) => true,
            _ => sums(&self.facts(operation, None)).contains(&gas),
        }
    }

    /// Whether the account an opcode looks at is cold, as far as it is known.
    pub(super) fn is_cold(&self, operation: &Operation) -> Option<bool> {
        let place = usize::from(operation.is_call());
        if self.warm.contains(&to_address(operation.peek(place))) {
            return Some(false);
        }
        (self.warm_is_complete && self.unnamed == 0).then_some(true)
    }

    /// Why a precompile that got `gas` failed.
    pub(super) fn refusal(&mut self, precompile: &Precompile, pending: &Pending, gas: u64) -> Halt {
        let len = usize::try_from(pending.operation.input().1).unwrap_or(usize::MAX).min(1 << 26);
        let zeros = vec![0; if pending.input.is_some() { 0 } else { len }];
        let input = pending.input.as_deref().unwrap_or(&zeros);
        let told = pending.input.is_some()
            || !matches!(precompile.price, Price::Rounds(_) | Price::Modexp(_) | Price::List(_));
        let work = self
            .measure(precompile.op.unit())
            .and_then(|one| one.measure(precompile.op, input).ok());
        let Some(work) = work else { return Halt::PrecompileFailed };
        if !told {
            self.note(pending, "not told whether gas or input failed the precompile");
            return Halt::OutOfGas;
        }
        match precompile.price.gas(&work.size) {
            Some(cost) if cost > gas => Halt::OutOfGas,
            _ => Halt::PrecompileFailed,
        }
    }
}

impl Way {
    fn pay(&mut self, row: RowId, count: u64, part: Part) {
        if self.end.is_some() {
            return;
        }
        match self.left.checked_sub(part.needs) {
            Some(left) => {
                self.left = left;
                if count > 0 || part.posts > 0 {
                    self.posts.push((row, count, part.posts));
                }
            }
            None => self.end = Some((Halt::OutOfGas, row.name().0)),
        }
    }

    /// Before EIP-150, asking for more gas than there is halts a call; the stipend set apart burns.
    fn forward(&mut self, operation: &Operation, collector: &Collector) {
        let schedule = &collector.schedule;
        let asks = operation.is_call() && !schedule.all_but_one_64th;
        if self.end.is_none() && asks && operation.peek(0) > U256::from(self.left) {
            self.left += operation.stipend(schedule);
            self.end = Some((Halt::OutOfGas, Unit::State));
        }
    }
}

fn sums(facts: &[Vec<Part>]) -> Vec<u64> {
    facts.iter().map(|parts| parts.iter().map(|part| part.posts).sum()).collect()
}

fn says(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}
