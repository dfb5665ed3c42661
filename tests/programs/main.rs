//! The programs in `fixtures/programs`: each source assembles to the code in the case beside it, each case runs as it
//! says, and each program computes what an independent library does, in all its forms.
//!
//! After a change to a source, `TANDEM_BLESS=1 cargo test -p tandem-tests --test programs` writes the cases anew.

#[path = "../attributed.rs"]
mod attributed;
mod expected;
mod simd;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use attributed::assert_attributed;
use expected::{Input, Task, tasks};
use serde_json::Value;
use tandem_asm::{Assembler, Program};
use tandem_evm::{
    Block, Evm, Extension, Fork, InMemoryState, Meter, Schedule, Status, Transaction, deploy, fund,
    primitives::{Address, Bytes, U256, address, hex},
};

const CALLER: Address = address!("1111111111111111111111111111111111111111");
const PROGRAM: Address = address!("cccccccccccccccccccccccccccccccccccccccc");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/programs")
}

/// A source, by its name `TASK.FORM.easm`.
struct Source {
    task: String,
    form: String,
    path: PathBuf,
}

impl Source {
    fn all() -> Vec<Self> {
        let entries = fs::read_dir(folder()).expect("the programs are there");
        let paths = entries.map(|entry| entry.expect("a readable folder").path());
        let mut sources: Vec<_> = paths.filter_map(Self::of).collect();
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(!sources.is_empty());
        sources
    }

    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(".easm")?;
        let (task, form) = name.split_once('.').expect("programs are called TASK.FORM.easm");
        let (task, form) = (task.to_owned(), form.to_owned());
        Some(Self { task, form, path })
    }

    fn name(&self) -> String {
        format!("{}.{}", self.task, self.form)
    }

    fn assemble(&self) -> Program {
        Assembler::new().assemble_file(&self.path).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    fn case(&self) -> Value {
        let path = self.path.with_extension("json");
        let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    success: bool,
    output: Bytes,
    /// Of the frame: intrinsic gas not included.
    gas: u64,
}

/// A machine, a state with the code, and a transaction that calls it.
fn call(
    code: &[u8],
    extensions: &[Extension],
    calldata: &[u8],
) -> (Evm, InMemoryState, Block, Transaction) {
    let mut schedule = Schedule::new(Fork::Osaka);
    schedule.transaction.gas_limit_cap = u64::MAX;
    let builder = Evm::builder(Fork::Osaka).schedule(schedule).meter(Meter::Gas);
    let evm = builder.extensions(extensions.iter().copied()).build();
    let mut state = InMemoryState::default();
    fund(&mut state, CALLER, U256::ONE << 64);
    deploy(&mut state, PROGRAM, Bytes::copy_from_slice(code));
    let mut block = Block::default();
    block.gas_limit = 1_000_000_000;
    let mut tx = Transaction::call(CALLER, PROGRAM, Bytes::copy_from_slice(calldata));
    tx.gas_limit = 1_000_000_000;
    (evm, state, block, tx)
}

fn run(code: &[u8], extensions: &[Extension], calldata: &[u8]) -> Result {
    let (mut evm, mut state, block, tx) = call(code, extensions, calldata);
    let outcome = evm.transact(&mut state, &block, &tx).expect("the transaction is valid");
    let gas = outcome.ledger.expect("the meter is on").execution_gas();
    Result { success: outcome.status == Status::Success, output: outcome.output, gas }
}

fn run_program(program: &Program, calldata: &[u8]) -> Result {
    run(&program.code, &program.extensions.iter().collect::<Vec<_>>(), calldata)
}

fn is_blessed() -> bool {
    env::var_os("TANDEM_BLESS").is_some()
}

/// The case of a source, as text: the form is that of the cases in `benches/programs`.
fn case_text(source: &Source, program: &Program, calldata: &[u8]) -> String {
    let result = run_program(program, calldata);
    let text = fs::read_to_string(&source.path).expect("it was read before");
    let about = text.lines().take_while(|line| line.starts_with("; "));
    let about = about.map(|line| &line[2..]).collect::<Vec<_>>().join(" ");
    let about = serde_json::to_string(&about).expect("text is JSON");
    let extensions: Vec<_> = program.extensions.iter().map(|one| format!("\"{one}\"")).collect();
    format!(
        r#"{{
  "name": "programs/{task}/{form}",
  "source": "own",
  "about": {about},
  "task": "{task}",
  "form": "{form}",
  "assembly": "{task}.{form}.easm",
  "extensions": [{extensions}],
  "spec": "Osaka",
  "caller": "{CALLER:?}",
  "to": "{PROGRAM:?}",
  "gas_limit": 1000000000,
  "nonce": "0x1",
  "env": {{
    "number": "0x1",
    "timestamp": "0x1",
    "coinbase": "0x0000000000000000000000000000000000000000"
  }},
  "code": "{code}",
  "calldata": "{calldata}",
  "expect": {{
    "status": "{status}",
    "gas_used": {gas},
    "gas_refunded": 0,
    "logs": 0,
    "output": "{output}"
  }}
}}
"#,
        task = source.task,
        form = source.form,
        extensions = extensions.join(", "),
        code = hex::encode_prefixed(&program.code),
        calldata = hex::encode_prefixed(calldata),
        status = if result.success { "success" } else { "failure" },
        gas = result.gas,
        output = result.output,
    )
}

fn bytes_of(value: &Value) -> Bytes {
    let text = value.as_str().expect("bytes are text");
    hex::decode(text).expect("bytes are hexadecimal").into()
}

