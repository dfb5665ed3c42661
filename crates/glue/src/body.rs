//! What each opcode does: one set of bodies for every driver.
//!
//! The contract of a body: the stack's height was checked against the opcode table, the static gas
//! was charged, and the instruction pointer stands behind the opcode. Bodies read STACK, GAS,
//! OPERATION in that order. A body that needs more than its registers calls a function that is not
//! inlined and hands it scalars only, so that registers stay registers.

use tandem_code::{METERED_JUMP, METERED_JUMPI, SHADOWED_PUSH, pair, plain, push_len, shape};
use tandem_coprocessor::{Unit, primitives::U256};
use tandem_schedule::{Halt, Opcode, PREFIX, RowId, op, opcode};
use tandem_word as word;

use crate::{
    call, extension, fusion,
    machine::{Ip, Machine},
    request,
    stack::{LIMIT, Stack},
};

/// The running frame's registers.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    pub(crate) ip: Ip,
    pub(crate) stack: Stack,
    pub(crate) gas: i64,
}

/// What the driver does after a step. Whatever is rare is the driver's, in a function called last: one
/// called in a body's midst would cost saved registers each time, rare case or not (1.3 times slower).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    /// Go on with the next opcode.
    Next,
    /// Another frame runs now, or the same one with other registers: take them from the machine.
    Switch,
    /// The frame halts for the reason noted in the machine.
    Halt,
    /// The frame halts for a reason of the glue's, and its gas burns.
    Fail(Halt),
    /// A pair cannot run at once: run its first opcode alone.
    Alone,
    /// The frame's memory has to grow to so many bytes: then run the opcode again.
    Grow(usize),
    /// The registers are as the opcode leaves them; its work is this function's.
    Slow(Slow),
}

/// Work too long for a body: takes the stack as the opcode leaves it, with the inputs above it.
pub(crate) type Slow = fn(&mut Machine, Stack);

/// Checks, charges and runs the opcode or pair `OP`.
#[inline(always)]
pub(crate) fn step<const OP: u8>(r: &mut Registers, m: &mut Machine) -> Flow {
    let (shape, pair) = const { (shape(OP), pair(OP)) };
    let height = r.stack.height();
    if shape.needs > 0 && height < shape.needs as usize {
        return refuse::<OP>(Halt::StackUnderflow);
    }
    if shape.room > 0 && height > LIMIT - shape.room as usize {
        return refuse::<OP>(Halt::StackOverflow);
    }
    // The glue's opcodes pay here; a coprocessor's pay when it has told its work.
    if const { is_prepaid(OP) } {
        let gas = r.gas - m.upfront[OP as usize];
        if gas < 0 {
            return refuse::<OP>(Halt::OutOfGas);
        }
        r.gas = gas;
    }
    r.ip = r.ip.wrapping_add(1);
    match pair {
        Some((a, b)) => fusion::run(a, b, r, m),
        None => body::<OP>(r, m),
    }
}

/// What does not pass the checks: an opcode halts, a pair is taken apart.
#[inline(always)]
fn refuse<const OP: u8>(halt: Halt) -> Flow {
    if const { pair(OP).is_some() } { Flow::Alone } else { Flow::Fail(halt) }
}

/// Whether the driver charges for the byte: the glue's opcodes, free or not on any fork, and pairs.
const fn is_prepaid(byte: u8) -> bool {
    match opcode(plain(byte)) {
        Some(row) => matches!(row.unit, Unit::Glue) && plain(byte) != op::INVALID,
        None => pair(byte).is_some(),
    }
}

/// The opcode's row; bytes that are no opcode run as INVALID does.
pub(crate) const fn row(byte: u8) -> &'static Opcode {
    match opcode(plain(byte)) {
        Some(row) => row,
        None => opcode(op::INVALID).expect("INVALID is in the table"),
    }
}

/// The opcodes that make one word of two: `a` was on top.
#[inline(always)]
pub(crate) fn compute(byte: u8, a: &U256, b: &U256) -> U256 {
    match byte {
        op::ADD => a.wrapping_add(*b),
        op::MUL => a.wrapping_mul(*b),
        op::SUB => a.wrapping_sub(*b),
        op::LT => word::from_bool(word::less(a, b)),
        op::GT => word::from_bool(word::greater(a, b)),
        op::SLT => word::from_bool(word::signed_less(a, b)),
        op::SGT => word::from_bool(word::signed_greater(a, b)),
        op::EQ => word::from_bool(word::equal(a, b)),
        op::AND => *a & *b,
        op::OR => *a | *b,
        op::XOR => *a ^ *b,
        op::BYTE => word::byte(a, b),
        op::SHL => word::shl(a, b),
        op::SHR => word::shr(a, b),
        _ => word::sar(a, b),
    }
}

