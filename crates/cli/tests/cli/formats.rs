//! `tandem gas` in every format and from every side: each output is as its schema says, and adds up.

use std::{fs, path::Path};

use jsonschema::Validator;
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use serde_json::{Map, Value, json};

use crate::command::{essay, folder, tandem, tandem_with_input, text, variant};

const SIDES: [&str; 6] = ["unit", "opcode", "frame", "contract", "selector", "pc"];

fn schema(name: &str) -> Validator {
    let file = format!("../report/schemas/{name}.json");
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("it is there");
    let schema = serde_json::from_slice(&text).expect("a schema is JSON");
    jsonschema::validator_for(&schema).expect("a schema is valid")
}

#[track_caller]
fn holds(schema: &Validator, value: &Value) {
    let errors: Vec<_> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {value}");
}

#[track_caller]
fn gas(arguments: &[&str]) -> String {
    let file = essay();
    let run = tandem(&[&["gas", text(&file)], arguments].concat());
    // Tests run an unoptimised build, which says so where times are asked for.
    let warned = arguments.contains(&"--time") && cfg!(debug_assertions);
    assert_eq!((run.code, run.stderr.lines().count()), (Some(0), warned.into()), "{arguments:?}");
    assert_eq!(run.stderr.contains("this build is not optimised"), warned, "{}", run.stderr);
    run.stdout
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn sum(rows: &Value, key: &str) -> i64 {
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| row[key].as_i64().expect("a number")).sum()
}

/// CSV as its schema sees it: an empty cell is null, digits are a number.
fn objects(csv: &str) -> Vec<Value> {
    let mut rows = csv.lines().map(cells);
    let names = rows.next().expect("a header");
    let value = |cell: String| match cell.parse::<i64>() {
        _ if cell.is_empty() => Value::Null,
        Ok(number) => json!(number),
        Err(_) => cell.parse::<f64>().map_or(Value::String(cell), |number| json!(number)),
    };
    rows.map(|row| {
        assert_eq!(row.len(), names.len());
        Value::Object(names.iter().cloned().zip(row.into_iter().map(value)).collect::<Map<_, _>>())
    })
    .collect()
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            letter => cells.last_mut().expect("there is one").push(letter),
        }
    }
    cells
}

#[test]
fn the_essays_transaction_from_every_side_as_a_table() {
    for side in &SIDES[1..] {
        let table = gas(&["--by", side, "--top", "12"]);
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(table.contains("46,924"));
        insta::assert_snapshot!(format!("table_by_{side}"), table);
    }
}

#[test]
fn json_is_as_its_schema_says_and_adds_up() {
    let (ledger, view) = (schema("tandem-gas-1"), schema("tandem-gas-view-1"));
    holds(&ledger, &lines(&gas(&["--format", "json"]))[0]);
    for side in SIDES {
        let arguments = ["--format", "json", "--by", side, "--top", "3", "--sort", "name"];
        let json = &lines(&gas(&arguments))[0];
        holds(&view, json);
        assert_eq!(sum(&json["rows"], "gas"), 46_924, "{side}");
    }
    insta::assert_snapshot!("json_by_frame", gas(&["--format", "json", "--by", "frame"]));
}

#[test]
fn rows_are_as_their_schema_says_and_add_up() {
    let schema = schema("tandem-gas-rows-1");
    for side in SIDES {
        let rows = objects(&gas(&["--format", "csv", "--by", side]));
        rows.iter().for_each(|row| holds(&schema, row));
        assert_eq!(sum(&Value::Array(rows), "gas"), 46_924, "{side}");
    }
    insta::assert_snapshot!("csv_by_selector", gas(&["--format", "csv", "--by", "selector"]));
}

#[test]
fn parquet_has_the_rows_of_csv() {
    let file = folder("gas-parquet").join("rows.parquet");
    for side in SIDES {
        let none = gas(&["--format", "parquet", "--by", side, "--output", text(&file)]);
        assert_eq!(none, "");
        let bytes = fs::File::open(&file).expect("it was written");
        let reader = SerializedFileReader::new(bytes).expect("it is Parquet");
        let mut rows = Vec::new();
        for row in reader.get_row_iter(None).expect("it has rows") {
            let cell = |(name, field): (&String, &Field)| {
                let value = match field {
                    Field::Null => Value::Null,
                    Field::Str(text) => json!(text),
                    Field::Long(number) => json!(number),
                    other => panic!("{name} is {other}"),
                };
                (name.clone(), value)
            };
            let row = row.expect("a row can be read");
            rows.push(Value::Object(row.get_column_iter().map(cell).collect()));
        }
        assert_eq!(rows, objects(&gas(&["--format", "csv", "--by", side])), "{side}");
    }
}

