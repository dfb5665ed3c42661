//! Names of functions by selector, from a contract's ABI or a list of signatures. Hashing a signature
//! to its selector happens here; which function ran is the attribution's.

use std::collections::HashMap;

use serde_json::Value;
use tandem_evm::{keccak256, primitives::FixedBytes};

/// Signatures by selector, such as `transfer(address,uint256)` for `0xa9059cbb`.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_selector: HashMap<FixedBytes<4>, String>,
}

/// Why a file has no names of functions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NamesError(String);

impl Names {
    /// The signature of a selector.
    pub fn get(&self, selector: &FixedBytes<4>) -> Option<&str> {
        self.by_selector.get(selector).map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_selector.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_selector.is_empty()
    }

    /// Adds the functions of a contract ABI: the JSON list itself, or an object with it as `abi`, as
    /// Foundry and Hardhat write.
    ///
    /// # Errors
    /// If it is no JSON, or a function lacks its name or a type.
    pub fn add_abi(&mut self, json: &str) -> Result<(), NamesError> {
        let json: Value = serde_json::from_str(json)
            .map_err(|error| NamesError(format!("no contract ABI: {error}")))?;
        let list = json.as_array().or_else(|| json.get("abi")?.as_array()).ok_or_else(|| {
            NamesError("no contract ABI: neither a list nor an object with a list `abi`".into())
        })?;
        for entry in list.iter().filter(|entry| entry["type"] == "function") {
            let signature = signature(entry)
                .ok_or_else(|| NamesError(format!("a function without name or types: {entry}")))?;
            self.add_signature(&signature);
        }
        Ok(())
    }

    /// Adds a list of signatures: a line each, alone or with its selector before or behind it, or a
    /// JSON object of signatures and selectors, either way round (as `solc --hashes` and Foundry's
    /// `methodIdentifiers` have them). Lines that are empty or start with `#` are skipped.
    ///
    /// # Errors
    /// If a line has no signature, or one with another selector than it says.
    pub fn add_signatures(&mut self, text: &str) -> Result<(), NamesError> {
        if text.trim_start().starts_with('{') {
            let pairs: HashMap<String, String> = serde_json::from_str(text)
                .map_err(|error| NamesError(format!("no object of signatures: {error}")))?;
            return pairs.iter().try_for_each(|(key, value)| self.add_line(&[key, value]));
        }
        for (number, line) in text.lines().enumerate() {
            let words: Vec<_> = line
                .split(|c: char| c.is_whitespace() || c == ':' || c == '=')
                .filter(|word| !word.is_empty())
                .collect();
            if words.is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            self.add_line(&words)
                .map_err(|error| NamesError(format!("line {}: {error}", number + 1)))?;
        }
        Ok(())
    }

    fn add_line(&mut self, words: &[&str]) -> Result<(), NamesError> {
        let signature = words.iter().find(|word| word.contains('(') && word.ends_with(')'));
        let Some(signature) = signature else {
            let message = format!(
                "no signature such as transfer(address,uint256) in `{}`",
                words.join(" ").chars().take(60).collect::<String>()
            );
            return Err(NamesError(message));
        };
        let selector = self.add_signature(signature);
        let said = words.iter().find_map(|word| word.parse::<FixedBytes<4>>().ok());
        match said {
            Some(said) if said != selector => {
                Err(NamesError(format!("{signature} has the selector {selector}, not {said}")))
            }
            _ => Ok(()),
        }
    }

    fn add_signature(&mut self, signature: &str) -> FixedBytes<4> {
        let selector = FixedBytes::from_slice(&keccak256(signature.as_bytes())[..4]);
        self.by_selector.insert(selector, signature.to_owned());
        selector
    }
}

/// The canonical signature of an ABI's function.
fn signature(function: &Value) -> Option<String> {
    let types: Option<Vec<_>> = function["inputs"].as_array()?.iter().map(canonical).collect();
    Some(format!("{}({})", function["name"].as_str()?, types?.join(",")))
}

/// A parameter's canonical type: a tuple is written out.
fn canonical(parameter: &Value) -> Option<String> {
    let kind = parameter["type"].as_str()?;
    let Some(suffix) = kind.strip_prefix("tuple") else { return Some(kind.to_owned()) };
    let parts: Option<Vec<_>> = parameter["components"].as_array()?.iter().map(canonical).collect();
    Some(format!("({}){suffix}", parts?.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSFER: FixedBytes<4> = FixedBytes([0xa9, 0x05, 0x9c, 0xbb]);

    #[test]
    fn signatures_come_with_and_without_selector() {
        let forms = [
            "transfer(address,uint256)",
            "# a comment\n\n0xa9059cbb: transfer(address,uint256)\n",
            "a9059cbb transfer(address,uint256)",
            "transfer(address,uint256) = 0xa9059cbb",
            r#"{"transfer(address,uint256)": "a9059cbb"}"#,
            r#"{"0xa9059cbb": "transfer(address,uint256)"}"#,
        ];
        for form in forms {
            let mut names = Names::default();
            names.add_signatures(form).expect(form);
            assert_eq!(names.get(&TRANSFER), Some("transfer(address,uint256)"), "{form}");
            assert_eq!(names.len(), 1);
        }
    }

    #[test]
    fn an_abi_alone_or_in_an_artifact_names_functions_and_writes_tuples_out() {
        let list = r#"[{"type":"event","name":"E","inputs":[]},
            {"type":"function","name":"transfer","inputs":[{"type":"address"},{"type":"uint256"}]},
            {"type":"function","name":"f","inputs":[{"type":"tuple[2]","components":[
                {"type":"uint8"},{"type":"tuple","components":[{"type":"bytes"}]}]}]}]"#;
        for json in [list.to_owned(), format!(r#"{{"abi":{list}}}"#)] {
            let mut names = Names::default();
            names.add_abi(&json).expect("an ABI");
            assert_eq!(names.get(&TRANSFER), Some("transfer(address,uint256)"));
            let selector = FixedBytes::from_slice(&keccak256(b"f((uint8,(bytes))[2])")[..4]);
            assert_eq!(names.get(&selector), Some("f((uint8,(bytes))[2])"));
        }
    }

    #[test]
    fn bad_lists_are_told_in_a_line() {
        let error =
            |text: &str| Names::default().add_signatures(text).map_err(|error| error.to_string());
        assert_eq!(
            error("transfer(address,uint256)\nnonsense"),
            Err("line 2: no signature such as transfer(address,uint256) in `nonsense`".into())
        );
        assert_eq!(
            error("0xdeadbeef transfer(address,uint256)"),
            Err("line 1: transfer(address,uint256) has the selector 0xa9059cbb, not 0xdeadbeef"
                .into())
        );
        let abi = |text: &str| Names::default().add_abi(text).map_err(|error| error.to_string());
        assert!(abi("{").is_err_and(|error| error.starts_with("no contract ABI: ")));
        assert!(abi(r#"[{"type":"function","name":"f"}]"#).is_err());
    }
}
