//! Before anything is timed: both engines do what the case says, or the same where it says nothing.

use alloy_primitives::Bytes;
use tandem_evm::Meter;

use crate::{
    Error,
    case::{Case, Expect},
    peer::Peer,
    tandem::Tandem,
};

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Whether it succeeded.
    pub success: bool,
    /// Gas paid for, refund and floor included.
    pub gas_used: u64,
    /// Gas of the top frame before refunds, intrinsic gas not included; only a meter knows it.
    pub frame_gas: Option<u64>,
    /// What was returned.
    pub output: Bytes,
    /// How many logs.
    pub logs: usize,
}

/// Executes a case on both engines, on Tandem with and without a meter, and compares. Returns the
/// gas of the top frame.
///
/// # Errors
/// If a transaction is refused, or if anything differs from what the case expects or between the
/// engines.
pub fn check(case: &Case) -> Result<u64, Error> {
    let metered = Tandem::new(case, Meter::Gas)?.observe()?;
    let plain = Tandem::new(case, Meter::Off)?.observe()?;
    let peer = Peer::new(case)?.observe()?;
    same(&case.name, "Tandem, metered", &metered, "revm", &peer)?;
    let plain = Observed { frame_gas: metered.frame_gas, ..plain };
    same(&case.name, "Tandem, metered", &metered, "Tandem, not metered", &plain)?;

    let gas = metered.frame_gas.ok_or("the metered machine returned no ledger")?;
    match &case.expect {
        Some(expect) => as_expected(&case.name, expect, &metered, gas)?,
        None if !metered.success => return Err(format!("{}: did not succeed", case.name).into()),
        None => {}
    }
    Ok(gas)
}

fn same(case: &str, who: &str, this: &Observed, whom: &str, that: &Observed) -> Result<(), Error> {
    if this == that {
        return Ok(());
    }
    Err(format!("{case}: the engines differ\n{who}: {this:?}\n{whom}: {that:?}").into())
}

fn as_expected(case: &str, expect: &Expect, got: &Observed, gas: u64) -> Result<(), Error> {
    let right = (expect.status == "success") == got.success
        && expect.gas_used == gas
        && expect.logs == got.logs
        && expect.output == got.output;
    if right {
        return Ok(());
    }
    Err(format!("{case}: expected {expect:?}\ngot {got:?}").into())
}
