//! A step as traces write it: the fields of both formats.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};
use tandem_evm::{PREFIX, Unit, op, opcode, prefixed, primitives::U256};

use super::TraceError;
use crate::number::{Number, Word};

/// A step, its memory still in hex.
#[derive(Debug)]
pub(crate) struct RawStep {
    pub(crate) pc: usize,
    pub(crate) op: u8,
    pub(crate) behind_prefix: Option<u8>,
    pub(crate) gas: u64,
    pub(crate) cost: Option<u64>,
    pub(crate) depth: usize,
    pub(crate) stack: Vec<U256>,
    memory: Option<String>,
    pub(crate) return_data: Option<u64>,
    pub(crate) refund: Option<i64>,
    pub(crate) error: Option<String>,
}

/// The fields of a step, or of a line that ends a trace.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Fields {
    pub(crate) pc: Option<Number>,
    op: Option<OpField>,
    op_name: Option<String>,
    gas: Option<Number>,
    gas_cost: Option<Number>,
    depth: Option<Number>,
    #[serde(deserialize_with = "stack")]
    stack: Option<Vec<U256>>,
    memory: Option<Hex>,
    return_data: Option<Hex>,
    refund: Option<Number>,
    error: Option<Text>,
    pub(crate) gas_used: Option<Number>,
    pub(crate) output: Option<IgnoredAny>,
    pub(crate) state_root: Option<IgnoredAny>,
    pub(crate) evm_result: Option<String>,
    /// Whether a state test passed, in evmone's summaries.
    pub(crate) pass: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OpField {
    Byte(u8),
    Name(String),
}

/// Bytes in hex: one string, or one for each word.
#[derive(Debug, Default)]
struct Hex(String);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Hex;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes in hex, or a list of words")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Hex, E> {
                Ok(Hex(text.strip_prefix("0x").unwrap_or(text).to_owned()))
            }

            fn visit_unit<E: Error>(self) -> Result<Hex, E> {
                Ok(Hex::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Hex, A::Error> {
                let mut all = String::new();
                while let Some(Hex(word)) = words.next_element()? {
                    all.push_str(&word);
                }
                Ok(Hex(all))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// An error: a text, or an object whose text it is.
#[derive(Debug)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Self(text),
            other => Self(other.to_string()),
        })
    }
}

fn stack<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<U256>>, D::Error> {
    let words = Option::<Vec<Word>>::deserialize(deserializer)?;
    Ok(words.map(|words| words.into_iter().map(|word| word.0).collect()))
}

impl Fields {
    /// Why the trace says it failed, if it does. What ends a frame well is no error, though some
    /// say how there.
    pub(crate) fn take_error(&mut self) -> Option<String> {
        let text = self.error.take()?.0;
        let well = ["", "null", "Stop", "Return", "SelfDestruct"].contains(&text.as_str());
        (!well).then_some(text)
    }

    /// Whether a transaction's trace begins with this step.
    pub(crate) fn is_first(&self) -> bool {
        let is = |field: Option<Number>, number: u64| field.is_some_and(|field| field.0 == number);
        is(self.pc, 0) && is(self.depth, 1)
    }

    /// The step that these are the fields of.
    pub(crate) fn step(mut self) -> Result<RawStep, TraceError> {
        let missing = |field: &str| TraceError::Malformed(format!("a step without {field}"));
        let op = self.op()?;
        let Some(stack) = self.stack.take() else {
            return Err(TraceError::Malformed(
                "a step without its stack, which attribution needs: trace again with the stack \
                 (geth: disableStack false)"
                    .into(),
            ));
        };
        let returned = self.return_data.take().map(|hex| hex.0.len() as u64 / 2);
        let error = self.take_error();
        Ok(RawStep {
            pc: self.pc.ok_or_else(|| missing("pc"))?.0 as usize,
            op,
            behind_prefix: self.behind_prefix(op),
            gas: self.gas.ok_or_else(|| missing("gas"))?.0,
            cost: self.gas_cost.map(|cost| cost.0),
            depth: self.depth.ok_or_else(|| missing("depth"))?.0 as usize,
            stack,
            memory: self.memory.map(|hex| hex.0),
            // Some write it empty without looking.
            return_data: returned.filter(|len| *len > 0),
            refund: self.refund.map(|refund| refund.0 as i64),
            error,
        })
    }

    /// Only the name tells which opcode the prefix makes it.
    fn behind_prefix(&self, op: u8) -> Option<u8> {
        let name = self.op_name.as_ref().filter(|_| op == PREFIX)?;
        (0..=u8::MAX).find(|byte| prefixed(*byte).is_some_and(|row| row.name == name))
    }

    fn op(&self) -> Result<u8, TraceError> {
        let name = match (&self.op, &self.op_name) {
            (Some(OpField::Byte(byte)), _) => return Ok(*byte),
            (Some(OpField::Name(name)), _) | (None, Some(name)) => name,
            (None, None) => return Err(TraceError::Malformed("a step without op".into())),
        };
        byte_of(name).ok_or_else(|| TraceError::Malformed(format!("no such opcode: {name:.40}")))
    }
}

/// The byte of a mnemonic, by any name it had; or of `opcode 0xNN not defined`.
fn byte_of(name: &str) -> Option<u8> {
    let known = (0..=u8::MAX).find(|byte| opcode(*byte).is_some_and(|row| row.name == name));
    known.or_else(|| match name {
        "SHA3" => Some(op::KECCAK256),
        "DIFFICULTY" | "RANDOM" => Some(op::PREVRANDAO),
        "SUICIDE" => Some(op::SELFDESTRUCT),
        _ => {
            let hex = name.split("0x").nth(1)?.split(|c: char| !c.is_ascii_hexdigit()).next()?;
            u8::from_str_radix(hex, 16).ok()
        }
    })
}

impl RawStep {
    /// Whether the other is the same step, told again.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.pc, self.depth, self.gas, self.op) == (other.pc, other.depth, other.gas, other.op)
    }

    /// The memory, for a step whose outcome may depend on it.
    pub(crate) fn memory(&self) -> Result<Option<Vec<u8>>, TraceError> {
        let reads = matches!(
            self.op,
            op::CALL | op::CALLCODE | op::DELEGATECALL | op::STATICCALL | op::RETURN
        );
        let row = self.behind_prefix.map_or_else(|| opcode(self.op), prefixed);
        let reads = reads || row.is_some_and(|row| row.unit == Unit::EvmMax);
        let Some(hex) = self.memory.as_ref().filter(|_| reads) else { return Ok(None) };
        let memory = const_hex::decode(hex);
        memory.map(Some).map_err(|error| TraceError::Malformed(format!("memory: {error}")))
    }
}
