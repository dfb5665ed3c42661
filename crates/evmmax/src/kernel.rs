//! The arithmetic in plain Rust, for each number of limbs from 1 to 12: Montgomery's for odd moduli,
//! masks for powers of two. Instructions that stand one behind another are executed in one go: called one by
//! one, an addition took twice as long. Which registers they may name is checked here, where they are read, as
//! `operands` has it; the other rules are in `registers`.

use alloc::{vec, vec::Vec};
use core::mem::replace;

use tandem_coprocessor::{ModularSize, ModularTally};

use crate::{
    modulus::Modulus,
    op,
    operands::{Highest, MANY, Operands},
};

/// A field's registers with its modulus.
#[derive(Debug)]
pub(crate) struct File {
    /// One after the other, always as many.
    pub(crate) registers: Vec<u64>,
    /// Where results wait if they may not be written at once; as long as that took so far.
    pub(crate) spare: Vec<u64>,
    pub(crate) modulus: Modulus,
    pub(crate) highest: Highest,
    /// The multiplication of at least [`MANY`] elements, if it is another one.
    pub(crate) multiply_many: Option<fn(&mut Self, Operands)>,
}

impl File {
    /// From 1 to 256 registers, all zero.
    pub(crate) fn new(modulus: Modulus, count: usize, kernels: &Kernels) -> Self {
        Self {
            registers: vec![0; count * modulus.len],
            spare: Vec::new(),
            modulus,
            highest: Highest::of(count),
            multiply_many: kernels.multiply_many,
        }
    }

    /// The size of an instruction on so many of the registers.
    #[inline(always)]
    pub(crate) fn size(&self, count: u16) -> ModularSize {
        ModularSize { limbs: self.modulus.len as u8, count, odd: self.modulus.odd }
    }
}

/// An arithmetic instruction as the code has it: the opcode and seven immediates.
pub(crate) type Arithmetic = [u8; 8];

/// Done by opcode, from ADDMODX on.
pub(crate) type Tallies = [ModularTally; 3];

/// The instructions for one modulus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernels {
    pub(crate) prepare: fn(&mut Modulus),
    /// Does instructions one after the other, up to the first that is none of these or not valid.
    pub(crate) arithmetic: fn(&mut File, &[Arithmetic]) -> Tallies,
    /// As in [`File`].
    pub(crate) multiply_many: Option<fn(&mut File, Operands)>,
    /// Writes registers, from one on, to memory.
    pub(crate) load: fn(&File, usize, &mut [u8]),
    /// Reads registers, from one on, from memory; false if a value is not reduced. They exist, as above.
    pub(crate) store: fn(&mut File, usize, &[u8]) -> bool,
}

/// Kernels in plain Rust.
pub(crate) fn portable(modulus: &Modulus) -> Kernels {
    match (modulus.odd, modulus.free_bits()) {
        (true, 0) => by_limbs::<Odd<0>>(modulus.len),
        (true, 1) => by_limbs::<Odd<1>>(modulus.len),
        (true, _) => by_limbs::<Odd<2>>(modulus.len),
        (false, _) => by_limbs::<PowerOfTwo>(modulus.len),
    }
}

fn by_limbs<K: Kind>(limbs: usize) -> Kernels {
    match limbs {
        1 => kernels::<K, 1>(),
        2 => kernels::<K, 2>(),
        3 => kernels::<K, 3>(),
        4 => kernels::<K, 4>(),
        5 => kernels::<K, 5>(),
        6 => kernels::<K, 6>(),
        7 => kernels::<K, 7>(),
        8 => kernels::<K, 8>(),
        9 => kernels::<K, 9>(),
        10 => kernels::<K, 10>(),
        11 => kernels::<K, 11>(),
        _ => kernels::<K, 12>(),
    }
}

