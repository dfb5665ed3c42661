//! For the tests of extensions: a transaction's gas is found place by place, from its execution and from
//! its trace, and comes to its ledger row by row.

use tandem_evm::{Block, Evm, InMemoryState, Outcome, Row, Transaction};
use tandem_inputs::TraceReader;
use tandem_report::{Attribution, By, Collector, Eip3155, Names, View};

/// Traces of what takes more gas are not read: each step has all memory.
const LONG: u64 = 100_000;

/// Executes a transaction once with a collector and once for its trace.
pub(crate) fn assert_attributed(
    evm: &mut Evm,
    state: &mut InMemoryState,
    block: &Block,
    tx: &Transaction,
) -> Outcome {
    let collector =
        |evm: &Evm| Collector::new(evm.schedule().clone()).transaction(tx, Some(block.coinbase));
    let mut own = collector(evm);
    let outcome = evm.transact_traced(state, block, tx, &mut own).expect("a valid transaction");
    let own = own.finish(&outcome).unwrap_or_else(|error| panic!("{error}"));
    assert_is_ledger(&own, &outcome);
    // What burns in a halt is not steps.
    let rows = own.rows().into_iter().filter(|row| !row.op.starts_with("halt"));
    if rows.map(|row| row.gas.total()).sum::<u64>() > LONG {
        return outcome;
    }
    let mut tracer = Eip3155::new(Vec::new()).memory(true).return_data(true);
    evm.transact_traced(state, block, tx, &mut tracer).expect("a valid transaction");
    tracer.end(&outcome);
    let trace = tracer.finish().expect("a vector takes everything");
    let read = TraceReader::new(&trace[..])
        .and_then(|mut reader| reader.next(collector(evm), Some(outcome.gas_used)))
        .unwrap_or_else(|error| panic!("{error}"))
        .expect("a trace of a transaction");
    assert_eq!(read.notes, [""; 0]);
    assert_is_ledger(&read, &outcome);
    outcome
}

fn assert_is_ledger(attribution: &Attribution, outcome: &Outcome) {
    let ledger = outcome.ledger.as_ref().expect("the meter is on");
    let paid = |row: &&Row| row.count > 0 || row.gas.total() > 0;
    let rows: Vec<_> = ledger.rows().iter().filter(paid).cloned().collect();
    assert_eq!(attribution.rows(), rows);
    for by in [By::Unit, By::Opcode, By::Frame, By::Contract, By::Selector, By::Pc] {
        let view = View::of_attribution(attribution, by, &Names::default());
        let sum: i128 = view.items.iter().map(|item| item.signed_gas()).sum();
        assert_eq!(sum, i128::from(outcome.gas_used), "by {}", by.name());
    }
}
