//! Opcodes that ask a coprocessor, or move bytes: too long for the loop. Each takes the stack as the
//! body found it and the gas left, and returns the gas left, nothing if the frame halts; a result
//! goes where the last input was. Every one reads STACK, GAS, OPERATION.

use tandem_code::create_preimage;
use tandem_coprocessor::{
    Access, AccountId, Fault, Op, Unit,
    primitives::{Address, B256, U256},
};
use tandem_schedule::{Halt, Precompile, RowId, op};
use tandem_word as word;

use crate::{machine::Machine, memory::Range, stack::Stack};

/// EXP: the price grows with the exponent's bytes (EIP-160).
pub(crate) fn exp(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (base, exponent) = (*stack.peek(0), *stack.peek(1));
    let bytes = exponent.byte_len() as u64;
    let gas = m.charge_for(0, gas, RowId::opcode(op::EXP), m.schedule.exp_byte * bytes)?;
    stack.set(1, word::pow(&base, &exponent));
    Some(gas)
}

pub(crate) fn keccak256(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (range, gas) = m.range(gas, stack.peek(0), stack.peek(1))?;
    let words = range.len.div_ceil(32) as u64;
    let gas = m.pay(gas, op::KECCAK256, m.schedule.keccak_word * words)?;
    let hash = m.ask(m.keccak(range))?;
    stack.set(1, hash.into());
    Some(gas)
}

/// CALLDATALOAD: zeros behind the end.
pub(crate) fn calldata_load(m: &mut Machine, stack: Stack) {
    let input = m.context().input;
    let mut bytes = [0; 32];
    let data = m.memory.bytes(input.offset, input.len);
    word::copy_padded(&mut bytes, data, word::to_index(stack.peek(0)));
    stack.set(0, U256::from_be_bytes(bytes));
}

/// Pays for copying to memory; the target and the gas left.
fn target(
    m: &mut Machine,
    row: RowId,
    gas: i64,
    offset: &U256,
    len: &U256,
) -> Option<(Range, i64)> {
    let (range, gas) = m.range(gas, offset, len)?;
    let price = m.schedule.copy_word * range.len.div_ceil(32) as u64;
    Some((range, m.charge_for(0, gas, row, price)?))
}

pub(crate) fn calldata_copy(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (to, gas) = target(m, RowId::opcode(op::CALLDATACOPY), gas, stack.peek(0), stack.peek(2))?;
    let input = m.context().input;
    let from = word::to_index(stack.peek(1)).min(input.len);
    let len = to.len.min(input.len - from);
    let start = m.frame().memory_start + to.offset;
    m.memory.copy_within(input.offset + from, start, len);
    m.memory.bytes_mut(start + len, to.len - len).fill(0);
    Some(gas)
}

pub(crate) fn code_copy(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (to, gas) = target(m, RowId::opcode(op::CODECOPY), gas, stack.peek(0), stack.peek(2))?;
    let code = m.codes[m.frame().code].clone();
    word::copy_padded(m.memory_range(to), &code.bytes, word::to_index(stack.peek(1)));
    Some(gas)
}

/// RETURNDATACOPY: unlike the others, it may not read behind the end (EIP-211).
pub(crate) fn return_data_copy(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let from = word::to_index(stack.peek(1));
    let end = from.saturating_add(word::to_index(stack.peek(2)));
    if end > m.return_data.len() {
        return m.fail(Halt::ReturnDataOutOfBounds, Unit::Glue, gas);
    }
    let (to, gas) =
        target(m, RowId::opcode(op::RETURNDATACOPY), gas, stack.peek(0), stack.peek(2))?;
    let data = core::mem::take(&mut m.return_data);
    m.memory_range(to).copy_from_slice(&data[from..from + to.len]);
    m.return_data = data;
    Some(gas)
}

/// MCOPY (EIP-5656).
pub(crate) fn memory_copy(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let last = (*stack.peek(0)).max(*stack.peek(1));
    let (_, gas) = target(m, RowId::opcode(op::MCOPY), gas, &last, stack.peek(2))?;
    let (to, from) = (word::to_index(stack.peek(0)), word::to_index(stack.peek(1)));
    let len = word::to_index(stack.peek(2));
    if len > 0 {
        let start = m.frame().memory_start;
        m.memory.copy_within(start + from, start + to, len);
    }
    Some(gas)
}

