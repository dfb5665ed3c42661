//! The instructions against a model of EIP-6690 that shares nothing with them: big integers of
//! `num-bigint`, registers in a vector, the rules as the EIP and the crate's documentation have them.
//! Programs are random, for every number of limbs and both kinds of modulus, with overlaps, strides,
//! limits and invalid operands; results and failures of each instruction have to agree, for every
//! backend of the build.

use std::collections::HashMap;

use num_bigint::BigUint;
use proptest::{prelude::*, sample::select};
use tandem_coprocessor::{
    Backend, Facts, Fault, Instruction, Instructions, ModularRun, ModularSize, ModularTally, Size,
    primitives::U256,
};
use tandem_evmmax::BACKENDS;

const SETMODX: u8 = 0xc0;
const LOADX: u8 = 0xc1;
const STOREX: u8 = 0xc2;
const ADDMODX: u8 = 0xc3;
const SUBMODX: u8 = 0xc4;
const MULMODX: u8 = 0xc5;

/// An instruction that owns what it brings along.
#[derive(Clone, Debug)]
struct Step {
    op: u8,
    immediates: Vec<u8>,
    /// The top first, as the EIP lists them.
    words: Vec<U256>,
}

impl Step {
    fn of_words(op: u8, words: &[u64]) -> Self {
        let words = words.iter().map(|word| U256::from(*word)).collect();
        Self { op, immediates: Vec::new(), words }
    }

    fn arithmetic(op: u8, immediates: [u8; 7]) -> Self {
        Self { op, immediates: immediates.to_vec(), words: Vec::new() }
    }

    fn run(
        &self,
        frame: &mut dyn Instructions,
        memory: &mut [u8],
        at_once: bool,
    ) -> (Result<Facts, Fault>, Result<U256, Fault>) {
        let words: Vec<_> = self.words.iter().rev().copied().collect();
        let instruction = Instruction { op: self.op, immediates: &self.immediates, words: &words };
        let facts = frame.measure(&instruction, memory);
        if self.op >= ADDMODX && at_once {
            let run = frame.on_registers(&[&[self.op], &*self.immediates].concat(), 1);
            assert_eq!(run.map(|run| size(self.op, &run)), facts.ok().map(|facts| facts.size));
            return (facts, run.map(|_| U256::ZERO).ok_or(Fault::Input));
        }
        (facts, frame.execute(&instruction, memory))
    }
}

/// The size of the one instruction that was done.
fn size(op: u8, run: &ModularRun) -> Size {
    assert_eq!(run.instructions(), 1);
    let tally = run.done[usize::from(op - ADDMODX)];
    assert_eq!(tally.instructions, 1);
    Size::Modular(ModularSize { limbs: run.limbs, count: tally.elements, odd: run.odd })
}

/// A field of the model.
struct Field {
    modulus: BigUint,
    registers: Vec<BigUint>,
}

impl Field {
    fn limbs(&self) -> usize {
        self.modulus.bits().div_ceil(64) as usize
    }

    fn odd(&self) -> bool {
        self.modulus.bit(0)
    }
}

/// The model: what EIP-6690 says, slowly.
#[derive(Default)]
struct Model {
    fields: HashMap<u64, Field>,
    active: Option<u64>,
}

impl Model {
    fn bytes(&self) -> usize {
        self.fields.values().map(|field| 8 * field.limbs() * field.registers.len()).sum()
    }

    fn field(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(&self.active?)
    }

    /// The size of the work, or nothing if the instruction is invalid; `None` inside for a field that
    /// is only activated.
    fn step(&mut self, step: &Step, memory: &mut [u8]) -> Option<Option<ModularSize>> {
        if let (SETMODX, Some(id)) = (step.op, step.words.first())
            && self.fields.contains_key(&u64::try_from(*id).ok()?)
        {
            // The other words do not matter.
            self.active = u64::try_from(*id).ok();
            return Some(None);
        }
        let words: Option<Vec<u64>> =
            step.words.iter().map(|word| u64::try_from(*word).ok()).collect();
        match (step.op, words?.as_slice()) {
            (SETMODX, &[id, offset, size, count]) => self.set(id, offset, size, count, memory),
            (LOADX, &[dest, source, count]) => self.transfer(dest, source, count, memory, true),
            (STOREX, &[dest, source, count]) => self.transfer(source, dest, count, memory, false),
            (op, _) => self.arithmetic(op, &step.immediates),
        }
    }

