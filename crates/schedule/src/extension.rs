//! Extensions: opcodes and precompiles that no fork has and any can carry, their prices, and how to
//! read code that uses them. What they compute is the coprocessors' affair.

use core::{fmt, iter};

use tandem_coprocessor::{ListWork, ModularSize, Op, Size, primitives::address};

use crate::{
    Opcode, Precompile, Price, Schedule,
    opcode::{PREFIX, op, opcode, prefixed},
};

/// A set of opcodes and precompiles beyond any fork's; off unless enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Extension {
    /// Modular arithmetic on registers (EIP-6690): SETMODX to MULMODX at 0xc0 to 0xc5, and at 0xd0 to
    /// 0xd5 behind the prefix 0xae.
    EvmMax,
    /// Arithmetic on lanes (EIP-616, untyped) behind the prefix 0xae, and the precompile `vecmath`.
    Simd,
}

impl Extension {
    /// Every extension.
    pub const ALL: [Self; 2] = [Self::EvmMax, Self::Simd];

    /// The name by which it is enabled, for example `evmmax`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EvmMax => "evmmax",
            Self::Simd => "simd",
        }
    }

    /// The extension of that name, case ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|extension| extension.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extensions(u8);

impl Extensions {
    /// No extension at all.
    pub const NONE: Self = Self(0);

    /// The set with one more.
    #[must_use]
    pub const fn with(self, extension: Extension) -> Self {
        Self(self.0 | 1 << extension as u8)
    }

    /// Whether the extension is in the set.
    pub const fn contains(self, extension: Extension) -> bool {
        self.0 >> extension as u8 & 1 == 1
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The extensions in the set.
    pub fn iter(self) -> impl Iterator<Item = Extension> {
        Extension::ALL.into_iter().filter(move |extension| self.contains(*extension))
    }

    /// Whether an opcode is a fork's own or of an extension in the set.
    pub const fn have(self, row: &Opcode) -> bool {
        match row.extension {
            Some(extension) => self.contains(extension),
            None => true,
        }
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        extensions.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What stands at the start of a piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The opcode, on the newest fork; `None` if the first byte, or the one behind the prefix, is none.
    pub opcode: Option<&'static Opcode>,
    /// Whether it stands behind the prefix.
    pub prefixed: bool,
    /// Bytes up to the immediates: 1, behind the prefix 2.
    pub head: usize,
    /// Bytes with the immediates, which may reach behind the end of the code.
    pub len: usize,
}

/// Reads the instruction that `code` starts with. Behind the end of the code are zeros.
pub fn decode(code: &[u8], extensions: Extensions) -> Decoded {
    let first = code.first().copied().unwrap_or(0);
    let is_prefixed = first == PREFIX && !extensions.is_empty();
    let (row, head) = if is_prefixed {
        (prefixed(code.get(1).copied().unwrap_or(0)), 2)
    } else {
        (opcode(first), 1)
    };
    let row = row.filter(|row| extensions.have(row));
    let len = head + row.map_or(0, |row| usize::from(row.immediate));
    Decoded { opcode: row, prefixed: is_prefixed, head, len }
}

/// What EVM-MAX costs beside its opcodes' static prices (EIP-6690), by limbs of the modulus from 1 to
/// 12, in thousandths of a gas. The thousandths are rounded up to gas once for each instruction, so that
/// a what-if can price small fields below one gas an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModularPrices {
    /// SETMODX of a new odd modulus.
    pub setup: [u32; 12],
    /// ADDMODX and SUBMODX, each element.
    pub add: [u32; 12],
    /// MULMODX, each element; with an odd modulus LOADX and STOREX too.
    pub multiply: [u32; 12],
    /// LOADX and STOREX with a power of two, each 32-byte word begun.
    pub copy_word: u32,
}

/// A table in gas, as thousandths.
const fn thousandths(mut gas: [u32; 12]) -> [u32; 12] {
    let mut n = 0;
    while n < gas.len() {
        gas[n] *= 1_000;
        n += 1;
    }
    gas
}

impl ModularPrices {
    /// The tables of EIP-6690.
    pub const EIP_6690: Self = Self {
        setup: thousandths([23, 26, 29, 32, 36, 39, 42, 45, 48, 51, 54, 58]),
        add: thousandths([1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]),
        multiply: thousandths([1, 1, 1, 2, 2, 3, 4, 5, 7, 8, 10, 12]),
        copy_word: 3_000,
    };

