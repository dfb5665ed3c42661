//! The instructions as assembly has them: the opcode table's rows, how their immediates are written, and
//! how bytes become one. Names the language adds (labels, directives) are not here.

use std::{collections::HashMap, fmt, str::FromStr, sync::LazyLock};

use tandem_schedule::{Fork, opcode};

/// The byte before an instruction of an extension (EIP-8163).
pub(crate) const PREFIX: u8 = 0xae;

/// A set of opcodes that no fork has, and that any may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Extension {
    /// Modular arithmetic on registers (EIP-6690).
    EvmMax,
    /// Lanes of a word (EIP-616), behind the prefix 0xAE.
    Simd,
}

impl Extension {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::EvmMax, Self::Simd];

    /// The name by which it is enabled.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EvmMax => "evmmax",
            Self::Simd => "simd",
        }
    }
}

impl FromStr for Extension {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == name);
        found.ok_or_else(|| format!("no such extension: {name:?}; there are evmmax and simd"))
    }
}

/// Some of the extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions(u8);

impl Extensions {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// With one more.
    #[must_use]
    pub const fn with(self, extension: Extension) -> Self {
        Self(self.0 | 1 << extension as u8)
    }

    /// Whether one is among them.
    pub const fn has(self, extension: Extension) -> bool {
        self.0 >> extension as u8 & 1 == 1
    }

    /// Those there are.
    pub fn iter(self) -> impl Iterator<Item = Extension> {
        Extension::ALL.into_iter().filter(move |one| self.has(*one))
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        extensions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Extension::name).collect();
        f.write_str(&names.join(","))
    }
}

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

impl Immediate {
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Push(n) | Self::Types(n) => n as usize,
            Self::Registers => 7,
        }
    }
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
    /// The first fork that has it; of an extension's, none.
    pub(crate) since: Result<Fork, Extension>,
}

impl Instruction {
    /// An opcode of the forks.
    ///
    /// # Panics
    /// If no fork has it.
    pub(crate) fn of_fork(byte: u8) -> Self {
        TABLE.plain[usize::from(byte)].expect("the opcode table has it")
    }
}

/// Byte, name, words in.
const EVMMAX: [(u8, &str, u8); 6] = [
    (0xc0, "SETMODX", 4),
    (0xc1, "LOADX", 3),
    (0xc2, "STOREX", 3),
    (0xc3, "ADDMODX", 0),
    (0xc4, "SUBMODX", 0),
    (0xc5, "MULMODX", 0),
];

/// Byte, name, words in, lane types.
const SIMD: [(u8, &str, u8, u8); 27] = [
    (0xb1, "XADD", 2, 1),
    (0xb2, "XMUL", 2, 1),
    (0xb3, "XSUB", 2, 1),
    (0xb4, "XDIV", 2, 1),
    (0xb5, "XSDIV", 2, 1),
    (0xb6, "XMOD", 2, 1),
    (0xb7, "XSMOD", 2, 1),
    (0xb8, "XCONV", 1, 2),
    (0xb9, "XMULHI", 2, 1),
    (0xbe, "XCAST", 1, 1),
    (0xbf, "XSHUFFLE", 2, 1),
    (0xc0, "XLT", 2, 1),
    (0xc1, "XGT", 2, 1),
    (0xc2, "XSLT", 2, 1),
    (0xc3, "XSGT", 2, 1),
    (0xc4, "XEQ", 2, 1),
    (0xc5, "XISZERO", 1, 1),
    (0xc6, "XAND", 2, 1),
    (0xc7, "XOR", 2, 1),
    (0xc8, "XXOR", 2, 1),
    (0xc9, "XNOT", 1, 1),
    (0xca, "XINDEX", 2, 1),
    (0xcb, "XSHL", 2, 1),
    (0xcc, "XSHR", 2, 1),
    (0xcd, "XSAR", 2, 1),
    (0xce, "XROL", 2, 1),
    (0xcf, "XROR", 2, 1),
];

fn of_forks() -> impl Iterator<Item = Instruction> {
    (0..=u8::MAX).filter_map(|byte| {
        let row = opcode(byte)?;
        let immediate = match row.immediate {
            0 => Immediate::None,
            n => Immediate::Push(n),
        };
        let (name, since) = (row.name, Ok(row.since));
        let (inputs, outputs) = (row.inputs, row.outputs);
        Some(Instruction { name, byte, prefixed: false, immediate, inputs, outputs, since })
    })
}

