//! `tandem gas` on the essay's transaction, and on input that is none.

use std::fs;

use crate::command::{essay, folder, tandem, tandem_with_input, text, variant};
use serde_json::{Value, json};

#[test]
fn the_essays_transaction_as_a_table() {
    let run = tandem(&["gas", text(&essay())]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let line = |label: &str| {
        let line = run.stdout.lines().find(|line| line.trim_start().starts_with(label));
        line.map(|line| line.split_whitespace().rev().nth(2).unwrap_or_default().to_owned())
    };
    let figures = [
        ("base", "21,000"),
        ("calldata", "1,556"),
        ("execution", "24,368"),
        ("SLOAD", "6,400"),
        ("SSTORE", "10,100"),
        ("STATICCALL", "2,600"),
        ("LOG2", "2,149"),
        ("KECCAK256", "282"),
        ("glue", "2,837"),
        ("gas used", "46,924"),
    ];
    for (label, gas) in figures {
        assert_eq!(line(label).as_deref(), Some(gas), "{label}");
    }
    insta::assert_snapshot!("essay_table", run.stdout);
}

#[test]
fn the_essays_transaction_as_json() {
    let run = tandem(&["gas", text(&essay()), "--format", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let json: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!(json["gas_used"], 46_924);
    assert_eq!(json["glue_gas"], 2_837);
    assert_eq!(json["coprocessor_gas"], 21_531);
    insta::assert_snapshot!("essay_json", run.stdout.replace("},{", "},\n{"));
}

#[test]
fn standard_input_is_a_file() {
    let text = fs::read_to_string(essay()).expect("the fixture is there");
    let run = tandem_with_input(&["gas", "-", "--format", "json"], &text);
    assert_eq!(run.code, Some(0));
    assert!(run.stdout.contains(r#""gas_used":46924"#));
}

#[test]
fn several_cases_are_all_executed_and_one_can_be_chosen() {
    let file = folder("gas-several").join("two-forks.json");
    variant(&file, |test| {
        let cancun = test["post"]["Cancun"][0].clone();
        test["post"]["Prague"] = json!([cancun]);
        test["transaction"]["gasLimit"] = json!(["0xea60", "0xffff"]);
        let mut second = cancun;
        second["indexes"]["gas"] = json!(1);
        test["post"]["Prague"].as_array_mut().expect("a list").push(second);
    });
    let lines = |arguments: &[&str]| {
        let arguments = [&["gas", text(&file), "--format", "json"], arguments].concat();
        let run = tandem(&arguments);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let parse = |line| serde_json::from_str::<Value>(line).expect("a line is JSON");
        run.stdout.lines().map(parse).collect::<Vec<_>>()
    };
    assert_eq!(lines(&[]).len(), 3);
    assert_eq!(lines(&["--fork", "Prague"]).len(), 2);
    let one = lines(&["--fork", "prague", "--case", "set_content/1"]);
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["gas_limit"], 0xffff);
    assert_eq!(one[0]["name"], "ens_set_contenthash/1");
    assert_eq!(lines(&["--case", "/1"]), one);

    let none = tandem(&["gas", text(&file), "--case", "nonsense"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""));
    assert!(none.stderr.contains("none of its 3 cases"), "{}", none.stderr);
}

#[test]
fn an_invalid_transaction_is_named() {
    let file = folder("gas-invalid").join("invalid.json");
    variant(&file, |test| test["transaction"]["gasLimit"] = json!(["0x5208"]));
    let run = tandem(&["gas", text(&file)]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    let expected = "tandem: ens_set_contenthash on Cancun: \
        the transaction is invalid: TransactionException.INTRINSIC_GAS_TOO_LOW\n";
    assert_eq!(run.stderr, expected);
}

#[test]
fn another_result_than_the_files_is_pointed_out() {
    let file = folder("gas-mismatch").join("wrong.json");
    variant(&file, |test| {
        test["post"]["Cancun"][0]["logs"] = json!(format!("0x{}", "11".repeat(32)))
    });
    let run = tandem(&["gas", text(&file)]);
    assert_eq!(run.code, Some(0));
    assert!(run.stdout.contains("46,924"));
    assert!(run.stderr.contains("not the result the file expects: logs hash"), "{}", run.stderr);
}

#[test]
fn bad_input_gets_one_line_and_exit_code_2() {
    let folder = folder("gas-bad");
    let (missing, cut, empty, fork) = (
        folder.join("missing.json"),
        folder.join("cut.json"),
        folder.join("empty.json"),
        folder.join("fork.json"),
    );
    let whole = fs::read(essay()).expect("the fixture is there");
    fs::write(&cut, &whole[..whole.len() / 2]).expect("there is room");
    fs::write(&empty, "{}").expect("there is room");
    variant(&fork, |test| test["post"] = json!({ "Nonsense": test["post"]["Cancun"] }));
    let cases = [(missing, "No such file"), (cut, "line"), (empty, "no cases"), (fork, "Nonsense")];
    for (file, reason) in cases {
        let run = tandem(&["gas", text(&file)]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{file:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains(reason), "{}", run.stderr);
    }
}
