//! What each opcode does: one set of bodies for every driver.
//!
//! The contract of a body: the stack's height was checked against the opcode table, the static gas
//! was charged, and the instruction pointer stands behind the opcode. Bodies read STACK, GAS,
//! OPERATION in that order. A body that needs more than its registers calls a function that is not
//! inlined and hands it scalars only, so that registers stay registers.

use tandem_coprocessor::{Unit, primitives::U256};
use tandem_schedule::{Opcode, op, opcode};
use tandem_word as word;

use crate::{
    Halt, call,
    code::{METERED_JUMP, METERED_JUMPI},
    machine::Machine,
    request,
    stack::{LIMIT, Stack},
};

/// The running frame's registers.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    pub(crate) ip: *const u8,
    pub(crate) stack: Stack,
    pub(crate) gas: i64,
}

/// What the driver does after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Go on with the next opcode.
    Next,
    /// Another frame runs now, or the same one with other registers: take them from the machine.
    Switch,
    /// The frame halts for the reason noted in the machine.
    Halt,
}

/// Checks, charges and runs the opcode `OP`.
#[inline(always)]
pub(crate) fn step<const OP: u8>(r: &mut Registers, m: &mut Machine) -> Flow {
    let info = const { row(OP) };
    let height = r.stack.height();
    if info.inputs > 0 && height < info.inputs as usize {
        return fail(r, m, Halt::StackUnderflow);
    }
    if info.outputs > info.inputs && height > LIMIT - (info.outputs - info.inputs) as usize {
        return fail(r, m, Halt::StackOverflow);
    }
    if const { matches!(row(OP).unit, Unit::Glue) } {
        let price = m.upfront[const { byte_of(OP) } as usize];
        r.gas -= price;
        if r.gas < 0 {
            r.gas += price;
            return fail(r, m, Halt::OutOfGas);
        }
    }
    r.ip = r.ip.wrapping_add(1);
    body::<OP>(r, m)
}

/// The opcode that an image's byte stands for.
const fn byte_of(byte: u8) -> u8 {
    match byte {
        METERED_JUMP => op::JUMP,
        METERED_JUMPI => op::JUMPI,
        byte => byte,
    }
}

/// The opcode's row; bytes that are no opcode run as INVALID does.
const fn row(byte: u8) -> &'static Opcode {
    match opcode(byte_of(byte)) {
        Some(row) => row,
        None => opcode(op::INVALID).expect("INVALID is in the table"),
    }
}