#[inline(always)]
fn body<const OP: u8>(r: &mut Registers, m: &mut Machine) -> Flow {
    match OP {
        op::STOP => leave::<OP>(r, m, call::stop),

        // Arithmetic, comparison and bits
        op::ADD..=op::SUB | op::LT..=op::EQ => binary::<OP>(r),
        op::AND | op::OR | op::XOR | op::BYTE | op::SHL | op::SHR | op::SAR => binary::<OP>(r),
        op::DIV => divide(r, |a, b| a.checked_div(b), |_, s| s.replace_two(word::div)),
        op::MOD => divide(r, |a, b| a.checked_rem(b), |_, s| s.replace_two(word::rem)),
        op::SDIV => slow(r, 1, |_, s| s.replace_two(word::sdiv)),
        op::SMOD => slow(r, 1, |_, s| s.replace_two(word::smod)),
        op::ADDMOD => {
            let (a, b, n) = (r.stack.pop(), r.stack.pop(), r.stack.word(0));
            let Some(sum) = word::add_reduced(&a, &b, &n) else {
                return Flow::Slow(|m, s| s.replace_three(|a, b, n| m.modulus.add_mod(a, b, n)));
            };
            r.stack.set(0, sum);
            Flow::Next
        }
        op::MULMOD => slow(r, 2, |m, s| s.replace_three(|a, b, n| m.modulus.mul_mod(a, b, n))),
        op::SIGNEXTEND => {
            let byte = r.stack.pop();
            word::sign_extend(&byte, r.stack.limbs(0));
            Flow::Next
        }
        op::EXP => request::<OP>(r, m, request::exp),
        op::CLZ => unary(r, |a| word::from_u64(a.leading_zeros() as u64)),
        op::ISZERO => unary(r, |a| word::from_bool(word::is_zero(a))),
        op::NOT => unary(r, |a| !*a),

        op::KECCAK256 => request::<OP>(r, m, request::keccak256),

        // The frame and its data
        op::ADDRESS => push(r, word::from_address(&m.context().address)),
        op::CALLER => push(r, word::from_address(&m.context().caller)),
        op::CALLVALUE => push(r, m.context().value),
        op::CALLDATALOAD => calldata_load(r, m),
        op::CALLDATASIZE => push(r, word::from_u64(m.context().input.len as u64)),
        op::CALLDATACOPY => request::<OP>(r, m, request::calldata_copy),
        op::CODESIZE => push(r, word::from_u64(m.code().bytes.len() as u64)),
        op::CODECOPY => request::<OP>(r, m, request::code_copy),
        op::RETURNDATASIZE => push(r, word::from_u64(m.return_data.len() as u64)),
        op::RETURNDATACOPY => request::<OP>(r, m, request::return_data_copy),

        // Other accounts
        op::BALANCE => request::<OP>(r, m, request::balance),
        op::SELFBALANCE => request::<OP>(r, m, request::self_balance),
        op::EXTCODESIZE => request::<OP>(r, m, request::ext_code_size),
        op::EXTCODECOPY => request::<OP>(r, m, request::ext_code_copy),
        op::EXTCODEHASH => request::<OP>(r, m, request::ext_code_hash),

        // The transaction and the block
        op::ORIGIN => push(r, word::from_address(&m.env.origin)),
        op::GASPRICE => push(r, m.env.gas_price),
        op::BLOCKHASH => request::<OP>(r, m, request::block_hash),
        op::COINBASE => push(r, word::from_address(&m.env.coinbase)),
        op::TIMESTAMP => push(r, word::from_u64(m.env.timestamp)),
        op::NUMBER => push(r, word::from_u64(m.env.number)),
        op::PREVRANDAO => push(r, m.env.prevrandao),
        op::GASLIMIT => push(r, word::from_u64(m.env.gas_limit)),
        op::CHAINID => push(r, word::from_u64(m.env.chain_id)),
        op::BASEFEE => push(r, m.env.base_fee),
        op::BLOBHASH => request::<OP>(r, m, request::blob_hash),
        op::BLOBBASEFEE => push(r, m.env.blob_base_fee),

        // Stack, memory, storage
        op::POP => {
            r.stack.drop(1);
            Flow::Next
        }
        op::MLOAD => {
            let offset = r.stack.pop();
            mload_push(r, m, &offset)
        }
        op::MSTORE => mstore_at(r, m, &r.stack.word(0), 1, 2),
        op::MSTORE8 => mstore8(r, m),
        op::MSIZE => push(r, word::from_u64(m.memory_len as u64)),
        op::MCOPY => request::<OP>(r, m, request::memory_copy),
        op::SLOAD => request::<OP>(r, m, request::sload),
        op::SSTORE => request::<OP>(r, m, request::sstore),
        op::TLOAD => request::<OP>(r, m, request::tload),
        op::TSTORE => request::<OP>(r, m, request::tstore),

        // Control flow
        op::JUMP | METERED_JUMP => {
            let target = r.stack.pop();
            jump::<OP>(r, m, &target)
        }
        op::JUMPI | METERED_JUMPI => {
            let (target, condition) = (r.stack.pop(), r.stack.pop());
            if word::is_zero(&condition) {
                return Flow::Next;
            }
            jump::<OP>(r, m, &target)
        }
        op::JUMPDEST => Flow::Next,
        op::PC => push(r, word::from_u64(pc(r, m) as u64 - 1)),
        op::GAS => push(r, word::from_u64(r.gas as u64)),

        op::PUSH0 => push(r, U256::ZERO),
        op::PUSH1..=op::PUSH32 => {
            let word = immediate(push_len(OP), r.ip);
            r.ip = r.ip.wrapping_add(push_len(OP));
            push(r, word)
        }
        op::DUP1..=op::DUP16 => push(r, r.stack.word(OP.wrapping_sub(op::DUP1) as usize)),
        op::SWAP1..=op::SWAP16 => {
            r.stack.swap(const { OP.wrapping_sub(op::SWAP1) as usize + 1 });
            Flow::Next
        }
        op::LOG0..=op::LOG4 => request::<OP>(r, m, request::log::<OP>),

        // Frames
        op::CREATE => leave::<OP>(r, m, call::create::<{ op::CREATE }>),
        op::CREATE2 => leave::<OP>(r, m, call::create::<{ op::CREATE2 }>),
        op::CALL => leave::<OP>(r, m, call::call::<{ op::CALL }>),
        op::CALLCODE => leave::<OP>(r, m, call::call::<{ op::CALLCODE }>),
        op::DELEGATECALL => leave::<OP>(r, m, call::call::<{ op::DELEGATECALL }>),
        op::STATICCALL => leave::<OP>(r, m, call::call::<{ op::STATICCALL }>),
        op::RETURN => leave::<OP>(r, m, call::return_::<false>),
        op::REVERT => leave::<OP>(r, m, call::return_::<true>),
        op::SELFDESTRUCT => leave::<OP>(r, m, call::self_destruct),

        // Extensions
        op::SETMODX..=op::MULMODX => extended::<OP>(r, m, extension::plain::<OP>),
        PREFIX => extended::<OP>(r, m, extension::behind_prefix),
        SHADOWED_PUSH => {
            r.stack.push(U256::ZERO);
            extended::<OP>(r, m, extension::shadowed_push)
        }

        _ => {
            // Not run, so not counted as run.
            r.ip = r.ip.wrapping_sub(1);
            Flow::Fail(Halt::InvalidOpcode)
        }
    }
}

