//! A frame's registers and the rules of EIP-6690 about them: which operands are valid, what an
//! instruction will take. The arithmetic is in `kernel`.

use alloc::{vec, vec::Vec};

use tandem_coprocessor::{
    Facts, Fault, Instruction, Instructions, ModularSize, Size, primitives::U256,
};

use crate::{
    kernel::{File, Kernels, Operands, Run, SEVERAL},
    modulus::Modulus,
    op,
};

/// The longest modulus in bytes.
const MAX_MODULUS_SIZE: u64 = 96;
/// The most registers of a field.
const MAX_COUNT: u64 = 256;
/// Bytes of all registers of a frame.
const MAX_BYTES: usize = 24_576;
/// Field identifiers are below this.
const IDS: u64 = 256;

/// A modulus and its registers.
#[derive(Debug)]
struct Field {
    id: u64,
    modulus: Modulus,
    kernels: Kernels,
    /// Registers one after the other.
    registers: Vec<u64>,
    count: usize,
}

impl Field {
    fn size(&self, count: u64) -> Size {
        Size::Modular(ModularSize { limbs: self.modulus.len as u8, count, odd: self.modulus.odd })
    }

    /// The registers from `first` on, `count` of them.
    fn file<'a>(&'a mut self, spare: &'a mut [u64], first: usize, count: usize) -> File<'a> {
        let limbs = self.modulus.len;
        let registers = &mut self.registers[first * limbs..(first + count) * limbs];
        File { registers, spare, modulus: &self.modulus }
    }
}

/// The fields of a frame, each with its registers.
#[derive(Debug)]
pub(crate) struct Registers {
    fields: Vec<Field>,
    /// The field that instructions work in; none before the first SETMODX.
    active: usize,
    bytes: usize,
    /// Where results wait if they may not be written at once: as large as the largest field.
    spare: Vec<u64>,
    choose: fn(&Modulus) -> Kernels,
}

/// What SETMODX is asked for.
#[expect(clippy::large_enum_variant, reason = "it lives for the length of a call")]
enum Setup {
    Activate(usize),
    New { id: u64, modulus: Modulus, count: usize },
}

/// What LOADX and STOREX are asked for: registers, and where their values are in memory.
struct Transfer {
    first: usize,
    count: usize,
    offset: usize,
    len: usize,
}

impl Registers {
    /// An empty frame, with kernels chosen by a backend.
    pub(crate) fn new(choose: fn(&Modulus) -> Kernels) -> Self {
        Self { fields: Vec::new(), active: 0, bytes: 0, spare: Vec::new(), choose }
    }

    #[inline(always)]
    fn active(&self) -> Result<&Field, Fault> {
        self.fields.get(self.active).ok_or(Fault::Input)
    }

    fn setup(&self, instruction: &Instruction<'_>, memory: &[u8]) -> Result<Setup, Fault> {
        let id = number(instruction, 0)?;
        if id >= IDS {
            return Err(Fault::Input);
        }
        if let Some(place) = self.fields.iter().position(|field| field.id == id) {
            return Ok(Setup::Activate(place));
        }
        let (offset, size) = (number(instruction, 1)?, number(instruction, 2)?);
        let count = number(instruction, 3)?;
        if size > MAX_MODULUS_SIZE || count == 0 || count > MAX_COUNT {
            return Err(Fault::Input);
        }
        let (offset, count) = (inside(offset, size, memory.len())?, count as usize);
        let bytes = &memory[offset..offset + size as usize];
        let modulus = Modulus::read(bytes).ok_or(Fault::Input)?;
        if self.bytes + count * modulus.element_size() > MAX_BYTES {
            return Err(Fault::Input);
        }
        Ok(Setup::New { id, modulus, count })
    }

    /// Reads the operands of LOADX or STOREX: without any registers only the destination matters.
    fn transfer(
        &self,
        instruction: &Instruction<'_>,
        memory: &[u8],
        loads: bool,
    ) -> Result<Transfer, Fault> {
        let field = self.active()?;
        let (dest, source) = (number(instruction, 0)?, number(instruction, 1)?);
        let count = number(instruction, 2)?;
        let (offset, first) = if loads { (dest, source) } else { (source, dest) };
        if count == 0 {
            let len = if loads { memory.len() } else { field.count };
            inside(dest, 0, len)?;
            return Ok(Transfer { first: 0, count: 0, offset: 0, len: 0 });
        }
        let first = inside(first, count, field.count)?;
        let len = count * field.modulus.element_size() as u64;
        let offset = inside(offset, len, memory.len())?;
        Ok(Transfer { first, count: count as usize, offset, len: len as usize })
    }

    /// Reads the immediates of an arithmetic instruction.
    #[inline(always)]
    fn operands(&self, instruction: &Instruction<'_>) -> Result<Operands, Fault> {
        let field = self.active()?;
        let immediates = instruction.immediates.first_chunk::<7>().ok_or(Fault::Input)?;
        let run = |n: usize| Run { first: immediates[n].into(), stride: immediates[n + 1].into() };
        let (out, x, y, count) = (run(0), run(2), run(4), usize::from(immediates[6]));
        if count == 0 || out.stride == 0 {
            return Err(Fault::Input);
        }
        let last = |run: Run| run.at(count - 1);
        if last(out) >= field.count || last(x) >= field.count || last(y) >= field.count {
            return Err(Fault::Input);
        }
        Ok(Operands { out, x, y, count })
    }