    fn set(
        &mut self,
        id: u64,
        offset: u64,
        size: u64,
        count: u64,
        memory: &[u8],
    ) -> Option<Option<ModularSize>> {
        if id > 255 {
            return None;
        }
        let end = offset.checked_add(size)?;
        if size > 96 || end > memory.len() as u64 || !(1..=256).contains(&count) {
            return None;
        }
        let modulus = BigUint::from_bytes_be(&memory[offset as usize..end as usize]);
        let power_of_two = modulus.count_ones() == 1;
        if modulus < BigUint::from(3_u8) || !(modulus.bit(0) || power_of_two) {
            return None;
        }
        let field = Field { modulus, registers: vec![BigUint::ZERO; count as usize] };
        let (limbs, odd) = (field.limbs(), field.odd());
        if self.bytes() + 8 * limbs * count as usize > 24_576 {
            return None;
        }
        self.fields.insert(id, field);
        self.active = Some(id);
        Some(Some(ModularSize { limbs: limbs as u8, count: 0, odd }))
    }

    fn transfer(
        &mut self,
        offset: u64,
        first: u64,
        count: u64,
        memory: &mut [u8],
        loads: bool,
    ) -> Option<Option<ModularSize>> {
        let field = self.field()?;
        let (limbs, odd) = (field.limbs() as u8, field.odd());
        let size = ModularSize { limbs, count: count.min(256) as u16, odd };
        if count == 0 {
            let (dest, len) =
                if loads { (offset, memory.len()) } else { (first, field.registers.len()) };
            return (dest <= len as u64).then_some(Some(size));
        }
        let width = 8 * field.limbs();
        let end = offset.checked_add(count.checked_mul(width as u64)?)?;
        if end > memory.len() as u64 || first.checked_add(count)? > field.registers.len() as u64 {
            return None;
        }
        let bytes = memory[offset as usize..end as usize].chunks_mut(width);
        let registers = field.registers[first as usize..].iter_mut();
        for (bytes, register) in bytes.zip(registers) {
            if loads {
                bytes.fill(0);
                let value = register.to_bytes_be();
                bytes[width - value.len()..].copy_from_slice(&value);
            } else {
                let value = BigUint::from_bytes_be(bytes);
                if value >= field.modulus {
                    return None;
                }
                *register = value;
            }
        }
        Some(Some(size))
    }

    fn arithmetic(&mut self, op: u8, immediates: &[u8]) -> Option<Option<ModularSize>> {
        let field = self.field()?;
        let [out, out_stride, x, x_stride, y, y_stride, count] = *immediates.first_chunk::<7>()?;
        if count == 0 || out_stride == 0 {
            return None;
        }
        let at = |first: u8, stride: u8, n: u8| {
            usize::from(first) + usize::from(stride) * usize::from(n)
        };
        let results: Option<Vec<BigUint>> = (0..count)
            .map(|n| {
                let x = field.registers.get(at(x, x_stride, n))?;
                let y = field.registers.get(at(y, y_stride, n))?;
                let m = &field.modulus;
                Some(match op {
                    ADDMODX => (x + y) % m,
                    SUBMODX => (x + m - y) % m,
                    _ => x * y % m,
                })
            })
            .collect();
        if at(out, out_stride, count - 1) >= field.registers.len() {
            return None;
        }
        for (n, result) in results?.into_iter().enumerate() {
            field.registers[at(out, out_stride, n as u8)] = result;
        }
        let (limbs, odd) = (field.limbs() as u8, field.odd());
        Some(Some(ModularSize { limbs, count: count.into(), odd }))
    }
}

/// Runs a program on every backend and on the model, step by step, up to the first failure.
fn check(steps: &[Step], memory: &[u8]) -> Result<(), TestCaseError> {
    for backend in BACKENDS {
        check_on(backend, steps, memory, false)?;
        check_on(backend, steps, memory, true)?;
    }
    Ok(())
}

/// `at_once` is whether arithmetic takes the way of `on_registers`.
fn check_on(
    backend: &Backend,
    steps: &[Step],
    memory: &[u8],
    at_once: bool,
) -> Result<(), TestCaseError> {
    let mut frame = (backend.new)().instructions().expect("EVM-MAX has instructions");
    let mut model = Model::default();
    let (mut memory, mut expected) = (memory.to_vec(), memory.to_vec());
    for step in steps {
        let (facts, result) = step.run(&mut *frame, &mut memory, at_once);
        let Some(size) = model.step(step, &mut expected) else {
            prop_assert_eq!(result, Err(Fault::Input), "{}: {:?}", backend.name, step);
            return Ok(());
        };
        let size = size.map_or(Size::Constant, Size::Modular);
        let register_bytes = model.bytes();
        prop_assert_eq!(facts, Ok(Facts { size, register_bytes }), "{:?}", step);
        prop_assert_eq!(result, Ok(U256::ZERO), "{}: {:?}", backend.name, step);
        prop_assert!(memory == expected, "{}: memory after {:?}", backend.name, step);
    }
    check_registers(backend, &mut *frame, &model)
}