/// Where the instruction pointer stands.
#[inline(always)]
pub(crate) fn pc(r: &Registers, m: &Machine) -> usize {
    r.ip.addr() - m.code_at.addr()
}

#[inline(always)]
fn unary(r: &mut Registers, f: impl FnOnce(&U256) -> U256) -> Flow {
    r.stack.set(0, f(&r.stack.word(0)));
    Flow::Next
}

#[inline(always)]
fn binary<const OP: u8>(r: &mut Registers) -> Flow {
    let a = r.stack.pop();
    r.stack.set(0, compute(OP, &a, &r.stack.word(0)));
    Flow::Next
}

/// DIV and MOD: short when both words are; a divisor of zero makes zero.
#[inline(always)]
fn divide(r: &mut Registers, short: fn(u64, u64) -> Option<u64>, long: Slow) -> Flow {
    let (a, b) = (r.stack.pop(), r.stack.word(0));
    let Some((a, b)) = word::single_limbs(&a, &b) else { return Flow::Slow(long) };
    r.stack.set(0, word::from_u64(short(a, b).unwrap_or(0)));
    Flow::Next
}

/// Takes `n` words from the stack; the function puts its result in the place of the next.
#[inline(always)]
fn slow(r: &mut Registers, n: usize, f: Slow) -> Flow {
    r.stack.drop(n);
    Flow::Slow(f)
}

