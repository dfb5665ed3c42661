//! The spellings of numbers and words in traces: JSON numbers, hex with `0x`, decimals as strings.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use tandem_evm::primitives::U256;

/// A number of at most 64 bits: JSON number, hex with `0x`, or decimal in a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a 64-bit number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let number = match text.strip_prefix("0x") {
                    Some("") => Ok(0),
                    Some(hex) => u64::from_str_radix(hex, 16),
                    None => text.parse(),
                };
                let message = || E::custom(format!("not a 64-bit number: {text:.40}"));
                number.map(Number).map_err(|_| message())
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// A word of the stack: hex, with `0x` or without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) U256);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word in hex")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Word, E> {
                Ok(Word(U256::from(number)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                let hex = text.strip_prefix("0x").unwrap_or(text);
                word(hex).map(Word).ok_or_else(|| E::custom(format!("not a word: {text:.80}")))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

fn word(hex: &str) -> Option<U256> {
    let digits = hex.trim_start_matches('0').as_bytes();
    if digits.len() > 64 {
        return None;
    }
    let mut limbs = [0_u64; 4];
    for (place, digit) in digits.iter().rev().enumerate() {
        let value = (*digit as char).to_digit(16)?;
        limbs[place / 16] |= u64::from(value) << (place % 16 * 4);
    }
    Some(U256::from_limbs(limbs))
}

/// A number of at most 256 bits: JSON number, hex with `0x`, or decimal in a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(pub(crate) U256);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a 256-bit number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity(U256::from(number)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
                let number = match text.strip_prefix("0x") {
                    Some(hex) => word(hex),
                    None => U256::from_str_radix(text, 10).ok(),
                };
                let message = || E::custom(format!("not a 256-bit number: {text:.80}"));
                number.map(Quantity).ok_or_else(message)
            }
        }

        deserializer.deserialize_any(Any)
    }
}