/// All registers of all fields, whatever a program left unread.
fn check_registers(
    backend: &Backend,
    frame: &mut dyn Instructions,
    model: &Model,
) -> Result<(), TestCaseError> {
    for (id, field) in &model.fields {
        let width = 8 * field.limbs();
        let mut all = vec![0; width * field.registers.len()];
        let activate = Step::of_words(SETMODX, &[*id, 0, 0, 0]);
        prop_assert_eq!(activate.run(frame, &mut all, false).1, Ok(U256::ZERO));
        let load = Step::of_words(LOADX, &[0, 0, field.registers.len() as u64]);
        prop_assert_eq!(load.run(frame, &mut all, false).1, Ok(U256::ZERO));
        for (bytes, register) in all.chunks(width).zip(&field.registers) {
            prop_assert_eq!(&BigUint::from_bytes_be(bytes), register, "{}", backend.name);
        }
    }
    Ok(())
}

/// Runs arithmetic in one call on every backend, and on the model up to the first failure.
fn check_run(setup: &[Step], steps: &[Step], memory: &[u8]) -> Result<(), TestCaseError> {
    for backend in BACKENDS {
        let mut frame = (backend.new)().instructions().expect("EVM-MAX has instructions");
        let (mut model, mut memory) = (Model::default(), memory.to_vec());
        for step in setup {
            prop_assert!(step.run(&mut *frame, &mut memory.clone(), false).1.is_ok());
            model.step(step, &mut memory);
        }
        let bytes = |step: &Step| [&[step.op], &*step.immediates].concat();
        // A JUMPDEST behind, and what would be a last instruction if it had all its bytes.
        let code =
            [steps.iter().flat_map(bytes).collect(), vec![0x5b; 8], vec![MULMODX; 7]].concat();
        let nothing = [ModularTally::default(); 3];
        let mut expected = nothing;
        for step in steps {
            let Some(Some(size)) = model.step(step, &mut memory) else { break };
            let tally = &mut expected[usize::from(step.op - ADDMODX)];
            tally.instructions += 1;
            tally.elements += size.count;
        }
        let done = frame.on_registers(&code, usize::MAX).map(|run| run.done);
        prop_assert_eq!(done.unwrap_or(nothing), expected, "{}", backend.name);
        prop_assert_eq!(done.is_some(), expected != nothing, "{}", backend.name);
        check_registers(backend, &mut *frame, &model)?;
    }
    Ok(())
}

/// A modulus of so many limbs, the likely trouble first: full limbs, a bare highest bit.
fn modulus(limbs: usize) -> impl Strategy<Value = Vec<u8>> {
    let bytes = 8 * limbs;
    let odd = prop::collection::vec(any::<u8>(), bytes).prop_map(move |mut bytes| {
        let (first, last) = (0, bytes.len() - 1);
        bytes[last] |= if bytes.len() > 8 { 1 } else { 3 };
        bytes[first] |= u8::from(bytes[..8].iter().all(|byte| *byte == 0));
        bytes
    });
    let full = Just([vec![0xff; bytes - 1], vec![0xf1]].concat());
    let bare = Just([vec![0x80], vec![0; bytes - 2], vec![0x01]].concat());
    let half = Just([vec![0x7f], vec![0xff; bytes - 1]].concat());
    let power = (0..64_usize).prop_map(move |bit| {
        let bit = if bytes == 8 { bit.max(2) } else { bit };
        let mut power = vec![0; bytes];
        power[7 - bit / 8] = 1 << (bit % 8);
        power
    });
    prop_oneof![3 => odd, 1 => full, 1 => bare, 1 => half, 2 => power]
}

/// Memory with a modulus in front and reduced values behind, and the registers to fill with them.
fn field() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, u64)> {
    let limbs = 1..=12_usize;
    let modulus = limbs.prop_flat_map(modulus);
    (modulus, 1..=64_u64, any::<u64>()).prop_map(|(modulus, count, seed)| {
        let (m, width) = (BigUint::from_bytes_be(&modulus), modulus.len());
        let mut memory = modulus.clone();
        for n in 0..count {
            // Zero, the largest, and anything.
            let value = match (n + seed) % 5 {
                0 => BigUint::ZERO,
                1 => &m - 1_u8,
                k => BigUint::from(seed | 1).pow((k * 7 + n) as u32 % 40 + 1) % &m,
            };
            let bytes = value.to_bytes_be();
            memory.extend(vec![0; width - bytes.len()]);
            memory.extend(bytes);
        }
        (modulus, memory, count)
    })
}

