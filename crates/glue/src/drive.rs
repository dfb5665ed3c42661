//! The driver: a plain loop around a `match` over every byte. It is complete; whatever else runs
//! opcodes runs the same bodies. The tracing loop is this one with two calls to the tracer in it.

use core::hint::black_box;

use tandem_coprocessor::Unit;
use tandem_schedule::{decode, op};
use tandem_word as word;

use crate::{
    Step,
    body::{Flow, Registers, pc, step},
    machine::Machine,
};

macro_rules! every_byte {
    ($m:ident!($($args:tt)*)) => { $m! { $($args)*
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33
        34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64
        65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95
        96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119
        120 121 122 123 124 125 126 127 128 129 130 131 132 133 134 135 136 137 138 139 140 141 142
        143 144 145 146 147 148 149 150 151 152 153 154 155 156 157 158 159 160 161 162 163 164 165
        166 167 168 169 170 171 172 173 174 175 176 177 178 179 180 181 182 183 184 185 186 187 188
        189 190 191 192 193 194 195 196 197 198 199 200 201 202 203 204 205 206 207 208 209 210 211
        212 213 214 215 216 217 218 219 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234
        235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255
    } };
}

#[cfg(all(tail_dispatch, not(debug_assertions)))]
pub(crate) use every_byte;

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
    pub(crate) fn alone(&self, ip: *const u8) -> u8 {
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
        tracer.before(&Step {
            pc,
            op: code.first().copied().unwrap_or(0),
            opcode: decode(code, self.schedule.extensions).opcode,
            gas: r.gas as u64,
            depth: self.depth + 1,
            stack: self.frame().block.words(r.stack),
            memory: self.memory(),
            return_data: &self.return_data,
            refund: self.refund,
        });
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
            Flow::Halt => tracer.after(before.gas as u64, Some(self.failure.0)),
            _ => tracer.after((before.gas - after.gas) as u64, None),
        }
    }
}
