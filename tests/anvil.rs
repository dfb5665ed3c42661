//! anvil, a real node from npm on loopback, and some transactions of it, for the tests that need one.
//!
//! It comes from `npm install @foundry-rs/anvil` into `target/anvil`, unless `TANDEM_ANVIL` is the
//! path of one.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};
use tandem_evm::{Status, primitives::B256};

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("anvil")
}

fn installed() -> Option<PathBuf> {
    let scope = target().join("node_modules/@foundry-rs");
    let packages = fs::read_dir(scope).ok()?;
    packages.flatten().map(|entry| entry.path().join("bin/anvil")).find(|path| path.is_file())
}

/// The program `anvil`; why there is none.
fn anvil() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os("TANDEM_ANVIL") {
        return Ok(path.into());
    }
    if let Some(path) = installed() {
        return Ok(path);
    }
    fs::create_dir_all(target()).map_err(|error| error.to_string())?;
    let npm = Command::new("npm")
        .args(["install", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix"])
        .arg(target())
        .arg("@foundry-rs/anvil@1.7.1")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&npm.stderr);
    installed().ok_or_else(|| format!("npm did not provide it: {text:.300}"))
}

/// A node, gone when dropped.
pub(crate) struct Anvil {
    process: Child,
    pub(crate) url: String,
    port: u16,
}

impl Anvil {
    /// `None`, having said why, if there is no anvil to be had.
    #[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
    pub(crate) fn start(hardfork: &str) -> Option<Self> {
        static ANVIL: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let program = match ANVIL.get_or_init(anvil) {
            Ok(program) => program,
            Err(why) => {
                // CI must not pass without; elsewhere there may be no network.
                assert!(env::var_os("CI").is_none(), "anvil is needed in CI: {why}");
                eprintln!("NOT RUN: there is no anvil to test against: {why}");
                return None;
            }
        };
        let mut process = Command::new(program)
            .args(["--port", "0", "--host", "127.0.0.1", "--hardfork", hardfork, "--steps-tracing"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("anvil starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("Listening on ")?.rsplit(':').next()?.trim().parse().ok()
        });
        // Somebody has to read on, or anvil blocks.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("anvil says where it listens");
        Some(Self { process, url: format!("http://127.0.0.1:{port}"), port })
    }

    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = post(self.port, &body.to_string());
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Sends a transaction of the first account's; its hash.
    fn send(&self, mut tx: Value) -> B256 {
        tx["from"] = self.call("eth_accounts", json!([]))[0].clone();
        let hash = self.call("eth_sendTransaction", json!([tx]));
        hash.as_str().expect("a hash").parse().expect("a hash")
    }

    /// The receipt, which takes a moment.
    pub(crate) fn receipt(&self, hash: B256) -> Value {
        for _ in 0..200 {
            let receipt = self.call("eth_getTransactionReceipt", json!([hash]));
            if !receipt.is_null() {
                return receipt;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{hash} is not mined");
    }

    fn deploy(&self, code: &str) -> String {
        // PUSH2 len, DUP1, PUSH1 10, PUSH1 0, CODECOPY, PUSH1 0, RETURN, and the code.
        let init = format!("0x61{:04x}80600c6000396000f3{code}", code.len() / 2);
        let hash = self.send(json!({"data": init, "gas": "0x300000"}));
        let receipt = self.receipt(hash);
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipt["contractAddress"].as_str().expect("an address").to_owned()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A plain HTTP request, so that the test does not stand on what it tests.
fn post(port: u16, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the node listens");
    let head = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("HTTP");
    if !head.to_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut rest, mut whole) = (body, String::new());
    while let Some((len, more)) = rest.split_once("\r\n") {
        let len = usize::from_str_radix(len.trim(), 16).expect("a chunk's length");
        if len == 0 {
            break;
        }
        whole.push_str(&more[..len]);
        rest = &more[len + 2..];
    }
    whole
}

/// Stores, then reverts with a word.
const REVERTS: &str = "600160005560206000fd";
/// Runs out of gas for ever.
const BURNS: &str = "5b600056";

fn works() -> String {
    // NUMBER PUSH1 0 SSTORE; STATICCALL sha256(32 bytes); STATICCALL ecrecover(128 bytes);
    // LOG0(0, 32); SSTORE(1, BLOCKHASH(NUMBER - 1)); STOP
    [
        "43600055",
        "60206000602060006002",
        "5afa50",
        "60206000608060006001",
        "5afa50",
        "60206000a0",
        "60014303406001",
        "55",
        "00",
    ]
    .concat()
}

/// The transactions, several in one block so that earlier ones have to be replayed.
pub(crate) fn transactions(anvil: &Anvil) -> Vec<(B256, Status)> {
    let addresses = [works(), REVERTS.to_owned(), BURNS.to_owned()].map(|code| anvil.deploy(&code));
    let [works, reverts, burns] = &addresses;
    anvil.call("evm_setAutomine", json!([false]));
    let call = |to: &str| anvil.send(json!({"to": to, "gas": "0x30000", "data": "0x12345678"}));
    let list = json!([{"address": works, "storageKeys": [B256::ZERO]}]);
    let sent = vec![
        (call(works), true),
        (call(works), true),
        (call(reverts), false),
        (call(burns), false),
        (anvil.send(json!({"to": works, "gas": "0x30000", "accessList": list})), true),
        // sha256 itself, and a plain transfer.
        (
            anvil
                .send(json!({"to": "0x0000000000000000000000000000000000000002", "gas": "0x30000",
            "data": "0x01", "value": "0x1"})),
            true,
        ),
        (
            anvil.send(json!({"to": burns.replace("0x", "0x00")[..42].to_owned(), "value": "0x1",
            "gas": "0x30000"})),
            true,
        ),
    ];
    anvil.call("evm_mine", json!([]));
    let receipts = sent.into_iter().map(|(hash, success)| {
        let receipt = anvil.receipt(hash);
        let expected = if success { "0x1" } else { "0x0" };
        assert_eq!(receipt["status"], expected, "{receipt}");
        (hash, if success { Status::Success } else { Status::Revert })
    });
    receipts.collect()
}