/// Charges an opcode's access to another account: cold or warm since EIP-2929, the opcode's own
/// price before (EIP-150, EIP-1884).
fn access(m: &mut Machine, byte: u8, gas: i64, address: &U256) -> Option<(AccountId, i64)> {
    let (id, access) = m.state().access(&word::to_address(address));
    Some((id, m.pay(gas, byte, m.schedule.account(access))?))
}

pub(crate) fn balance(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (id, gas) = access(m, op::BALANCE, gas, stack.peek(0))?;
    stack.set(0, m.ask(m.state().account(id))?.balance);
    Some(gas)
}

/// SELFBALANCE (EIP-1884).
pub(crate) fn self_balance(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let gas = m.pay(gas, op::SELFBALANCE, 0)?;
    stack.set(0, m.ask(m.state().account(m.context().account))?.balance);
    Some(gas)
}

pub(crate) fn ext_code_size(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (id, gas) = access(m, op::EXTCODESIZE, gas, stack.peek(0))?;
    stack.set(0, U256::from(m.ask(m.state().code(id))?.len()));
    Some(gas)
}

pub(crate) fn ext_code_copy(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (id, gas) = access(m, op::EXTCODECOPY, gas, stack.peek(0))?;
    let (to, gas) = target(m, RowId::EXTCODECOPY_WORDS, gas, stack.peek(1), stack.peek(3))?;
    let code = m.ask(m.state().code(id))?;
    word::copy_padded(m.memory_range(to), &code, word::to_index(stack.peek(2)));
    Some(gas)
}

/// EXTCODEHASH: zero for an account that is not there (EIP-1052).
pub(crate) fn ext_code_hash(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (id, gas) = access(m, op::EXTCODEHASH, gas, stack.peek(0))?;
    let account = m.ask(m.state().account(id))?;
    stack.set(0, if account.is_empty() { U256::ZERO } else { account.code_hash.into() });
    Some(gas)
}

/// BLOCKHASH: zero beyond the last 256 blocks.
pub(crate) fn block_hash(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let number = u64::try_from(*stack.peek(0)).unwrap_or(u64::MAX);
    let gas = m.pay(gas, op::BLOCKHASH, 0)?;
    let current = m.env.number;
    let recent = number < current && current - number <= 256;
    stack.set(0, if recent { m.ask(m.state().block_hash(number))?.into() } else { U256::ZERO });
    Some(gas)
}

/// BLOBHASH (EIP-4844).
pub(crate) fn blob_hash(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let hash = m.env.blob_hashes.get(word::to_index(stack.peek(0)));
    stack.set(0, hash.map_or(U256::ZERO, |hash| (*hash).into()));
    Some(gas)
}

pub(crate) fn sload(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let (slot, access) = m.state().access_slot(m.context().account, stack.peek(0));
    let surcharge = match access {
        Access::Cold => m.schedule.cold_slot,
        Access::Warm => m.schedule.warm_slot,
    };
    let gas = m.pay(gas, op::SLOAD, surcharge)?;
    stack.set(0, m.ask(m.state().load(slot))?);
    Some(gas)
}

/// SSTORE: the price is a fact of the store, so the store comes first and is undone with the frame
/// if the gas is short (EIP-2200, EIP-2929, EIP-3529).
pub(crate) fn sstore(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    if m.context().is_static {
        return m.fail(Halt::StaticViolation, Unit::State, gas);
    }
    if gas <= m.schedule.store_sentry as i64 && m.schedule.store_sentry > 0 {
        return m.fail(Halt::OutOfGas, Unit::State, gas);
    }
    let (slot, access) = m.state().access_slot(m.context().account, stack.peek(0));
    let surcharge = if access == Access::Cold { m.schedule.cold_slot } else { 0 };
    let change = m.ask(m.state().store(slot, stack.peek(1)))?;
    let price = m.schedule.store[change as usize];
    let gas = m.charge(gas, RowId::opcode(op::SSTORE), surcharge + u64::from(price.cost))?;
    m.refund += i64::from(price.refund);
    Some(gas)
}

/// TLOAD (EIP-1153).
pub(crate) fn tload(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let gas = m.pay(gas, op::TLOAD, 0)?;
    stack.set(0, m.state().load_transient(m.context().account, stack.peek(0)));
    Some(gas)
}

