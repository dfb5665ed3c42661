//! Pure work on bytes: the trait, its operations, and the facts about a request that a price list
//! needs. Nothing but the bytes matters, so a result may be cached, batched or computed elsewhere.

use alloc::{boxed::Box, sync::Arc};
use core::fmt::Debug;

use crate::{Fault, Instructions, Unit};

/// A pure operation. The byte formats are those of the opcode or precompile named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// KECCAK256 of the input; 32 bytes out.
    Keccak256,
    /// SHA-256 of the input; 32 bytes out (precompile 0x02).
    Sha256,
    /// RIPEMD-160 of the input, left-padded to 32 bytes (precompile 0x03).
    Ripemd160,
    /// The input itself (precompile 0x04).
    Identity,
    /// BLAKE2b's compression function F; 213 bytes in, 64 out (EIP-152).
    Blake2f,
    /// Recovers an address: hash, v, r, s of 32 bytes each in (right-padded with zeros or cut);
    /// the address left-padded to 32 bytes out, or nothing (precompile 0x01).
    Ecrecover,
    /// Verifies a secp256r1 signature: hash, r, s, x, y of 32 bytes each in; the 32-byte integer 1
    /// out, or nothing (EIP-7951).
    P256Verify,
    /// Adds two points of alt_bn128; 64 bytes out (EIP-196).
    Bn254Add,
    /// Multiplies a point of alt_bn128 by a scalar; 64 bytes out (EIP-196).
    Bn254Mul,
    /// Checks a product of pairings; 192 bytes a pair in, a 32-byte boolean out (EIP-197).
    Bn254Pairing,
    /// BLS12-381 addition in G1; 256 bytes in, 128 out (EIP-2537).
    BlsG1Add,
    /// BLS12-381 multi-scalar multiplication in G1; 160 bytes a pair in, 128 out (EIP-2537).
    BlsG1Msm,
    /// BLS12-381 addition in G2; 512 bytes in, 256 out (EIP-2537).
    BlsG2Add,
    /// BLS12-381 multi-scalar multiplication in G2; 288 bytes a pair in, 256 out (EIP-2537).
    BlsG2Msm,
    /// Checks a product of BLS12-381 pairings; 384 bytes a pair in, a 32-byte boolean out (EIP-2537).
    BlsPairing,
    /// Maps a field element to G1; 64 bytes in, 128 out (EIP-2537).
    BlsMapFpToG1,
    /// Maps a quadratic extension element to G2; 128 bytes in, 256 out (EIP-2537).
    BlsMapFp2ToG2,
    /// Verifies a KZG opening: 192 bytes in, 64 bytes of constants out (EIP-4844).
    PointEvaluation,
    /// Modular exponentiation with lengths in the header; as many bytes as the modulus out (EIP-198).
    Modexp,
    /// Arithmetic on lists of lanes: operation, lane width, count and operands in, a list or a lane out
    /// (an experiment; no EIP has it).
    Vecmath,
}

impl Op {
    /// Every operation, in declaration order: `Op::ALL[op as usize] == op`.
    pub const ALL: [Self; 20] = [
        Self::Keccak256,
        Self::Sha256,
        Self::Ripemd160,
        Self::Identity,
        Self::Blake2f,
        Self::Ecrecover,
        Self::P256Verify,
        Self::Bn254Add,
        Self::Bn254Mul,
        Self::Bn254Pairing,
        Self::BlsG1Add,
        Self::BlsG1Msm,
        Self::BlsG2Add,
        Self::BlsG2Msm,
        Self::BlsPairing,
        Self::BlsMapFpToG1,
        Self::BlsMapFp2ToG2,
        Self::PointEvaluation,
        Self::Modexp,
        Self::Vecmath,
    ];

