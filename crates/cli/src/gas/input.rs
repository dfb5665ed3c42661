//! Where `tandem gas` takes its transactions from: state tests, bundles, separate files, traces that
//! others made, a node. What is done with them is in `gas`.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, de::IgnoredAny};
use tandem_evm::{Extension, Fork, Schedule, Transaction, primitives::Address};
use tandem_inputs::{
    Bundle, InputError, Program, TraceReader, is_trace, read_coinbase, read_transaction,
};
use tandem_report::{Attribution, Collector};

use super::source::shown;
use crate::output::{Failure, complain};

/// Other inputs than a file of state tests.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(crate) struct Input {
    /// Fetch the transaction whose hash is given in place of the file from the node at URL, execute
    /// it, and compare with the receipt.
    #[cfg(feature = "rpc")]
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,

    /// Keep what --rpc fetched: the file runs without the node.
    #[cfg(feature = "rpc")]
    #[arg(long, value_name = "FILE", requires = "rpc")]
    save: Option<PathBuf>,

    /// The state before the transaction, as geth's prestateTracer gives it; with --tx and --block, and
    /// without a file.
    #[arg(long, value_name = "FILE", requires = "tx", requires = "block")]
    prestate: Option<PathBuf>,

    /// The transaction, signed and raw in hex, or as eth_getTransactionByHash gives it. With a trace,
    /// it says what the intrinsic gas was for.
    #[arg(long, value_name = "FILE")]
    tx: Option<PathBuf>,

    /// The transaction's block, as eth_getBlockByNumber gives it.
    #[arg(long, value_name = "FILE")]
    block: Option<PathBuf>,

    /// The gas used by the receipt, for a trace that does not say.
    #[arg(long, value_name = "GAS")]
    gas_used: Option<u64>,
}

/// What an input turned out to be.
pub(crate) enum Source {
    /// A file of state tests.
    StateTests(Vec<u8>),
    /// A transaction to execute, and its name if it has one.
    Bundle(Box<Bundle>, Option<String>),
    /// Code to call.
    Program(Box<Program>),
    /// Transactions that were executed elsewhere, one after the other; a failure is the last.
    Traces(Box<dyn Iterator<Item = Result<Attribution, Failure>>>),
}

/// Keys that only a bundle has, or a program.
#[derive(Deserialize)]
struct Shape {
    prestate: Option<IgnoredAny>,
    genesis: Option<IgnoredAny>,
    spec: Option<IgnoredAny>,
    calldata: Option<IgnoredAny>,
}

impl Input {
    /// Whether transactions are in files, and not in the arguments.
    pub(crate) fn takes_files(&self) -> bool {
        #[cfg(feature = "rpc")]
        if self.rpc.is_some() {
            return false;
        }
        self.prestate.is_none()
    }

    /// Opens what the arguments name: `target` is a file, `-` for standard input, or a hash.
    pub(crate) fn open(
        &self,
        target: Option<&Path>,
        fork: Option<Fork>,
        extensions: &[Extension],
    ) -> Result<Source, Failure> {
        #[cfg(feature = "rpc")]
        if let Some(url) = &self.rpc {
            return self.fetch(url, target, fork);
        }
        if let Some(prestate) = &self.prestate {
            let part = |path: &Option<PathBuf>| match path {
                Some(path) => bytes(path),
                None => Ok(Vec::new()),
            };
            let (tx, block) = (part(&self.tx)?, part(&self.block)?);
            let bundle = Bundle::from_parts(&bytes(prestate)?, &tx, &block, fork);
            return bundle.map(|it| one(it, None)).map_err(failed(prestate));
        }
        let Some(target) = target else {
            let what = "nothing to do: give a file, - for standard input, or --prestate, --tx and \
                        --block";
            return Err(Failure::Input(what.into()));
        };
        let mut input: Box<dyn Read> = match target == Path::new("-") {
            true => Box::new(io::stdin()),
            false => Box::new(File::open(target).map_err(|error| unreadable(target, &error))?),
        };
        let mut head = Vec::new();
        let peeked = input.by_ref().take(1 << 16).read_to_end(&mut head);
        peeked.map_err(|error| unreadable(target, &error))?;
        if is_trace(&head) {
            return self.trace(target, Box::new(Cursor::new(head).chain(input)), fork, extensions);
        }
        input.read_to_end(&mut head).map_err(|error| unreadable(target, &error))?;
        match serde_json::from_slice::<Shape>(&head) {
            Ok(Shape { spec: Some(_), calldata: Some(_), .. }) => {
                let program = Program::read(&head, fork).map_err(failed(target))?;
                Ok(Source::Program(Box::new(program)))
            }
            Ok(Shape { prestate: None, genesis: None, .. }) | Err(_) => {
                Ok(Source::StateTests(head))
            }
            Ok(_) => Bundle::read(&head, fork).map(|it| one(it, None)).map_err(failed(target)),
        }
    }