fn kernels<K: Kind, const N: usize>() -> Kernels {
    Kernels {
        prepare: K::prepare::<N>,
        arithmetic: arithmetic_of::<K, N>,
        multiply_many: None,
        load: |file, first, memory| {
            let registers = file.registers.as_chunks::<N>().0.iter().skip(first);
            for (register, bytes) in registers.zip(memory.chunks_exact_mut(8 * N)) {
                let value = K::decode(register, &file.modulus);
                for (limb, bytes) in value.iter().rev().zip(bytes.as_chunks_mut::<8>().0) {
                    *bytes = limb.to_be_bytes();
                }
            }
        },
        store: |file, first, memory| {
            let registers = file.registers.as_chunks_mut::<N>().0.iter_mut().skip(first);
            for (register, bytes) in registers.zip(memory.chunks_exact(8 * N)) {
                let mut value = [0; N];
                for (limb, bytes) in value.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
                    *limb = u64::from_be_bytes(*bytes);
                }
                if subtract(&value, file.modulus.first()).1 == 0 {
                    return false;
                }
                *register = K::encode(&value, &file.modulus);
            }
            true
        },
    }
}

/// Does the instructions with the kind's own multiplication.
#[inline(always)]
pub(crate) fn arithmetic_of<K: Kind, const N: usize>(
    file: &mut File,
    instructions: &[Arithmetic],
) -> Tallies {
    let multiply = |file: &mut File, operands| pairs::<N>(file, operands, K::multiply);
    arithmetic::<K, N>(file, instructions, multiply, multiply)
}

/// Does the instructions, with multiplications of valid operands whose results may be written as they come: of two
/// runs, and of one with itself.
#[inline(always)]
pub(crate) fn arithmetic<K: Kind, const N: usize>(
    file: &mut File,
    instructions: &[Arithmetic],
    multiply: impl Fn(&mut File, Operands),
    square: impl Fn(&mut File, Operands),
) -> Tallies {
    let mut tallies = Tallies::default();
    let read = |n| instructions.get(n).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mut next = read(0);
    for n in 1..=instructions.len() {
        // Read before the one in front of it is executed, which so hides what reading takes.
        let (byte, operands) = Operands::of(replace(&mut next, read(n)));
        // Compiled for a count of 1 as well, where a run is no more than a register: 6 % of BN254's multiplication.
        let done = if operands.count() == 1 {
            step::<K, N>(file, byte, operands.with_count_1(), &multiply, &square)
        } else {
            step::<K, N>(file, byte, operands, &multiply, &square)
        };
        if !done {
            break;
        }
        let tally = &mut tallies[usize::from(byte.wrapping_sub(op::ADDMODX)) % 3];
        tally.instructions += 1;
        tally.elements += operands.count() as u16;
    }
    tallies
}

/// Does an instruction, if it is one of these and valid.
#[inline(always)]
fn step<K: Kind, const N: usize>(
    file: &mut File,
    byte: u8,
    operands: Operands,
    multiply: impl Fn(&mut File, Operands),
    square: impl Fn(&mut File, Operands),
) -> bool {
    if !operands.are_valid(file.highest) {
        return false;
    }
    let is_many = byte == op::MULMODX && operands.count() >= MANY;
    if is_many && let Some(many) = file.multiply_many {
        many(file, operands);
        return true;
    }
    match byte {
        op::ADDMODX..=op::MULMODX if !operands.in_place() => apart::<K, N>(byte, file, operands),
        op::MULMODX if operands.has_one_input() => square(file, operands),
        op::MULMODX => multiply(file, operands),
        op::ADDMODX => pairs::<N>(file, operands, K::add),
        op::SUBMODX => pairs::<N>(file, operands, K::subtract),
        _ => return false,
    }
    true
}