#[test]
fn flame_graphs_weigh_the_gas_used() {
    let folded = gas(&["--format", "folded"]);
    let weight = |line: &str| {
        let (_, weight) = line.rsplit_once(' ').expect("a weight");
        weight.parse::<u64>().expect("a number")
    };
    assert_eq!(folded.lines().map(weight).sum::<u64>(), 46_924);
    insta::assert_snapshot!("folded", folded);

    let speedscope: Value = serde_json::from_str(&gas(&["--format", "speedscope"])).expect("JSON");
    holds(&schema("tandem-gas-speedscope-1"), &speedscope);
    let profile = &speedscope["profiles"][0];
    let weights = profile["weights"].as_array().expect("a list");
    assert_eq!(
        weights.iter().map(|weight| weight.as_u64().expect("a number")).sum::<u64>(),
        46_924
    );
    let frames = speedscope["shared"]["frames"].as_array().expect("a list").len() as u64;
    let stacks = profile["samples"].as_array().expect("a list");
    assert_eq!(stacks.len(), weights.len());
    let known = |frame: &Value| frame.as_u64().is_some_and(|frame| frame < frames);
    assert!(stacks.iter().flat_map(|stack| stack.as_array().expect("a list")).all(known));
    insta::assert_snapshot!("speedscope", format!("{speedscope:#}"));
}

#[test]
fn a_flame_graph_as_a_picture_has_coprocessors_as_leaves() {
    let svg = gas(&["--format", "svg"]);
    let titles: Vec<_> =
        svg.split("<title>").skip(1).filter_map(|rest| rest.split("</title>").next()).collect();
    assert!(titles.contains(&"SSTORE (10,100 gas, 21.52%)"), "{titles:?}");
    insta::assert_snapshot!("svg_titles", titles.join("\n"));
}

#[test]
fn a_page_has_its_tree_as_the_schema_says() {
    let page = gas(&["--format", "html"]);
    let (_, data) = page.split_once("id=\"data\">").expect("the data");
    let data: Value =
        serde_json::from_str(data.split_once("</script>").expect("its end").0).expect("JSON");
    holds(&schema("tandem-gas-html-1"), &data);
    let nodes = data["nodes"].as_array().expect("a list");
    assert_eq!(nodes.iter().map(|node| node[4].as_u64().expect("gas")).sum::<u64>(), 46_924);
    // Style and script are files of their own.
    let between = |page: &str, open: &str, close: &str| {
        let (before, rest) = page.split_once(open).expect("it opens");
        let (_, after) = rest.split_once(close).expect("it closes");
        format!("{before}{open}…{close}{after}")
    };
    let page = between(&page, "<style>", "</style>");
    insta::assert_snapshot!("html", between(&page, "<script>\n", "</script>"));
}

/// Every case of the project's own state tests, from every side.
#[test]
fn every_side_adds_up_on_every_state_test() {
    let tests = essay().with_file_name("state_tests");
    let schema = schema("tandem-gas-view-1");
    for side in SIDES {
        let mut count = 0;
        for file in fs::read_dir(&tests).expect("they are there") {
            let file = file.expect("an entry").path();
            let arguments = ["gas", text(&file), "--format", "json", "--by", side, "--sort", "gas"];
            let run = tandem(&arguments);
            for json in lines(&run.stdout) {
                holds(&schema, &json);
                assert_eq!(sum(&json["rows"], "gas"), json["gas_used"].as_i64().expect("gas"));
                count += 1;
            }
            // What is invalid is, and nothing else is amiss.
            let only = |line: &str| line.contains("the transaction is invalid");
            assert!(run.stderr.lines().all(only), "{}", run.stderr);
        }
        assert!(count > 500, "{count} transactions by {side}");
    }
}

