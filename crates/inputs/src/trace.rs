//! Traces that somebody else made: geth's `structLogs`, as `debug_traceTransaction` returns them, and
//! EIP-3155, a JSON object a line, as geth, revm, evmone and Tandem write it. Read as a stream: no
//! more of a trace is held than two steps.

mod lines;
mod step;
mod struct_logs;

use std::io::{self, BufRead, Read};

use tandem_report::{Attribution, CollectError, Collector, End, TraceStep};

use self::{lines::Lines, step::RawStep};

/// Why a trace makes no attribution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// It cannot be read.
    #[error("cannot read the trace: {0}")]
    Read(#[from] io::Error),
    /// It is cut off.
    #[error("the trace is cut off: {0}")]
    CutOff(String),
    /// It is no trace.
    #[error("no trace: {0}")]
    Malformed(String),
    /// The node said so instead of giving a trace.
    #[error("an error response instead of a trace: {0}")]
    Response(String),
    /// Its steps make no sense by the prices.
    #[error(transparent)]
    Steps(#[from] CollectError),
}

impl TraceError {
    fn json(error: &serde_json::Error, place: &str) -> Self {
        match error.classify() {
            serde_json::error::Category::Eof => Self::CutOff(format!("{place}{error}")),
            serde_json::error::Category::Io => Self::Read(io::Error::other(error.to_string())),
            _ => Self::Malformed(format!("{place}{error}")),
        }
    }
}

/// Reads the traces of one or more transactions. The format shows in the first bytes.
pub struct TraceReader<R> {
    source: Source<R>,
}

enum Source<R> {
    Lines(Box<Lines<R>>),
    StructLogs(Option<Peeked<R>>),
}

impl<R> std::fmt::Debug for TraceReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let format = match self.source {
            Source::Lines(_) => "EIP-3155",
            Source::StructLogs(_) => "structLogs",
        };
        f.debug_struct("TraceReader").field("format", &format).finish_non_exhaustive()
    }
}

/// What was read to see the format, and the rest.
type Peeked<R> = io::BufReader<io::Chain<io::Cursor<Vec<u8>>, R>>;

/// Enough to see the first line, or where `structLogs` starts.
const PEEK: u64 = 1 << 16;

impl<R: Read> TraceReader<R> {
    /// A reader of what is in `input`, which need not be buffered.
    ///
    /// # Errors
    /// If nothing can be read from it.
    pub fn new(mut input: R) -> Result<Self, TraceError> {
        let mut head = Vec::new();
        input.by_ref().take(PEEK).read_to_end(&mut head)?;
        let lines = is_lines(&head);
        let input = io::BufReader::with_capacity(1 << 16, io::Cursor::new(head).chain(input));
        let source = match lines {
            true => Source::Lines(Box::new(Lines::new(input))),
            false => Source::StructLogs(Some(input)),
        };
        Ok(Self { source })
    }

    /// Attributes the gas of the next transaction, whose prices and, if it is at hand, whose
    /// transaction the collector was given; `None` if there are no more. `gas_used` is the
    /// receipt's, for a trace that does not have it or has another (anvil's is the block's so far).
    ///
    /// # Errors
    /// If the trace is unreadable, cut off or no trace, or its steps do not fit the prices.
    pub fn next(
        &mut self,
        collector: Collector,
        gas_used: Option<u64>,
    ) -> Result<Option<Attribution>, TraceError> {
        let mut feed = Feed::new(collector);
        let end = match &mut self.source {
            Source::Lines(lines) => lines.transaction(&mut feed)?,
            Source::StructLogs(input) => match input.take() {
                Some(input) => Some(struct_logs::read(input, &mut feed)?),
                None => None,
            },
        };
        let Some(mut end) = end else { return Ok(None) };
        end.gas_used = gas_used.or(end.gas_used);
        feed.finish(&end).map(Some)
    }
}

/// Whether a file that begins with these bytes is a trace, rather than state tests or a bundle.
pub fn is_trace(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    is_lines(head) || text.contains("\"structLogs\"") || text.contains("\"jsonrpc\"")
}

/// Whether the first bytes are of EIP-3155 lines: a step, or the line that ends a trace.
fn is_lines(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let first = text.lines().find(|line| line.trim_start().starts_with('{')).unwrap_or_default();
    let place = |key: &str| first.find(key).unwrap_or(usize::MAX);
    let logs = place("\"structLogs\"");
    if first.len() < text.len() || text.ends_with('}') || text.ends_with("}\n") {
        let keys = ["\"pc\"", "\"stateRoot\"", "\"output\"", "\"depth\""];
        return keys.into_iter().any(|key| place(key) < logs) && place("\"jsonrpc\"") == usize::MAX;
    }
    place("\"pc\"") < logs
}

/// Hands steps to a collector, one behind: a step that failed may be written twice, the second time
/// with its error.
pub(crate) struct Feed {
    collector: Collector,
    held: Option<RawStep>,
}

impl Feed {
    fn new(collector: Collector) -> Self {
        Self { collector, held: None }
    }

    fn step(&mut self, step: RawStep) -> Result<(), TraceError> {
        if let Some(held) = &mut self.held
            && held.is_same(&step)
            && step.error.is_some()
        {
            held.error = step.error;
            return Ok(());
        }
        self.flush()?;
        self.held = Some(step);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TraceError> {
        let Some(step) = self.held.take() else { return Ok(()) };
        let memory = step.memory()?;
        self.collector.begins(&TraceStep {
            pc: step.pc,
            op: step.op,
            behind_prefix: step.behind_prefix,
            gas: step.gas,
            depth: step.depth,
            stack: &step.stack,
            memory: memory.as_deref(),
            return_data: step.return_data,
            refund: step.refund,
        })?;
        self.collector.ends(step.cost, step.error.as_deref());
        Ok(())
    }

    fn finish(mut self, end: &End) -> Result<Attribution, TraceError> {
        self.flush()?;
        Ok(self.collector.finish_trace(end)?)
    }
}

/// A line's length is a step's: memory included, some megabytes.
const LONGEST_LINE: u64 = 1 << 30;

fn read_line<R: BufRead>(input: &mut R, line: &mut String) -> Result<bool, TraceError> {
    line.clear();
    let mut bytes = Vec::new();
    let len = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes)?;
    let text = String::from_utf8(bytes);
    *line = text.map_err(|_| TraceError::Malformed("a line is not UTF-8".into()))?;
    Ok(len > 0)
}