/// An arithmetic instruction, mostly within the registers there are.
fn arithmetic(count: u64) -> impl Strategy<Value = Step> {
    let registers = count as u8;
    let run = move || (0..=registers.saturating_sub(1), select(vec![0_u8, 1, 1, 1, 2, 3]));
    (
        select(vec![ADDMODX, SUBMODX, MULMODX]),
        run(),
        run(),
        run(),
        prop_oneof![8 => 1..=registers, 1 => any::<u8>()],
        prop::bool::weighted(0.95),
        prop::bool::weighted(0.3),
    )
        .prop_map(move |(op, out, x, y, wanted, fits, squares)| {
            let y = if squares { x } else { y };
            let out_stride = if fits { out.1.max(1) } else { out.1 };
            // As many elements as the tightest run has.
            let room = |(first, stride): (u8, u8)| match stride {
                0 => u8::MAX,
                stride => (registers - 1 - first) / stride + 1,
            };
            let room = room((out.0, out_stride)).min(room(x)).min(room(y));
            let wanted = if fits { wanted.clamp(1, room) } else { wanted };
            Step::arithmetic(op, [out.0, out_stride, x.0, x.1, y.0, y.1, wanted])
        })
}

fn field_and_arithmetic() -> impl Strategy<Value = ((Vec<u8>, Vec<u8>, u64), Vec<Step>)> {
    field().prop_flat_map(|field| {
        let steps = prop::collection::vec(arithmetic(field.2), 1..40);
        (Just(field), steps)
    })
}

/// A field of so many registers with values behind its modulus.
fn set_up(modulus: &[u8], count: u64) -> Vec<Step> {
    let size = modulus.len() as u64;
    let store = Step::of_words(STOREX, &[0, size, count]);
    vec![Step::of_words(SETMODX, &[7, 0, size, count]), store]
}

fn anything() -> impl Strategy<Value = Step> {
    let number = || {
        prop_oneof![
            4 => (0..5_u64).prop_map(U256::from),
            3 => (0..600_u64).prop_map(U256::from),
            1 => any::<u64>().prop_map(U256::from),
            1 => any::<[u64; 4]>().prop_map(U256::from_limbs),
        ]
    };
    let words = |op: u8, n: usize| {
        prop::collection::vec(number(), n).prop_map(move |words| Step {
            op,
            immediates: Vec::new(),
            words,
        })
    };
    prop_oneof![
        2 => words(SETMODX, 4),
        2 => words(LOADX, 3),
        2 => words(STOREX, 3),
        3 => (select(vec![ADDMODX, SUBMODX, MULMODX]), any::<[u8; 7]>())
            .prop_map(|(op, immediates)| Step::arithmetic(op, immediates.map(|byte| byte % 40))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn programs_in_one_field_do_what_the_model_does(
        ((modulus, memory, count), steps) in field_and_arithmetic(),
    ) {
        let mut program = set_up(&modulus, count);
        program.extend(steps);
        program.push(Step::of_words(LOADX, &[0, 0, count]));
        check(&program, &memory)?;
    }

    #[test]
    fn instructions_at_once_do_what_the_model_does(
        ((modulus, memory, count), steps) in field_and_arithmetic(),
    ) {
        check_run(&set_up(&modulus, count), &steps, &memory)?;
    }

    #[test]
    fn any_program_does_what_the_model_does(
        (modulus, memory, count) in field(),
        steps in prop::collection::vec(anything(), 1..20),
    ) {
        let size = modulus.len() as u64;
        let mut program = vec![Step::of_words(SETMODX, &[1, 0, size, count])];
        program.extend(steps);
        check(&program, &memory)?;
    }

    #[test]
    fn fields_keep_their_registers_while_others_are_active(
        fields in prop::collection::vec(field(), 2..6),
    ) {
        let (mut memory, mut program) = (Vec::new(), Vec::new());
        for (id, (modulus, values, count)) in fields.iter().enumerate() {
            let (start, size) = (memory.len() as u64, modulus.len() as u64);
            memory.extend_from_slice(values);
            program.push(Step::of_words(SETMODX, &[id as u64, start, size, *count]));
            program.push(Step::of_words(STOREX, &[0, start + size, *count]));
        }
        for (id, (_, _, count)) in fields.iter().enumerate() {
            program.push(Step::of_words(SETMODX, &[id as u64, u64::MAX, 0, 0]));
            program.push(Step::arithmetic(MULMODX, [0, 1, 0, 1, 0, 0, *count as u8]));
        }
        check(&program, &memory)?;
    }
}
