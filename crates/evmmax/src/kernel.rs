//! The arithmetic in plain Rust, for each number of limbs from 1 to 12: Montgomery's for odd moduli,
//! masks for powers of two. Which registers an arithmetic instruction may name is checked here, where they
//! are read, as `operands` has it; the other rules are in `registers`.

use alloc::{vec, vec::Vec};

use tandem_coprocessor::ModularSize;

use crate::{
    modulus::Modulus,
    operands::{Highest, Operands},
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
}

impl File {
    /// From 1 to 256 registers, all zero.
    pub(crate) fn new(modulus: Modulus, count: usize) -> Self {
        let registers = vec![0; count * modulus.len];
        Self { registers, spare: Vec::new(), modulus, highest: Highest::of(count) }
    }

    /// The size of an instruction on so many of the registers.
    #[inline(always)]
    pub(crate) fn size(&self, count: u16) -> ModularSize {
        ModularSize { limbs: self.modulus.len as u8, count, odd: self.modulus.odd }
    }
}

/// An arithmetic instruction. Tells its size, so that its call is the last thing asked of the kernel, and
/// nothing if there are no such registers.
pub(crate) type Arithmetic = fn(&mut File, Operands) -> Option<ModularSize>;

/// The arithmetic in the order of the opcodes: addition, subtraction, multiplication.
pub(crate) type Three = [Arithmetic; 3];

/// The instructions for one modulus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernels {
    pub(crate) prepare: fn(&mut Modulus),
    /// For a count of 1.
    pub(crate) one: Three,
    /// For a count below [`MANY`].
    pub(crate) few: Three,
    /// For any other count.
    pub(crate) many: Three,
    /// Writes registers, from one on, to memory.
    pub(crate) load: fn(&File, usize, &mut [u8]),
    /// Reads registers, from one on, from memory; false if a value is not reduced. They exist, as above.
    pub(crate) store: fn(&mut File, usize, &[u8]) -> bool,
}

/// Kernels in plain Rust.
pub(crate) fn portable(modulus: &Modulus) -> Kernels {
    let spare_bit = modulus.bits() < 64 * modulus.len;
    match (modulus.odd, spare_bit) {
        (true, true) => by_limbs::<Odd<true>>(modulus.len),
        (true, false) => by_limbs::<Odd<false>>(modulus.len),
        (false, _) => by_limbs::<PowerOfTwo>(modulus.len),
    }
}