#[test]
fn every_source_assembles_to_its_case_and_every_case_runs_as_it_says() {
    let tasks = tasks();
    for source in Source::all() {
        let (name, program) = (source.name(), source.assemble());
        if let Some(task) = tasks.iter().find(|task| task.name == source.task && is_blessed()) {
            let text = case_text(&source, &program, &task.inputs[0].calldata);
            fs::write(source.path.with_extension("json"), text).expect("there is room");
        }
        let case = source.case();
        assert!(
            bytes_of(&case["code"]) == program.code,
            "{name}: the source was changed, not the case"
        );
        let extensions: Vec<_> = case["extensions"].as_array().into_iter().flatten().collect();
        let named: Vec<_> = program.extensions.iter().map(Extension::name).collect();
        assert_eq!(extensions, named, "{name}");
        let result = run_program(&program, &bytes_of(&case["calldata"]));
        let expect = &case["expect"];
        assert_eq!(result.output, bytes_of(&expect["output"]), "{name}");
        assert_eq!(Some(result.gas), expect["gas_used"].as_u64(), "{name}: gas");
        assert_eq!(result.success, expect["status"] == "success", "{name}");
    }
}

#[test]
fn the_gas_of_every_case_is_attributed() {
    for source in Source::all() {
        let (case, program) = (source.case(), source.assemble());
        let extensions: Vec<_> = program.extensions.iter().collect();
        let (code, calldata) = (bytes_of(&case["code"]), bytes_of(&case["calldata"]));
        let (mut evm, mut state, block, tx) = call(&code, &extensions, &calldata);
        let outcome = assert_attributed(&mut evm, &mut state, &block, &tx);
        assert_eq!(outcome.output, bytes_of(&case["expect"]["output"]), "{}", source.name());
    }
}

#[test]
fn every_form_computes_what_a_library_does() {
    let sources = Source::all();
    for Task { name, inputs } in tasks() {
        let forms: Vec<_> = sources.iter().filter(|source| source.task == name).collect();
        assert!(forms.len() >= 2, "{name} has no forms to compare");
        for source in forms {
            let program = source.assemble();
            for (index, Input { calldata, expected }) in inputs.iter().enumerate() {
                let result = run_program(&program, calldata);
                let output = result.success.then_some(&result.output[..]);
                let name = source.name();
                assert_eq!(
                    output.map(hex::encode),
                    expected.as_ref().map(hex::encode),
                    "{name}, input {index}"
                );
            }
        }
    }
}

#[test]
fn every_task_has_its_forms() {
    let sources = Source::all();
    for Task { name, .. } in tasks() {
        let forms = sources.iter().filter(|source| source.task == name);
        let forms: Vec<_> = forms.map(|source| source.form.as_str()).collect();
        let expected: &[&str] = match name {
            // No precompile computes these.
            "poseidon_t3" => &["evm", "evmmax"],
            "ntt_256" => &["evm", "evmmax", "vecmath"],
            "chacha20" => &["evm", "simd"],
            "blake2f" | "sha256" => &["evm", "precompile", "simd"],
            _ => &["evm", "evmmax", "precompile"],
        };
        assert_eq!(forms, expected, "{name}");
    }
}

#[test]
fn poseidon_keeps_to_its_budget() {
    let gas = |form| {
        let path = folder().join(format!("poseidon_t3.{form}.easm"));
        let source = Source::of(path).expect("a program");
        run_program(&source.assemble(), &[0; 64]).gas
    };
    assert!(gas("evmmax") <= 4_700, "{}", gas("evmmax"));
    // The best published contract takes 21,124.
    assert!(gas("evm") <= 21_124, "{}", gas("evm"));
}

#[test]
fn the_table_in_the_documentation_has_what_the_cases_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/evmmax.md");
    let text = fs::read_to_string(path).expect("the documentation is there");
    let sources = Source::all();
    let has_evmmax =
        |task: &str| sources.iter().any(|one| one.task == task && one.form == "evmmax");
    let wanted = |source: &&Source| has_evmmax(&source.task) && source.form != "vecmath";
    for source in sources.iter().filter(wanted) {
        let gas = source.case()["expect"]["gas_used"].as_u64().expect("a number").to_string();
        let groups = gas.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group));
        let figure = format!("| {} |", groups.collect::<Vec<_>>().join(","));
        assert!(text.contains(&figure), "{}: docs/evmmax.md does not have {figure}", source.name());
    }
}

#[test]
fn no_program_warns() {
    for source in Source::all() {
        assert_eq!(source.assemble().warnings, [], "{}", source.name());
    }
}

#[test]
fn no_program_is_larger_than_a_contract_may_be() {
    for source in Source::all() {
        let len = source.assemble().code.len();
        assert!(len <= 24_576, "{}: {len} bytes", source.name());
    }
}

/// Montgomery's arithmetic has no even moduli, and the programs none of fewer limbs.
#[test]
fn the_381_bit_exponentiation_refuses_moduli_that_are_even_or_short() {
    for form in ["evm", "evmmax"] {
        let path = folder().join(format!("modexp_381.{form}.easm"));
        let program = Source::of(path).expect("a program").assemble();
        let with_modulus = |modulus: &[u8; 48]| {
            let lengths = [48_u8; 3].map(|len| U256::from(len).to_be_bytes::<32>()).concat();
            run_program(&program, &[&lengths[..], &[1; 96], modulus].concat()).success
        };
        let odd = [0x5b; 48];
        assert!(with_modulus(&odd));
        let mut even = odd;
        even[47] -= 1;
        assert!(!with_modulus(&even));
        let mut short = odd;
        short[..8].fill(0);
        assert!(!with_modulus(&short));
    }
}
