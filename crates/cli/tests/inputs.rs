//! `tandem gas` on every input but state tests, as a user runs it: what goes to which stream, and
//! with which exit code.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

// The workspace's tests have a node to run against; the program is to be found from here only.
#[cfg(feature = "rpc")]
#[path = "../../../tests/anvil.rs"]
mod anvil;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// A file of this test's own.
fn file(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("a writable directory");
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn tandem(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tandem runs");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // Who complains early reads no further.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Tandem's own trace of the essay's transaction.
fn trace() -> Vec<u8> {
    let essay = fixtures().join("ens-set-contenthash.json");
    let output = tandem(&["statetest", "--trace", essay.to_str().expect("UTF-8")], b"");
    output.stderr
}

#[test]
fn a_trace_on_standard_input_has_the_essays_breakdown() {
    let arguments = ["gas", "-", "--fork", "Cancun", "--gas-used", "46924", "--format", "json"];
    let output = tandem(&arguments, &trace());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    let read: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let essay = fixtures().join("ens-set-contenthash.json");
    let own = tandem(&["gas", essay.to_str().expect("UTF-8"), "--format", "json"], b"");
    let own: serde_json::Value = serde_json::from_slice(&own.stdout).expect("JSON");
    // The order of rows is nobody's promise.
    let rows = |json: &serde_json::Value| {
        let mut rows: Vec<_> = json["rows"].as_array().expect("a list").clone();
        rows.sort_by_key(ToString::to_string);
        rows
    };
    assert_eq!(rows(&read), rows(&own));
    for key in ["gas_used", "glue_gas", "coprocessor_gas", "refund", "status"] {
        assert_eq!(read[key], own[key], "{key}");
    }
    assert_eq!(read["intrinsic"]["total"], own["intrinsic"]["total"]);
    // What the calldata cost cannot be told without the transaction.
    assert!(err.contains("give the transaction, too (--tx)"), "{err}");
}

#[test]
fn bad_input_gets_a_line_and_exit_code_2() {
    let trace = trace();
    let cut = trace.len() / 2;
    let essay = fixtures().join("ens-set-contenthash.json");
    let essay = essay.to_str().expect("UTF-8");
    let cases: [(&[&str], &[u8], &str); 15] = [
        (&["gas", "-", "--fork", "Cancun"], &trace[..cut], "the trace is cut off"),
        (&["gas", "-", "--fork", "Byzantium", "--gas-used", "46924"], &trace, "another fork?"),
        (&["gas", "-", "--fork", "Cancun"], &trace, "(--gas-used)"),
        (&["gas", "-", "--fork", "Cancun"], br#"{"gas": 1, "structLogs": [{"pc":0"#, "cut off"),
        (
            &["gas", "-", "--fork", "Cancun"],
            br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}"#,
            "an error response instead of a trace: method not found",
        ),
        (&["gas"], b"", "give a file"),
        (&["gas", "/no/such/file"], b"", "No such file"),
        (&["gas", "-"], b"{\"prestate\": {}", "standard input: is cut off"),
        (&["gas", "-"], b"", "standard input: is empty"),
        (&["gas", "-"], b" \n", "is empty; a state test, bundle or trace is read"),
        (&["gas", "-"], b"\x7fELF\x02\x00", "is no JSON"),
        (&["gas", "-"], b"[]", "no state test, bundle or trace"),
        (&["gas", "-"], b"{\"code\": \"0x\", \"spec\": \"Osaka\", \"calldata\": \"\"}", "the program"),
        (&["gas", essay, "--fork", "Osaka"], b"", "(--fork Cancun --fork Osaka executes them"),
        (&["gas", "-", "--fork", "Cancun"], b"{\"pc\":0,\"op\":\"PUSH1\",\"gas\":\"0x5\",\"gasCost\":\"0x3\",\"depth\":1}\n{\"output\":\"\",\"gasUsed\":\"0x3\"}\n", "without its stack"),
    ];
    for (arguments, input, expected) in cases {
        let output = tandem(arguments, input);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(err.contains(expected), "{arguments:?}: {err}, not {expected}");
        assert_eq!(err.lines().count(), 1, "{arguments:?}: {err}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_bundle_runs_from_a_file_and_a_different_receipt_fails() {
    let raw = "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
    let prestate = r#"{"0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f": {"balance": "0x1bc16d674ec80000", "nonce": 9}}"#;
    let block = r#"{"number": "0x112a880", "timestamp": "0x65f1e057", "gasLimit": "0x1c9c380", "miner": "0x0000000000000000000000000000000000000001"}"#;
    let whole = |receipt: &str| {
        format!(
            r#"{{"prestate": {prestate}, "transaction": "{raw}", "block": {block}, "receipt": {{"gasUsed": "{receipt}", "status": "0x1"}}}}"#
        )
    };
    let good = tandem(&["gas", &file("good.json", &whole("0x5208"))], b"");
    assert!(good.status.success(), "{}", text(&good.stderr));
    assert!(text(&good.stdout).contains("21,000"), "{}", text(&good.stdout));
    let bad = tandem(&["gas", &file("bad.json", &whole("0x5300"))], b"");
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad.stderr).contains("the receipt says 21248"), "{}", text(&bad.stderr));
    let parts = [file("prestate.json", prestate), file("tx.hex", raw), file("block.json", block)];
    let [prestate, tx, block] = &parts;
    let split = ["gas", "--prestate", prestate, "--tx", tx, "--block", block];
    let split = tandem(&split, b"");
    assert!(split.status.success(), "{}", text(&split.stderr));
    assert_eq!(split.stdout, good.stdout);
    let invalid = whole("0x5208").replace("\"nonce\": 9", "\"nonce\": 8");
    let invalid = tandem(&["gas", &file("invalid.json", &invalid)], b"");
    assert_eq!(invalid.status.code(), Some(2));
    assert!(text(&invalid.stderr).contains("is the prestate of just before it"));
}

#[test]
fn a_state_without_the_sender_gets_a_line_and_exit_code_2() {
    let essay = fs::read(fixtures().join("ens-set-contenthash.json")).expect("the fixture");
    let mut test: serde_json::Value = serde_json::from_slice(&essay).expect("JSON");
    let test_body = &mut test["ens_set_contenthash"];
    let sender = test_body["transaction"]["sender"].as_str().expect("an address").to_owned();
    test_body["pre"].as_object_mut().expect("accounts").remove(&sender);
    let output = tandem(&["gas", &file("no-sender.json", &test.to_string())], b"");
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("its pre-state has no sender") && err.lines().count() == 1, "{err}");
}

#[test]
fn a_program_is_called_with_its_extensions_in_every_view() {
    for name in ["poseidon_t3.evmmax", "sha256.simd", "ntt_256.vecmath"] {
        let file = fixtures().join(format!("programs/{name}.json"));
        let json = fs::read(&file).expect("the fixture");
        let case: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        let file = file.to_str().expect("UTF-8");
        let whole = tandem(&["gas", file, "--format", "json"], b"");
        let whole: serde_json::Value = serde_json::from_slice(&whole.stdout).expect("JSON");
        let execution = whole["glue_gas"].as_u64().zip(whole["coprocessor_gas"].as_u64());
        let execution = execution.map(|(glue, coprocessors)| glue + coprocessors);
        assert_eq!(execution, case["expect"]["gas_used"].as_u64(), "{name}");
        for by in ["opcode", "frame", "contract", "selector", "pc"] {
            let view = tandem(&["gas", file, "--by", by, "--format", "json"], b"");
            assert!(view.status.success(), "{name} by {by}: {}", text(&view.stderr));
            let view: serde_json::Value = serde_json::from_slice(&view.stdout).expect("JSON");
            assert_eq!(view["gas_used"], whole["gas_used"], "{name} by {by}");
        }
    }
}

#[cfg(feature = "rpc")]
#[test]
fn an_endpoint_that_is_none_gets_a_line_and_exit_code_2() {
    let hash = format!("0x{}", "07".repeat(32));
    for (url, target, expected) in [
        ("http://127.0.0.1:9", hash.as_str(), "cannot be reached"),
        ("localhost", &hash, "is no endpoint"),
        ("http://127.0.0.1:9", "0x07", "needs a transaction hash"),
    ] {
        let output = tandem(&["gas", "--rpc", url, target], b"");
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(expected) && err.lines().count() == 1, "{err}");
    }
}