/// Applies `f` to each pair of inputs of valid operands and writes the results as they come.
#[inline(always)]
fn pairs<const N: usize>(
    file: &mut File,
    operands: Operands,
    f: impl Fn(&[u64; N], &[u64; N], &Modulus) -> [u64; N],
) {
    let File { registers, modulus, .. } = file;
    #[cfg(feature = "native")]
    // SAFETY: the operands are valid, so `each` gives registers; what is read is no longer borrowed when the
    // result is written.
    each::<N>(registers, operands, |out, x, y| unsafe { *out = f(&*x, &*y, modulus) });
    #[cfg(not(feature = "native"))]
    {
        let registers = registers.as_chunks_mut::<N>().0;
        let (out, x, y) = (operands.out(), operands.x(), operands.y());
        for n in 0..operands.count() {
            registers[out.at(n)] = f(&registers[x.at(n)], &registers[y.at(n)], modulus);
        }
    }
}

/// Hands on where the result and the inputs of each element are. Without checks, which an addition took a fourth
/// longer with: the operands have to be valid for these registers of `N` limbs.
#[cfg(feature = "native")]
#[inline(always)]
pub(crate) fn each<const N: usize>(
    registers: &mut [u64],
    operands: Operands,
    f: impl Fn(*mut [u64; N], *const [u64; N], *const [u64; N]),
) {
    let (runs, first) = ([operands.out(), operands.x(), operands.y()], registers.as_mut_ptr());
    let (last, registers) = (operands.count() - 1, registers.len() / N);
    debug_assert!(runs.iter().all(|run| run.at(last) < registers), "valid operands");
    let first = first.cast::<[u64; N]>();
    let [out, x, y] = runs;
    if operands.count() == 1 {
        let [to, left, right] = runs.map(|run| first.wrapping_add(run.first));
        return f(to, left, right);
    }
    let [mut to, mut left, mut right] = runs.map(|run| first.wrapping_add(run.first));
    for _ in 0..operands.count() {
        f(to, left, right);
        to = to.wrapping_add(out.stride);
        left = left.wrapping_add(x.stride);
        right = right.wrapping_add(y.stride);
    }
}

/// An instruction whose results wait until all inputs are read.
#[cold]
#[inline(never)]
fn apart<K: Kind, const N: usize>(byte: u8, file: &mut File, operands: Operands) {
    let f = match byte {
        op::ADDMODX => K::add,
        op::SUBMODX => K::subtract,
        _ => K::multiply::<N>,
    };
    let (out, x, y, count) = (operands.out(), operands.x(), operands.y(), operands.count());
    let File { registers, spare, modulus, .. } = file;
    let registers = registers.as_chunks_mut::<N>().0;
    let spare = room(spare, count);
    for (n, result) in spare.iter_mut().enumerate() {
        *result = f(&registers[x.at(n)], &registers[y.at(n)], modulus);
    }
    for (n, result) in spare.iter().enumerate() {
        registers[out.at(n)] = *result;
    }
}

/// Room for so many elements among the spare registers.
pub(crate) fn room<const N: usize>(spare: &mut Vec<u64>, count: usize) -> &mut [[u64; N]] {
    spare.resize(spare.len().max(N * count), 0);
    &mut spare.as_chunks_mut().0[..count]
}

/// What kinds of modulus differ in. Elements are in the kind's own form.
pub(crate) trait Kind {
    fn prepare<const N: usize>(modulus: &mut Modulus);
    fn add<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N];
    fn subtract<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N];
    fn multiply<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N];
    fn encode<const N: usize>(value: &[u64; N], modulus: &Modulus) -> [u64; N];
    fn decode<const N: usize>(register: &[u64; N], modulus: &Modulus) -> [u64; N];
}

/// Odd moduli m, elements in Montgomery form. `FREE` is how many of the highest bits a modulus leaves free. With
/// one, sums do not carry out of the highest limb. With two, elements are kept below 2 m instead of m: a product of
/// such is below 2 m before anything is subtracted from it, since x y / R < 4 m^2 / R < m.
pub(crate) struct Odd<const FREE: u32>;

impl<const FREE: u32> Kind for Odd<FREE> {
    fn prepare<const N: usize>(modulus: &mut Modulus) {
        modulus.prepare::<N>();
    }