    /// The gas of an EVM-MAX opcode, given by its plain byte, beside its static price.
    #[inline]
    pub fn gas(&self, byte: u8, size: &ModularSize) -> u64 {
        let limbs = usize::from(size.limbs).wrapping_sub(1);
        // There are no others.
        let at = |table: &[u32; 12]| u64::from(table.get(limbs).copied().unwrap_or(u32::MAX));
        let count = u64::from(size.count);
        let thousandths = match byte {
            op::MULMODX => count * at(&self.multiply),
            op::ADDMODX | op::SUBMODX => count * at(&self.add),
            op::SETMODX => at(&self.setup) * u64::from(size.odd),
            _ if size.odd => count * at(&self.multiply),
            _ => (8 * count * u64::from(size.limbs)).div_ceil(32) * u64::from(self.copy_word),
        };
        // Far from any overflow, and half as long as `div_ceil`.
        thousandths.wrapping_add(999) / 1_000
    }

    /// Whether elements of an odd modulus cost whole gas, so that several instructions cost as much as one on
    /// all their elements.
    pub fn are_whole(&self) -> bool {
        self.add.iter().chain(&self.multiply).all(|price| price % 1_000 == 0)
    }
}

/// What an element of a list costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPrice {
    /// Any request.
    pub base: u64,
    /// An element that is added, compared, combined or shifted.
    pub simple: u64,
    /// An element that is multiplied.
    pub multiply: u64,
    /// An element that is divided.
    pub divide: u64,
    /// An element of a dot product.
    pub dot: u64,
}

impl ListPrice {
    /// Of the sketches that go around; no EIP sets one.
    pub const SKETCH: Self = Self { base: 100, simple: 3, multiply: 5, divide: 8, dot: 10 };

    /// The gas for so many elements, saturating; `None` for work that the list does not price.
    pub fn gas(&self, count: u64, work: ListWork) -> Option<u64> {
        let element = match work {
            ListWork::Simple => self.simple,
            ListWork::Multiply => self.multiply,
            ListWork::Divide => self.divide,
            ListWork::Dot => self.dot,
            _ => return None,
        };
        Some(self.base.saturating_add(element.saturating_mul(count)))
    }
}

impl Schedule {
    /// Adds an extension's opcodes and precompiles.
    pub fn enable(&mut self, extension: Extension) {
        if extension == Extension::Simd && !self.extensions.contains(extension) {
            self.precompiles.push(Precompile {
                address: address!("ae00000000000000000000000000000000000001"),
                op: Op::Vecmath,
                price: Price::List(ListPrice::SKETCH),
            });
        }
        self.extensions = self.extensions.with(extension);
    }

    /// Whether the machine has an opcode: the fork does, and its extension, if it is one's, is enabled.
    pub fn has(&self, row: &Opcode) -> bool {
        row.since <= self.fork && self.extensions.have(row)
    }

    /// The most gas of any instruction on registers alone, whose count is a byte; at least 1.
    pub fn most_on_registers(&self) -> u64 {
        let limbs = 1..=12;
        let sizes = limbs.map(|limbs| ModularSize { limbs, count: u8::MAX.into(), odd: true });
        let of_size = |size: ModularSize| {
            let bytes = op::ADDMODX..=op::MULMODX;
            bytes.map(move |byte| self.base[byte as usize] as u64 + self.modular.gas(byte, &size))
        };
        sizes.flat_map(of_size).max().unwrap_or(0).max(1)
    }

    /// The gas of so many instructions on registers alone, of one kind and with the elements of one: as much as by
    /// themselves where [`ModularPrices::are_whole`], or if it is one.
    #[inline]
    pub fn run_gas(&self, byte: u8, count: u64, size: &ModularSize) -> u64 {
        count * u64::from(self.base[byte as usize]) + self.modular.gas(byte, size)
    }

    /// The gas of an extension's instruction; `None` if there is no price for such a size. `byte` is
    /// as in [`Instruction::op`](tandem_coprocessor::Instruction::op).
    #[inline]
    pub fn instruction_gas(&self, row: &Opcode, byte: u8, size: &Size) -> Option<u64> {
        match (row.extension, size) {
            (Some(Extension::EvmMax), Size::Modular(size)) => {
                Some(u64::from(self.base[byte as usize]) + self.modular.gas(byte, size))
            }
            (Some(Extension::EvmMax), Size::Constant) => Some(u64::from(self.base[byte as usize])),
            (Some(Extension::Simd), Size::Constant) => {
                Some(u64::from(self.prefixed[byte as usize]))
            }
            _ => None,
        }
    }
}

/// The bytes of every opcode that needs an extension, prefix included.
pub fn extension_bytes() -> impl Iterator<Item = u8> {
    let own = (0..=u8::MAX).filter(|&byte| opcode(byte).is_some_and(|row| row.extension.is_some()));
    own.chain(iter::once(PREFIX))
}