/// Against a real node: the receipt's gas, the whole of it in the rows, and the same again from what was
/// kept, without the node.
#[cfg(feature = "rpc")]
#[test]
fn a_transaction_of_a_node_has_the_receipts_gas_and_runs_again_from_a_file() {
    let Some(anvil) = anvil::Anvil::start("osaka") else { return };
    for (number, (hash, _)) in anvil::transactions(&anvil).into_iter().enumerate() {
        let kept = file(&format!("kept-{number}.json"), "");
        let target = hash.to_string();
        let asked = ["gas", "--rpc", &anvil.url, &target, "--format", "json", "--save", &kept];
        let output = tandem(&asked, b"");
        assert!(output.status.success(), "{hash}: {}", text(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let receipt = anvil.receipt(hash);
        let used = receipt["gasUsed"].as_str().and_then(|hex| hex.strip_prefix("0x"));
        let used = u64::from_str_radix(used.expect("a quantity"), 16).expect("a quantity");
        assert_eq!(json["gas_used"], used, "{hash}");
        let again = tandem(&["gas", &kept, "--format", "json"], b"");
        let again: serde_json::Value = serde_json::from_slice(&again.stdout).expect("JSON");
        assert_eq!(again["rows"], json["rows"], "{hash}");
        for by in ["unit", "opcode", "frame", "contract", "selector", "pc"] {
            let output = tandem(&["gas", "--rpc", &anvil.url, &target, "--by", by], b"");
            assert!(output.status.success(), "{hash}, {by}: {}", text(&output.stderr));
        }
    }
    let unknown = format!("0x{}", "07".repeat(32));
    let output = tandem(&["gas", "--rpc", &anvil.url, &unknown], b"");
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("knows no transaction") && err.lines().count() == 1, "{err}");
}