fn of_extensions() -> impl Iterator<Item = Instruction> {
    let evmmax = EVMMAX.into_iter().map(|(byte, name, inputs)| Instruction {
        name,
        byte,
        prefixed: false,
        immediate: if inputs == 0 { Immediate::Registers } else { Immediate::None },
        inputs,
        outputs: 0,
        since: Err(Extension::EvmMax),
    });
    let simd = SIMD.into_iter().map(|(byte, name, inputs, types)| Instruction {
        name,
        byte,
        prefixed: true,
        immediate: Immediate::Types(types),
        inputs,
        outputs: 1,
        since: Err(Extension::Simd),
    });
    evmmax.chain(simd)
}

/// Instructions by byte, without and with the prefix. Behind the prefix a byte may be one of SIMD's or
/// one of EVM-MAX's: which of them, the extensions enabled decide.
struct Table {
    plain: [Option<Instruction>; 256],
    simd: [Option<Instruction>; 256],
    by_name: HashMap<&'static str, Instruction>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { plain: [None; 256], simd: [None; 256], by_name: HashMap::new() };
    for instruction in of_forks().chain(of_extensions()) {
        let by_byte = if instruction.prefixed { &mut table.simd } else { &mut table.plain };
        by_byte[usize::from(instruction.byte)] = Some(instruction);
        // XOR is two: the one of lanes is told by its type.
        if !(instruction.prefixed && instruction.name == "XOR") {
            table.by_name.insert(instruction.name, instruction);
        }
    }
    table
});

/// An instruction as written: with lane types, and with or without the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mnemonic {
    pub(crate) instruction: Instruction,
    pub(crate) prefixed: bool,
    pub(crate) types: Vec<u8>,
}

impl Mnemonic {
    /// The instruction of a name such as `ADD`, `xadd.u32x8`, `ae.mulmodx`; `None` if it is no
    /// instruction's.
    pub(crate) fn parse(name: &str) -> Result<Option<Self>, String> {
        let upper = name.to_ascii_uppercase();
        let (prefixed, upper) = match upper.strip_prefix("AE.") {
            Some(rest) => (true, rest),
            None => (false, upper.as_str()),
        };
        let mut parts = upper.split('.');
        let base = parts.next().unwrap_or_default();
        let types: Vec<_> = parts.collect();
        let Some(mut instruction) = find(base) else { return Ok(None) };
        if base == "XOR" && !types.is_empty() {
            instruction = TABLE.simd[0xc7].unwrap_or(instruction);
        }
        if prefixed && instruction.since.is_ok() {
            return Err(format!(
                "{} is no instruction of an extension: no prefix",
                instruction.name
            ));
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
        Ok(Some(Self { instruction, prefixed: prefixed || instruction.prefixed, types: types? }))
    }

    /// The bytes before the immediates that are operands.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4);
        bytes.extend(self.prefixed.then_some(PREFIX));
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
    TABLE.by_name.get(name).copied()
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
pub(crate) struct Decoded<'c> {
    pub(crate) instruction: Instruction,
    pub(crate) prefixed: bool,
    pub(crate) immediates: &'c [u8],
}

impl<'c> Decoded<'c> {
    /// The instruction at the start of the code; `None` if there is none, or not all of it.
    pub(crate) fn read(code: &'c [u8], extensions: Extensions) -> Option<Self> {
        let known = |instruction: &Instruction| match instruction.since {
            Ok(_) => true,
            Err(extension) => extensions.has(extension),
        };
        let (&byte, rest) = code.split_first()?;
        if let Some(instruction) = TABLE.plain[usize::from(byte)].filter(known) {
            let immediates = rest.get(..instruction.immediate.len())?;
            return Some(Self { instruction, prefixed: false, immediates });
        }
        let (&byte, rest) = rest.split_first().filter(|_| byte == PREFIX)?;
        let of_evmmax = || TABLE.plain[usize::from(byte)].filter(|one| one.since.is_err());
        let simd = TABLE.simd[usize::from(byte)].filter(known);
        let instruction = simd.or_else(|| of_evmmax().filter(known))?;
        let immediates = rest.get(..instruction.immediate.len())?;
        let typed = matches!(instruction.immediate, Immediate::Types(_));
        if typed && immediates.iter().any(|byte| type_name(*byte).is_none()) {
            return None;
        }
        Some(Self { instruction, prefixed: true, immediates })
    }

    pub(crate) fn len(&self) -> usize {
        1 + usize::from(self.prefixed) + self.immediates.len()
    }

    /// As [`Mnemonic::parse`] reads it.
    pub(crate) fn mnemonic(&self) -> String {
        let Instruction { name, prefixed: always, immediate, .. } = self.instruction;
        let mut text = String::from(if self.prefixed && !always { "AE." } else { "" });
        text += name;
        if let Immediate::Types(_) = immediate {
            for name in self.immediates.iter().filter_map(|byte| type_name(*byte)) {
                text += ".";
                text += &name;
            }
        }
        text
    }
}