    #[inline(always)]
    fn add<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        let (total, carry) = sum(x, y);
        reduce(&total, if FREE > 0 { 0 } else { carry.into() }, modulus.bound())
    }

    #[inline(always)]
    fn subtract<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        subtract_modulo(x, y, modulus.bound())
    }

    #[inline(always)]
    fn multiply<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        let (m, inverse) = (modulus.first(), modulus.inverse);
        match FREE {
            0 => montgomery(x, y, m, inverse),
            1 => reduce(&montgomery_unreduced(x, y, m, inverse), 0, m),
            _ => montgomery_unreduced(x, y, m, inverse),
        }
    }

    #[inline(always)]
    fn encode<const N: usize>(value: &[u64; N], modulus: &Modulus) -> [u64; N] {
        let square = modulus.square.first_chunk().expect("as many limbs as the modulus");
        Self::multiply(value, square, modulus)
    }

    #[inline(always)]
    fn decode<const N: usize>(register: &[u64; N], modulus: &Modulus) -> [u64; N] {
        let mut one = [0; N];
        one[0] = 1;
        // Below 2 m / R + m, hence at most m.
        reduce(&Self::multiply(register, &one, modulus), 0, modulus.first())
    }
}

/// Powers of two, elements as they are.
struct PowerOfTwo;

impl PowerOfTwo {
    /// Clears the bits from the modulus's only one on.
    #[inline(always)]
    fn reduce<const N: usize>(mut value: [u64; N], modulus: &Modulus) -> [u64; N] {
        value[N - 1] &= modulus.first::<N>()[N - 1] - 1;
        value
    }
}

impl Kind for PowerOfTwo {
    fn prepare<const N: usize>(_modulus: &mut Modulus) {}

    #[inline(always)]
    fn add<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        Self::reduce(sum(x, y).0, modulus)
    }

    #[inline(always)]
    fn subtract<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        Self::reduce(subtract(x, y).0, modulus)
    }

    #[inline(always)]
    fn multiply<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        let mut product = [0; N];
        for i in 0..N {
            let mut carry = 0;
            for j in 0..N - i {
                (product[i + j], carry) = multiply_add(product[i + j], x[j], y[i], carry);
            }
        }
        Self::reduce(product, modulus)
    }

    #[inline(always)]
    fn encode<const N: usize>(value: &[u64; N], _modulus: &Modulus) -> [u64; N] {
        *value
    }

    #[inline(always)]
    fn decode<const N: usize>(register: &[u64; N], _modulus: &Modulus) -> [u64; N] {
        *register
    }
}

/// x + y modulo m, of reduced elements.
#[inline(always)]
pub(crate) fn add<const N: usize>(x: &[u64; N], y: &[u64; N], m: &[u64; N]) -> [u64; N] {
    let (total, carry) = sum(x, y);
    reduce(&total, carry.into(), m)
}

/// x y / R modulo m, of reduced elements (Montgomery's product, one limb of y at a time).
#[inline(always)]
pub(crate) fn montgomery<const N: usize>(
    x: &[u64; N],
    y: &[u64; N],
    m: &[u64; N],
    inverse: u64,
) -> [u64; N] {
    let (mut t, mut top) = ([0; N], 0);
    // Plain indices throughout: what iterators are made of is not always inlined.
    for &y in y {
        let mut carry = 0;
        for n in 0..N {
            (t[n], carry) = multiply_add(t[n], x[n], y, carry);
        }
        let (high, over) = carrying_add(top, carry, 0);
        let k = t[0].wrapping_mul(inverse);
        (_, carry) = multiply_add(t[0], k, m[0], 0);
        for n in 1..N {
            (t[n - 1], carry) = multiply_add(t[n], k, m[n], carry);
        }
        (t[N - 1], carry) = carrying_add(high, carry, 0);
        top = over + carry;
    }
    reduce(&t, top, m)
}

