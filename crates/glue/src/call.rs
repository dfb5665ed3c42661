//! How frames start and end: the CALL and CREATE families, RETURN, REVERT, STOP, SELFDESTRUCT, halts,
//! and the transaction's own frame. Frames lie on a stack of the machine's, so depth costs no native
//! stack. Gas forwarded to a callee is nobody's cost: the callee posts rows of its own.

use alloc::sync::Arc;

use tandem_code::{Code, create2_preimage};
use tandem_coprocessor::{
    Access, AccountId, Checkpoint, Creation, Fault, Unit,
    primitives::{Address, B256, Bytes, U256},
};
use tandem_message::{Message, Status};
use tandem_schedule::{Halt, RowId, op};
use tandem_word as word;

use crate::{
    machine::{Context, Ip, Machine},
    memory::Range,
    stack::Stack,
};

/// The deepest frame (Yellow Paper, section 8).
const MAX_DEPTH: usize = 1024;

/// Whether an opcode came to its end, so that the machine has new registers for the driver.
type Switched = Option<()>;

/// What it takes to start a frame.
struct Start {
    context: Context,
    /// Who pays the value, if it moves at all.
    payer: Option<AccountId>,
    gas: i64,
    checkpoint: Checkpoint,
    run: Run,
}

/// What a new frame runs.
enum Run {
    Nothing,
    Code(usize),
    /// By its place in the schedule.
    Precompile(usize),
}

