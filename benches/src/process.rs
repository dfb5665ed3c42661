//! One case on one engine in a process that does nothing else: for profilers, callgrind, and to see
//! how much memory it takes.

use std::{ffi::OsString, fs, path::Path};

use clap::ValueEnum;
use tandem_evm::Meter;

use crate::{Error, case::Case, peer::Peer, table::print_line, tandem::Tandem};

/// Who executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Tandem, without a meter.
    Tandem,
    /// revm.
    Revm,
}

/// Executes a case so many times and says, if asked, how much memory the process held at most, in
/// KiB.
///
/// # Errors
/// If the file is no case or the transaction is refused, or where the system does not say what a
/// process held.
pub fn run(file: &Path, engine: Engine, executions: u64, peak_memory: bool) -> Result<(), Error> {
    let case = Case::read(file)?;
    match engine {
        Engine::Tandem => {
            let mut tandem = Tandem::new(&case, Meter::Off)?;
            tandem.observe()?;
            tandem.run(executions);
        }
        Engine::Revm => {
            let mut peer = Peer::new(&case)?;
            peer.observe()?;
            peer.run(executions);
        }
    }
    if peak_memory { print_line(&peak_of_this_process()?.to_string()) } else { Ok(()) }
}

/// What this program must be told to do that in a process of its own.
///
/// # Errors
/// If the case was not read from a file.
pub fn arguments(case: &Case, engine: Engine, executions: u64) -> Result<Vec<OsString>, Error> {
    let file = case.file.as_ref().ok_or_else(|| format!("{} is in no file", case.name))?;
    let engine = match engine {
        Engine::Tandem => "tandem",
        Engine::Revm => "revm",
    };
    let executions = executions.to_string();
    let words = ["run", "--engine", engine, "--executions", &executions];
    Ok(words.iter().map(OsString::from).chain([file.into()]).collect())
}

/// In KiB; from Linux.
fn peak_of_this_process() -> Result<u64, Error> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    Ok(peak.ok_or("the system does not say what this process held")?.trim().parse()?)
}