    /// An arithmetic instruction.
    #[inline(always)]
    fn calculate(
        &mut self,
        instruction: &Instruction<'_>,
        pay: &mut dyn FnMut(&Facts) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let operands = self.operands(instruction)?;
        let field = self.fields.get_mut(self.active).ok_or(Fault::Input)?;
        let size = field.size(operands.count as u64);
        pay(&Facts { size, register_bytes: self.bytes })?;
        let kernel = match instruction.op {
            op::MULMODX if operands.count < SEVERAL => field.kernels.multiply,
            op::MULMODX => field.kernels.several,
            op::ADDMODX => field.kernels.add,
            _ => field.kernels.subtract,
        };
        let (registers, spare) = (&mut field.registers[..], &mut self.spare[..]);
        kernel(File { registers, spare, modulus: &field.modulus }, &operands);
        Ok(())
    }

    fn allocate(&mut self, id: u64, mut modulus: Modulus, count: usize) {
        let kernels = (self.choose)(&modulus);
        (kernels.prepare)(&mut modulus);
        let len = count * modulus.len;
        self.bytes += 8 * len;
        if self.spare.len() < len {
            self.spare.resize(len, 0);
        }
        self.active = self.fields.len();
        self.fields.push(Field { id, modulus, kernels, registers: vec![0; len], count });
    }
}

impl Instructions for Registers {
    #[inline]
    fn measure(&self, instruction: &Instruction<'_>, memory: &[u8]) -> Result<Facts, Fault> {
        let (size, register_bytes) = match instruction.op {
            op::ADDMODX | op::SUBMODX | op::MULMODX => {
                let count = self.operands(instruction)?.count;
                (self.active()?.size(count as u64), self.bytes)
            }
            op::LOADX | op::STOREX => {
                let loads = instruction.op == op::LOADX;
                let count = self.transfer(instruction, memory, loads)?.count;
                (self.active()?.size(count as u64), self.bytes)
            }
            op::SETMODX => match self.setup(instruction, memory)? {
                Setup::Activate(_) => (Size::Constant, self.bytes),
                Setup::New { modulus, count, .. } => {
                    let (limbs, odd) = (modulus.len as u8, modulus.odd);
                    let bytes = self.bytes + count * modulus.element_size();
                    (Size::Modular(ModularSize { limbs, count: 0, odd }), bytes)
                }
            },
            _ => return Err(Fault::Unsupported),
        };
        Ok(Facts { size, register_bytes })
    }

    #[inline]
    fn execute(&mut self, instruction: &Instruction<'_>, memory: &mut [u8]) -> Result<U256, Fault> {
        match instruction.op {
            op::ADDMODX | op::SUBMODX | op::MULMODX => {
                self.calculate(instruction, &mut |_| Ok(()))?;
            }
            op::LOADX | op::STOREX => {
                let loads = instruction.op == op::LOADX;
                let Transfer { first, count, offset, len } =
                    self.transfer(instruction, memory, loads)?;
                let field = self.fields.get_mut(self.active).ok_or(Fault::Input)?;
                let (kernels, memory) = (field.kernels, &mut memory[offset..offset + len]);
                let file = field.file(&mut self.spare, first, count);
                if loads {
                    (kernels.load)(file, memory);
                } else if !(kernels.store)(file, memory) {
                    return Err(Fault::Input);
                }
            }
            op::SETMODX => match self.setup(instruction, memory)? {
                Setup::Activate(place) => self.active = place,
                Setup::New { id, modulus, count } => self.allocate(id, modulus, count),
            },
            _ => return Err(Fault::Unsupported),
        }
        Ok(U256::ZERO)
    }

    fn carry_out(
        &mut self,
        instruction: &Instruction<'_>,
        memory: &mut [u8],
        pay: &mut dyn FnMut(&Facts) -> Result<(), Fault>,
    ) -> Result<U256, Fault> {
        if let op::ADDMODX | op::SUBMODX | op::MULMODX = instruction.op {
            return self.calculate(instruction, pay).map(|()| U256::ZERO);
        }
        pay(&self.measure(instruction, memory)?)?;
        self.execute(instruction, memory)
    }
}

/// The `n`th word from the top, if it is a number of 64 bits; no larger one is valid anywhere.
fn number(instruction: &Instruction<'_>, n: usize) -> Result<u64, Fault> {
    u64::try_from(instruction.word(n)).map_err(|_| Fault::Input)
}

/// `start`, if `count` more from there on are still within `len`.
fn inside(start: u64, count: u64, len: usize) -> Result<usize, Fault> {
    let end = start.checked_add(count).ok_or(Fault::Input)?;
    if end <= len as u64 { Ok(start as usize) } else { Err(Fault::Input) }
}