/// CALL, CALLCODE, DELEGATECALL and STATICCALL (EIP-7, EIP-150, EIP-161, EIP-214, EIP-2929, EIP-7702).
pub(crate) fn call<const OP: u8>(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Switched {
    let with_value = const { matches!(OP, op::CALL | op::CALLCODE) };
    let (requested, to) = (*stack.peek(0), word::to_address(stack.peek(1)));
    let value = if with_value { *stack.peek(2) } else { U256::ZERO };
    let (sends, data) = (!value.is_zero(), 2 + usize::from(with_value));
    if OP == op::CALL && sends && m.context().is_static {
        return m.fail(Halt::StaticViolation, Unit::State, gas);
    }

    let gas_before = gas;
    let (mut input, gas) = m.range(gas, stack.peek(data), stack.peek(data + 1))?;
    let (output, gas) = m.range(gas, stack.peek(data + 2), stack.peek(data + 3))?;
    let (id, access) = m.state().access(&to);
    let gas = m.pay(gas, OP, m.schedule.account(access))?;
    let runs = m.runs(&to, id);
    let (run, surcharge) = m.ask(runs)?;
    let gas = m.charge_for(0, gas, RowId::opcode(OP), surcharge)?;
    let gas = if OP == op::CALL && m.ask(m.makes_account(id, sends))? {
        m.charge_for(0, gas, RowId::opcode(OP), m.schedule.new_account)?
    } else {
        gas
    };
    let gas = if sends { m.charge_value(gas, RowId::opcode(OP))? } else { gas };
    let stipend = if sends { m.schedule.call_stipend as i64 } else { 0 };
    let forwarded = m.forwarded(gas, &requested, stipend)?;
    let gas = gas - forwarded;
    m.call_cost = gas_before - gas;

    let (account, address, caller, frame_value, is_static) = {
        let f = m.context();
        match OP {
            op::CALL => (id, to, f.address, value, f.is_static),
            op::CALLCODE => (f.account, f.address, f.address, value, f.is_static),
            op::DELEGATECALL => (f.account, f.address, f.caller, f.value, f.is_static),
            _ => (id, to, f.address, value, true),
        }
    };
    let payer = m.context().account;
    input.offset += m.frame().memory_start;
    m.suspend(ip, stack, data + 4, gas);
    if m.depth == MAX_DEPTH || (sends && m.ask(m.state().account(payer))?.balance < value) {
        m.frame_mut().gas += forwarded + stipend;
        return Some(());
    }
    let moves = const { matches!(OP, op::CALL | op::STATICCALL) };
    m.enter(Start {
        context: Context {
            is_static,
            input,
            output,
            ..Context::new(account, address, caller, frame_value)
        },
        payer: moves.then_some(payer),
        gas: forwarded + stipend,
        checkpoint: m.state().checkpoint(),
        run,
    })
}

/// CREATE and CREATE2 (EIP-161, EIP-684, EIP-1014, EIP-3860).
pub(crate) fn create<const OP: u8>(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Switched {
    let value = *stack.peek(0);
    let salt = if OP == op::CREATE2 { *stack.peek(3) } else { U256::ZERO };
    if m.context().is_static {
        return m.fail(Halt::StaticViolation, Unit::State, gas);
    }

    let gas_before = gas;
    let (range, gas) = m.range(gas, stack.peek(1), stack.peek(2))?;
    if range.len > m.schedule.max_initcode_size {
        return m.fail(Halt::InitcodeTooLarge, Unit::State, gas);
    }
    let gas = m.pay(gas, OP, 0)?;
    let words = range.len.div_ceil(32) as u64;
    let row = if OP == op::CREATE { RowId::CREATE_WORDS } else { RowId::CREATE2_WORDS };
    let gas = m.charge_some(gas, row, m.schedule.initcode_word * words)?;
    let hashing = if OP == op::CREATE2 { m.schedule.keccak_word * words } else { 0 };
    let gas = m.charge_some(gas, RowId::CREATE2_HASH, hashing)?;
    let forwarded = if m.schedule.all_but_one_64th { gas - gas / 64 } else { gas };
    let gas = gas - forwarded;
    m.call_cost = gas_before - gas;

    let (creator, caller) = (m.context().account, m.context().address);
    m.suspend(ip, stack, if OP == op::CREATE { 3 } else { 4 }, gas);
    let account = *m.ask(m.state().account(creator))?;
    let refused = m.depth == MAX_DEPTH || account.balance < value;
    if refused || !m.ask(m.state().increment_nonce(creator))? {
        m.frame_mut().gas += forwarded;
        return Some(());
    }
    let init_code = Bytes::copy_from_slice(m.memory_range(range));
    let address = if OP == op::CREATE {
        m.ask(m.create_address(&caller, account.nonce))?
    } else {
        let hash = m.ask(m.hash(&init_code))?;
        let preimage = create2_preimage(&caller, &salt, &hash);
        Address::from_word(m.ask(m.hash(&preimage))?)
    };
    m.enter_creation(address, caller, creator, value, init_code, forwarded)
}

/// STOP, and the end of the code.
pub(crate) fn stop(m: &mut Machine, ip: Ip, _: Stack, gas: i64) -> Switched {
    m.return_data.clear();
    m.succeed(ip, gas)
}

/// RETURN and REVERT (EIP-140).
pub(crate) fn return_<const REVERT: bool>(
    m: &mut Machine,
    ip: Ip,
    stack: Stack,
    gas: i64,
) -> Switched {
    let gas_before = gas;
    let (range, gas) = m.range(gas, stack.peek(0), stack.peek(1))?;
    m.call_cost = gas_before - gas;
    m.return_data.clear();
    let start = m.frame().memory_start + range.offset;
    m.return_data.extend_from_slice(m.memory.bytes(start, range.len));
    if !REVERT {
        return m.succeed(ip, gas);
    }
    m.finish(ip, Status::Revert, gas)
}

/// SELFDESTRUCT (EIP-150, EIP-161, EIP-3529, EIP-6780).
pub(crate) fn self_destruct(m: &mut Machine, ip: Ip, stack: Stack, gas: i64) -> Switched {
    let account = m.context().account;
    if m.context().is_static {
        return m.fail(Halt::StaticViolation, Unit::State, gas);
    }

    let gas_before = gas;
    let (beneficiary, access) = m.state().access(&word::to_address(stack.peek(0)));
    // A warm beneficiary costs nothing on top.
    let surcharge = if access == Access::Cold { m.schedule.cold_account } else { 0 };
    let gas = m.pay(gas, op::SELFDESTRUCT, surcharge)?;
    let has_balance = !m.ask(m.state().account(account))?.balance.is_zero();
    let charged = m.schedule.all_but_one_64th;
    let gas = if charged && m.ask(m.makes_account(beneficiary, has_balance))? {
        m.charge_for(0, gas, RowId::opcode(op::SELFDESTRUCT), m.schedule.new_account)?
    } else {
        gas
    };
    m.call_cost = gas_before - gas;

    let only_created = m.schedule.self_destruct_only_created;
    let done = m.ask(m.state().self_destruct(account, beneficiary, only_created))?;
    if !done.repeated {
        m.refund += m.schedule.self_destruct_refund as i64;
    }
    m.return_data.clear();
    m.finish(ip, Status::Success, gas)
}

impl Machine {
    /// Starts the transaction's own frame; `done` is set if it was over at once. Returns the address
    /// of the contract to be created.
    pub(crate) fn start(&mut self, message: &Message<'_>) -> Result<Option<Address>, Fault> {
        (self.depth, self.running, self.growths) = (0, 0, 0);
        (self.done, self.fault) = (None, None);
        self.return_data.clear();
        let calldata = if message.to.is_some() { message.input } else { &[] };
        self.memory.reset(calldata, self.memory_end());
        self.memory_len = 0;
        let gas = i64::try_from(message.gas).unwrap_or(i64::MAX);
        let Some((to, id)) = message.to else {
            let address = self.create_address(message.caller, message.nonce)?;
            let init_code = Bytes::copy_from_slice(message.input);
            let (caller, payer) = (*message.caller, message.caller_id);
            self.enter_creation(address, caller, payer, *message.value, init_code, gas);
            return Ok(Some(address));
        };
        let (run, _) = self.runs(to, id)?;
        // A plain transfer needs no frame.
        if matches!(run, Run::Nothing) {
            self.state().transfer(message.caller_id, id, message.value)?;
            self.done = Some((Status::Success, gas));
            return Ok(None);
        }
        self.enter(Start {
            context: Context {
                input: Range { offset: 0, len: calldata.len() },
                ..Context::new(id, *to, *message.caller, *message.value)
            },
            payer: Some(message.caller_id),
            gas,
            checkpoint: self.state().checkpoint(),
            run,
        });
        Ok(None)
    }

    /// What a call to an account runs, and what the access to its delegate costs (EIP-7702). A
    /// delegate's own delegation is not followed, nor does it run a precompile.
    fn runs(&mut self, address: &Address, id: AccountId) -> Result<(Run, u64), Fault> {
        if let Some(precompile) = self.schedule.precompile_index(address) {
            return Ok((Run::Precompile(precompile), 0));
        }
        let Some(code) = self.code_index(id)? else { return Ok((Run::Nothing, 0)) };
        match self.codes[code].delegate {
            Some(delegate) if self.schedule.delegations => {
                let (id, access) = self.state().access(&delegate);
                let code = self.code_index(id)?;
                Ok((code.map_or(Run::Nothing, Run::Code), self.schedule.account(access)))
            }
            _ => Ok((Run::Code(code), 0)),
        }
    }

    /// The analysed code of an account, as an index into `codes`; `None` without code.
    #[inline(always)]
    fn code_index(&mut self, id: AccountId) -> Result<Option<usize>, Fault> {
        let account = self.state().account(id)?;
        if !account.has_code() {
            return Ok(None);
        }
        let open = self.codes.of(id, &account.code_hash);
        open.map_or_else(|| self.find_code(id, account.code_hash), Ok).map(Some)
    }

    /// Opens an account's code, analysed now or for an earlier transaction.
    #[inline(never)]
    fn find_code(&mut self, id: AccountId, hash: B256) -> Result<usize, Fault> {
        // A trace shows each opcode, so traced code is not fused, nor kept.
        let traced = self.tracer().is_some();
        let kept = if traced { None } else { self.codes.kept(&hash, &self.dialect) };
        if let Some(code) = kept {
            return Ok(self.open_code(Some(id), code));
        }
        let code = Arc::new(Code::analyse(self.state().code(id)?, hash, &self.dialect));
        if !traced {
            self.codes.keep(&code);
        }
        Ok(self.open_code(Some(id), code))
    }

    fn open_code(&mut self, account: Option<AccountId>, code: Arc<Code>) -> usize {
        if let Some(meter) = &mut self.meter {
            meter.open(code.clone());
        }
        self.codes.push(account, code)
    }

    /// Whether a call or a SELFDESTRUCT to the account makes it: since EIP-161 only with value.
    #[inline]
    fn makes_account(&self, id: AccountId, with_value: bool) -> Result<bool, Fault> {
        if !self.schedule.clear_empty {
            return Ok(!self.state().account(id)?.exists);
        }
        Ok(with_value && self.state().account(id)?.is_empty())
    }

    /// Charges the transfer of value; the stipend in it is not posted, since it is the callee's.
    fn charge_value(&mut self, gas: i64, row: RowId) -> Option<i64> {
        let stipend = self.schedule.call_stipend;
        if self.schedule.call_value > gas as u64 {
            return self.fail(Halt::OutOfGas, Unit::State, gas);
        }
        let posted = self.schedule.call_value - stipend;
        Some(self.charge_for(0, gas, row, posted)? - stipend as i64)
    }

    /// Charges a row that is not there when it costs nothing.
    fn charge_some(&mut self, gas: i64, row: RowId, amount: u64) -> Option<i64> {
        if amount == 0 { Some(gas) } else { self.charge(gas, row, amount) }
    }

    /// The gas a callee gets: what was asked for, but since EIP-150 at most all but one 64th. Before
    /// that, asking for too much halts, and the stipend that was set apart burns as well.
    fn forwarded(&mut self, gas: i64, requested: &U256, stipend: i64) -> Option<i64> {
        let requested = i64::try_from(*requested).unwrap_or(i64::MAX);
        if self.schedule.all_but_one_64th {
            Some(requested.min(gas - gas / 64))
        } else if requested <= gas {
            Some(requested)
        } else {
            self.fail(Halt::OutOfGas, Unit::State, gas + stipend)
        }
    }

    /// Puts the registers away: the opcode's inputs are gone, and a zero for its failure is on top.
    fn suspend(&mut self, ip: Ip, mut stack: Stack, inputs: usize, gas: i64) {
        stack.drop(inputs);
        stack.push(U256::ZERO);
        self.return_data.clear();
        self.frame_mut().memory_len = self.memory_len;
        let frame = self.frame_mut();
        (frame.ip, frame.stack, frame.gas) = (ip, stack, gas);
    }

    /// Starts a contract's init code, and delivers the failure if the address is taken.
    fn enter_creation(
        &mut self,
        address: Address,
        caller: Address,
        creator: AccountId,
        value: U256,
        init_code: Bytes,
        gas: i64,
    ) -> Switched {
        let account = self.state().access(&address).0;
        let nonce = u64::from(self.schedule.clear_empty);
        let checkpoint = self.state().checkpoint();
        if self.ask(self.state().create(account, nonce))? == Creation::Collision {
            self.state().revert(checkpoint);
            self.burn(Halt::CreateCollision, Unit::State, gas);
            self.deliver(true, Status::Halt(Halt::CreateCollision), 0, Range::default());
            return Some(());
        }
        let code = Code::analyse(init_code, B256::ZERO, &self.dialect);
        let run = Run::Code(self.open_code(None, Arc::new(code)));
        self.enter(Start {
            context: Context { creates: true, ..Context::new(account, address, caller, value) },
            payer: Some(creator),
            gas,
            checkpoint,
            run,
        })
    }

    /// Starts a frame, or delivers its result if it is over at once.
    fn enter(&mut self, start: Start) -> Switched {
        let Context { creates, output, .. } = start.context;
        let begun = self.begin(start);
        if let Some((status, gas)) = self.ask(begun)? {
            self.deliver(creates, status, gas, output);
        }
        Some(())
    }

    /// Starts a frame, or says how it ended if it was over at once, with the gas left.
    fn begin(&mut self, start: Start) -> Result<Option<(Status, i64)>, Fault> {
        if let Some(payer) = start.payer {
            self.state().transfer(payer, start.context.account, &start.context.value)?;
        }
        if self.running == 0 {
            self.meter.iter_mut().for_each(|meter| meter.start());
        }
        let code = match start.run {
            Run::Nothing => return Ok(Some((Status::Success, start.gas))),
            Run::Precompile(precompile) => {
                let gas = self.dispatch(precompile, start.context.input, start.gas);
                self.fault.map_or(Ok(()), Err)?;
                if let Some(gas) = gas {
                    return Ok(Some((Status::Success, gas)));
                }
                let (halt, unit, burnt) = self.failure;
                self.burn(halt, unit, burnt);
                self.state().revert(start.checkpoint);
                return Ok(Some((Status::Halt(halt), 0)));
            }
            Run::Code(code) => code,
        };
        let log_checkpoint = self.log().checkpoint();
        let depth = self.running;
        let memory_start = match depth {
            0 => start.context.input.len,
            _ => self.memory_end(),
        };
        let (ip, refund) = (self.codes[code].image(), self.refund);
        if let Some(meter) = &mut self.meter
            && let Some(caller) = depth.checked_sub(1)
        {
            self.frames[caller].stretch = meter.suspend(&mut self.jumps);
        }
        self.depth = depth;
        let frame = self.frame_at(depth, start.context);
        (frame.ip, frame.gas, frame.code) = (ip, start.gas, code);
        (frame.memory_start, frame.memory_len) = (memory_start, 0);
        (frame.state_checkpoint, frame.log_checkpoint) = (start.checkpoint, log_checkpoint);
        (frame.refund, frame.stretch) = (refund, 0);
        (frame.instructions, frame.register_bytes) = ([None, None], 0);
        self.running = depth + 1;
        self.go_on(code, (memory_start, 0), 0, 0);
        Ok(None)
    }

    /// Makes the frame at `depth` the running one.
    fn resume(&mut self) {
        let frame = &self.frames[self.depth];
        let memory = (frame.memory_start, frame.memory_len);
        self.go_on(frame.code, memory, frame.register_bytes, frame.stretch);
    }

    /// Goes on in a code, with memory from a place on of a length.
    #[inline(always)]
    fn go_on(&mut self, code: usize, (at, len): (usize, usize), registers: usize, stretch: usize) {
        self.memory_at = self.memory.at(at);
        self.register_bytes = registers;
        (self.memory_len, self.memory_paid) = (len, self.memory_cost(len));
        self.code_at = self.codes[code].image();
        self.code = Arc::as_ptr(&self.codes[code]);
        if let Some(meter) = &mut self.meter {
            meter.resume(&mut self.jumps, code, stretch);
        }
    }

    /// Ends the frame well: a creation pays for its code first (EIP-2, EIP-170, EIP-3541).
    fn succeed(&mut self, ip: Ip, gas: i64) -> Switched {
        let gas = if self.context().creates { self.deposit(gas)? } else { gas };
        self.finish(ip, Status::Success, gas)
    }

    /// Makes the return data the created account's code; the gas left, negative if that fails.
    fn deposit(&mut self, gas: i64) -> Option<i64> {
        let len = self.return_data.len();
        if len > self.schedule.max_code_size {
            return self.fail(Halt::CodeTooLarge, Unit::State, gas);
        }
        if self.schedule.reject_ef && self.return_data.first() == Some(&0xef) {
            return self.fail(Halt::InvalidCode, Unit::State, gas);
        }
        let price = self.schedule.code_deposit_byte * len as u64;
        if price > gas as u64 && !self.schedule.strict_deposit {
            return Some(gas);
        }
        let gas = self.charge_some(gas, RowId::CODE_DEPOSIT, price)?;
        if len == 0 {
            return Some(gas);
        }
        let code = Bytes::copy_from_slice(&self.return_data);
        let account = self.context().account;
        let set = self.hash(&code).and_then(|hash| self.state().set_code(account, code, hash));
        self.ask(set)?;
        Some(gas)
    }

    /// Ends the frame exceptionally: the gas noted with the failure burns.
    pub(crate) fn halt(&mut self, ip: Ip) {
        if self.fault.is_some() {
            return;
        }
        let (halt, unit, gas) = self.failure;
        self.burn(halt, unit, gas);
        self.return_data.clear();
        let _ = self.finish(ip, Status::Halt(halt), 0);
        self.lap(RowId::halt(unit, halt), None);
    }

    fn burn(&mut self, halt: Halt, unit: Unit, gas: i64) {
        if let Some(meter) = &mut self.meter {
            meter.post(RowId::halt(unit, halt), 1, gas as u64);
        }
    }

    /// Takes down the running frame, whose code ran up to `ip` and no further, and delivers its result.
    fn finish(&mut self, ip: Ip, status: Status, gas: i64) -> Switched {
        let (end, astray) = (ip.addr() - self.code_at.addr(), self.failure.0 == Halt::BadJump);
        if let Some(meter) = &mut self.meter {
            meter.leave(&mut self.jumps, end, astray);
            meter.post_growth(core::mem::take(&mut self.growths), self.memory_paid);
        }
        let frame = &self.frames[self.depth];
        let (Context { creates, output, address, .. }, code) = (frame.context, frame.code);
        if status != Status::Success {
            let (state, log, refund) = (frame.state_checkpoint, frame.log_checkpoint, frame.refund);
            self.state().revert(state);
            self.log().revert(log);
            self.refund = refund;
        }
        self.running -= 1;
        if creates && self.codes.drop_last(code) {
            self.meter.iter_mut().for_each(|meter| meter.close_last(&mut self.jumps));
        }
        if self.running > 0 {
            let ended = self.memory_end();
            self.depth = self.running - 1;
            self.resume();
            self.memory.resume(self.memory_end(), ended);
        }
        self.deliver(creates, status, gas, output);
        if self.running > 0 && creates && status == Status::Success {
            self.frame().stack.set(0, word::from_address(&address));
        }
        Some(())
    }

    /// Hands a result to the running frame, or to the transaction if there is none.
    fn deliver(&mut self, creates: bool, status: Status, gas: i64, output: Range) {
        if self.running == 0 {
            self.done = Some((status, gas));
            return;
        }
        self.frame_mut().gas += gas;
        if creates {
            if status == Status::Success {
                self.return_data.clear();
            }
            return;
        }
        if status == Status::Success {
            self.frame().stack.set(0, U256::ONE);
        }
        let start = self.frame().memory_start + output.offset;
        let len = output.len.min(self.return_data.len());
        if len > 0 {
            self.memory.bytes_mut(start, len).copy_from_slice(&self.return_data[..len]);
        }
    }
}
