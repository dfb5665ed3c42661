//! The state-test runners, `tandem statetest` and `revme statetest`, over the same files, by turns:
//! wall clock from process start to exit, since that is what users wait for.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::available_parallelism,
    time::Instant,
};

use serde::Serialize;

use crate::{
    Error,
    table::{print_line, progress, write_json},
};

/// Workers of each runner. revme has as many as there are processors, so it is given so many.
const WORKERS: usize = 2;

/// What to run on what.
#[derive(Debug)]
pub struct Runners<'r> {
    /// The `tandem` program.
    pub tandem: PathBuf,
    /// The `revme` program.
    pub revme: PathBuf,
    /// A state test, or a directory of them.
    pub tests: &'r Path,
}

#[derive(Debug, Serialize)]
struct Report {
    tandem_s: Vec<f64>,
    peer_s: Vec<f64>,
    /// Of the best of each.
    ratio: f64,
}

/// Runs each runner `runs` times after one run that warms the file cache up, and reports.
///
/// # Errors
/// If a runner does not start or finds a test that fails, or the report cannot be written.
pub fn run(runners: &Runners<'_>, runs: usize, json: Option<&Path>) -> Result<(), Error> {
    let tests = runners.tests.as_os_str().to_owned();
    let tandem: [OsString; 4] =
        ["statetest".into(), "--workers".into(), WORKERS.to_string().into(), tests.clone()];
    let revme: [OsString; 3] = ["statetest".into(), "--omit-progress".into(), tests];
    seconds(&runners.tandem, &tandem)?;
    seconds(&runners.revme, &revme)?;

    let mut report = Report { tandem_s: Vec::new(), peer_s: Vec::new(), ratio: 0.0 };
    for _ in 0..runs.max(1) {
        report.tandem_s.push(seconds(&runners.tandem, &tandem)?);
        report.peer_s.push(seconds(&runners.revme, &revme)?);
    }
    let best = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
    report.ratio = best(&report.peer_s) / best(&report.tandem_s);
    for (name, times) in [("tandem", &report.tandem_s), ("revme", &report.peer_s)] {
        let all: Vec<_> = times.iter().map(|time| format!("{time:.2}")).collect();
        print_line(&format!("{name:6} best {:.2} s of {}", best(times), all.join(" ")))?;
    }
    print_line(&format!("ratio {:.2}", report.ratio))?;
    json.map_or(Ok(()), |path| write_json(path, &report))
}

fn seconds(program: &Path, arguments: &[OsString]) -> Result<f64, Error> {
    let mut command = on_two_processors(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().map_err(|error| format!("{}: {error}", program.display()))?;
    let seconds = start.elapsed().as_secs_f64();
    progress(&format!("{} {seconds:.2} s", program.display()));
    if status.success() {
        return Ok(seconds);
    }
    Err(format!("{} ended with {status}: do all the tests pass?", program.display()).into())
}

fn on_two_processors(program: &Path) -> Command {
    if available_parallelism().is_ok_and(|processors| processors.get() <= WORKERS) {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0,1"]).arg(program);
    command
}