    /// The unit whose work this is.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Keccak256 | Self::Sha256 | Self::Ripemd160 | Self::Identity | Self::Blake2f => {
                Unit::Hash
            }
            Self::Ecrecover | Self::P256Verify => Unit::Signature,
            Self::Bn254Add | Self::Bn254Mul | Self::Bn254Pairing => Unit::Bn254,
            Self::BlsG1Add
            | Self::BlsG1Msm
            | Self::BlsG2Add
            | Self::BlsG2Msm
            | Self::BlsPairing
            | Self::BlsMapFpToG1
            | Self::BlsMapFp2ToG2 => Unit::Bls12381,
            Self::PointEvaluation => Unit::Kzg,
            Self::Modexp => Unit::Modexp,
            Self::Vecmath => Unit::Lanes,
        }
    }

    /// The operation's name in reports: the opcode's mnemonic or the precompile's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keccak256 => "KECCAK256",
            Self::Sha256 => "sha256",
            Self::Ripemd160 => "ripemd160",
            Self::Identity => "identity",
            Self::Blake2f => "blake2f",
            Self::Ecrecover => "ecrecover",
            Self::P256Verify => "p256verify",
            Self::Bn254Add => "bn254 add",
            Self::Bn254Mul => "bn254 mul",
            Self::Bn254Pairing => "bn254 pairing",
            Self::BlsG1Add => "bls12-381 g1 add",
            Self::BlsG1Msm => "bls12-381 g1 msm",
            Self::BlsG2Add => "bls12-381 g2 add",
            Self::BlsG2Msm => "bls12-381 g2 msm",
            Self::BlsPairing => "bls12-381 pairing",
            Self::BlsMapFpToG1 => "bls12-381 map fp to g1",
            Self::BlsMapFp2ToG2 => "bls12-381 map fp2 to g2",
            Self::PointEvaluation => "point evaluation",
            Self::Modexp => "modexp",
            Self::Vecmath => "vecmath",
        }
    }
}

/// What a request will take, as facts; the glue turns them into gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// How big the request is, in the measure its price depends on.
    pub size: Size,
    /// The most bytes [`Coprocessor::execute`] may write for it.
    pub max_output: usize,
}

/// The size of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Size {
    /// The same work whatever the input.
    Constant,
    /// So many 32-byte words of input, rounded up.
    Words(u64),
    /// So many rounds of a compression function.
    Rounds(u64),
    /// So many pairs: of points for a pairing, of point and scalar for a multi-scalar multiplication.
    Pairs(u64),
    /// A modular exponentiation.
    Modexp(ModexpSize),
    /// An instruction on registers of a modular field.
    Modular(ModularSize),
    /// So many elements of a list, each taking this work.
    List(u64, ListWork),
}

/// The size of an instruction on registers of a modular field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModularSize {
    /// Limbs of 64 bits in an element, 1 to 12.
    pub limbs: u8,
    /// Elements worked on; 0 where a field is set up.
    pub count: u16,
    /// Whether the modulus is odd; else it is a power of two.
    pub odd: bool,
}

/// What was done of instructions on registers of a modular field, at most 256 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModularRun {
    /// Limbs of 64 bits in an element, 1 to 12.
    pub limbs: u8,
    /// Whether the modulus is odd; else it is a power of two.
    pub odd: bool,
    /// By opcode: ADDMODX, SUBMODX, MULMODX.
    pub done: [ModularTally; 3],
}

impl ModularRun {
    /// The instructions altogether.
    #[inline]
    pub fn instructions(&self) -> u32 {
        let [a, b, c] = self.done.map(|tally| u32::from(tally.instructions));
        a + b + c
    }

    /// Of each opcode that was among them: which one, how many, and the size of one on all their elements.
    #[inline]
    pub fn sizes(&self) -> impl Iterator<Item = (u8, u64, ModularSize)> {
        let Self { limbs, odd, .. } = *self;
        let done = (0_u8..).zip(&self.done).filter(|(_, tally)| tally.instructions > 0);
        done.map(move |(n, tally)| {
            (n, tally.instructions.into(), ModularSize { limbs, count: tally.elements, odd })
        })
    }
}

/// Instructions, and how many elements they worked on. Short, so that a run travels in two registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModularTally {
    /// How many instructions.
    pub instructions: u16,
    /// The sum of their counts.
    pub elements: u16,
}