#[inline(always)]
fn push(r: &mut Registers, word: U256) -> Flow {
    r.stack.push(word);
    Flow::Next
}

/// The word of a PUSH's `len` bytes of data, read eight bytes at a time.
#[inline(always)]
pub(crate) fn immediate(len: usize, data: *const u8) -> U256 {
    let limb = (part(len, 0, data), part(len, 1, data), part(len, 2, data), part(len, 3, data));
    U256::from_limbs([limb.0, limb.1, limb.2, limb.3])
}

#[inline(always)]
fn part(len: usize, limb: usize, data: *const u8) -> u64 {
    match len.saturating_sub(8 * limb) {
        0 => 0,
        bytes @ 1..8 => eight(data) >> (64 - 8 * bytes),
        bytes => eight(data.wrapping_add(bytes - 8)),
    }
}

/// The word of the 32 bytes at `at`.
#[inline(always)]
fn load(at: *const u8) -> U256 {
    let (c, d) = (eight(at.wrapping_add(8)), eight(at));
    U256::from_limbs([eight(at.wrapping_add(24)), eight(at.wrapping_add(16)), c, d])
}

#[inline(always)]
fn eight(at: *const u8) -> u64 {
    // SAFETY: an image has 33 bytes behind its code, memory is checked by `memory_at`, calldata by
    // its length, so eight bytes can be read.
    u64::from_be_bytes(unsafe { at.cast::<[u8; 8]>().read_unaligned() })
}

