//! Transactions by hash from a real node: anvil, from npm, on loopback. What it says in its receipts is
//! what Tandem finds, with the node's tracer and without, and again from the bundle that was kept.

mod anvil;

use anvil::{Anvil, transactions};
use serde_json::json;
use tandem_evm::{Fork, Status, primitives::B256};
use tandem_inputs::{Bundle, InputError, Node};

#[test]
fn a_nodes_receipts_are_what_tandem_finds_with_its_tracer_and_without() {
    for hardfork in ["osaka", "cancun", "london"] {
        let Some(anvil) = Anvil::start(hardfork) else { return };
        let sent = transactions(&anvil);
        for (traced, node) in [
            (true, Node::new(&anvil.url).expect("a URL")),
            (false, Node::new(&anvil.url).expect("a URL").without_tracer()),
        ] {
            for (hash, status) in &sent {
                let fetched = node.fetch(*hash, None).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(fetched.bundle.fork, Fork::from_name(hardfork).expect("a fork"));
                assert_eq!(fetched.without_tracer.is_none(), traced);
                let executed = fetched.bundle.execute().unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(executed.difference, None, "{hardfork}, {hash}, traced: {traced}");
                let found = executed.attribution.status;
                assert_eq!(found == Status::Success, *status == Status::Success);
                // What was kept says the same without the node.
                let text = fetched.document.to_string();
                let kept = Bundle::read(text.as_bytes(), None).expect("a bundle");
                let again = kept.execute().expect("it runs").attribution;
                assert_eq!(again.rows(), executed.attribution.rows());
            }
        }
        let rows = {
            let node = Node::new(&anvil.url).expect("a URL");
            let fetched = node.fetch(sent[1].0, None).expect("fetched");
            fetched.bundle.execute().expect("it runs").attribution.rows()
        };
        for op in ["sha256", "ecrecover", "SSTORE", "LOG0", "BLOCKHASH"] {
            assert!(rows.iter().any(|row| row.op == op), "{op} of {hardfork}");
        }
    }
}

#[test]
fn a_nodes_trace_says_what_the_execution_says() {
    let Some(anvil) = Anvil::start("osaka") else { return };
    for (hash, _) in transactions(&anvil) {
        let node = Node::new(&anvil.url).expect("a URL");
        let fetched = node.fetch(hash, None).unwrap_or_else(|error| panic!("{error}"));
        let own = fetched.bundle.execute().expect("it runs").attribution;
        let trace = anvil.call("debug_traceTransaction", json!([hash, {"enableMemory": true}]));
        let trace = trace.to_string();
        let bundle = &fetched.bundle;
        let schedule = tandem_evm::Schedule::new(bundle.fork);
        let collector = tandem_report::Collector::new(schedule)
            .transaction(&bundle.tx, Some(bundle.block.coinbase));
        let mut reader = tandem_inputs::TraceReader::new(trace.as_bytes()).expect("a trace");
        // The trace's own is the gas of the block so far.
        let used = bundle.receipt.map(|receipt| receipt.gas_used);
        let read = reader.next(collector, used).unwrap_or_else(|error| panic!("{hash}: {error}"));
        let read = read.expect("a transaction");
        assert_eq!(read.rows(), own.rows(), "{hash}");
        assert_eq!(read.gas_used, own.gas_used, "{hash}");
    }
}

#[test]
fn what_a_node_cannot_do_is_said_in_a_line() {
    let nobody = Node::new("http://127.0.0.1:9").expect("a URL");
    let error = nobody.fetch(B256::ZERO, None).expect_err("nobody is there");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(matches!(Node::new("127.0.0.1:8545"), Err(InputError::Node(_))));
    let Some(anvil) = Anvil::start("osaka") else { return };
    let node = Node::new(&anvil.url).expect("a URL");
    let error = node.fetch(B256::repeat_byte(7), None).expect_err("no such transaction");
    assert!(error.to_string().contains("knows no transaction"), "{error}");
    let (hash, _) = transactions(&anvil)[0];
    let fetched = node.fetch(hash, Some(Fork::Berlin)).expect("fetched");
    let error = fetched.bundle.execute().expect_err("of another fork");
    assert!(error.to_string().contains("--fork"), "{error}");
}
