//! Precompile vectors in go-ethereum's JSON format, and one function that runs a file of them
//! against a coprocessor. A dev-dependency of every coprocessor crate; gas is not looked at here,
//! since prices are the glue's.
//!
//! A file is an array of `{"Name", "Input", "Expected"}`, or of `{"Name", "Input",
//! "ExpectedError"}` for input that must be refused. Bytes are hex without a prefix.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tandem_coprocessor::{Backend, Fault, Op};

/// One vector.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Vector {
    /// What the vector is about.
    pub name: String,
    /// The request's bytes, in hex.
    pub input: String,
    /// The answer's bytes, in hex; absent when the input must be refused.
    pub expected: Option<String>,
    /// Why it must be refused, in the words of the file's author.
    pub expected_error: Option<String>,
    /// The price on the fork the file was made for, in gas.
    pub gas: Option<u64>,
}

impl Vector {
    /// The request's bytes.
    ///
    /// # Panics
    /// If the file's hex is malformed.
    pub fn input(&self) -> Vec<u8> {
        decode(&self.name, &self.input)
    }

    /// The answer's bytes; `None` when the input must be refused.
    ///
    /// # Panics
    /// If the file's hex is malformed.
    pub fn expected(&self) -> Option<Vec<u8>> {
        self.expected.as_ref().map(|hex| decode(&self.name, hex))
    }
}

fn decode(name: &str, hex: &str) -> Vec<u8> {
    const_hex::decode(hex).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads a file of vectors.
///
/// # Panics
/// If the file is missing, malformed or empty: a test that reads nothing tests nothing.
pub fn load(path: &Path) -> Vec<Vector> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let vectors: Vec<Vector> =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(!vectors.is_empty(), "{}: no vectors", path.display());
    vectors
}

/// Runs a file of vectors against every backend and returns how many vectors each one passed.
///
/// # Panics
/// At the first vector whose answer differs from the file's, naming backend and vector.
pub fn check(backends: &[Backend], op: Op, path: &Path) -> usize {
    let vectors = load(path);
    for backend in backends {
        let coprocessor = (backend.new)();
        for vector in &vectors {
            let got = request(&*coprocessor, op, &vector.input());
            let place = || format!("{}: {}: {}", path.display(), backend.name, vector.name);
            match vector.expected() {
                Some(expected) => assert_eq!(got, Ok(expected), "{}", place()),
                None => assert_eq!(got, Err(Fault::Input), "{}", place()),
            }
        }
    }
    vectors.len()
}

/// Measures and executes one request, as the glue does, and holds the backend to its own
/// `max_output`.
///
/// # Errors
/// The coprocessor's.
///
/// # Panics
/// If the backend wrote more than it announced, or accepted a buffer that is too short.
pub fn request(
    coprocessor: &dyn tandem_coprocessor::Coprocessor,
    op: Op,
    input: &[u8],
) -> Result<Vec<u8>, Fault> {
    let work = coprocessor.measure(op, input)?;
    let mut output = vec![0xa5; work.max_output];
    let written = coprocessor.execute(op, input, &mut output)?;
    assert!(written <= work.max_output, "{op:?} wrote more than it announced");
    if written > 0 {
        let short = coprocessor.execute(op, input, &mut output[..written - 1].to_vec());
        assert_eq!(short, Err(Fault::Output), "{op:?} accepted a short buffer");
    }
    output.truncate(written);
    Ok(output)
}

/// The folder of the large public vector files, where there is one: `TANDEM_VECTORS`, else
/// `../shared/vectors` beside the workspace. The crates' own small vectors need neither.
pub fn public_vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("TANDEM_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}
