//! What a run says while it goes on: lines on standard error around a progress bar.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// Standard error, shared by the workers.
#[derive(Debug)]
pub(super) struct Console {
    bar: ProgressBar,
    /// Whether programs read standard error: then there is no bar, and what is said is a comment.
    machine: bool,
}

impl Console {
    pub(super) fn new(machine: bool) -> Self {
        Self { bar: ProgressBar::hidden(), machine }
    }

    /// Starts the progress bar, if somebody is there to see it.
    pub(super) fn start(&self, bytes: u64) {
        if self.machine || !io::stderr().is_terminal() {
            return;
        }
        let template = "{wide_bar} {binary_bytes} of {binary_total_bytes} {elapsed_precise}";
        let style = ProgressStyle::with_template(template);
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_length(bytes);
        self.bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
    }

    pub(super) fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Whether each case ends with its state root on standard error.
    pub(super) fn wants_state_roots(&self) -> bool {
        self.machine
    }

    /// A line for people as it has to stand on standard error.
    pub(super) fn comment(&self, line: &str) -> String {
        format!("{}{line}\n", if self.machine { "# " } else { "" })
    }

    /// Writes a line for people.
    pub(super) fn say(&self, line: &str) {
        self.write(&self.comment(line));
    }

    /// Writes lines as they are. If that fails there is nobody left to tell.
    pub(super) fn write(&self, lines: &str) {
        if !lines.is_empty() {
            self.bar.suspend(|| {
                let _ = io::stderr().lock().write_all(lines.as_bytes());
            });
        }
    }
}
