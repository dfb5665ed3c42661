//! The arithmetic in plain Rust, for each number of limbs from 1 to 12: Montgomery's for odd moduli,
//! masks for powers of two. Which registers an instruction may name is decided in `registers`.

use crate::modulus::Modulus;

/// So many registers from a first one on, at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: usize,
    pub(crate) stride: usize,
}

impl Run {
    /// The `n`th register of the run.
    #[inline(always)]
    pub(crate) fn at(self, n: usize) -> usize {
        self.first + n * self.stride
    }

    /// Whether the run, written from its first register on, leaves `read` as it was up to where each
    /// was read: no element is written before a later one is read.
    fn may_follow(self, read: Self, count: usize) -> bool {
        let last = count - 1;
        (self.stride == read.stride && self.first <= read.first)
            || self.at(last) < read.first
            || read.at(last) < self.first
    }
}

/// The registers that an arithmetic instruction names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operands {
    pub(crate) out: Run,
    pub(crate) x: Run,
    pub(crate) y: Run,
    pub(crate) count: usize,
}

impl Operands {
    /// Whether results may be written as they come. All inputs are to be read before any output is
    /// written (EIP-6690); otherwise results go by way of spare registers.
    pub(crate) fn in_place(&self) -> bool {
        self.out.may_follow(self.x, self.count) && self.out.may_follow(self.y, self.count)
    }
}

/// A field's registers, and as many spare ones.
pub(crate) struct File<'a> {
    pub(crate) registers: &'a mut [u64],
    pub(crate) spare: &'a mut [u64],
    pub(crate) modulus: &'a Modulus,
}

/// From so many elements on a kernel for several may be the faster one.
pub(crate) const SEVERAL: usize = 5;

/// The instructions for one modulus. The registers that they are given to work on exist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernels {
    pub(crate) prepare: fn(&mut Modulus),
    pub(crate) add: fn(File<'_>, &Operands),
    pub(crate) subtract: fn(File<'_>, &Operands),
    pub(crate) multiply: fn(File<'_>, &Operands),
    /// The same, for [`SEVERAL`] elements and more.
    pub(crate) several: fn(File<'_>, &Operands),
    /// Writes registers, from the first of the file on, to memory.
    pub(crate) load: fn(File<'_>, &mut [u8]),
    /// Reads registers, from the first of the file on, from memory; false if a value is not reduced.
    pub(crate) store: fn(File<'_>, &[u8]) -> bool,
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

/// The multiplication alone, for an odd modulus; to be inlined into a function that may use more of the
/// processor.
#[cfg(feature = "native")]
#[inline(always)]
pub(crate) fn multiply_odd<const N: usize, const SPARE: bool>(file: File<'_>, operands: &Operands) {
    each::<Odd<SPARE>, MULTIPLY, N>(file, operands);
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
        add: each::<K, ADD, N>,
        subtract: each::<K, SUBTRACT, N>,
        multiply: each::<K, MULTIPLY, N>,
        several: each::<K, MULTIPLY, N>,
        load: |file, memory| {
            let registers = file.registers.as_chunks::<N>().0;
            for (register, bytes) in registers.iter().zip(memory.chunks_exact_mut(8 * N)) {
                let value = K::decode(register, file.modulus);
                for (limb, bytes) in value.iter().rev().zip(bytes.as_chunks_mut::<8>().0) {
                    *bytes = limb.to_be_bytes();
                }
            }
        },
        store: |file, memory| {
            let registers = file.registers.as_chunks_mut::<N>().0;
            for (register, bytes) in registers.iter_mut().zip(memory.chunks_exact(8 * N)) {
                let mut value = [0; N];
                for (limb, bytes) in value.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
                    *limb = u64::from_be_bytes(*bytes);
                }
                if subtract(&value, file.modulus.first()).1 == 0 {
                    return false;
                }
                *register = K::encode(&value, file.modulus);
            }
            true
        },
    }
}

const ADD: u8 = 0;
const SUBTRACT: u8 = 1;
const MULTIPLY: u8 = 2;

/// Applies an operation to each pair of inputs. By number and not as a function, since a function given
/// as one was called for each element.
#[inline(always)]
fn each<K: Kind, const OPERATION: u8, const N: usize>(file: File<'_>, operands: &Operands) {
    let modulus = file.modulus;
    pairs(file, operands, |x, y| apply::<K, OPERATION, N>(x, y, modulus));
}

/// Applies `f` to each pair of inputs.
#[inline(always)]
pub(crate) fn pairs<const N: usize>(
    file: File<'_>,
    operands: &Operands,
    f: impl Fn(&[u64; N], &[u64; N]) -> [u64; N],
) {
    let Operands { out, x, y, count } = *operands;
    let registers = file.registers.as_chunks_mut::<N>().0;
    if count == 1 {
        registers[out.first] = f(&registers[x.first], &registers[y.first]);
        return;
    }
    if operands.in_place() {
        for n in 0..count {
            registers[out.at(n)] = f(&registers[x.at(n)], &registers[y.at(n)]);
        }
        return;
    }
    let spare = &mut file.spare.as_chunks_mut::<N>().0[..count];
    for (n, result) in spare.iter_mut().enumerate() {
        *result = f(&registers[x.at(n)], &registers[y.at(n)]);
    }
    for (n, result) in spare.iter().enumerate() {
        registers[out.at(n)] = *result;
    }
}

#[inline(always)]
fn apply<K: Kind, const OPERATION: u8, const N: usize>(
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
    fn prepare<const N: usize>(modulus: &mut Modulus) {
        modulus.prepare::<N>();
    }

    #[inline(always)]
    fn add<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        add(x, y, modulus.first())
    }

    #[inline(always)]
    fn subtract<const N: usize>(x: &[u64; N], y: &[u64; N], modulus: &Modulus) -> [u64; N] {
        let (difference, borrow) = subtract(x, y);
        let m = modulus.first::<N>();
        let mut addend = *m;
        for limb in &mut addend {
            *limb &= borrow.wrapping_neg();
        }
        sum(&difference, &addend).0
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
    reduce(&total, carry, m)
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

/// Subtracts m once if `value`, with `carry` above it, is not below it.
#[inline(always)]
fn reduce<const N: usize>(value: &[u64; N], carry: u64, m: &[u64; N]) -> [u64; N] {
    let (mut reduced, borrow) = subtract(value, m);
    let keep = (borrow & !carry & 1).wrapping_neg();
    for n in 0..N {
        reduced[n] = (reduced[n] & !keep) | (value[n] & keep);
    }
    reduced
}

/// x + y, and the carry.
#[inline(always)]
fn sum<const N: usize>(x: &[u64; N], y: &[u64; N]) -> ([u64; N], u64) {
    let (mut total, mut carry) = ([0; N], 0);
    for n in 0..N {
        (total[n], carry) = carrying_add(x[n], y[n], carry);
    }
    (total, carry)
}

/// x - y, and the borrow.
#[inline(always)]
fn subtract<const N: usize>(x: &[u64; N], y: &[u64; N]) -> ([u64; N], u64) {
    let (mut difference, mut borrow) = ([0; N], false);
    for n in 0..N {
        let (limb, a) = x[n].overflowing_sub(y[n]);
        let (limb, b) = limb.overflowing_sub(u64::from(borrow));
        (difference[n], borrow) = (limb, a | b);
    }
    (difference, u64::from(borrow))
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
