//! A frame's registers and the rules of EIP-6690 about them: which operands are valid, what an
//! instruction will take. The arithmetic is in `kernel`, its operands in `operands`.

use alloc::vec::Vec;

use tandem_coprocessor::{
    Facts, Fault, Instruction, Instructions, ModularRun, ModularSize, Size, primitives::U256,
};

use crate::{
    kernel::{File, Kernels},
    modulus::Modulus,
    op,
    operands::Operands,
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
    file: File,
    kernels: Kernels,
    count: usize,
}

/// The fields of a frame, each with its registers.
#[derive(Debug)]
pub(crate) struct Registers {
    /// The first is the one that instructions work in; none before the first SETMODX.
    fields: Vec<Field>,
    bytes: usize,
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
        Self { fields: Vec::new(), bytes: 0, choose }
    }

    #[inline(always)]
    fn active(&self) -> Result<&Field, Fault> {
        self.fields.first().ok_or(Fault::Input)
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
        let len = count * field.file.modulus.element_size() as u64;
        let offset = inside(offset, len, memory.len())?;
        Ok(Transfer { first, count: count as usize, offset, len: len as usize })
    }

    fn activate(&mut self, place: usize) {
        self.fields.swap(0, place);
    }

    fn allocate(&mut self, id: u64, mut modulus: Modulus, count: usize) {
        let kernels = (self.choose)(&modulus);
        (kernels.prepare)(&mut modulus);
        let file = File::new(modulus, count, &kernels);
        self.bytes += 8 * file.registers.len();
        self.fields.push(Field { id, file, kernels, count });
        self.activate(self.fields.len() - 1);
    }
}

impl Instructions for Registers {
    #[inline]
    fn measure(&self, instruction: &Instruction<'_>, memory: &[u8]) -> Result<Facts, Fault> {
        let (size, register_bytes) = match instruction.op {
            op::ADDMODX | op::SUBMODX | op::MULMODX => {
                let operands = Operands::new(immediates(instruction)?);
                let field = self.active()?;
                if !operands.are_valid(field.file.highest) {
                    return Err(Fault::Input);
                }
                (Size::Modular(field.file.size(operands.count() as u16)), self.bytes)
            }
            op::LOADX | op::STOREX => {
                let loads = instruction.op == op::LOADX;
                let count = self.transfer(instruction, memory, loads)?.count;
                (Size::Modular(self.active()?.file.size(count as u16)), self.bytes)
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
                let [a, b, c, d, e, f, g, _] = immediates(instruction)?;
                let done = self.on_registers(&[instruction.op, a, b, c, d, e, f, g], 1);
                done.ok_or(Fault::Input)?;
            }
            op::LOADX | op::STOREX => {
                let loads = instruction.op == op::LOADX;
                let Transfer { first, offset, len, .. } =
                    self.transfer(instruction, memory, loads)?;
                let field = self.fields.first_mut().ok_or(Fault::Input)?;
                let (file, memory) = (&mut field.file, &mut memory[offset..offset + len]);
                if loads {
                    (field.kernels.load)(file, first, memory);
                } else if !(field.kernels.store)(file, first, memory) {
                    return Err(Fault::Input);
                }
            }
            op::SETMODX => match self.setup(instruction, memory)? {
                Setup::Activate(place) => self.activate(place),
                Setup::New { id, modulus, count } => self.allocate(id, modulus, count),
            },
            _ => return Err(Fault::Unsupported),
        }
        Ok(U256::ZERO)
    }

    #[inline]
    fn on_registers(&mut self, code: &[u8], most: usize) -> Option<ModularRun> {
        let Field { file, kernels, .. } = self.fields.first_mut()?;
        let instructions = code.as_chunks().0;
        let most = most.min(instructions.len()).min(256);
        let done = (kernels.arithmetic)(file, &instructions[..most]);
        let run = ModularRun { limbs: file.modulus.len as u8, odd: file.modulus.odd, done };
        (run.instructions() > 0).then_some(run)
    }
}

/// The immediates of an arithmetic instruction, and a byte that does not count.
fn immediates(instruction: &Instruction<'_>) -> Result<[u8; 8], Fault> {
    let [a, b, c, d, e, f, g] = *instruction.immediates.first_chunk().ok_or(Fault::Input)?;
    Ok([a, b, c, d, e, f, g, 0])
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
