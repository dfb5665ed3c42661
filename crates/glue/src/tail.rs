//! The tail-dispatched driver: a function for each byte, which ends in a jump to the next byte's. The
//! bodies are the same as under the `match`; what this saves is the way back to one shared jump,
//! which predicts badly (1.3 times faster on the programs of the bench cases).
//!
//! The calls must become jumps, or the native stack grows: `build.rs` allows this driver only where that
//! is checked. The rule that keeps them so: no pointer to a local goes into a call that is not inlined.

use tandem_code::every_byte;
use tandem_coprocessor::Unit;
use tandem_schedule::Halt;

use crate::{
    body::{Flow, Registers, Slow, step},
    machine::{Ip, Machine},
    stack::Stack,
};

type Handler = fn(Ip, Stack, i64, &mut Machine);

macro_rules! handlers {
    ($($op:literal)*) => { [$(handler::<$op>),*] };
}

static HANDLERS: [Handler; 256] = every_byte!(handlers!());

fn handler<const OP: u8>(ip: Ip, stack: Stack, gas: i64, m: &mut Machine) {
    let mut r = Registers { ip, stack, gas };
    match step::<OP>(&mut r, m) {
        Flow::Next => next(r, m),
        Flow::Switch => switch(m),
        Flow::Halt => halt(r.ip, m),
        Flow::Fail(reason) => fail(r.ip, r.gas, m, reason),
        Flow::Alone => alone(r.ip, r.stack, r.gas, m),
        Flow::Grow(end) => grow(ip, stack, gas, m, end, r.ip),
        Flow::Slow(f) => slow::<OP>(r.ip, r.stack, r.gas, m, f),
    }
}

#[inline(always)]
fn next(r: Registers, m: &mut Machine) {
    // SAFETY: the pointer stands in the code's image, which ends with STOP.
    let byte = unsafe { *r.ip };
    HANDLERS[byte as usize](r.ip, r.stack, r.gas, m);
}

#[cold]
#[inline(never)]
fn alone(ip: Ip, stack: Stack, gas: i64, m: &mut Machine) {
    let byte = m.alone(ip);
    HANDLERS[byte as usize](ip, stack, gas, m);
}

/// One for each opcode, so that the function it calls is known.
#[inline(never)]
fn slow<const OP: u8>(ip: Ip, stack: Stack, gas: i64, m: &mut Machine, f: Slow) {
    f(m, stack);
    next(Registers { ip, stack, gas }, m);
}

/// Runs the opcode at `ip` again with memory up to `end`; `behind` is where it halts without.
#[inline(never)]
fn grow(ip: Ip, stack: Stack, gas: i64, m: &mut Machine, end: usize, behind: Ip) {
    match m.grow_for(ip, gas, end) {
        Some(gas) => next(Registers { ip, stack, gas }, m),
        None => halt(behind, m),
    }
}

/// Goes on with the machine's registers, until the transaction's own frame is done.
#[inline(never)]
pub(crate) fn switch(m: &mut Machine) {
    if m.done.is_none() && m.fault.is_none() {
        let r = m.registers();
        next(r, m);
    }
}

#[cold]
#[inline(never)]
fn fail(ip: Ip, gas: i64, m: &mut Machine, reason: Halt) {
    m.fail::<()>(reason, Unit::Glue, gas);
    halt(ip, m);
}

#[cold]
#[inline(never)]
fn halt(ip: Ip, m: &mut Machine) {
    m.halt(ip);
    switch(m);
}