#[inline(always)]
fn body<const OP: u8>(r: &mut Registers, m: &mut Machine) -> Flow {
    match OP {
        op::STOP => leave(r, m, call::stop),

        // Arithmetic
        op::ADD => binary(r, |a, b| a.wrapping_add(*b)),
        op::MUL => binary(r, |a, b| a.wrapping_mul(*b)),
        op::SUB => binary(r, |a, b| a.wrapping_sub(*b)),
        op::DIV => binary(r, word::div),
        op::SDIV => binary(r, word::sdiv),
        op::MOD => binary(r, word::rem),
        op::SMOD => binary(r, word::smod),
        op::ADDMOD => ternary(r, |a, b, n| a.add_mod(*b, *n)),
        op::MULMOD => ternary(r, |a, b, n| a.mul_mod(*b, *n)),
        op::EXP => request::<OP>(r, m, request::exp),
        op::SIGNEXTEND => binary(r, word::sign_extend),
        op::CLZ => unary(r, |a| U256::from(a.leading_zeros())),

        // Comparison and bits
        op::LT => binary(r, |a, b| word::from_bool(a < b)),
        op::GT => binary(r, |a, b| word::from_bool(a > b)),
        op::SLT => binary(r, |a, b| word::from_bool(word::signed_less(a, b))),
        op::SGT => binary(r, |a, b| word::from_bool(word::signed_less(b, a))),
        op::EQ => binary(r, |a, b| word::from_bool(a == b)),
        op::ISZERO => unary(r, |a| word::from_bool(a.is_zero())),
        op::AND => binary(r, |a, b| *a & *b),
        op::OR => binary(r, |a, b| *a | *b),
        op::XOR => binary(r, |a, b| *a ^ *b),
        op::NOT => unary(r, |a| !*a),
        op::BYTE => binary(r, word::byte),
        op::SHL => binary(r, word::shl),
        op::SHR => binary(r, word::shr),
        op::SAR => binary(r, word::sar),

        op::KECCAK256 => request::<OP>(r, m, request::keccak256),

        // The frame and its data
        op::ADDRESS => push(r, word::from_address(&m.frame().address)),
        op::CALLER => push(r, word::from_address(&m.frame().caller)),
        op::CALLVALUE => push(r, m.frame().value),
        op::CALLDATALOAD => unary(r, |offset| request::calldata_word(m, offset)),
        op::CALLDATASIZE => push(r, U256::from(m.frame().input.len)),
        op::CALLDATACOPY => request::<OP>(r, m, request::calldata_copy),
        op::CODESIZE => push(r, U256::from(m.code().bytes.len())),
        op::CODECOPY => request::<OP>(r, m, request::code_copy),
        op::RETURNDATASIZE => push(r, U256::from(m.return_data.len())),
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
        op::TIMESTAMP => push(r, m.env.timestamp),
        op::NUMBER => push(r, U256::from(m.env.number)),
        op::PREVRANDAO => push(r, m.env.prevrandao),
        op::GASLIMIT => push(r, m.env.gas_limit),
        op::CHAINID => push(r, m.env.chain_id),
        op::BASEFEE => push(r, m.env.base_fee),
        op::BLOBHASH => unary(r, |index| request::blob_hash(m, index)),
        op::BLOBBASEFEE => push(r, m.env.blob_base_fee),

        // Stack, memory, storage
        op::POP => {
            r.stack.drop(1);
            Flow::Next
        }
        op::MLOAD => mload(r, m),
        op::MSTORE => mstore(r, m),
        op::MSTORE8 => mstore8(r, m),
        op::MSIZE => push(r, U256::from(m.memory_len)),
        op::MCOPY => request::<OP>(r, m, request::memory_copy),
        op::SLOAD => request::<OP>(r, m, request::sload),
        op::SSTORE => request::<OP>(r, m, request::sstore),
        op::TLOAD => request::<OP>(r, m, request::tload),
        op::TSTORE => request::<OP>(r, m, request::tstore),

        // Control flow
        op::JUMP => jump(r, m),
        op::JUMPI => jump_if(r, m),
        METERED_JUMP => metered::<OP>(r, m),
        METERED_JUMPI => metered::<OP>(r, m),
        op::JUMPDEST => Flow::Next,
        op::PC => push(r, U256::from(pc(r, m) - 1)),
        op::GAS => push(r, U256::from(r.gas as u64)),

        op::PUSH0 => push(r, U256::ZERO),
        op::PUSH1..=op::PUSH32 => push_data::<OP>(r),
        op::DUP1..=op::DUP16 => {
            push(r, *r.stack.peek(const { OP.wrapping_sub(op::DUP1) } as usize))
        }
        op::SWAP1..=op::SWAP16 => {
            r.stack.swap(const { OP.wrapping_sub(op::SWAP1) as usize + 1 });
            Flow::Next
        }
        op::LOG0..=op::LOG4 => request::<OP>(r, m, request::log::<OP>),

        // Frames
        op::CREATE => leave(r, m, call::create::<{ op::CREATE }>),
        op::CREATE2 => leave(r, m, call::create::<{ op::CREATE2 }>),
        op::CALL => leave(r, m, call::call::<{ op::CALL }>),
        op::CALLCODE => leave(r, m, call::call::<{ op::CALLCODE }>),
        op::DELEGATECALL => leave(r, m, call::call::<{ op::DELEGATECALL }>),
        op::STATICCALL => leave(r, m, call::call::<{ op::STATICCALL }>),
        op::RETURN => leave(r, m, call::return_::<false>),
        op::REVERT => leave(r, m, call::return_::<true>),
        op::SELFDESTRUCT => leave(r, m, call::self_destruct),

        _ => {
            // Not run, so not counted as run.
            r.ip = r.ip.wrapping_sub(1);
            fail(r, m, Halt::InvalidOpcode)
        }
    }
}

/// Where the instruction pointer stands.
#[inline(always)]
pub(crate) fn pc(r: &Registers, m: &Machine) -> usize {
    r.ip.addr() - m.code_at.addr()
}

#[cold]
#[inline(never)]
fn fail_at(m: &mut Machine, halt: Halt, gas: i64) {
    m.fail(halt, Unit::Glue, gas);
}

#[inline(always)]
fn fail(r: &Registers, m: &mut Machine, halt: Halt) -> Flow {
    fail_at(m, halt, r.gas);
    Flow::Halt
}

#[inline(always)]
fn unary(r: &mut Registers, f: impl FnOnce(&U256) -> U256) -> Flow {
    r.stack.set(0, f(r.stack.peek(0)));
    Flow::Next
}

#[inline(always)]
fn binary(r: &mut Registers, f: impl FnOnce(&U256, &U256) -> U256) -> Flow {
    let a = *r.stack.pop();
    r.stack.set(0, f(&a, r.stack.peek(0)));
    Flow::Next
}

#[inline(always)]
fn ternary(r: &mut Registers, f: impl FnOnce(&U256, &U256, &U256) -> U256) -> Flow {
    let (a, b) = (*r.stack.pop(), *r.stack.pop());
    r.stack.set(0, f(&a, &b, r.stack.peek(0)));
    Flow::Next
}

#[inline(always)]
fn push(r: &mut Registers, word: U256) -> Flow {
    r.stack.push(word);
    Flow::Next
}

