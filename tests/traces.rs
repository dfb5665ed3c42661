//! The attribution read from a trace is the one found by executing, row by row: on traces by Tandem, as
//! EIP-3155 and as `structLogs`, of every state test of `fixtures/`; and on traces by revm. A few of
//! those are in `fixtures/traces`; with the path of `revme` in `TANDEM_REVME`, it makes them for every
//! state test of `fixtures/`, and of the directory in `TANDEM_STATE_TESTS` if that is set.

#![expect(clippy::print_stdout, reason = "a test of many cases says how many there were")]

use std::{
    collections::{BTreeMap, HashMap},
    env, fs,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tandem_evm::{Evm, Fork, Meter, Outcome, Schedule, Transaction};
use tandem_fixtures::{Case, StateTest, find_files, parse_state_tests, run_case};
use tandem_inputs::{TraceError, TraceReader};
use tandem_report::{Attribution, Collector, Eip3155};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

fn machine(fork: Fork) -> Evm {
    Evm::builder(fork).meter(Meter::Gas).build()
}

fn parse(file: &Path) -> Vec<StateTest> {
    let json = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    parse_state_tests(&json).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A case executed.
struct Executed {
    name: String,
    fork: Fork,
    tx: Transaction,
    coinbase: tandem_evm::primitives::Address,
    outcome: Outcome,
    attribution: Attribution,
}

impl Executed {
    /// `None` if the transaction is invalid.
    fn new(evm: &mut Evm, case: &Case<'_>) -> Option<Self> {
        let (tx, coinbase) = (case.transaction().ok()?, case.block().coinbase);
        let mut collector = Collector::new(evm.schedule().clone()).transaction(&tx, Some(coinbase));
        let outcome = run_case(evm, case, Some(&mut collector)).result.ok()?;
        let name = format!("{} on {}, {}", case.test.name, case.fork_name, case.index);
        let attribution = collector.finish(&outcome);
        let attribution = attribution.unwrap_or_else(|error| panic!("{name}: {error}"));
        Some(Self { name, fork: case.fork()?, tx, coinbase, outcome, attribution })
    }

    fn collector(&self) -> Collector {
        let schedule = Schedule::new(self.fork);
        Collector::new(schedule).transaction(&self.tx, Some(self.coinbase))
    }

    /// What the attribution read from a trace has different.
    fn compare(&self, read: &Attribution) -> Result<(), String> {
        let own = &self.attribution;
        let differs = |what: &str, a: String, b: String| Err(format!("{what}: {a}, read: {b}"));
        if own.rows() != read.rows() {
            let keyed = |rows: Vec<tandem_evm::Row>| -> BTreeMap<_, _> {
                rows.into_iter().map(|row| ((row.unit, row.op), (row.count, row.gas))).collect()
            };
            let (ours, theirs) = (keyed(own.rows()), keyed(read.rows()));
            let keys = ours.keys().chain(theirs.keys());
            let keys: Vec<_> = keys.filter(|key| ours.get(key) != theirs.get(key)).collect();
            return Err(keys.iter().fold(format!("notes {:?}; ", read.notes), |text, key| {
                format!("{text} {key:?}: {:?}, read: {:?};", ours.get(key), theirs.get(key))
            }));
        }
        if own.status != read.status {
            return differs("status", format!("{:?}", own.status), format!("{:?}", read.status));
        }
        if own.gas_used != read.gas_used || read.ledger().gas_used() != read.gas_used {
            return differs("gas used", own.gas_used.to_string(), read.gas_used.to_string());
        }
        if (own.intrinsic, own.floor_top_up) != (read.intrinsic, read.floor_top_up) {
            return differs(
                "intrinsic",
                format!("{:?}", own.intrinsic),
                format!("{:?}", read.intrinsic),
            );
        }
        if own.refund.capped != read.refund.capped {
            return differs("refund", format!("{:?}", own.refund), format!("{:?}", read.refund));
        }
        if own.frames.len() != read.frames.len() {
            let (a, b) = (own.frames.len().to_string(), read.frames.len().to_string());
            return differs("frames", a, b);
        }
        for (n, (own, read)) in own.frames.iter().zip(&read.frames).enumerate() {
            let same = (own.parent, own.kind, own.status) == (read.parent, read.kind, read.status)
                && own.cells == read.cells;
            if !same {
                return differs(&format!("frame {n}"), format!("{own:?}"), format!("{read:?}"));
            }
        }
        Ok(())
    }
}

/// Executes every state test of `fixtures/`.
fn each_own(mut f: impl FnMut(&mut Evm, &Case<'_>, &Executed)) -> usize {
    let (mut machines, mut count) = (HashMap::new(), 0);
    let mut files = find_files(&fixtures().join("state_tests")).expect("the fixtures are there");
    files.push(fixtures().join("ens-set-contenthash.json"));
    for file in files {
        for test in parse(&file) {
            for case in test.cases() {
                let fork = case.fork().expect("a known fork");
                let evm = machines.entry(fork).or_insert_with(|| machine(fork));
                if let Some(executed) = Executed::new(evm, &case) {
                    f(evm, &case, &executed);
                    count += 1;
                }
            }
        }
    }
    count
}

/// Tandem's own trace of a case.
fn trace(evm: &mut Evm, case: &Case<'_>, outcome: &Outcome, rich: bool) -> Vec<u8> {
    let mut tracer = Eip3155::new(Vec::new()).memory(rich).return_data(rich);
    let _ = run_case(evm, case, Some(&mut tracer));
    tracer.end(outcome);
    tracer.finish().expect("a vector takes everything")
}

fn assert_none(failures: &[String], count: usize) {
    let shown: String = failures.iter().take(12).map(|text| format!("{text:.1200}\n")).collect();
    assert!(failures.is_empty(), "{} of {count} differ:\n{shown}", failures.len());
}

fn read(
    executed: &Executed,
    trace: &[u8],
    gas_used: Option<u64>,
) -> Result<Attribution, TraceError> {
    let read = TraceReader::new(trace)?.next(executed.collector(), gas_used)?;
    Ok(read.expect("a trace of a transaction"))
}

#[test]
fn tandems_eip3155_traces_say_what_the_execution_says() {
    let mut failures = Vec::new();
    let (mut noted, mut rich_noted) = (0, 0);
    let count = each_own(|evm, case, executed| {
        for rich in [false, true] {
            let trace = trace(evm, case, &executed.outcome, rich);
            // What it lacks is the receipt's gas used; half of them get it.
            let gas_used = rich.then_some(executed.outcome.gas_used);
            match read(executed, &trace, gas_used) {
                Ok(read) if !read.notes.is_empty() => {
                    if rich {
                        println!("{}: {:?}", executed.name, read.notes);
                        rich_noted += 1;
                    } else {
                        noted += 1;
                    }
                }
                Ok(read) => {
                    let differs = executed.compare(&read).err();
                    failures.extend(differs.map(|text| format!("{}: {text}", executed.name)));
                }
                Err(error) => failures.push(format!("{}: {error}", executed.name)),
            }
        }
    });
    println!("{count} transactions, {noted} with a note without memory, {rich_noted} with memory");
    assert!(count > 500);
    assert_none(&failures, count);
    assert!(noted * 15 < count && rich_noted < 5, "{noted} traces do not tell something");
}

/// The trace as evmone writes it: no errors, no refunds, and for the cost nothing, or the opcode's base
/// price; a state test's summary behind it. Like some versions of geth, it also has a line behind calls.
fn evmone(trace: &[u8], outcome: &Outcome, fork: Fork, costs: bool) -> String {
    let schedule = Schedule::new(fork);
    let mut text = String::new();
    for line in trace.lines().map_while(Result::ok) {
        let mut step: Value = serde_json::from_str(&line).expect("JSON");
        let Some(op) = step.get("op").and_then(Value::as_u64) else { continue };
        let fields = step.as_object_mut().expect("an object");
        fields.remove("error");
        fields.remove("refund");
        fields.remove("gasCost");
        if costs {
            let base = u64::from(schedule.base[op as usize]);
            fields.insert("gasCost".into(), json!(format!("{base:#x}")));
        }
        text += &format!("{step}\n");
        if costs && matches!(op, 0xf1..=0xf4 | 0xfa) {
            text += "{\"output\":\"\",\"gasUsed\":\"0x0\"}\n";
        }
    }
    let failed = outcome.status != tandem_evm::Status::Success;
    let error = if failed { "\"error\":\"out of gas\"," } else { "" };
    let gas = outcome.gas_used;
    text + &format!("{{\"pass\":true,{error}\"gasUsed\":\"{gas:#x}\",\"stateRoot\":\"0x00\"}}\n")
}

#[test]
fn traces_without_costs_say_what_the_execution_says() {
    let (mut failures, mut noted) = (Vec::new(), 0);
    let count = each_own(|evm, case, executed| {
        let trace = trace(evm, case, &executed.outcome, false);
        if trace.len() > LONG {
            return;
        }
        for costs in [false, true] {
            let text = evmone(&trace, &executed.outcome, executed.fork, costs);
            match read(executed, text.as_bytes(), None) {
                Ok(read) if !read.notes.is_empty() => noted += 1,
                Ok(read) => {
                    let differs = executed.compare(&read).err();
                    failures.extend(differs.map(|text| format!("{}: {text}", executed.name)));
                }
                // Nothing behind a transaction's last step tells what it took.
                Err(error) if error.to_string().contains("SELFDESTRUCT, cost") => noted += 1,
                Err(error) => failures.push(format!("{}: {error}", executed.name)),
            }
        }
    });
    println!("{noted} of {} with something not told", 2 * count);
    assert!(count > 500 && noted * 10 < 2 * count);
    assert_none(&failures, count);
}

/// Longer traces are not converted: it takes its time.
const LONG: usize = 300_000;

/// The trace as geth's `structLogs`.
fn struct_logs(trace: &[u8], outcome: &Outcome, flavour: usize) -> String {
    let number = |value: &Value| {
        let hex = value.as_str().expect("gas in hex").trim_start_matches("0x");
        u64::from_str_radix(hex, 16).expect("a number")
    };
    let words = |hex: &str| -> Vec<String> {
        let bytes = hex.trim_start_matches("0x").as_bytes();
        bytes.chunks(64).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    };
    let mut logs = Vec::new();
    for line in trace.lines().map_while(Result::ok) {
        let step: Value = serde_json::from_str(&line).expect("JSON");
        if step.get("pc").is_none() {
            continue;
        }
        let mut log = json!({
            "pc": step["pc"], "op": step["opName"], "depth": step["depth"],
            "gas": number(&step["gas"]), "gasCost": number(&step["gasCost"]),
            "stack": step["stack"],
        });
        if flavour == 1 {
            log["gas"] = step["gas"].clone();
            log["gasCost"] = json!(number(&step["gasCost"]).to_string());
            log["returnData"] = step.get("returnData").cloned().unwrap_or(json!("0x"));
        }
        if let Some(memory) = step.get("memory") {
            log["memory"] = json!(words(memory.as_str().expect("hex")));
        }
        if step["refund"] != json!(0) {
            log["refund"] = step["refund"].clone();
        }
        if let Some(error) = step.get("error") {
            log["error"] = error.clone();
        }
        logs.push(log);
    }
    let failed = outcome.status != tandem_evm::Status::Success;
    let result = json!({
        "gas": outcome.gas_used, "failed": failed, "returnValue": "", "structLogs": logs,
    });
    match flavour {
        0 => result.to_string(),
        1 => json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string(),
        _ => serde_json::to_string_pretty(&result).expect("JSON"),
    }
}

#[test]
fn struct_logs_say_what_the_execution_says_plain_and_wrapped() {
    let mut failures = Vec::new();
    let count = each_own(|evm, case, executed| {
        // One flavour a case, by turns: the conversion is slow.
        let flavour = executed.name.len() % 3;
        let trace = trace(evm, case, &executed.outcome, flavour == 1);
        if trace.len() > LONG {
            return;
        }
        match read(executed, struct_logs(&trace, &executed.outcome, flavour).as_bytes(), None) {
            Ok(read) if !read.notes.is_empty() => {}
            Ok(read) => {
                let differs = executed.compare(&read).err();
                failures.extend(differs.map(|text| format!("{}: {text}", executed.name)));
            }
            Err(error) => failures.push(format!("{}: {error}", executed.name)),
        }
    });
    assert!(count > 500);
    assert_none(&failures, count);
}

#[test]
fn without_the_transaction_the_intrinsic_gas_follows_from_the_gas_used() {
    let (mut failures, mut whole) = (Vec::new(), 0);
    let count = each_own(|evm, case, executed| {
        let trace = trace(evm, case, &executed.outcome, false);
        if trace.len() > LONG {
            return;
        }
        let logs = struct_logs(&trace, &executed.outcome, 0);
        let mut reader = TraceReader::new(logs.as_bytes()).expect("a trace");
        let collector = Collector::new(Schedule::new(executed.fork));
        let (own, floor) = (&executed.attribution, executed.attribution.floor_top_up);
        match reader.next(collector, None) {
            Ok(Some(read)) => {
                // A creation shows as a call: its code deposit is not in the steps.
                let told = read.notes.len() == usize::from(read.intrinsic.unsplit > 0);
                let comparable = executed.tx.to.is_some() && floor == 0 && told;
                let rows = own.rows() == read.rows();
                let parts = own.intrinsic.total() == read.intrinsic.total()
                    && own.refund.capped == read.refund.capped;
                if comparable && !(rows && parts) {
                    let text = format!("{:?} {:?}", own.intrinsic, read.intrinsic);
                    failures.push(format!("{}: {text}", executed.name));
                }
                whole += usize::from(comparable);
            }
            Ok(None) => failures.push(format!("{}: nothing read", executed.name)),
            Err(_) if own.frames[0].cells.iter().all(|cell| cell.opcode.is_none()) => {}
            Err(_) if executed.tx.to.is_none() => {}
            Err(error) => failures.push(format!("{}: {error}", executed.name)),
        }
    });
    assert!(whole > 400, "{whole} of {count}");
    assert_none(&failures, count);
}

/// Where in revm's output a transaction's trace is, and what it is of.
struct Place {
    from: u64,
    to: u64,
    key: (String, String, usize, usize, usize),
}

fn places(file: &Path) -> Vec<Place> {
    let mut input = BufReader::new(fs::File::open(file).expect("revme's output"));
    let (mut places, mut from, mut to, mut line) = (Vec::new(), 0, 0, Vec::new());
    while input.read_until(b'\n', &mut line).expect("readable") > 0 {
        to += line.len() as u64;
        // Where the output was cut off, the last line may be half of one.
        if line.starts_with(b"{\"stateRoot") && line.ends_with(b"\n") {
            let end: Value = serde_json::from_slice(&line).expect("JSON");
            let text = |key: &str| end[key].as_str().unwrap_or_default().to_owned();
            let index = |key: &str| end[key].as_u64().unwrap_or_default() as usize;
            let key =
                (text("test"), text("fork").to_lowercase(), index("d"), index("g"), index("v"));
            places.push(Place { from, to, key });
            from = to;
        }
        line.clear();
    }
    places
}

/// The most that is read of revm's traces of one file, in bytes.
const MOST: u64 = 16 << 20;

#[derive(Default)]
struct Tally {
    transactions: usize,
    precompiles: usize,
    reverts: usize,
    halts: usize,
    noted: usize,
    failures: Vec<String>,
}

/// revm's name of a fork, as its traces end with it.
fn revm_name(fork: Fork) -> String {
    match fork {
        Fork::TangerineWhistle => "tangerine".into(),
        Fork::SpuriousDragon => "spurious_dragon".into(),
        Fork::Constantinople => "petersburg".into(),
        Fork::Paris => "merge".into(),
        fork => fork.name().to_lowercase(),
    }
}

/// Holds revm's traces of a file's cases against Tandem's executions.
fn compare_revm(tests: &[StateTest], traces: &Path, tally: &mut Tally) {
    let mut cases = HashMap::new();
    for case in tests.iter().flat_map(StateTest::cases) {
        let fork = case.fork().expect("a known fork");
        let key = (case.test.name.clone(), revm_name(fork), case.data, case.gas, case.value);
        cases.insert(key, case);
    }
    let mut machines = HashMap::new();
    let mut input = fs::File::open(traces).expect("revme's output");
    for place in places(traces) {
        let Some(case) = cases.get(&place.key) else { continue };
        let fork = case.fork().expect("a known fork");
        let evm = machines.entry(fork).or_insert_with(|| machine(fork));
        let Some(executed) = Executed::new(evm, case) else { continue };
        input.seek(SeekFrom::Start(place.from)).expect("seekable");
        let trace = Read::by_ref(&mut input).take(place.to - place.from);
        let read = TraceReader::new(trace).and_then(|mut it| it.next(executed.collector(), None));
        match read.map(|read| read.expect("a trace of a transaction")) {
            Ok(read) => {
                tally.count(&executed.attribution);
                if !read.notes.is_empty() {
                    tally.noted += 1;
                } else if let Err(text) = executed.compare(&read) {
                    tally.failures.push(format!("{}: {text}", executed.name));
                }
            }
            Err(error) => tally.failures.push(format!("{}: {error}", executed.name)),
        }
    }
}

impl Tally {
    fn count(&mut self, attribution: &Attribution) {
        let any = |test: &dyn Fn(&tandem_report::CallFrame) -> bool| {
            usize::from(attribution.frames.iter().any(test))
        };
        self.transactions += 1;
        self.precompiles += any(&|frame| frame.cells.iter().any(|cell| cell.opcode.is_none()));
        self.reverts += any(&|frame| frame.status == tandem_evm::Status::Revert);
        self.halts += any(&|frame| matches!(frame.status, tandem_evm::Status::Halt(_)));
    }
}

#[test]
fn revms_traces_say_what_the_execution_says() {
    let mut tally = Tally::default();
    let own = find_files(&fixtures().join("state_tests")).expect("the fixtures are there");
    let own: Vec<_> = own.iter().flat_map(|file| parse(file)).collect();
    compare_revm(&own, &fixtures().join("traces/revme.jsonl"), &mut tally);
    assert!(tally.transactions >= 5, "{} transactions", tally.transactions);
    if let Some(revme) = env::var_os("TANDEM_REVME") {
        let own = fixtures().join("state_tests");
        let more = env::var_os("TANDEM_STATE_TESTS").map(PathBuf::from);
        let files = [own].into_iter().chain(more);
        for file in files.flat_map(|path| find_files(&path).expect("a directory")) {
            let traces = Path::new(env!("CARGO_TARGET_TMPDIR")).join("revme.jsonl");
            let mut child = Command::new(&revme)
                .args(["statetest", "--json", "-s", "--keep-going", "--omit-progress"])
                .arg(&file)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("revme runs");
            // Some tests loop for millions of steps; whole transactions up to here are enough.
            let mut output = child.stderr.take().expect("piped").take(MOST);
            let mut file_out = fs::File::create(&traces).expect("a writable directory");
            std::io::copy(&mut output, &mut file_out).expect("a writable file");
            let _ = child.kill();
            let _ = child.wait();
            compare_revm(&parse(&file), &traces, &mut tally);
        }
    } else {
        println!("TANDEM_REVME is not set: only the traces in fixtures/traces were compared");
    }
    let Tally { transactions, precompiles, reverts, halts, noted, failures } = tally;
    println!(
        "{transactions} transactions by revm: {precompiles} with precompiles, {reverts} with \
         reverts, {halts} with halts; {noted} with something not told"
    );
    assert_none(&failures, transactions);
    assert!(noted * 8 < transactions, "{noted} traces do not tell something");
}