#[test]
fn a_directory_has_a_row_for_each_transaction_and_all_together() {
    let tests = essay().with_file_name("state_tests");
    let run = tandem(&["gas", text(&tests), "--by", "opcode", "--top", "5", "--workers", "3"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("left out"), "{}", run.stderr);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let again = tandem(&["gas", text(&tests), "--by", "opcode", "--top", "5", "--workers", "1"]);
    assert_eq!(run.stdout, again.stdout, "workers deliver in order");

    let arguments = ["gas", text(&tests), "--format", "json", "--by", "contract"];
    let json = lines(&tandem(&arguments).stdout);
    let (all, each) = json.split_last().expect("there are lines");
    holds(&schema("tandem-gas-view-1"), all);
    assert_eq!(all["transactions"], each.len());
    let used: i64 = each.iter().map(|one| one["gas_used"].as_i64().expect("gas")).sum();
    assert_eq!(all["gas_used"], used);
    assert_eq!(sum(&all["rows"], "gas"), used);
}

#[test]
fn two_sides_are_compared() {
    let schema = schema("tandem-gas-comparison-1");
    let legacy = folder("gas-comparison").join("legacy.json");
    variant(&legacy, |test| {
        let transaction = test["transaction"].as_object_mut().expect("an object");
        let price = transaction.remove("maxFeePerGas").expect("a price");
        transaction.remove("maxPriorityFeePerGas");
        transaction.remove("accessLists");
        transaction.insert("gasPrice".into(), price);
    });
    let forks = ["gas", text(&legacy), "--fork", "Istanbul", "--fork", "Cancun"];
    let compare = |arguments: &[&str]| {
        let run = tandem(&[&forks, arguments].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    let json = &lines(&compare(&["--format", "json"]))[0];
    holds(&schema, json);
    assert_eq!((&json["a"], &json["b"]), (&json!("Istanbul"), &json!("Cancun")));
    assert_eq!(json["totals"][1], 46_924);
    assert!(json["difference"].as_i64() > Some(0), "access lists made cold state dearer");
    assert_eq!(sum(&json["rows"], "difference"), json["difference"].as_i64().expect("gas"));
    insta::assert_snapshot!("comparison", compare(&["--by", "opcode", "--top", "6"]));

    let file = essay();
    let run = tandem(&["gas", text(&file), text(&file), "--format", "csv"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let rows_schema = self::schema("tandem-gas-comparison-rows-1");
    let rows = objects(&run.stdout);
    rows.iter().for_each(|row| holds(&rows_schema, row));
    assert_eq!(sum(&Value::Array(rows), "difference"), 0);

    let both =
        ["--time", "--backend", "hash=rustcrypto", "--backend", "hash=native", "--format", "json"];
    let run = tandem(&[&["gas", text(&file)][..], &both].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let json = &lines(&run.stdout)[0];
    holds(&schema, json);
    assert_eq!((&json["measure"], &json["a"]), (&json!("nanoseconds"), &json!("hash=rustcrypto")));
}

#[test]
fn time_stands_beside_gas_and_shares_add_up() {
    let schema = schema("tandem-gas-time-1");
    for side in ["unit", "opcode"] {
        let json = &lines(&gas(&["--time", "--by", side, "--format", "json", "--anchor", "50"]))[0];
        holds(&schema, json);
        assert_eq!(json["gas"], 46_924);
        for (key, share) in [("gas", "gas_share"), ("nanoseconds", "time_share")] {
            assert_eq!(sum(&json["rows"], key), json[key].as_i64().expect("a number"));
            let rows = json["rows"].as_array().expect("a list");
            let shares: f64 = rows.iter().map(|row| row[share].as_f64().expect("a share")).sum();
            assert!((shares - 1.0).abs() < 1e-9, "{share} of {side}: {shares}");
        }
        let row = |label: &str| {
            let rows = json["rows"].as_array().expect("a list");
            rows.iter().find(|row| row["label"] == label).expect(label).clone()
        };
        for label in ["glue", "transaction", "unattributed"] {
            assert!(row(label)["nanoseconds"].is_u64());
        }
        assert!(row("glue")["nanoseconds"].as_u64() > Some(0));
        assert_eq!(row("glue")["gas"], 2_837);
    }
    let table = gas(&["--time", "--by", "opcode"]);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let shares = |place: usize| -> i64 {
        let cells = |line: &str| {
            let parts: Vec<_> = line.split(" %").collect();
            let share = parts.get(place)?.split_whitespace().last()?.replace('.', "");
            (parts.len() == 3).then(|| share.parse::<i64>().expect("tenths"))
        };
        table.lines().filter(|line| !line.starts_with("all")).filter_map(cells).sum()
    };
    assert_eq!((shares(0), shares(1)), (1000, 1000), "{table}");
    let rows_schema = self::schema("tandem-gas-time-rows-1");
    objects(&gas(&["--time", "--format", "csv"])).iter().for_each(|row| holds(&rows_schema, row));
    assert!(gas(&["--time", "--weight", "time", "--format", "folded"]).contains("glue"));
}

#[test]
fn functions_have_the_names_of_an_abi_or_a_list() {
    let folder = folder("gas-names");
    let (abi, list) = (folder.join("abi.json"), folder.join("list.txt"));
    let inputs = json!([{ "type": "bytes32" }, { "type": "bytes" }]);
    let function = json!({ "type": "function", "name": "setContenthash", "inputs": inputs });
    fs::write(&abi, json!([function]).to_string()).expect("there is room");
    fs::write(&list, "0x02571be3 owner(bytes32)\n").expect("there is room");
    let names = ["--abi", text(&abi), "--signatures", text(&list), "--by", "selector"];
    let table = gas(&names);
    assert!(table.contains("setContenthash(bytes32,bytes)") || table.contains("setContentha"));
    assert!(table.contains("owner(bytes32)"), "{table}");
    fs::write(&list, "0x02571be4 owner(bytes32)\n").expect("there is room");
    let file = essay();
    let run = tandem(&[&["gas", text(&file)][..], &names].concat());
    assert_eq!((run.code, run.stderr.lines().count()), (Some(2), 1));
    assert!(run.stderr.contains("has the selector 0x02571be3, not 0x02571be4"), "{}", run.stderr);
}

#[test]
fn a_trace_has_the_breakdown_of_the_execution() {
    let trace = tandem(&["statetest", "--json", text(&essay())]).stderr;
    let from_trace = |side: &str| {
        let arguments = [
            "gas",
            "-",
            "--fork",
            "Cancun",
            "--gas-used",
            "46924",
            "--format",
            "json",
            "--by",
            side,
        ];
        let run = tandem_with_input(&arguments, &trace);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        lines(&run.stdout).remove(0)
    };
    let whole = from_trace("unit");
    holds(&schema("tandem-gas-1"), &whole);
    assert_eq!(whole["intrinsic"]["unsplit"], 1_556, "the calldata's, without the transaction");
    for side in ["opcode", "pc"] {
        let (trace, own) =
            (from_trace(side), lines(&gas(&["--format", "json", "--by", side])).remove(0));
        let execution = |json: &Value| -> Vec<Value> {
            let rows = json["rows"].as_array().expect("a list").iter();
            let mut rows: Vec<_> = rows.filter(|row| row["part"] == "execution").cloned().collect();
            // A trace does not tell the address of the first contract.
            for row in &mut rows {
                let row = row.as_object_mut().expect("an object");
                row.remove("code_address");
                if side == "pc" {
                    row.remove("label");
                }
            }
            rows.sort_by_key(ToString::to_string);
            rows
        };
        assert_eq!(execution(&trace), execution(&own), "{side}");
        assert_eq!(sum(&trace["rows"], "gas"), 46_924);
    }
}

#[test]
fn options_that_do_not_go_together_are_refused_in_a_line() {
    let (file, tests) = (essay(), essay().with_file_name("state_tests"));
    let (file, none) = (text(&file), folder("gas-none"));
    let bad: [(&[&str], &str); 10] = [
        (&[file, "--time", "--by", "frame"], "--by unit or --by opcode"),
        (&[text(&tests), "--time"], "--time is of one transaction"),
        (&[file, "--weight", "time", "--format", "svg"], "needs --time"),
        (&[file, "--weight", "time", "--time"], "is of flame graphs"),
        (&[file, file, "--format", "html"], "a comparison is written as"),
        (&[text(&tests), "--by", "frame"], "frames are one transaction's"),
        (&[file, file, "--fork", "Cancun", "--fork", "Osaka"], "compare one thing at a time"),
        (&[file, "--abi", "/no/such/abi"], "No such file"),
        (&[file, "--output", "/no/such/folder/file"], "cannot write"),
        (&[text(&none)], "has no *.json files"),
    ];
    for (arguments, reason) in bad {
        let run = tandem(&[&["gas"], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(reason), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn colour_is_asked_for() {
    let plain = gas(&["--color", "never"]);
    assert_eq!(gas(&[]), plain, "no terminal, no colour");
    let coloured = gas(&["--color", "always"]);
    assert!(coloured.contains("\x1b["));
    let stripped: String = coloured
        .split('\x1b')
        .enumerate()
        .map(
            |(place, part)| if place == 0 { part } else { part.split_once('m').expect("a code").1 },
        )
        .collect();
    assert_eq!(stripped, plain);
}