/// What an operation on a list does to each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListWork {
    /// Adds, subtracts, compares, combines or shifts bits.
    Simple,
    /// Multiplies.
    Multiply,
    /// Divides, or multiplies modulo a number.
    Divide,
    /// Multiplies and sums up.
    Dot,
}

/// The size of a modular exponentiation. Lengths are in bytes and saturate at `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModexpSize {
    /// Length of the base.
    pub base_len: u64,
    /// Length of the exponent.
    pub exponent_len: u64,
    /// Length of the modulus.
    pub modulus_len: u64,
    /// Bits in the exponent's first 32 bytes: the position of the highest set bit plus one, 0 if
    /// they are all zero (EIP-198 calls the floor of the logarithm's argument the same).
    pub exponent_head_bits: u32,
}

/// Pure work on bytes: hashing, recovery, curves, modular exponentiation.
///
/// The glue calls [`measure`](Self::measure), charges, then calls [`execute`](Self::execute) on the
/// same bytes. Neither panics, whatever the input, and `measure` allocates nothing.
pub trait Coprocessor: Send + Sync + Debug {
    /// The facts a price list needs about this request, and how much it may return.
    ///
    /// # Errors
    /// [`Fault::Input`] if the length alone makes the request invalid, [`Fault::Unsupported`] for an
    /// operation of another unit.
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault>;

    /// Does the work into `output` and returns how many bytes were written.
    ///
    /// # Errors
    /// [`Fault::Input`] if the input is not a valid request, [`Fault::Output`] if `output` is shorter
    /// than the [`Work::max_output`] that `measure` gave, [`Fault::Unsupported`] as in `measure`.
    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault>;

    /// The coprocessor's own instructions for a frame that begins, its registers empty; nothing from a
    /// coprocessor that no opcodes extend the machine by.
    fn instructions(&self) -> Option<Box<dyn Instructions>> {
        None
    }
}

/// One backend of a coprocessor crate. Each crate lists its own in `BACKENDS`, the preferred first.
#[derive(Clone, Copy, Debug)]
pub struct Backend {
    /// The library's name, for example `secp256k1`.
    pub name: &'static str,
    /// Whether it is the crate's portable one, the oracle: plain Rust, no C compiler, no code for
    /// particular processors.
    pub portable: bool,
    /// Makes an instance.
    pub new: fn() -> Arc<dyn Coprocessor>,
}

/// The coprocessors for pure work, one for each unit that has any.
#[derive(Clone, Debug)]
pub struct Coprocessors {
    by_unit: [Option<Arc<dyn Coprocessor>>; Unit::ALL.len()],
}

impl Coprocessors {
    /// None at all: every request is [`Fault::Unsupported`].
    pub const fn none() -> Self {
        Self { by_unit: [const { None }; Unit::ALL.len()] }
    }

    /// Puts a coprocessor in its unit's place.
    #[must_use]
    pub fn with(mut self, unit: Unit, coprocessor: Arc<dyn Coprocessor>) -> Self {
        self.by_unit[unit as usize] = Some(coprocessor);
        self
    }

    /// Puts something in the place of each coprocessor there is.
    #[must_use]
    pub fn map(self, f: impl FnMut(Arc<dyn Coprocessor>) -> Arc<dyn Coprocessor>) -> Self {
        let mut f = f;
        Self { by_unit: self.by_unit.map(|one| one.map(&mut f)) }
    }

    /// Puts something in the place of one unit's coprocessor, if there is one.
    #[must_use]
    pub fn map_one(
        mut self,
        unit: Unit,
        f: impl FnOnce(Arc<dyn Coprocessor>) -> Arc<dyn Coprocessor>,
    ) -> Self {
        let place = &mut self.by_unit[unit as usize];
        *place = place.take().map(f);
        self
    }

    /// The unit's coprocessor.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] if there is none.
    pub fn get(&self, unit: Unit) -> Result<&dyn Coprocessor, Fault> {
        self.by_unit[unit as usize].as_deref().ok_or(Fault::Unsupported)
    }
}