/// The same, plus the modulus at times, for one whose highest bit is free: the carries of both halves then fit a limb.
#[inline(always)]
fn montgomery_unreduced<const N: usize>(
    x: &[u64; N],
    y: &[u64; N],
    m: &[u64; N],
    inverse: u64,
) -> [u64; N] {
    let mut t = [0; N];
    for &y in y {
        let (low, mut carry) = multiply_add(t[0], x[0], y, 0);
        let k = low.wrapping_mul(inverse);
        let (_, mut reduction) = multiply_add(low, k, m[0], 0);
        for n in 1..N {
            let limb;
            (limb, carry) = multiply_add(t[n], x[n], y, carry);
            (t[n - 1], reduction) = multiply_add(limb, k, m[n], reduction);
        }
        t[N - 1] = carry + reduction;
    }
    t
}

/// Subtracts m once if `value`, below 2 m and with `top` above it, is not below m.
#[inline(always)]
fn reduce<const N: usize>(value: &[u64; N], top: u64, m: &[u64; N]) -> [u64; N] {
    let (reduced, borrow) = subtract(value, m);
    add_masked(&reduced, m, subtract_limb(top, 0, borrow).0)
}

/// x - y, and m if that is negative.
#[inline(always)]
fn subtract_modulo<const N: usize>(x: &[u64; N], y: &[u64; N], m: &[u64; N]) -> [u64; N] {
    let (difference, borrow) = subtract(x, y);
    add_masked(&difference, m, subtract_limb(0, 0, borrow).0)
}

/// `value`, and m if all bits of the mask are set, without what that carries.
#[inline(always)]
fn add_masked<const N: usize>(value: &[u64; N], m: &[u64; N], mask: u64) -> [u64; N] {
    let mut addend = *m;
    for limb in &mut addend {
        *limb &= mask;
    }
    sum(value, &addend).0
}

/// x + y, and the carry.
#[inline(always)]
pub(crate) fn sum<const N: usize>(x: &[u64; N], y: &[u64; N]) -> ([u64; N], u8) {
    let (mut total, mut carry) = ([0; N], 0);
    for n in 0..N {
        (total[n], carry) = add_limb(x[n], y[n], carry);
    }
    (total, carry)
}

/// x - y, and the borrow.
#[inline(always)]
fn subtract<const N: usize>(x: &[u64; N], y: &[u64; N]) -> ([u64; N], u8) {
    let (mut difference, mut borrow) = ([0; N], 0);
    for n in 0..N {
        (difference[n], borrow) = subtract_limb(x[n], y[n], borrow);
    }
    (difference, borrow)
}

/// a + b + carry, and the carry. By the processor's own instruction where there is one, here and below: what
/// compilers see through they make comparisons and branches of, which nothing can predict.
#[inline(always)]
fn add_limb(a: u64, b: u64, carry: u8) -> (u64, u8) {
    #[cfg(target_arch = "x86_64")]
    {
        let mut limb = 0;
        let carry = core::arch::x86_64::_addcarry_u64(carry, a, b, &mut limb);
        (limb, carry)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let (limb, carry) = a.carrying_add(b, carry != 0);
        (limb, carry.into())
    }
}

/// a - b - borrow, and the borrow.
#[inline(always)]
fn subtract_limb(a: u64, b: u64, borrow: u8) -> (u64, u8) {
    #[cfg(target_arch = "x86_64")]
    {
        let mut limb = 0;
        let borrow = core::arch::x86_64::_subborrow_u64(borrow, a, b, &mut limb);
        (limb, borrow)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let (limb, borrow) = a.borrowing_sub(b, borrow != 0);
        (limb, borrow.into())
    }
}

#[inline(always)]
fn carrying_add(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let total = u128::from(a) + u128::from(b) + u128::from(carry);
    (total as u64, (total >> 64) as u64)
}

/// a + b c + carry, low and high limb.
#[inline(always)]
fn multiply_add(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
    let total = u128::from(a) + u128::from(b) * u128::from(c) + u128::from(carry);
    (total as u64, (total >> 64) as u64)
}
