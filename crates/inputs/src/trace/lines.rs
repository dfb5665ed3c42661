//! EIP-3155: one JSON object a line. A step has a `pc`; behind the steps a line tells the gas used,
//! and in the traces of state tests another one the state root.

use tandem_report::End;

use super::{Feed, Peeked, TraceError, read_line, step::Fields};

pub(crate) struct Lines<R> {
    input: Peeked<R>,
    number: u64,
    /// A step that belongs to the next transaction.
    ahead: Option<Fields>,
}

impl<R: std::io::Read> Lines<R> {
    pub(crate) fn new(input: Peeked<R>) -> Self {
        Self { input, number: 0, ahead: None }
    }

    /// Feeds the steps of the next transaction; how it ended, or `None` if there is none.
    pub(crate) fn transaction(&mut self, feed: &mut Feed) -> Result<Option<End>, TraceError> {
        let (mut end, mut steps, mut ended) = (End::default(), 0_u64, false);
        end.counts_authorizations = true;
        while let Some(mut fields) = self.next()? {
            if fields.pc.is_some() {
                // Some write such a line behind every call. Behind a call nothing starts over.
                if ended && fields.is_first() {
                    self.ahead = Some(fields);
                    return Ok(Some(end));
                }
                (steps, ended) = (steps + 1, false);
                let place = self.number;
                feed.step(fields.step().map_err(|error| at(error, place))?)?;
                continue;
            }
            if fields.output.is_some() || fields.gas_used.is_some() {
                ended = true;
                let failed = match &fields.evm_result {
                    Some(result) => {
                        // revm's steps tell the refunds of their frames.
                        end.counts_authorizations = false;
                        !result.starts_with("Success")
                    }
                    None => fields.take_error().is_some(),
                };
                end.failed = Some(failed);
                // A state test's summary has the receipt's gas, an EIP-3155 trace the execution's.
                let summary = fields.evm_result.is_some() || fields.pass.is_some();
                match (fields.gas_used, summary) {
                    (Some(gas), true) => {
                        (end.gas_used, end.execution_gas) = (Some(gas.0), None);
                    }
                    (Some(gas), false) => end.execution_gas = Some(gas.0),
                    (None, _) => {}
                }
            }
            if fields.state_root.is_some() {
                return Ok(Some(end));
            }
        }
        if steps > 0 && !ended {
            return Err(TraceError::CutOff("no line with the gas used behind its steps".into()));
        }
        Ok(ended.then_some(end))
    }

    /// The next object. What is no JSON is somebody's log.
    fn next(&mut self) -> Result<Option<Fields>, TraceError> {
        if let Some(fields) = self.ahead.take() {
            return Ok(Some(fields));
        }
        let mut line = String::new();
        while read_line(&mut self.input, &mut line)? {
            self.number += 1;
            if line.trim_start().starts_with('{') {
                let place = format!("line {}: ", self.number);
                let fields = serde_json::from_str(&line);
                return fields.map(Some).map_err(|error| TraceError::json(&error, &place));
            }
        }
        Ok(None)
    }
}

fn at(error: TraceError, line: u64) -> TraceError {
    match error {
        TraceError::Malformed(what) => TraceError::Malformed(format!("line {line}: {what}")),
        error => error,
    }
}
