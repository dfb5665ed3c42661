//! The driver: a plain loop around a `match` over every byte. It is complete; whatever else runs
//! opcodes runs the same bodies. The tracing loop is this one with two calls to the tracer in it.

use core::hint::black_box;

use tandem_code::every_byte;
use tandem_coprocessor::Unit;
use tandem_schedule::{decode, op};
use tandem_word as word;

use crate::{
    Step,
    body::{Flow, Registers, pc, step},
    machine::{Ip, Machine},
};

macro_rules! dispatch {
    ($byte:expr, $r:expr, $m:expr; $($op:literal)*) => {
        match $byte { $($op => step::<$op>($r, $m),)* }
    };
}

impl Machine {
    /// Runs frames until the transaction's own is done.
    pub(crate) fn run(&mut self) {
        if self.done.is_some() || self.fault.is_some() {
            return;
        }
        if self.tracer().is_some() {
            return self.drive::<true>();
        }
        #[cfg(all(tail_dispatch, not(debug_assertions)))]
        crate::tail::switch(self);
        #[cfg(any(not(tail_dispatch), debug_assertions))]
        self.drive::<false>();
    }

    fn drive<const TRACED: bool>(&mut self) {
        let mut m = self;
        let mut r = m.registers();
        // SAFETY: the pointer stands in the code's image, which ends with STOP; so below.
        let mut byte = unsafe { *r.ip };
        loop {
            let before = r;
            if TRACED {
                m.trace_before(&r);
            }
            let flow = loop {
                match every_byte!(dispatch!(byte, &mut r, m;)) {
                    Flow::Grow(end) => match m.grow_for(before.ip, before.gas, end) {
                        Some(gas) => r = Registers { gas, ..before },
                        None => break Flow::Halt,
                    },
                    Flow::Slow(f) => {
                        f(m, r.stack);
                        break Flow::Next;
                    }
                    Flow::Fail(reason) => {
                        m.fail::<()>(reason, Unit::Glue, r.gas);
                        break Flow::Halt;
                    }
                    flow => break flow,
                }
            };
            if TRACED {
                m.trace_after(&before, &mut r, flow);
            }
            match flow {
                Flow::Alone => {
                    byte = m.alone(r.ip);
                    // Seen as a loop of its own, this would have every opcode's checks moved in
                    // front of it, which is ten times slower.
                    (m, r.gas) = (black_box(m), black_box(r.gas));
                    continue;
                }
                Flow::Switch | Flow::Halt => {
                    if matches!(flow, Flow::Halt) {
                        m.halt(r.ip);
                    }
                    if m.done.is_some() || m.fault.is_some() {
                        return;
                    }
                    r = m.registers();
                }
                _ => {}
            }
            // SAFETY: as above.
            byte = unsafe { *r.ip };
        }
    }

    /// The first opcode of the pair at `ip`, as it runs alone.
    pub(crate) fn alone(&self, ip: Ip) -> u8 {
        let byte = self.code().bytes[ip.addr() - self.code_at.addr()];
        self.dialect.image[byte as usize]
    }

    pub(crate) fn registers(&self) -> Registers {
        let frame = self.frame();
        Registers { ip: frame.ip, stack: frame.stack, gas: frame.gas }
    }

    fn trace_before(&mut self, r: &Registers) {
        let Some(tracer) = self.tracer() else { return };
        let pc = pc(r, self);
        self.call_cost = 0;
        let code = self.code().bytes.get(pc..).unwrap_or_default();
        let mut step = Step::default();
        step.pc = pc;
        step.op = code.first().copied().unwrap_or(0);
        step.opcode = decode(code, self.schedule.extensions).opcode;
        step.gas = r.gas as u64;
        step.depth = self.depth + 1;
        step.stack = self.frame().block.words(r.stack);
        step.memory = self.memory();
        step.return_data = &self.return_data;
        step.refund = self.refund;
        tracer.before(&step);
    }

    fn trace_after(&mut self, before: &Registers, after: &mut Registers, flow: Flow) {
        let Some(tracer) = self.tracer() else { return };
        // A jump takes its JUMPDEST with it; a trace shows that as a step of its own. After a switch
        // the code is another frame's, or nobody's.
        let byte =
            matches!(flow, Flow::Next).then(|| self.code().bytes.get(pc(before, self))).flatten();
        let jumped = matches!(byte, Some(&(op::JUMP | op::JUMPI)));
        let taken = jumped && after.ip != before.ip.wrapping_add(1);
        if taken && pc(after, self) == word::to_index(before.stack.peek(0)) + 1 {
            after.ip = after.ip.wrapping_sub(1);
            after.gas += self.upfront[op::JUMPDEST as usize];
        }
        match flow {
            Flow::Switch => tracer.after(self.call_cost as u64, None),
            Flow::Halt => tracer.after(before.gas as u64, Some(self.failure.into())),
            _ => tracer.after((before.gas - after.gas) as u64, None),
        }
    }
}
