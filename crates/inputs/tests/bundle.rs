//! Bundles in each of their shapes, and what is said of those that are none. The transaction is the
//! example of EIP-155, whose signature and sender the EIP gives.

use serde_json::{Value, json};
use tandem_evm::{Fork, Status, primitives::address};
use tandem_inputs::{Bundle, InputError};

const RAW: &str = "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
const SENDER: &str = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f";

/// The same as `eth_getTransactionByHash` gives it.
fn transaction() -> Value {
    json!({
        "hash": "0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788",
        "type": "0x0", "chainId": "0x1", "nonce": "0x9", "gasPrice": "0x4a817c800",
        "gas": "0x5208", "to": "0x3535353535353535353535353535353535353535",
        "value": "0xde0b6b3a7640000", "input": "0x", "from": SENDER,
        "blockHash": null, "blockNumber": null, "transactionIndex": null, "v": "0x25",
        "r": "0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276",
        "s": "0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
    })
}

fn prestate() -> Value {
    json!({
        SENDER: {"balance": "0x1bc16d674ec80000", "nonce": 9},
        "0x3535353535353535353535353535353535353535": {"balance": "0x0", "storage": {"0x0": "0x1"}},
    })
}

fn block() -> Value {
    json!({
        "number": "0x112a880", "timestamp": "0x65f1e057", "gasLimit": "0x1c9c380",
        "miner": "0x0000000000000000000000000000000000000001", "difficulty": "0x0",
        "mixHash": "0x0000000000000000000000000000000000000000000000000000000000000007",
        "baseFeePerGas": "0x1", "excessBlobGas": "0x0",
    })
}

fn bundle() -> Value {
    json!({"prestate": prestate(), "transaction": RAW, "block": block()})
}

fn read(value: &Value) -> Result<Bundle, InputError> {
    Bundle::read(value.to_string().as_bytes(), None)
}

#[test]
fn one_file_has_it_all_and_the_fork_follows_from_the_block() {
    let bundle = read(&bundle()).expect("a bundle");
    assert_eq!(bundle.fork, Fork::Cancun);
    assert_eq!(bundle.tx.sender, address!("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"));
    let executed = bundle.execute().expect("it runs");
    assert_eq!(executed.attribution.gas_used, 21_000);
    assert_eq!(executed.attribution.status, Status::Success);
    assert_eq!(executed.attribution.frames.len(), 1);
    assert_eq!(executed.difference, None);
}

#[test]
fn separate_files_do_too_wrapped_in_responses_or_not() {
    let wrap = |value: Value| json!({"jsonrpc": "2.0", "id": 1, "result": value}).to_string();
    let parts = [wrap(prestate()), wrap(transaction()), wrap(block())];
    let plain = [prestate().to_string(), format!("{RAW}\n"), block().to_string()];
    for [prestate, tx, block] in [parts, plain] {
        let fork = Some(Fork::Shanghai);
        let bundle = Bundle::from_parts(prestate.as_bytes(), tx.as_bytes(), block.as_bytes(), fork);
        let bundle = bundle.expect("three files");
        assert_eq!(bundle.fork, Fork::Shanghai);
        assert_eq!(bundle.execute().expect("it runs").attribution.gas_used, 21_000);
    }
}

#[test]
fn geths_tracer_tests_say_their_fork_by_the_chain_configuration() {
    let mut test = json!({
        "genesis": {
            "alloc": {SENDER: {"balance": "2000000000000000000", "nonce": "9", "code": "0x"}},
            "config": {"chainId": 1, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0,
                "eip158Block": 0, "byzantiumBlock": 0, "constantinopleBlock": 0,
                "petersburgBlock": 0, "istanbulBlock": 0, "berlinBlock": 10, "londonBlock": 20},
        },
        "context": {"number": "12", "difficulty": "3509749784", "timestamp": "1513616439",
            "gasLimit": "4700000", "miner": "0x0000000000000000000000000000000000000001"},
        "input": RAW,
        "result": {},
    });
    let bundle = read(&test).expect("a tracer test");
    assert_eq!(bundle.fork, Fork::Berlin);
    assert_eq!(bundle.execute().expect("it runs").attribution.gas_used, 21_000);
    test["context"]["number"] = json!("9");
    assert_eq!(read(&test).expect("a tracer test").fork, Fork::Istanbul);
    test["genesis"]["config"]["shanghaiTime"] = json!(1_513_616_439);
    test["context"]["number"] = json!("30");
    assert_eq!(read(&test).expect("a tracer test").fork, Fork::Shanghai);
}

#[test]
fn a_receipt_that_differs_is_told() {
    let mut value = bundle();
    value["receipt"] = json!({"gasUsed": "0x5209", "status": "0x1"});
    let executed = read(&value).expect("a bundle").execute().expect("it runs");
    let difference = executed.difference.expect("another gas used");
    assert_eq!(difference, "21000 gas used, the receipt says 21001");
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let says = |value: &Value, fork: Option<Fork>, text: &str| {
        let result = Bundle::read(value.to_string().as_bytes(), fork);
        let error = result.and_then(|bundle| bundle.execute()).expect_err(text).to_string();
        assert!(error.contains(text) && !error.contains('\n'), "{error}, not {text}");
    };
    let json = bundle().to_string();
    let error = Bundle::read(&json.as_bytes()[..100], None).expect_err("cut off").to_string();
    assert!(error.contains("the bundle is no valid JSON") && error.contains("line 1"), "{error}");

    let mut value = bundle();
    value["prestate"].as_object_mut().expect("an object").remove(SENDER);
    says(
        &value,
        None,
        "does the prestate have the sender, 0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F?",
    );

    let mut value = bundle();
    value["prestate"] = json!({"pre": {}, "post": {}});
    says(&value, None, "without diffMode");

    let mut value = bundle();
    value["prestate"] =
        json!({"jsonrpc": "2.0", "error": {"code": -32601, "message": "no method"}});
    says(&value, None, "the prestate is an error response: no method");

    let mut value = bundle();
    value["chainId"] = json!(424_242);
    says(&value, None, "Say it with --fork");

    let mut value = bundle();
    value["fork"] = json!("Atlantis");
    says(&value, None, "no fork Atlantis");

    let mut value = bundle();
    value["transaction"] = json!("0xf86c09");
    says(&value, None, "cannot be decoded");

    let mut value = bundle();
    value["block"].as_object_mut().expect("an object").remove("gasLimit");
    says(&value, None, "gasLimit");

    says(&json!({"alloc": {}}), None, "no bundle");
}
