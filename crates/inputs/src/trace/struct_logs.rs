//! geth's `structLogs`: one JSON object with a list of steps, plain or as the result of a JSON-RPC
//! response. The list is walked, never held.

use std::{fmt, io::Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tandem_report::End;

use super::{Feed, TraceError, step::Fields};
use crate::number::Number;

/// Reads a trace to its end.
pub(crate) fn read(input: impl Read, feed: &mut Feed) -> Result<End, TraceError> {
    let end = End { counts_authorizations: true, ..End::default() };
    let mut reading = Reading { feed, end, seen: false, failure: None };
    let mut json = serde_json::Deserializer::from_reader(input);
    let result = Object(&mut reading).deserialize(&mut json);
    if let Some(failure) = reading.failure {
        return Err(failure);
    }
    result.map_err(|error| TraceError::json(&error, ""))?;
    if !reading.seen {
        return Err(TraceError::Malformed(
            "neither EIP-3155 lines nor an object with structLogs".into(),
        ));
    }
    Ok(reading.end)
}

struct Reading<'f> {
    feed: &'f mut Feed,
    end: End,
    /// Whether there were `structLogs`.
    seen: bool,
    /// Why reading stopped, if the JSON is not to blame.
    failure: Option<TraceError>,
}

impl Reading<'_> {
    fn fail<T, E: Error>(&mut self, failure: TraceError) -> Result<T, E> {
        self.failure = Some(failure);
        Err(E::custom("stopped"))
    }
}

/// The object that has the `structLogs`, or the response around it.
struct Object<'r, 'f>(&'r mut Reading<'f>);

impl<'de> DeserializeSeed<'de> for Object<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with structLogs")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reading = self.0;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "result" => map.next_value_seed(Object(reading))?,
                "structLogs" => map.next_value_seed(Steps(reading))?,
                "gas" => reading.end.gas_used = Some(map.next_value::<Number>()?.0),
                "failed" => reading.end.failed = Some(map.next_value()?),
                "error" => {
                    let error: serde_json::Value = map.next_value()?;
                    let message = error.get("message").and_then(|text| text.as_str());
                    let text = message.map_or_else(|| error.to_string(), str::to_owned);
                    return reading.fail(TraceError::Response(text));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The list of steps.
struct Steps<'r, 'f>(&'r mut Reading<'f>);

impl<'de> DeserializeSeed<'de> for Steps<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Steps<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of steps")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut steps: A) -> Result<(), A::Error> {
        let reading = self.0;
        reading.seen = true;
        while let Some(fields) = steps.next_element::<Fields>()? {
            // The counter is left out where it is zero.
            let step = fields.step().map(|mut step| {
                step.refund.get_or_insert(0);
                step
            });
            if let Err(error) = step.and_then(|step| reading.feed.step(step)) {
                return reading.fail(error);
            }
        }
        Ok(())
    }
}