#[inline(always)]
fn push_data<const OP: u8>(r: &mut Registers) -> Flow {
    let len = const { OP.saturating_sub(op::PUSH0) as usize };
    let mut bytes = [0; 32];
    // SAFETY: the code's image has 33 bytes more than the code; see `Code`.
    let data = unsafe { core::slice::from_raw_parts(r.ip, len) };
    bytes[32 - len..].copy_from_slice(data);
    r.stack.push(U256::from_be_bytes(bytes));
    r.ip = r.ip.wrapping_add(len);
    Flow::Next
}

/// A coprocessor's work, or glue work too long for the loop: words in and out by the opcode table.
/// The function puts its result where the last input was.
#[inline(always)]
fn request<const OP: u8>(
    r: &mut Registers,
    m: &mut Machine,
    f: fn(&mut Machine, Stack, i64) -> i64,
) -> Flow {
    if const { row(OP).inputs < row(OP).outputs } {
        r.stack.push(U256::ZERO);
    }
    r.gas = f(m, r.stack, r.gas);
    if r.gas < 0 {
        return Flow::Halt;
    }
    if const { row(OP).inputs > row(OP).outputs } {
        r.stack.drop(const { row(OP).inputs.saturating_sub(row(OP).outputs) } as usize);
    }
    Flow::Next
}

/// An opcode that ends the frame, or starts another.
#[inline(always)]
fn leave(
    r: &Registers,
    m: &mut Machine,
    f: fn(&mut Machine, *const u8, Stack, i64) -> bool,
) -> Flow {
    if f(m, r.ip, r.stack, r.gas) { Flow::Switch } else { Flow::Halt }
}

/// Makes the 32 or fewer bytes at `offset` addressable, and returns where they are.
#[inline(always)]
fn memory_at<const LEN: usize>(
    r: &mut Registers,
    m: &mut Machine,
    offset: &U256,
) -> Option<*mut u8> {
    let limbs = offset.as_limbs();
    // Beyond 2^32 no gas suffices.
    let high = limbs[1] | limbs[2] | limbs[3] | limbs[0] >> 32;
    if high != 0 {
        fail(r, m, Halt::OutOfGas);
        return None;
    }
    let end = limbs[0] as usize + LEN;
    if end > m.memory_len {
        r.gas = m.grow(r.gas, end);
        if r.gas < 0 {
            return None;
        }
    }
    Some(m.memory_at.wrapping_add(end - LEN))
}

#[inline(always)]
fn mload(r: &mut Registers, m: &mut Machine) -> Flow {
    let Some(at) = memory_at::<32>(r, m, r.stack.peek(0)) else { return Flow::Halt };
    // SAFETY: `memory_at` made 32 bytes there addressable.
    let bytes = unsafe { at.cast::<[u8; 32]>().read_unaligned() };
    r.stack.set(0, U256::from_be_bytes(bytes));
    Flow::Next
}

#[inline(always)]
fn mstore(r: &mut Registers, m: &mut Machine) -> Flow {
    let Some(at) = memory_at::<32>(r, m, r.stack.peek(0)) else { return Flow::Halt };
    // SAFETY: `memory_at` made 32 bytes there addressable.
    unsafe { at.cast::<[u8; 32]>().write_unaligned(r.stack.peek(1).to_be_bytes()) };
    r.stack.drop(2);
    Flow::Next
}

#[inline(always)]
fn mstore8(r: &mut Registers, m: &mut Machine) -> Flow {
    let Some(at) = memory_at::<1>(r, m, r.stack.peek(0)) else { return Flow::Halt };
    // SAFETY: `memory_at` made a byte there addressable.
    unsafe { at.write(r.stack.peek(1).byte(0)) };
    r.stack.drop(2);
    Flow::Next
}

#[inline(always)]
fn jump(r: &mut Registers, m: &mut Machine) -> Flow {
    let destination = word::to_index(r.stack.pop());
    if !m.code().is_jumpdest(destination) {
        return fail(r, m, Halt::BadJump);
    }
    r.ip = m.code_at.wrapping_add(destination);
    Flow::Next
}

#[inline(always)]
fn jump_if(r: &mut Registers, m: &mut Machine) -> Flow {
    if r.stack.peek(1).is_zero() {
        r.stack.drop(2);
        return Flow::Next;
    }
    let flow = jump(r, m);
    r.stack.drop(1);
    flow
}

/// A jump of a metered machine: if it is taken, the stretch of code up to here ran once more.
#[inline(always)]
fn metered<const OP: u8>(r: &mut Registers, m: &mut Machine) -> Flow {
    let behind = r.ip;
    let flow = if OP == METERED_JUMP { jump(r, m) } else { jump_if(r, m) };
    if flow == Flow::Next && r.ip != behind {
        m.end_stretch(behind, r.ip);
    }
    flow
}
