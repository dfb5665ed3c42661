//! The instructions as assembly has them: the opcode table's rows, how their immediates are written, and
//! how bytes become one. Names the language adds (labels, directives) are not here.

use std::{collections::HashMap, sync::LazyLock};

use tandem_schedule::{Extension, Extensions, Fork, Opcode, PREFIX, decode, opcode, prefixed};

/// What stands behind an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Immediate {
    None,
    /// So many bytes to push.
    Push(u8),
    /// Three registers with strides, and a count: seven bytes.
    Registers,
    /// So many lane types, of a byte each.
    Types(u8),
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) name: &'static str,
    pub(crate) byte: u8,
    /// Whether it exists only behind the prefix.
    pub(crate) prefixed: bool,
    pub(crate) immediate: Immediate,
    pub(crate) inputs: u8,
    pub(crate) outputs: u8,
    /// The first fork that has it.
    pub(crate) since: Fork,
    /// The extension that has it.
    pub(crate) extension: Option<Extension>,
}

impl Instruction {
    /// An opcode of the forks.
    ///
    /// # Panics
    /// If no fork has it.
    pub(crate) fn of_fork(byte: u8) -> Self {
        Self::of_row(byte, false, opcode(byte).expect("the opcode table has it"))
    }

    fn of_row(byte: u8, prefixed: bool, row: &Opcode) -> Self {
        let immediate = match (row.immediate, row.extension) {
            (0, _) => Immediate::None,
            (n, None) => Immediate::Push(n),
            (_, Some(Extension::EvmMax)) => Immediate::Registers,
            (n, Some(_)) => Immediate::Types(n),
        };
        let Opcode { name, inputs, outputs, since, extension, .. } = *row;
        Self { name, byte, prefixed, immediate, inputs, outputs, since, extension }
    }
}

/// The opcode table by name. Where a name is both plain and prefixed, only the plain one is here.
static BY_NAME: LazyLock<HashMap<&'static str, Instruction>> = LazyLock::new(|| {
    let rows = |prefixed: bool, row_of: fn(u8) -> Option<&'static Opcode>| {
        (0..=u8::MAX).filter_map(move |byte| {
            let row = row_of(byte)?;
            Some((row.name, Instruction::of_row(byte, prefixed, row)))
        })
    };
    rows(true, prefixed).chain(rows(false, opcode)).collect()
});

/// The instruction of a name behind the prefix.
fn find_prefixed(name: &str) -> Option<Instruction> {
    (0..=u8::MAX).find_map(|byte| {
        let row = prefixed(byte).filter(|row| row.name == name)?;
        Some(Instruction::of_row(byte, true, row))
    })
}

/// An instruction as written: with lane types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mnemonic {
    pub(crate) instruction: Instruction,
    pub(crate) types: Vec<u8>,
}

impl Mnemonic {
    /// The instruction of a name such as `ADD`, `xadd.u32x8`, `ae.mulmodx`; `None` if it is no
    /// instruction's.
    pub(crate) fn parse(name: &str) -> Result<Option<Self>, String> {
        let upper = name.to_ascii_uppercase();
        let (behind_prefix, upper) = match upper.strip_prefix("AE.") {
            Some(rest) => (true, rest),
            None => (false, upper.as_str()),
        };
        let mut parts = upper.split('.');
        let base = parts.next().unwrap_or_default();
        let types: Vec<_> = parts.collect();
        let Some(mut instruction) = find(base) else { return Ok(None) };
        // XOR is two: the one of lanes is told by its type.
        if behind_prefix || !types.is_empty() {
            instruction = match find_prefixed(base) {
                Some(instruction) => instruction,
                None if behind_prefix => return Err(format!("{base} has no form behind a prefix")),
                None => return Err(format!("{base} takes no lane type")),
            };
        }
        let wanted = match instruction.immediate {
            Immediate::Types(n) => n.into(),
            _ => 0,
        };
        if types.len() != wanted {
            return Err(match wanted {
                0 => format!("{base} takes no lane type"),
                1 => format!("{base} takes a lane type, as in {base}.u32x8"),
                _ => format!("{base} takes two lane types, as in {base}.u16x8.u32x8"),
            });
        }
        let types: Result<_, _> = types.into_iter().map(type_byte).collect();
        Ok(Some(Self { instruction, types: types? }))
    }

    /// The bytes before the immediates that are operands.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4);
        bytes.extend(self.instruction.prefixed.then_some(PREFIX));
        bytes.push(self.instruction.byte);
        bytes.extend_from_slice(&self.types);
        bytes
    }
}

fn find(upper: &str) -> Option<Instruction> {
    let name = match upper {
        "SHA3" => "KECCAK256",
        "DIFFICULTY" => "PREVRANDAO",
        "SUICIDE" => "SELFDESTRUCT",
        name => name,
    };
    BY_NAME.get(name).copied()
}

/// A lane type's byte (EIP-616): the width's logarithm, then the number's.
fn type_byte(name: &str) -> Result<u8, String> {
    let wrong = || {
        let name = name.to_ascii_lowercase();
        format!(
            "{name} is no lane type: u8, u16, u32 or u64, x, and 1 to 32 lanes in 256 bits at most"
        )
    };
    let rest = name.strip_prefix('U').ok_or_else(wrong)?;
    let (width, count) = rest.split_once('X').ok_or_else(wrong)?;
    let width: u32 = width.parse().map_err(|_| wrong())?;
    let count: u32 = count.parse().map_err(|_| wrong())?;
    let legal = [8, 16, 32, 64].contains(&width) && count.is_power_of_two() && count <= 32;
    if !legal || width * count > 256 {
        return Err(wrong());
    }
    Ok(((width / 8).trailing_zeros() << 4 | count.trailing_zeros()) as u8)
}

/// A lane type's name; `None` for a byte that is none's.
fn type_name(byte: u8) -> Option<String> {
    let (width, count) = (byte >> 4, byte & 15);
    let legal = width <= 3 && count <= 5 && width + count <= 5;
    legal.then(|| format!("u{}x{}", 8 << width, 1 << count))
}

/// An instruction found in code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'c> {
    pub(crate) instruction: Instruction,
    pub(crate) immediates: &'c [u8],
}

impl<'c> Found<'c> {
    /// The instruction at the start of the code; `None` if there is none, or not all of it.
    pub(crate) fn read(code: &'c [u8], extensions: Extensions) -> Option<Self> {
        let decoded = decode(code, extensions);
        let row = decoded.opcode?;
        let immediates = code.get(decoded.head..decoded.len)?;
        let instruction = Instruction::of_row(code[decoded.head - 1], decoded.prefixed, row);
        let typed = matches!(instruction.immediate, Immediate::Types(_));
        let legal = !typed || immediates.iter().all(|byte| type_name(*byte).is_some());
        legal.then_some(Self { instruction, immediates })
    }

    pub(crate) const fn len(&self) -> usize {
        1 + self.instruction.prefixed as usize + self.immediates.len()
    }

    /// As [`Mnemonic::parse`] reads it.
    pub(crate) fn mnemonic(&self) -> String {
        let Instruction { name, prefixed, immediate, .. } = self.instruction;
        // The types tell of the prefix.
        let tells = matches!(immediate, Immediate::Types(_));
        let mut text = String::from(if prefixed && !tells { "AE." } else { "" });
        text += name;
        if tells {
            for name in self.immediates.iter().filter_map(|byte| type_name(*byte)) {
                text += ".";
                text += &name;
            }
        }
        text
    }
}