/// TSTORE (EIP-1153).
pub(crate) fn tstore(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    if m.context().is_static {
        return m.fail(Halt::StaticViolation, Unit::State, gas);
    }
    let gas = m.pay(gas, op::TSTORE, 0)?;
    m.state().store_transient(m.context().account, stack.peek(0), stack.peek(1));
    Some(gas)
}

pub(crate) fn log<const OP: u8>(m: &mut Machine, stack: Stack, gas: i64) -> Option<i64> {
    let topics = const { OP.wrapping_sub(op::LOG0) as usize };
    if m.context().is_static {
        return m.fail(Halt::StaticViolation, Unit::Log, gas);
    }
    let (range, gas) = m.range(gas, stack.peek(0), stack.peek(1))?;
    let data = m.schedule.log_byte * range.len as u64;
    let gas = m.pay(gas, OP, m.schedule.log_topic * topics as u64 + data)?;
    let mut words = [B256::ZERO; 4];
    for (n, topic) in words[..topics].iter_mut().enumerate() {
        *topic = (*stack.peek(2 + n)).into();
    }
    let address = m.context().address;
    m.log().emit(address, &words[..topics], m.memory_range(range));
    Some(gas)
}

impl Machine {
    fn keccak(&self, range: Range) -> Result<B256, Fault> {
        let start = self.frame().memory_start + range.offset;
        self.hash(self.memory.bytes(start, range.len))
    }

    /// Keccak-256 by the hash coprocessor, unpaid: what it is for has been charged.
    pub(crate) fn hash(&self, bytes: &[u8]) -> Result<B256, Fault> {
        let mut hash = B256::ZERO;
        self.coprocessors.get(Unit::Hash)?.execute(Op::Keccak256, bytes, &mut hash.0)?;
        Ok(hash)
    }

    /// The address of a contract that `creator` makes with CREATE or by a transaction.
    pub(crate) fn create_address(&self, creator: &Address, nonce: u64) -> Result<Address, Fault> {
        Ok(Address::from_word(self.hash(&create_preimage(creator, nonce))?))
    }

    /// Measures, charges and executes a precompile's request, the input being a range of the buffer
    /// of all memory; its output becomes the return data. The gas left, negative if it failed.
    pub(crate) fn dispatch(&mut self, index: usize, input: Range, gas: i64) -> Option<i64> {
        let precompile = self.schedule.precompiles[index];
        let start = self.meter.as_ref().map(|meter| meter.elapsed());
        let gas = self.dispatch_untimed(precompile, input, gas);
        self.lap(RowId::precompile(precompile.op), start);
        gas
    }

    fn dispatch_untimed(&mut self, precompile: Precompile, input: Range, gas: i64) -> Option<i64> {
        let Precompile { op, price, .. } = precompile;
        let failed = (Halt::PrecompileFailed, op.unit());
        self.return_data.clear();
        let input = self.memory.bytes(input.offset, input.len);
        let coprocessor = match self.coprocessors.get(op.unit()) {
            Ok(coprocessor) => coprocessor,
            Err(fault) => return self.broken(fault),
        };
        let work = match coprocessor.measure(op, input) {
            Ok(work) => work,
            Err(fault) => return self.refused(fault, failed, gas),
        };
        let Some(cost) = price.gas(&work.size) else {
            return self.refused(Fault::Input, failed, gas);
        };
        if cost > gas as u64 {
            return self.fail(Halt::OutOfGas, op.unit(), gas);
        }
        let mut output = core::mem::take(&mut self.return_data);
        output.resize(work.max_output, 0);
        let result = coprocessor.execute(op, input, &mut output);
        self.return_data = output;
        match result {
            Ok(len) => {
                self.return_data.truncate(len);
                self.charge(gas, RowId::precompile(op), cost)
            }
            Err(fault) => {
                self.return_data.clear();
                self.refused(fault, failed, gas)
            }
        }
    }

    pub(crate) fn refused(&mut self, fault: Fault, why: (Halt, Unit), gas: i64) -> Option<i64> {
        match fault {
            Fault::Input => self.fail(why.0, why.1, gas),
            fault => self.broken(fault),
        }
    }
}
