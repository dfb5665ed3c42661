//! `tandem statetest`: counts, exit codes, what goes to which stream, and that nothing is lost.

use std::{fs, path::PathBuf};

use crate::command::{Run, essay, folder, tandem, tandem_with_input, text, variant};
use serde_json::{Value, json};

const ROOT: &str = "0x40297a281f69e78adefc346dfc93f075283307b16eb54085b1445ce6ba178219";
const WRONG: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

fn wrong_root(file: &std::path::Path) {
    variant(file, |test| test["post"]["Cancun"][0]["hash"] = json!(WRONG));
}

fn unknown_fork(file: &std::path::Path) {
    variant(file, |test| test["post"] = json!({ "Nonsense": test["post"]["Cancun"] }));
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[track_caller]
fn closes_with(run: &Run, code: i32, closing: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(code), closing), "{}", run.stderr);
}

#[test]
fn a_test_that_passes() {
    let run = tandem(&["statetest", text(&essay())]);
    closes_with(&run, 0, "1 passed, 0 failed, 0 skipped\n");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_wrong_root_is_reported_in_full() {
    let file = folder("statetest-root").join("wrong.json");
    wrong_root(&file);
    let run = tandem(&["statetest", text(&file)]);
    closes_with(&run, 1, "0 passed, 1 failed, 0 skipped\n");
    let expected = format!(
        "{}: ens_set_contenthash, Cancun, index 0: state root: expected {WRONG}, got {ROOT}\n",
        file.display()
    );
    assert_eq!(run.stderr, expected);
}

#[test]
fn logs_and_exceptions_are_checked_strictly() {
    let folder = folder("statetest-strict");
    let post = |file: &str, field: &str, value: &str| {
        let file = folder.join(file);
        variant(&file, |test| test["post"]["Cancun"][0][field] = json!(value));
        tandem(&["statetest", text(&file)])
    };
    let run = post("logs.json", "logs", WRONG);
    closes_with(&run, 1, "0 passed, 1 failed, 0 skipped\n");
    assert!(
        run.stderr.contains(&format!("logs hash: expected {WRONG}, got 0x6d13")),
        "{}",
        run.stderr
    );

    let name = "TransactionException.NONCE_MISMATCH_TOO_LOW";
    let run = post("exception.json", "expectException", name);
    closes_with(&run, 1, "0 passed, 1 failed, 0 skipped\n");
    assert!(
        run.stderr.contains(&format!("exception: expected {name}, got none")),
        "{}",
        run.stderr
    );
}

#[test]
fn the_run_goes_on_after_files_that_cannot_be_read() {
    let folder = folder("statetest-malformed");
    let missing = folder.join("missing.json");
    fs::write(folder.join("a.json"), "{\n  \"t\": [").expect("there is room");
    fs::copy(essay(), folder.join("b.json")).expect("there is room");
    let run = tandem(&["statetest", text(&folder), text(&missing)]);
    closes_with(&run, 2, "1 passed, 0 failed, 0 skipped\n");
    assert!(run.stderr.contains("a.json: "), "{}", run.stderr);
    assert!(run.stderr.contains("line 2 column"), "{}", run.stderr);
    assert!(run.stderr.contains("missing.json: No such file"), "{}", run.stderr);
    assert!(run.stderr.contains("2 files could not be read"), "{}", run.stderr);

    // A mismatch is the graver finding.
    wrong_root(&folder.join("c.json"));
    closes_with(&tandem(&["statetest", text(&folder)]), 1, "1 passed, 1 failed, 0 skipped\n");
}

#[test]
fn no_test_run_is_no_success() {
    let file = essay();
    let empty = folder("statetest-empty");
    let runs: [&[&str]; 4] = [
        &["--run", "nonsense", text(&file)],
        &["--fork", "Osaka", text(&file)],
        &["--index", "7", text(&file)],
        &[text(&empty)],
    ];
    for arguments in runs {
        let run = tandem(&[&["statetest"], arguments].concat());
        closes_with(&run, 2, "0 passed, 0 failed, 0 skipped\n");
        assert_eq!(run.stderr, "no test ran\n");
    }
}

#[test]
fn tests_are_chosen_by_name_fork_and_index() {
    let file = essay();
    let runs: [&[&str]; 4] = [
        &["--run", "^ens_.*hash$"],
        &["--fork", "cancun"],
        &["--statetest.fork", "Cancun", "--statetest.index", "0"],
        &["--index", "0"],
    ];
    for arguments in runs {
        let run = tandem(&[&["statetest", text(&file)], arguments].concat());
        closes_with(&run, 0, "1 passed, 0 failed, 0 skipped\n");
    }
}

#[test]
fn an_unknown_fork_is_skipped_by_name() {
    let folder = folder("statetest-skipped");
    unknown_fork(&folder.join("unknown.json"));
    let run = tandem(&["statetest", text(&folder)]);
    closes_with(&run, 2, "0 passed, 0 failed, 1 skipped\n");
    assert!(run.stderr.contains("skipped 1 cases of Nonsense"), "{}", run.stderr);

    fs::copy(essay(), folder.join("known.json")).expect("there is room");
    closes_with(&tandem(&["statetest", text(&folder)]), 0, "1 passed, 0 failed, 1 skipped\n");
}

#[test]
fn folders_are_searched_and_workers_lose_nothing() {
    let folder = folder("statetest-workers");
    for n in 0..40 {
        let below = folder.join(format!("{}/{}", n % 3, n % 7));
        fs::create_dir_all(&below).expect("there is room");
        let file = below.join(format!("{n}.json"));
        if n % 10 == 0 { wrong_root(&file) } else { drop(fs::copy(essay(), file)) }
    }
    for workers in ["1", "2", "5", "100"] {
        let run = tandem(&["statetest", "--workers", workers, text(&folder)]);
        closes_with(&run, 1, "36 passed, 4 failed, 0 skipped\n");
        assert_eq!(run.stderr.lines().count(), 4);
    }
}

#[test]
fn a_trace_goes_to_standard_error_and_ends_with_the_root() {
    let run = tandem(&["statetest", "--json", "--workers", "8", text(&essay())]);
    closes_with(&run, 0, "1 passed, 0 failed, 0 skipped\n");
    let terminator = format!("{{\"stateRoot\": \"{ROOT}\"}}\n");
    assert!(run.stderr.ends_with(&terminator), "{terminator}");
    let lines = json_lines(&run.stderr);
    let (end, steps) = (&lines[lines.len() - 2], &lines[..lines.len() - 2]);
    assert_eq!(*end, json!({ "output": "", "gasUsed": "0x5f30" }));
    assert_eq!(steps[0]["pc"], 0);
    assert_eq!(steps[0]["gas"], format!("{:#x}", 60_000 - 22_556));
    assert!(steps.iter().any(|step| step["depth"] == 2), "the call is traced too");
    assert_eq!(steps.len(), 866, "as many as the ledger counts opcodes");
    let gas = |step: &Value, field: &str| {
        let text = step[field].as_str().expect("hex is a string");
        u64::from_str_radix(&text[2..], 16).expect("it is hex")
    };
    for (step, next) in steps.iter().zip(&steps[1..]).filter(|(a, b)| a["depth"] == b["depth"]) {
        assert_eq!(gas(step, "gas") - gas(step, "gasCost"), gas(next, "gas"), "{step} {next}");
    }
    assert_eq!(steps.iter().filter(|step| step["opName"] == "SSTORE").count(), 3);
}

#[test]
fn an_outcome_is_one_object_a_case_with_the_root_it_came_to() {
    let file = folder("statetest-outcome").join("wrong.json");
    wrong_root(&file);
    let run = tandem(&["statetest", "-o", "--workers", "1", text(&essay()), text(&file)]);
    assert_eq!(run.code, Some(1));
    let outcomes = json_lines(&run.stdout);
    assert_eq!(outcomes.len(), 2);
    for (outcome, pass) in outcomes.iter().zip([true, false]) {
        assert_eq!(outcome["stateRoot"], ROOT);
        assert_eq!(outcome["pass"], pass);
        assert_eq!(outcome["gasUsed"], 46_924);
        assert_eq!(outcome["evmResult"], "success");
        assert_eq!(outcome["fork"], "Cancun");
        assert_eq!(outcome["errorMsg"] == "", pass);
    }
    let (roots, comments): (Vec<_>, Vec<_>) =
        run.stderr.lines().partition(|line| line.starts_with('{'));
    assert_eq!(roots, vec![format!("{{\"stateRoot\": \"{ROOT}\"}}"); 2]);
    assert!(comments.iter().all(|line| line.starts_with("# ")), "{}", run.stderr);
    assert!(comments.contains(&"# 1 passed, 1 failed, 0 skipped"), "{}", run.stderr);
}

#[test]
fn an_invalid_transaction_ends_with_the_root_before_it() {
    let file = folder("statetest-invalid").join("invalid.json");
    variant(&file, |test| {
        test["transaction"]["gasLimit"] = json!(["0x5208"]);
        let name = "TransactionException.INTRINSIC_GAS_TOO_LOW";
        test["post"]["Cancun"][0]["expectException"] = json!(name);
        test["post"]["Cancun"][0]["logs"] =
            json!("0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    });
    // The file's root is the one after the transaction, so this case fails; what counts is that the
    // exception is the expected one and the root another.
    let run = tandem(&["statetest", "-o", text(&file)]);
    let outcome = &json_lines(&run.stdout)[0];
    assert_eq!(outcome["evmResult"], "TransactionException.INTRINSIC_GAS_TOO_LOW");
    assert_eq!(outcome["gasUsed"], 0);
    let root = outcome["stateRoot"].as_str().expect("a root").to_owned();
    assert_ne!(root, ROOT);
    assert!(run.stderr.contains(&format!("{{\"stateRoot\": \"{root}\"}}")), "{}", run.stderr);

    let valid = file.with_file_name("valid.json");
    let json = fs::read_to_string(&file).expect("it was written");
    fs::write(&valid, json.replace(ROOT, &root)).expect("there is room");
    closes_with(&tandem(&["statetest", text(&valid)]), 0, "1 passed, 0 failed, 0 skipped\n");
}

#[test]
fn file_names_come_from_standard_input_up_to_an_empty_line() {
    let file: PathBuf = essay();
    let input = format!("{0}\n{0}\n\nnever-read.json\n", text(&file));
    let run = tandem_with_input(&["statetest"], &input);
    closes_with(&run, 0, "2 passed, 0 failed, 0 skipped\n");
    assert_eq!(run.stderr, format!("{{\"stateRoot\": \"{ROOT}\"}}\n").repeat(2));

    let run = tandem_with_input(&["statetest"], "never-there.json\n");
    closes_with(&run, 2, "0 passed, 0 failed, 0 skipped\n");
    assert!(run.stderr.starts_with("# never-there.json: No such file"), "{}", run.stderr);
}
