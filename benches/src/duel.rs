//! Tandem without a meter against revm on one case: what all the subjects share.

use std::time::Duration;

use tandem_evm::Meter;

use crate::{
    Error,
    case::Case,
    check::check,
    measure::race,
    peer::Peer,
    table::{Row, progress},
    tandem::Tandem,
};

/// A case, and how many units of what is measured one transaction holds.
#[derive(Clone, Debug)]
pub struct Round {
    /// The transaction.
    pub case: Case,
    /// Times and gas are divided by this.
    pub units: u64,
}

/// Checks every case, then times each for `time`; rows are in the order of the cases.
///
/// # Errors
/// If a case fails its check.
pub fn duel(rounds: &[Round], time: Duration) -> Result<Vec<Row>, Error> {
    let gas = rounds.iter().map(|round| check(&round.case)).collect::<Result<Vec<_>, _>>()?;
    progress(&format!("{} cases are right on both engines", rounds.len()));
    rounds.iter().zip(gas).map(|(round, gas)| time_one(round, gas, time)).collect()
}

fn time_one(Round { case, units }: &Round, gas: u64, time: Duration) -> Result<Row, Error> {
    let mut tandem = Tandem::new(case, Meter::Off)?;
    let mut peer = Peer::new(case)?;
    let times = race(time, [&mut |count| tandem.run(count), &mut |count| peer.run(count)]);
    let row = Row::new(&case.name, gas / units, times.map(|time| time / *units as f64));
    progress(&format!("{} {:.2}", row.name, row.ratio));
    Ok(row)
}
