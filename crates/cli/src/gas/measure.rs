//! Executes a transaction and finds out what was asked about it: its ledger, its frames, its times.

use std::time::{Duration, Instant};

use tandem_evm::{Evm, Extension, Meter, Outcome, Schedule, Status, Tracer};
use tandem_fixtures::{Mismatch, run_case};
use tandem_inputs::refused;
use tandem_report::{Attribution, Breakdown, By, Collector, Sample, Timed};

use super::{
    Side,
    input::Input,
    source::{Execution, Selector},
};

/// What is to be found out.
#[derive(Debug)]
pub(super) struct Measure<'a> {
    pub(super) input: &'a Input,
    pub(super) extensions: &'a [Extension],
    /// Whether a transaction without a name is called as its file.
    pub(super) names_files: bool,
    pub(super) case: Option<Selector>,
    pub(super) side: Side,
    /// Frames, not a ledger only.
    pub(super) frames: bool,
    /// Times, by what.
    pub(super) time: Option<By>,
    pub(super) anchor: f64,
}

/// What a transaction came to.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) breakdown: Breakdown,
    pub(super) attribution: Option<Attribution>,
    pub(super) timed: Option<Timed>,
    /// Lines for people.
    pub(super) complaints: Vec<String>,
    /// Whether its receipt says otherwise.
    pub(super) differs: bool,
}

impl Done {
    /// Somebody else's trace.
    pub(super) fn traced(mut attribution: Attribution, name: Option<String>) -> Self {
        let before = prefix(name.as_deref());
        let lines = attribution.notes.iter().map(|note| format!("{before}{note}")).collect();
        attribution.name = name;
        Self {
            breakdown: attribution.breakdown(),
            attribution: Some(attribution),
            timed: None,
            complaints: lines,
            differs: false,
        }
    }
}

impl Measure<'_> {
    /// # Errors
    /// Why the transaction was not executed, in a line.
    pub(super) fn execute(&self, one: &mut Execution<'_>) -> Result<Done, String> {
        let mut complaints = Vec::new();
        let mut evm = self.machine(one, Meter::Gas);
        let schedule = evm.schedule().clone();
        let mut collector = self
            .frames
            .then(|| Collector::new(schedule).transaction(&one.tx, Some(one.block.coinbase)));
        let tracer = collector.as_mut().map(|collector| collector as &mut dyn Tracer);
        let outcome = checked(&mut evm, one, tracer, &mut complaints)?;
        let mut breakdown =
            Breakdown::new(one.fork, one.tx.gas_limit, &outcome).ok_or("no ledger was kept")?;
        breakdown.name = one.name.clone();
        let attribution = collector.map(|collector| collector.finish(&outcome)).transpose();
        let mut attribution = attribution.map_err(|error| error.to_string())?;
        if let Some(attribution) = &mut attribution {
            attribution.name = one.name.clone();
        }
        let timed = match self.time {
            Some(by) => Some(self.time(one, breakdown.clone(), by)?),
            None => None,
        };
        let success = outcome.status == Status::Success;
        let difference = one.receipt.and_then(|it| it.difference(outcome.gas_used, success));
        let differs = difference.is_some();
        complaints
            .extend(difference.map(|it| {
                format!("{}not the receipt's result: {it}", prefix(one.name.as_deref()))
            }));
        Ok(Done { breakdown, attribution, timed, complaints, differs })
    }

    fn machine(&self, one: &Execution<'_>, meter: Meter) -> Evm {
        let extensions = self.extensions.iter().chain(&one.extensions).copied();
        let mut schedule = Schedule::new(one.fork);
        if one.uncapped {
            schedule.transaction.gas_limit_cap = u64::MAX;
        }
        let builder = Evm::builder(one.fork).schedule(schedule);
        let builder = builder.extensions(extensions).meter(meter);
        let choices = self.side.backends.iter();
        choices
            .fold(builder, |builder, choice| {
                builder.coprocessor(choice.unit, (choice.backend.new)())
            })
            .build()
    }

    /// Repeats the transaction until twice as many runs have the same median, within a hundredth.
    fn time(&self, one: &mut Execution<'_>, breakdown: Breakdown, by: By) -> Result<Timed, String> {
        const LEAST: usize = 64;
        const MOST: usize = 1 << 14;
        const LONGEST: Duration = Duration::from_secs(10);
        let mut evm = self.machine(one, Meter::Time);
        let start = Instant::now();
        let mut samples: Vec<Sample> = Vec::new();
        let (mut target, mut before) = (LEAST, None);
        loop {
            while samples.len() < target && (samples.len() < 3 || start.elapsed() < LONGEST) {
                let outcome = run(&mut evm, one, None)?;
                samples.push(Sample::new(&outcome).ok_or("no times were kept")?);
            }
            let mut totals: Vec<_> = samples.iter().map(Sample::total).collect();
            let middle = totals.len() / 2;
            let median = *totals.select_nth_unstable(middle).1;
            let stable = before.is_some_and(|before| median.abs_diff(before) * 100 <= median);
            if stable || samples.len() >= MOST || start.elapsed() >= LONGEST {
                return Ok(Timed::new(breakdown, &samples, by, self.anchor, stable));
            }
            // The first runs fill caches.
            if before.is_none() {
                samples.clear();
            }
            before = Some(median);
            target = (samples.len() * 2).max(LEAST);
        }
    }
}

/// A name before what is said of it.
fn prefix(name: Option<&str>) -> String {
    name.map(|name| format!("{name}: ")).unwrap_or_default()
}

fn run(
    evm: &mut Evm,
    one: &mut Execution<'_>,
    tracer: Option<&mut dyn Tracer>,
) -> Result<Outcome, String> {
    let result = match tracer {
        Some(tracer) => evm.transact_traced(&mut *one.state, &one.block, &one.tx, tracer),
        None => evm.transact(&mut *one.state, &one.block, &one.tx),
    };
    result.map_err(|error| refused(&error, one.fork, &one.tx).to_string())
}

/// Executes, and holds the result of a state test's case against what its file expects.
fn checked(
    evm: &mut Evm,
    one: &mut Execution<'_>,
    tracer: Option<&mut dyn Tracer>,
    complaints: &mut Vec<String>,
) -> Result<Outcome, String> {
    let Some(case) = one.case else { return run(evm, one, tracer) };
    let verdict = run_case(evm, &case, tracer);
    let sender = one.tx.sender;
    let mut missing = || match one.state.account(&sender) {
        Ok(None) => format!(" (its pre-state has no sender, {sender})"),
        _ => String::new(),
    };
    let outcome =
        verdict.result.map_err(|reason| match reason.starts_with("TransactionException.") {
            true => format!("the transaction is invalid{}: {reason}", missing()),
            false => reason,
        })?;
    match &verdict.mismatch {
        Some(mismatch @ Mismatch::Ledger { .. }) => return Err(mismatch.to_string()),
        Some(mismatch) => complaints.push(format!(
            "{} on {}: not the result the file expects: {mismatch}",
            one.name.as_deref().unwrap_or_default(),
            case.fork_name
        )),
        None => {}
    }
    Ok(outcome)
}
