//! The two streams: results to standard output, a line of complaint to standard error. A reader that
//! has gone is no reason to panic, nor worth a word.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

/// Usage, unreadable input, or nothing done.
pub(crate) const NOT_DONE: u8 = 2;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Bad input, in one line.
    Input(String),
    /// The results could not be written.
    Output(io::Error),
}

impl Failure {
    /// Says so, unless nobody listens any more.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            failure => complain(&failure.to_string()),
        }
        ExitCode::from(NOT_DONE)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(message) => f.write_str(message),
            Self::Output(error) => write!(f, "cannot write the results: {error}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes results.
///
/// # Errors
/// If standard output is closed or full.
pub(crate) fn print(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}

/// Writes a line to standard error. If that fails there is nobody left to tell.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "tandem: {line}");
}