/// The multiplication alone, for an odd modulus; to be inlined into functions that may use more of the
/// processor.
#[cfg(feature = "native")]
#[inline(always)]
pub(crate) fn multiply_odd<const N: usize, const SPARE: bool, const ONE: bool>(
    file: &mut File,
    operands: Operands,
) -> Option<ModularSize> {
    if ONE {
        one::<Odd<SPARE>, MULTIPLY, N>(file, operands)
    } else {
        many::<Odd<SPARE>, MULTIPLY, N>(file, operands)
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
    let many: Three = [many::<K, ADD, N>, many::<K, SUBTRACT, N>, many::<K, MULTIPLY, N>];
    Kernels {
        prepare: K::prepare::<N>,
        one: [one::<K, ADD, N>, one::<K, SUBTRACT, N>, one::<K, MULTIPLY, N>],
        few: many,
        many,
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

// The places of operations among the [`Three`].
const ADD: usize = 0;
const SUBTRACT: usize = 1;
pub(crate) const MULTIPLY: usize = 2;

/// An operation on one pair of inputs. By number and not as a function, since a function given as one was
/// called for each element.
#[inline(always)]
fn one<K: Kind, const OPERATION: usize, const N: usize>(
    file: &mut File,
    operands: Operands,
) -> Option<ModularSize> {
    let f = |x: &_, y: &_, m: &_| apply::<K, OPERATION, N>(x, y, m);
    if K::ODD { pair::<N, true>(file, operands, f) } else { pair::<N, false>(file, operands, f) }
}

/// The same on each pair of inputs.
#[inline(always)]
fn many<K: Kind, const OPERATION: usize, const N: usize>(
    file: &mut File,
    operands: Operands,
) -> Option<ModularSize> {
    let f = |x: &_, y: &_, m: &_| apply::<K, OPERATION, N>(x, y, m);
    if K::ODD { pairs::<N, true>(file, operands, f) } else { pairs::<N, false>(file, operands, f) }
}

/// Applies `f` to one pair of inputs.
#[inline(always)]
pub(crate) fn pair<const N: usize, const ODD: bool>(
    file: &mut File,
    operands: Operands,
    f: impl Fn(&[u64; N], &[u64; N], &Modulus) -> [u64; N],
) -> Option<ModularSize> {
    let (out, x, y) = (operands.out(), operands.x().first, operands.y().first);
    let registers = file.registers.as_chunks_mut::<N>().0;
    let len = registers.len();
    if out.stride == 0 || out.first >= len || x >= len || y >= len {
        return None;
    }
    registers[out.first] = f(&registers[x], &registers[y], &file.modulus);
    const { Some(ModularSize { limbs: N as u8, count: 1, odd: ODD }) }
}

/// Applies `f` to each pair of inputs.
#[inline(always)]
pub(crate) fn pairs<const N: usize, const ODD: bool>(
    file: &mut File,
    operands: Operands,
    f: impl Fn(&[u64; N], &[u64; N], &Modulus) -> [u64; N],
) -> Option<ModularSize> {
    if !operands.are_valid(file.highest) {
        return None;
    }
    if operands.in_place() {
        let registers = file.registers.as_chunks_mut::<N>().0;
        // SAFETY: the operands are valid for these registers.
        #[cfg(feature = "native")]
        unsafe {
            each(registers, operands, |x, y| f(x, y, &file.modulus));
        }
        #[cfg(not(feature = "native"))]
        each(registers, operands, |x, y| f(x, y, &file.modulus));
    } else {
        by_way_of_spare(file, operands, f);
    }
    Some(ModularSize { limbs: N as u8, count: operands.count() as u16, odd: ODD })
}

/// Writes `f` of each pair of inputs as it comes.
#[cfg(not(feature = "native"))]
#[inline(always)]
fn each<const N: usize>(
    registers: &mut [[u64; N]],
    operands: Operands,
    f: impl Fn(&[u64; N], &[u64; N]) -> [u64; N],
) {
    let (out, x, y) = (operands.out(), operands.x(), operands.y());
    for n in 0..operands.count() {
        registers[out.at(n)] = f(&registers[x.at(n)], &registers[y.at(n)]);
    }
}

/// Writes `f` of each pair of inputs as it comes. Without checks, which an addition took a fourth longer
/// with.
///
/// # Safety
/// The operands are valid for so many registers.
#[cfg(feature = "native")]
#[inline(always)]
unsafe fn each<const N: usize>(
    registers: &mut [[u64; N]],
    operands: Operands,
    f: impl Fn(&[u64; N], &[u64; N]) -> [u64; N],
) {
    let (runs, first) = ([operands.out(), operands.x(), operands.y()], registers.as_mut_ptr());
    let last = operands.count() - 1;
    debug_assert!(runs.iter().all(|run| run.at(last) < registers.len()), "valid operands");
    let [out, x, y] = runs;
    let [mut to, mut left, mut right] = runs.map(|run| first.wrapping_add(run.first));
    for _ in 0..operands.count() {
        // SAFETY: these are registers, none above the last one of its run; what is read is no longer
        // borrowed when the result is written.
        unsafe { *to = f(&*left, &*right) };
        to = to.wrapping_add(out.stride);
        left = left.wrapping_add(x.stride);
        right = right.wrapping_add(y.stride);
    }
}

/// The same where results wait until all inputs are read.
#[cold]
#[inline(never)]
fn by_way_of_spare<const N: usize>(
    file: &mut File,
    operands: Operands,
    f: impl Fn(&[u64; N], &[u64; N], &Modulus) -> [u64; N],
) {
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

#[inline(always)]
fn apply<K: Kind, const OPERATION: usize, const N: usize>(
    x: &[u64; N],
    y: &[u64; N],
    modulus: &Modulus,
) -> [u64; N] {
    match OPERATION {
        ADD => K::add(x, y, modulus),
        SUBTRACT => K::subtract(x, y, modulus),
        _ => K::multiply(x, y, modulus),
    }
}

/// What kinds of modulus differ in. Elements are reduced, and in the kind's own form.
trait Kind {
    /// Whether the moduli are odd.
    const ODD: bool;

    fn prepare<const N: usize>(modulus: &mut Modulus);
    fn add<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N];
    fn subtract<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N];
    fn multiply<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N];
    fn encode<const N: usize>(value: &[u64; N], modulus: &Modulus) -> [u64; N];
    fn decode<const N: usize>(register: &[u64; N], modulus: &Modulus) -> [u64; N];
}

/// Odd moduli, elements in Montgomery form. With `SPARE` the modulus leaves its highest bit free, and
/// sums do not carry out of the highest limb.
struct Odd<const SPARE: bool>;

impl<const SPARE: bool> Kind for Odd<SPARE> {
    const ODD: bool = true;

    fn prepare<const N: usize>(modulus: &mut Modulus) {
        modulus.prepare::<N>();
    }

    #[inline(always)]
    fn add<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        let (total, carry) = sum(x, y);
        reduce(&total, if SPARE { 0 } else { carry.into() }, modulus.first())
    }

    #[inline(always)]
    fn subtract<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        subtract_modulo(x, y, modulus.first())
    }

    #[inline(always)]
    fn multiply<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        if SPARE {
            montgomery_spare(x, y, modulus.first(), modulus.inverse)
        } else {
            montgomery(x, y, modulus.first(), modulus.inverse)
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
        Self::multiply(register, &one, modulus)
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
    const ODD: bool = false;

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

/// The same for a modulus whose highest bit is free: the carries of both halves then fit a limb.
#[inline(always)]
fn montgomery_spare<const N: usize>(
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
    reduce(&t, 0, m)
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
fn sum<const N: usize>(x: &[u64; N], y: &[u64; N]) -> ([u64; N], u8) {
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
