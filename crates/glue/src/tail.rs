//! The tail-dispatched driver: a function for each byte, which ends in a jump to the next byte's. The
//! bodies are the same as under the `match`; what this saves is the way back to one shared jump,
//! which predicts badly (1.3 times faster on the programs of the bench cases).
//!
//! The calls must become jumps, or the native stack grows with each opcode: `build.rs` allows this
//! driver only where that is checked. The rule that keeps them jumps: no pointer to a local goes into
//! a call that is not inlined.

use crate::{
    body::{Flow, Registers, step},
    drive::every_byte,
    machine::Machine,
    stack::Stack,
};

type Handler = fn(*const u8, Stack, i64, &mut Machine);

macro_rules! handlers {
    ($($op:literal)*) => { [$(handler::<$op>),*] };
}

static HANDLERS: [Handler; 256] = every_byte!(handlers!());

fn handler<const OP: u8>(ip: *const u8, stack: Stack, gas: i64, m: &mut Machine) {
    let mut r = Registers { ip, stack, gas };
    match step::<OP>(&mut r, m) {
        Flow::Next => next(r, m),
        Flow::Alone => alone(r.ip, r.stack, r.gas, m),
        Flow::Switch => switch(m),
        Flow::Halt => halt(r.ip, m),
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
fn alone(ip: *const u8, stack: Stack, gas: i64, m: &mut Machine) {
    let byte = m.alone(ip);
    HANDLERS[byte as usize](ip, stack, gas, m);
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
fn halt(ip: *const u8, m: &mut Machine) {
    m.halt(ip);
    switch(m);
}