/// Calls what is too long for a handler. Never inlined, whatever the optimiser thinks: a local of
/// `f` in a handler would keep its last call from being a jump, as would registers by reference.
#[inline(never)]
fn outside<const OP: u8, T, F>(f: F, m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Option<T>
where
    F: Fn(&mut Machine, Ip, Stack, i64) -> Option<T>,
{
    let done = f(m, ip, stack, gas);
    // Only these call coprocessors; what ends a frame may revert.
    let ends_frame = const { matches!(OP, op::STOP | op::RETURN | op::REVERT) };
    if ends_frame || const { !matches!(row(OP).unit, Unit::Glue) } {
        m.lap(RowId::opcode(OP), None);
    }
    done
}

/// A coprocessor's work, or glue work too long for the loop: words in and out by the opcode table.
/// The function puts its result where the last input was.
#[inline(always)]
fn request<const OP: u8>(
    r: &mut Registers,
    m: &mut Machine,
    f: impl Fn(&mut Machine, Stack, i64) -> Option<i64>,
) -> Flow {
    if const { row(OP).inputs < row(OP).outputs } {
        r.stack.push(U256::ZERO);
    }
    let f = move |m: &mut Machine, _, stack, gas| f(m, stack, gas);
    let Some(gas) = outside::<OP, _, _>(f, m, r.ip, r.stack, r.gas) else { return Flow::Halt };
    r.gas = gas;
    if const { row(OP).inputs > row(OP).outputs } {
        r.stack.drop(const { row(OP).inputs.saturating_sub(row(OP).outputs) } as usize);
    }
    Flow::Next
}

/// An extension's opcode, whose function notes by how many words the stack shrinks, and the bytes of immediates.
#[inline(always)]
fn extended<const OP: u8>(
    r: &mut Registers,
    m: &mut Machine,
    f: impl Fn(&mut Machine, Ip, Stack, i64) -> Option<i64>,
) -> Flow {
    let Some(gas) = outside::<OP, _, _>(f, m, r.ip, r.stack, r.gas) else { return Flow::Halt };
    r.gas = gas;
    r.stack.drop(m.taken.0.into());
    r.ip = r.ip.wrapping_add(m.taken.1);
    Flow::Next
}

/// An opcode that ends the frame, or starts another.
#[inline(always)]
fn leave<const OP: u8>(
    r: &Registers,
    m: &mut Machine,
    f: impl Fn(&mut Machine, Ip, Stack, i64) -> Option<()>,
) -> Flow {
    outside::<OP, _, _>(f, m, r.ip, r.stack, r.gas).map_or(Flow::Halt, |()| Flow::Switch)
}

/// Where the `LEN` bytes at `offset` of the frame's memory are, if it reaches so far.
#[inline(always)]
fn memory_at<const LEN: usize>(m: &Machine, offset: &U256) -> Result<*mut u8, Flow> {
    let limbs = offset.as_limbs();
    // Beyond 2^32 no gas suffices.
    if limbs[1] | limbs[2] | limbs[3] | limbs[0] >> 32 != 0 {
        return Err(Flow::Fail(Halt::OutOfGas));
    }
    let end = limbs[0] as usize + LEN;
    if end > m.memory_len {
        return Err(Flow::Grow(end));
    }
    Ok(m.memory_at.wrapping_add(end - LEN))
}

/// MLOAD, the offset taken from the stack. Where memory has to grow, nothing is written before.
#[inline(always)]
pub(crate) fn mload_push(r: &mut Registers, m: &mut Machine, offset: &U256) -> Flow {
    let at = match memory_at::<32>(m, offset) {
        Ok(at) => at,
        Err(flow) => return flow,
    };
    r.stack.push(load(at));
    Flow::Next
}

/// CALLDATALOAD, where the whole word is there.
#[inline(always)]
fn calldata_load(r: &mut Registers, m: &mut Machine) -> Flow {
    let (input, index) = (m.context().input, word::to_index(&r.stack.word(0)));
    if input.len < 32 || index > input.len - 32 {
        return Flow::Slow(request::calldata_load);
    }
    let Some(bytes) = m.memory.get(input.offset + index, 32) else {
        return Flow::Slow(request::calldata_load);
    };
    r.stack.set(0, load(bytes.as_ptr()));
    Flow::Next
}

/// MSTORE of the `n`th word; `inputs` words go from the stack.
#[inline(always)]
pub(crate) fn mstore_at(
    r: &mut Registers,
    m: &mut Machine,
    offset: &U256,
    n: usize,
    inputs: usize,
) -> Flow {
    let at = match memory_at::<32>(m, offset) {
        Ok(at) => at,
        Err(flow) => return flow,
    };
    for (k, limb) in r.stack.word(n).as_limbs().iter().enumerate() {
        // SAFETY: `memory_at` made 32 bytes there addressable.
        unsafe { at.add(24 - 8 * k).cast::<[u8; 8]>().write_unaligned(limb.to_be_bytes()) };
    }
    r.stack.drop(inputs);
    Flow::Next
}

#[inline(always)]
fn mstore8(r: &mut Registers, m: &mut Machine) -> Flow {
    let at = match memory_at::<1>(m, &r.stack.word(0)) {
        Ok(at) => at,
        Err(flow) => return flow,
    };
    // SAFETY: `memory_at` made a byte there addressable.
    unsafe { at.write(r.stack.word(1).as_limbs()[0] as u8) };
    r.stack.drop(2);
    Flow::Next
}

#[inline(always)]
fn jump<const OP: u8>(r: &mut Registers, m: &mut Machine, target: &U256) -> Flow {
    let target = word::to_index(target);
    // SAFETY: set with the frame; the code is in `codes` as long as a frame runs it.
    if !unsafe { (*m.code).is_jumpdest(target) } {
        return Flow::Fail(Halt::BadJump);
    }
    jump_to(r, m, target, OP)
}

/// A jump by the opcode `byte`. Goes on behind the JUMPDEST at `target`, which is paid here to save a step;
/// if the gas does not reach, it is left to fail by itself.
#[inline(always)]
pub(crate) fn jump_to(r: &mut Registers, m: &mut Machine, target: usize, byte: u8) -> Flow {
    let full = match byte {
        METERED_JUMP => m.jumps.jump(target),
        METERED_JUMPI => m.jumps.branch(pc(r, m), target),
        _ => false,
    };
    r.ip = m.code_at.wrapping_add(target);
    if full {
        return Flow::Slow(make_room);
    }
    let gas = r.gas - m.upfront[op::JUMPDEST as usize];
    if gas < 0 {
        return Flow::Slow(unpaid);
    }
    r.gas = gas;
    r.ip = r.ip.wrapping_add(1);
    Flow::Next
}

/// A way of its own for a JUMPDEST that is not paid, so that the others need not wait for their gas to be
/// compared before they know where they go on.
fn unpaid(_: &mut Machine, _: Stack) {}

/// Makes room for the jumps that a metered machine notes.
fn make_room(m: &mut Machine, _: Stack) {
    m.meter.iter_mut().for_each(|meter| meter.count(&mut m.jumps));
}