    fn trace(
        &self,
        target: &Path,
        input: Box<dyn Read>,
        fork: Option<Fork>,
        extensions: &[Extension],
    ) -> Result<Source, Failure> {
        let tx = match &self.tx {
            Some(path) => Some(read_transaction(&bytes(path)?).map_err(failed(path))?),
            None => None,
        };
        let coinbase = match &self.block {
            Some(path) => Some(read_coinbase(&bytes(path)?).map_err(failed(path))?),
            None => None,
        };
        let newest = Fork::ALL.last().copied().unwrap_or(Fork::Osaka);
        if fork.is_none() {
            let name = newest.name();
            complain(&format!(
                "{}: a trace does not say its fork: taking {name}'s prices (--fork takes others)",
                shown(target)
            ));
        }
        let mut schedule = Schedule::new(fork.unwrap_or(newest));
        extensions.iter().for_each(|extension| schedule.enable(*extension));
        let reader = TraceReader::new(input).map_err(|error| trouble(target, &error))?;
        Ok(Source::Traces(Box::new(Traces {
            reader,
            file: target.to_owned(),
            schedule,
            tx,
            coinbase,
            gas_used: self.gas_used,
            over: false,
        })))
    }

    #[cfg(feature = "rpc")]
    fn fetch(
        &self,
        url: &str,
        target: Option<&Path>,
        fork: Option<Fork>,
    ) -> Result<Source, Failure> {
        let hash = target.and_then(Path::to_str).and_then(|text| text.parse().ok());
        let Some(hash) = hash else {
            let what = "--rpc needs a transaction hash: tandem gas --rpc URL 0x...";
            return Err(Failure::Input(what.into()));
        };
        let say = |error: InputError| Failure::Input(error.to_string());
        let fetched = tandem_inputs::Node::new(url).and_then(|node| node.fetch(hash, fork));
        let fetched = fetched.map_err(say)?;
        if let Some(why) = &fetched.without_tracer {
            complain(&format!(
                "{url}: no prestateTracer ({why}): asked for the state piece by piece"
            ));
        }
        if let Some(path) = &self.save {
            let text = format!("{:#}\n", fetched.document);
            std::fs::write(path, text).map_err(|error| unreadable(path, &error))?;
        }
        Ok(one(fetched.bundle, Some(format!("{hash:#x}"))))
    }
}

fn one(bundle: Bundle, name: Option<String>) -> Source {
    Source::Bundle(Box::new(bundle), name)
}

/// The transactions of a trace.
struct Traces {
    reader: TraceReader<Box<dyn Read>>,
    file: PathBuf,
    schedule: Schedule,
    tx: Option<Transaction>,
    coinbase: Option<Address>,
    gas_used: Option<u64>,
    over: bool,
}

impl Iterator for Traces {
    type Item = Result<Attribution, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let mut collector = Collector::new(self.schedule.clone());
        if let Some(tx) = &self.tx {
            collector = collector.transaction(tx, self.coinbase);
        }
        let read = self.reader.next(collector, self.gas_used);
        // Behind a step that makes no sense nothing else does.
        self.over = !matches!(read, Ok(Some(_)));
        match read {
            Ok(Some(attribution)) => Some(Ok(attribution)),
            Ok(None) => None,
            Err(error) => Some(Err(trouble(&self.file, &error))),
        }
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::Input(format!("{}: {error}", shown(path)))
}

fn trouble(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::Input(format!("{}: {error}", shown(path)))
}

fn failed(path: &Path) -> impl Fn(InputError) -> Failure {
    move |error| trouble(path, &error)
}
