//! One case on one engine in a process that does nothing else: for profilers, callgrind, and to see
//! how much memory it takes.

use std::{any::Any, ffi::OsString, fs, path::Path};

use clap::ValueEnum;
use tandem_evm::Meter;

use crate::{Error, case::Case, peer::Peer, table::print_line, tandem::Tandem};

/// Who executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Tandem, without a meter.
    Tandem,
    /// Tandem, with a ledger of gas.
    Metered,
    /// Tandem, with a ledger of gas and time.
    Timed,
    /// revm.
    Revm,
}

/// Executes a case so many times and says, if asked, how much memory the process held at most, in
/// KiB: all of it, and without pages of files.
///
/// # Errors
/// If the file is no case or the transaction is refused, or where the system does not say what a
/// process held.
pub fn run(file: &Path, engine: Engine, executions: u64, peak_memory: bool) -> Result<(), Error> {
    let case = Case::read(file)?;
    // The engine is held to the end: what the process held before it gave some back, the kernel
    // knows less exactly.
    let _engine: Box<dyn Any> = match engine {
        Engine::Tandem => tandem(&case, Meter::Off, executions)?,
        Engine::Metered => tandem(&case, Meter::Gas, executions)?,
        Engine::Timed => tandem(&case, Meter::Time, executions)?,
        Engine::Revm => {
            let mut peer = Peer::new(&case)?;
            peer.observe()?;
            peer.run(executions);
            Box::new(peer)
        }
    };
    if !peak_memory {
        return Ok(());
    }
    let Peak { whole, own } = Peak::of_this_process()?;
    print_line(&format!("{whole} {own}"))
}

/// Executes a case so many times, and once before.
fn tandem(case: &Case, meter: Meter, executions: u64) -> Result<Box<dyn Any>, Error> {
    let mut tandem = Tandem::new(case, meter)?;
    tandem.observe()?;
    tandem.run(executions);
    Ok(Box::new(tandem))
}

/// What this program must be told to do that in a process of its own.
///
/// # Errors
/// If the case was not read from a file.
pub fn arguments(case: &Case, engine: Engine, executions: u64) -> Result<Vec<OsString>, Error> {
    let file = case.file.as_ref().ok_or_else(|| format!("{} is in no file", case.name))?;
    let engine = match engine {
        Engine::Tandem => "tandem",
        Engine::Metered => "metered",
        Engine::Timed => "timed",
        Engine::Revm => "revm",
    };
    let executions = executions.to_string();
    let words = ["run", "--engine", engine, "--executions", &executions];
    Ok(words.iter().map(OsString::from).chain([file.into()]).collect())
}

/// What a process held at most, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// All of it.
    pub whole: u64,
    /// Without pages of files. Those of the program, in which both engines are, come in as many at a time
    /// as the kernel likes: how many depends on where the linker put whose functions.
    pub own: u64,
}

impl Peak {
    /// This process's so far; from Linux. Pages of files only ever get more, so they are looked at last.
    fn of_this_process() -> Result<Self, Error> {
        let status = fs::read_to_string("/proc/self/status")?;
        let rollup = fs::read_to_string("/proc/self/smaps_rollup")?;
        let whole = kib(&status, "VmHWM:")?;
        let files = kib(&rollup, "Rss:")? - kib(&rollup, "Anonymous:")?;
        Ok(Self { whole, own: whole.saturating_sub(files) })
    }

    /// Reads what [`run`] printed.
    ///
    /// # Errors
    /// If it is something else.
    pub fn read(text: &str) -> Result<Self, Error> {
        let (whole, own) = text.trim().split_once(' ').ok_or("two numbers were expected")?;
        Ok(Self { whole: whole.parse()?, own: own.parse()? })
    }
}

/// The line of that name.
fn kib(text: &str, name: &str) -> Result<u64, Error> {
    let number = text.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"));
    Ok(number.ok_or("the system does not say what this process held")?.trim().parse()?)
}
