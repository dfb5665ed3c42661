//! The native backend: AWS-LC where its assembly pays, `dashu-int` everywhere else.

use alloc::vec;
use alloc::vec::Vec;
use core::ptr::{self, NonNull};

use aws_lc_sys::{
    BIGNUM, BN_CTX, BN_CTX_free, BN_CTX_new, BN_bin2bn, BN_bn2bin_padded, BN_free, BN_mod_exp_mont,
    BN_new, BN_nnmod,
};
use dashu_int::UBig;
use dashu_int::fast_div::ConstDivisor;
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::Power;

/// Modular exponentiation over AWS-LC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Coprocessor for Native {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        crate::measure(op, input)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        crate::execute::<Self>(op, input, output)
    }
}

impl Power for Native {
    fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
        pays(exponent, modulus)
            .then(|| montgomery(base, exponent, modulus))
            .flatten()
            .unwrap_or_else(|| general(base, exponent, modulus))
    }
}

/// Whether AWS-LC is worth the microsecond it takes to begin: the modulus odd, as Montgomery's
/// arithmetic needs it, and enough multiplications to do, counted in words times words. Measured on
/// Zen 4 at moduli of 8 to 1024 bytes.
fn pays(exponent: &[u8], modulus: &[u8]) -> bool {
    let words = modulus.len().div_ceil(8);
    let odd = modulus.last().is_some_and(|byte| byte % 2 == 1);
    let work = words.saturating_mul(words).saturating_mul(exponent.len());
    odd && exponent.len() > 2 && work > 128
}

/// By dashu, for any modulus.
fn general(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let ring = ConstDivisor::new(UBig::from_be_bytes(modulus));
    let base = ring.reduce(UBig::from_be_bytes(base));
    let power = base.pow(&UBig::from_be_bytes(exponent)).residue();
    power.to_be_bytes().into_vec()
}

/// By AWS-LC, for an odd modulus. `None` if it declines: the modulus is beyond its limit of 8 KiB, or
/// memory is short.
fn montgomery(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    let len = modulus.len();
    let context = Context::new()?;
    let [mut base, exponent, modulus] =
        [Number::read(base)?, Number::read(exponent)?, Number::read(modulus)?];
    let mut power = Number::new()?;
    let mut bytes = vec![0; len];
    // SAFETY: the numbers and the context are live and apart but for the base, which may be its own
    // target; a null Montgomery context means that one is made; `bytes` has `len` bytes to write.
    let done = unsafe {
        BN_nnmod(base.0.as_mut(), base.0.as_ptr(), modulus.0.as_ptr(), context.0.as_ptr()) == 1
            && BN_mod_exp_mont(
                power.0.as_mut(),
                base.0.as_ptr(),
                exponent.0.as_ptr(),
                modulus.0.as_ptr(),
                context.0.as_ptr(),
                ptr::null(),
            ) == 1
            && BN_bn2bin_padded(bytes.as_mut_ptr(), len, power.0.as_ptr()) == 1
    };
    done.then_some(bytes)
}

/// A number that AWS-LC owns.
struct Number(NonNull<BIGNUM>);

impl Number {
    /// Zero; `None` if memory is short.
    fn new() -> Option<Self> {
        // SAFETY: the function has no preconditions, and the number is ours.
        NonNull::new(unsafe { BN_new() }).map(Self)
    }

    /// A number from its big-endian form; `None` if it is beyond AWS-LC's limit or memory is short.
    fn read(bytes: &[u8]) -> Option<Self> {
        // SAFETY: as many bytes are read as there are; null means that a number is made, and it is ours.
        NonNull::new(unsafe { BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()) }).map(Self)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: the number is live and ours.
        unsafe { BN_free(self.0.as_ptr()) }
    }
}

/// AWS-LC's scratch space.
struct Context(NonNull<BN_CTX>);

impl Context {
    fn new() -> Option<Self> {
        // SAFETY: the function has no preconditions, and the context is ours.
        NonNull::new(unsafe { BN_CTX_new() }).map(Self)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is live and ours.
        unsafe { BN_CTX_free(self.0.as_ptr()) }
    }
}
