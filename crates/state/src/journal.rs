//! The journal: the transaction's own copy of every account and slot it met, and the list of undo
//! steps that revert it. Entries are found by handle; a key is hashed once for each access opcode
//! and never for a load or store.

use core::mem::replace;

use tandem_coprocessor::{
    Access, Account, AccountId, AccountInfo, Checkpoint, Creation, Fault, SelfDestruct, SlotId,
    State, StorageChange,
    primitives::{Address, B256, Bytes, U256, address},
};

use crate::{
    Database, StateError,
    keys::{Addresses, FEW, Keys},
};

/// The one account whose touch outlived a revert, at mainnet block 2,675,119 and ever since in the
/// rules (EIP-161, geth and the executable specification alike).
const RIPEMD160: Address = address!("0000000000000000000000000000000000000003");

/// What a transaction changed, account by account.
pub type Changes = Vec<AccountChange>;

/// What became of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountChange {
    /// Whose account.
    pub address: Address,
    /// The account now; `None` if it is gone, its storage with it.
    pub account: Option<AccountInfo>,
    /// New code, if it changed.
    pub code: Option<Bytes>,
    /// Slots that changed, with their new values.
    pub storage: Vec<(U256, U256)>,
}

impl AccountChange {
    /// Of an account that is gone.
    const fn of(address: Address) -> Self {
        Self { address, account: None, code: None, storage: Vec::new() }
    }
}

#[derive(Clone, Debug)]
struct AccountEntry {
    address: Address,
    /// Meaningful once `loaded`, as are the next three.
    account: Account,
    /// As the database had it; whether the code is another is `code_changed`.
    original_balance: U256,
    original_nonce: u64,
    existed: bool,
    code: Option<Bytes>,
    loaded: bool,
    warm: bool,
    touched: bool,
    created: bool,
    destroyed: bool,
    code_changed: bool,
    /// Where in the list of changes it is, while that is made.
    change: Option<u32>,
}

#[derive(Clone, Debug)]
struct SlotEntry {
    original: U256,
    current: U256,
    loaded: bool,
    warm: bool,
}

impl AccountEntry {
    fn new(address: Address, warm: bool) -> Self {
        Self {
            address,
            account: Account::default(),
            original_balance: U256::ZERO,
            original_nonce: 0,
            existed: false,
            code: None,
            loaded: false,
            warm,
            touched: false,
            created: false,
            destroyed: false,
            code_changed: false,
            change: None,
        }
    }

    /// Makes an entry of an earlier transaction a new one.
    fn reset(&mut self, address: Address, warm: bool) {
        self.address = address;
        self.code = None;
        self.loaded = false;
        self.warm = warm;
        self.touched = false;
        self.created = false;
        self.destroyed = false;
        self.code_changed = false;
        self.change = None;
    }

    /// Takes over what the database has.
    #[inline(always)]
    fn load(&mut self, info: &AccountInfo, exists: bool) {
        self.account = Account { info: *info, exists };
        (self.original_balance, self.original_nonce) = (info.balance, info.nonce);
        self.existed = exists;
        self.loaded = true;
    }

    /// Whether the account is as the database has it, if it `exists` at the end.
    #[inline(always)]
    fn is_unchanged(&self, exists: bool) -> bool {
        let same = || {
            !(self.code_changed || self.created)
                && self.account.nonce == self.original_nonce
                && self.account.balance == self.original_balance
        };
        exists == self.existed && (!exists || same())
    }

    /// Makes the account there and touched; returns what it was.
    #[inline(always)]
    fn touch(&mut self) -> Presence {
        let (exists, touched) = (&mut self.account.exists, &mut self.touched);
        Presence { exists: replace(exists, true), touched: replace(touched, true) }
    }

    /// Takes a touch back.
    fn untouch(&mut self, was: Presence) {
        self.account.exists = was.exists;
        self.touched = was.touched || self.address == RIPEMD160;
    }
}

/// What touching an account changes.
#[derive(Clone, Copy, Debug)]
struct Presence {
    exists: bool,
    touched: bool,
}

/// One step back.
#[derive(Clone, Copy, Debug)]
enum Undo {
    Access(AccountId),
    AccessSlot(SlotId),
    Store(SlotId, U256),
    Transient(u32, U256),
    Balance(AccountId, U256),
    Nonce(AccountId, u64),
    Touch(AccountId, Presence),
    /// One step for what would be four.
    Transfer {
        from: AccountId,
        to: AccountId,
        value: U256,
        was: [Presence; 2],
    },
    Create(AccountId),
    /// The code before is the last of `Journal::codes`.
    Code(AccountId),
    Destroy(AccountId),
}

/// The buffers of the state coprocessor, kept from transaction to transaction.
#[derive(Debug, Default)]
pub struct Journal {
    by_address: Addresses,
    /// Those of this transaction are the first `known`; the others wait to be used again.
    accounts: Vec<AccountEntry>,
    known: usize,
    /// The account found last, which is often the next one, too; looked at once there are many.
    recent: usize,
    slot_keys: Keys,
    slots: Vec<SlotEntry>,
    transient_keys: Keys,
    transient: Vec<U256>,
    undo: Vec<Undo>,
    /// Codes before they were set: hash, code, and whether that was a change.
    codes: Vec<(B256, Option<Bytes>, bool)>,
    /// The small numbers that are addresses warm from the start, bit by bit, and the other addresses.
    warm_numbers: [u64; Self::NUMBERS / 64],
    warm_others: Vec<Address>,
}

impl Journal {
    /// Buffers above this many entries are given back after a transaction.
    const KEPT: usize = 8192;

    const NUMBERS: usize = 512;

    /// A journal for which some addresses, the precompiles, are warm from the start (EIP-2929).
    pub fn new(always_warm: Vec<Address>) -> Self {
        let mut journal = Self::default();
        for address in always_warm {
            match number(&address) {
                Some(n) => journal.warm_numbers[n / 64] |= 1 << (n % 64),
                None => journal.warm_others.push(address),
            }
        }
        journal
    }

    fn is_always_warm(&self, address: &Address) -> bool {
        match number(address) {
            Some(n) => self.warm_numbers[n / 64] >> (n % 64) & 1 == 1,
            None => self.warm_others.contains(address),
        }
    }

    /// Finds an account among many; lists it if it is new.
    #[inline(never)]
    fn look_up(&mut self, address: &Address) -> Option<usize> {
        let known = &self.accounts[..self.known];
        self.by_address.get_or_insert(address, known.len(), |id| &known[id].address)
    }

    /// An account that is new to the transaction.
    #[inline(never)]
    fn add(&mut self, address: &Address, warm: bool) -> AccountId {
        let id = self.known;
        (self.known, self.recent) = (id + 1, id);
        let warm = warm || self.is_always_warm(address);
        match self.accounts.get_mut(id) {
            Some(entry) => entry.reset(*address, warm),
            None => self.accounts.push(AccountEntry::new(*address, warm)),
        }
        AccountId(id as u32)
    }

    /// Starts a transaction on the embedder's state.
    pub fn begin<'a>(&'a mut self, database: &'a mut dyn Database) -> Session<'a> {
        // Most transactions meet few accounts and store nothing, and leave most of this as it is.
        if self.known >= FEW {
            self.by_address.clear();
            self.accounts.truncate(Self::KEPT);
            self.accounts.shrink_to(Self::KEPT);
        }
        (self.known, self.recent) = (0, 0);
        if !self.slots.is_empty() {
            self.slot_keys.clear();
            clear(&mut self.slots);
        }
        if !self.transient.is_empty() {
            self.transient_keys.clear();
            clear(&mut self.transient);
        }
        if !self.undo.is_empty() {
            self.codes.clear();
            clear(&mut self.undo);
        }
        Session { journal: self, database, error: None }
    }
}

/// The small number that an address is, as precompiles' are.
fn number(address: &Address) -> Option<usize> {
    let (front, [a, b]) = address.0.split_last_chunk()?;
    let n = usize::from(u16::from_be_bytes([*a, *b]));
    (n < Journal::NUMBERS && *front == [0; 18]).then_some(n)
}

fn clear<T>(buffer: &mut Vec<T>) {
    buffer.clear();
    buffer.shrink_to(Journal::KEPT);
}

/// The state coprocessor at work on one transaction.
#[expect(missing_debug_implementations, reason = "the embedder's database need not be Debug")]
pub struct Session<'a> {
    journal: &'a mut Journal,
    database: &'a mut dyn Database,
    error: Option<StateError>,
}

impl Session<'_> {
    /// The embedder's error behind a [`Fault::State`], which is then gone.
    pub fn take_error(&mut self) -> Option<StateError> {
        self.error.take()
    }

    /// Resolves an address without marking it accessed.
    pub fn resolve(&mut self, address: &Address) -> AccountId {
        self.find(address, false)
    }

    /// Resolves an address and makes it warm for the whole transaction. This and the next two are for
    /// before and after the execution: they are not undone.
    pub fn open(&mut self, address: &Address) -> AccountId {
        self.find(address, true)
    }

    /// Takes the sender's payment from its balance and raises its nonce, both of which were checked.
    ///
    /// # Errors
    /// [`Fault::State`].
    #[inline]
    pub fn charge_sender(&mut self, id: AccountId, value: &U256) -> Result<(), Fault> {
        let account = &mut self.loaded(id)?.account;
        account.info.balance = account.balance.saturating_sub(*value);
        account.info.nonce += 1;
        account.exists = true;
        Ok(())
    }

    /// Adds to a balance and touches the account.
    ///
    /// # Errors
    /// [`Fault::State`].
    #[inline]
    pub fn credit(&mut self, id: AccountId, value: &U256) -> Result<(), Fault> {
        let entry = self.loaded(id)?;
        entry.account.info.balance = entry.account.balance.saturating_add(*value);
        entry.account.exists = true;
        entry.touched = true;
        Ok(())
    }

    /// Ends the transaction: what it changed. With `clear_empty`, touched accounts that are empty go
    /// (EIP-161).
    pub fn finish(&mut self, clear_empty: bool) -> Changes {
        let known = self.journal.known;
        let mut changes = Changes::with_capacity(known);
        for entry in &mut self.journal.accounts[..known] {
            if !entry.loaded {
                continue;
            }
            let now = &entry.account;
            let gone = entry.destroyed || (clear_empty && entry.touched && now.is_empty());
            let exists = now.exists && !gone;
            if entry.is_unchanged(exists) {
                continue;
            }
            entry.change = Some(changes.len() as u32);
            let gone = AccountChange::of(entry.address);
            if exists {
                let code = if entry.code_changed { entry.code.take() } else { None };
                changes.push(AccountChange { account: Some(entry.account.info), code, ..gone });
            } else {
                changes.push(gone);
            }
        }
        for (number, slot) in self.journal.slots.iter().enumerate() {
            if slot.current == slot.original {
                continue;
            }
            let (account, key) = self.journal.slot_keys.key(number);
            let entry = &mut self.journal.accounts[account.0 as usize];
            if entry.change.is_none() && (entry.destroyed || !entry.account.exists) {
                continue;
            }
            let change = *entry.change.get_or_insert_with(|| {
                let account = Some(entry.account.info);
                changes.push(AccountChange { account, ..AccountChange::of(entry.address) });
                changes.len() as u32 - 1
            });
            let change = &mut changes[change as usize];
            if change.account.is_some() {
                change.storage.push((key, slot.current));
            }
        }
        changes
    }

    /// The account at an address, to be made warm or left as it is.
    fn find(&mut self, address: &Address, warm: bool) -> AccountId {
        let journal = &mut *self.journal;
        let known = &mut journal.accounts[..journal.known];
        let id = if known.len() < FEW {
            known.iter().rposition(|entry| entry.address == *address)
        } else if known[journal.recent].address == *address {
            Some(journal.recent)
        } else {
            journal.look_up(address)
        };
        let Some(id) = id else { return journal.add(address, warm) };
        journal.accounts[id].warm |= warm;
        journal.recent = id;
        AccountId(id as u32)
    }

    fn failed(&mut self, error: StateError) -> Fault {
        self.error = Some(error);
        Fault::State
    }

    fn entry(&mut self, id: AccountId) -> &mut AccountEntry {
        &mut self.journal.accounts[id.0 as usize]
    }

    #[inline(always)]
    fn loaded(&mut self, id: AccountId) -> Result<&mut AccountEntry, Fault> {
        if self.entry(id).loaded {
            return Ok(self.entry(id));
        }
        self.load_account(id)
    }

    #[inline(never)]
    fn load_account(&mut self, id: AccountId) -> Result<&mut AccountEntry, Fault> {
        let entry = &mut self.journal.accounts[id.0 as usize];
        match self.database.account(&entry.address) {
            Ok(Some(ref info)) => entry.load(info, true),
            Ok(None) => entry.load(&AccountInfo::default(), false),
            Err(error) => {
                self.error = Some(error);
                return Err(Fault::State);
            }
        }
        Ok(entry)
    }

    fn set_balance(&mut self, id: AccountId, balance: U256) {
        let previous = replace(&mut self.entry(id).account.info.balance, balance);
        self.journal.undo.push(Undo::Balance(id, previous));
    }

    fn touch(&mut self, id: AccountId) {
        let was = self.entry(id).touch();
        if !(was.exists && was.touched) {
            self.journal.undo.push(Undo::Touch(id, was));
        }
    }

    fn undo(&mut self, step: Undo) {
        match step {
            Undo::Access(id) => self.entry(id).warm = false,
            Undo::AccessSlot(id) => self.journal.slots[id.0 as usize].warm = false,
            Undo::Store(id, value) => self.journal.slots[id.0 as usize].current = value,
            Undo::Transient(number, value) => self.journal.transient[number as usize] = value,
            Undo::Balance(id, balance) => self.entry(id).account.info.balance = balance,
            Undo::Nonce(id, nonce) => self.entry(id).account.info.nonce = nonce,
            Undo::Touch(id, was) => self.entry(id).untouch(was),
            Undo::Transfer { from, to, value, was: [from_was, to_was] } => {
                let payee = self.entry(to);
                payee.account.info.balance = payee.account.balance.wrapping_sub(value);
                payee.untouch(to_was);
                let payer = self.entry(from);
                payer.account.info.balance = payer.account.balance.wrapping_add(value);
                payer.untouch(from_was);
            }
            Undo::Create(id) => self.entry(id).created = false,
            Undo::Code(id) => {
                if let Some(previous) = self.journal.codes.pop() {
                    let entry = self.entry(id);
                    (entry.account.info.code_hash, entry.code, entry.code_changed) = previous;
                }
            }
            Undo::Destroy(id) => self.entry(id).destroyed = false,
        }
    }
}

impl State for Session<'_> {
    fn access(&mut self, address: &Address) -> (AccountId, Access) {
        let id = self.resolve(address);
        let entry = self.entry(id);
        if replace(&mut entry.warm, true) {
            return (id, Access::Warm);
        }
        self.journal.undo.push(Undo::Access(id));
        (id, Access::Cold)
    }

    fn account(&mut self, id: AccountId) -> Result<&Account, Fault> {
        Ok(&self.loaded(id)?.account)
    }

    fn code(&mut self, id: AccountId) -> Result<Bytes, Fault> {
        let entry = self.loaded(id)?;
        if let Some(code) = &entry.code {
            return Ok(code.clone());
        }
        if !entry.account.has_code() {
            return Ok(Bytes::new());
        }
        let hash = entry.account.code_hash;
        let code = self.database.code(&hash).map_err(|error| self.failed(error))?;
        self.entry(id).code = Some(code.clone());
        Ok(code)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Fault> {
        self.database.block_hash(number).map_err(|error| self.failed(error))
    }

    fn access_slot(&mut self, id: AccountId, key: &U256) -> (SlotId, Access) {
        let journal = &mut *self.journal;
        let slot = SlotId(journal.slot_keys.get_or_insert(id, key) as u32);
        if slot.0 as usize == journal.slots.len() {
            let (original, current) = (U256::ZERO, U256::ZERO);
            journal.slots.push(SlotEntry { original, current, loaded: false, warm: false });
        }
        if replace(&mut journal.slots[slot.0 as usize].warm, true) {
            return (slot, Access::Warm);
        }
        journal.undo.push(Undo::AccessSlot(slot));
        (slot, Access::Cold)
    }

    fn load(&mut self, id: SlotId) -> Result<U256, Fault> {
        let slot = &mut self.journal.slots[id.0 as usize];
        if slot.loaded {
            return Ok(slot.current);
        }
        let (account, key) = self.journal.slot_keys.key(id.0 as usize);
        let entry = &self.journal.accounts[account.0 as usize];
        // What this transaction created has no storage in the database.
        let value = if entry.created {
            U256::ZERO
        } else {
            match self.database.slot(&entry.address, &key) {
                Ok(value) => value,
                Err(error) => return Err(self.failed(error)),
            }
        };
        (slot.original, slot.current, slot.loaded) = (value, value, true);
        Ok(value)
    }

    fn store(&mut self, id: SlotId, value: &U256) -> Result<StorageChange, Fault> {
        let current = self.load(id)?;
        let slot = &mut self.journal.slots[id.0 as usize];
        let change = StorageChange::of(&slot.original, &current, value);
        if current != *value {
            slot.current = *value;
            self.journal.undo.push(Undo::Store(id, current));
        }
        Ok(change)
    }

    fn load_transient(&mut self, id: AccountId, key: &U256) -> U256 {
        let number = self.journal.transient_keys.get(id, key);
        number.map_or(U256::ZERO, |number| self.journal.transient[number])
    }

    fn store_transient(&mut self, id: AccountId, key: &U256, value: &U256) {
        let journal = &mut *self.journal;
        let number = journal.transient_keys.get_or_insert(id, key);
        if number == journal.transient.len() {
            journal.transient.push(U256::ZERO);
        }
        let previous = replace(&mut journal.transient[number], *value);
        if previous != *value {
            journal.undo.push(Undo::Transient(number as u32, previous));
        }
    }

    fn transfer(&mut self, from: AccountId, to: AccountId, value: &U256) -> Result<bool, Fault> {
        self.loaded(to)?;
        // Who runs code is not empty, so that for nothing only the receiver is touched.
        if value.is_zero() {
            self.touch(to);
            return Ok(true);
        }
        let payer = self.loaded(from)?;
        if payer.account.balance < *value {
            return Ok(false);
        }
        payer.account.info.balance -= *value;
        let from_was = payer.touch();
        let payee = self.entry(to);
        let to_was = payee.touch();
        match payee.account.balance.checked_add(*value) {
            Some(total) => payee.account.info.balance = total,
            // There is not so much wei. This step back comes after the transfer's own, which would be wrong.
            None => self.set_balance(to, U256::MAX),
        }
        let was = [from_was, to_was];
        self.journal.undo.push(Undo::Transfer { from, to, value: *value, was });
        Ok(true)
    }

    fn increment_nonce(&mut self, id: AccountId) -> Result<bool, Fault> {
        let account = &mut self.loaded(id)?.account;
        let previous = account.nonce;
        let Some(next) = previous.checked_add(1) else { return Ok(false) };
        account.info.nonce = next;
        self.journal.undo.push(Undo::Nonce(id, previous));
        Ok(true)
    }

    fn create(&mut self, id: AccountId, nonce: u64) -> Result<Creation, Fault> {
        let entry = self.loaded(id)?;
        let (address, account) = (entry.address, entry.account);
        if account.nonce != 0 || account.has_code() {
            return Ok(Creation::Collision);
        }
        if self.database.has_storage(&address).map_err(|error| self.failed(error))? {
            return Ok(Creation::Collision);
        }
        let entry = self.entry(id);
        entry.created = true;
        let previous = replace(&mut entry.account.info.nonce, nonce);
        self.journal.undo.push(Undo::Create(id));
        self.journal.undo.push(Undo::Nonce(id, previous));
        self.touch(id);
        Ok(Creation::Created)
    }

    fn set_code(&mut self, id: AccountId, code: Bytes, hash: B256) -> Result<(), Fault> {
        let entry = self.loaded(id)?;
        let previous_hash = replace(&mut entry.account.info.code_hash, hash);
        let previous_code = entry.code.replace(code);
        let previously_changed = replace(&mut entry.code_changed, true);
        self.journal.codes.push((previous_hash, previous_code, previously_changed));
        self.journal.undo.push(Undo::Code(id));
        Ok(())
    }

    fn self_destruct(
        &mut self,
        id: AccountId,
        beneficiary: AccountId,
        only_if_created: bool,
    ) -> Result<SelfDestruct, Fault> {
        self.loaded(beneficiary)?;
        let entry = self.loaded(id)?;
        let balance = entry.account.balance;
        let repeated = entry.destroyed;
        let destroys = entry.created || !only_if_created;
        if id != beneficiary {
            self.transfer(id, beneficiary, &balance)?;
        } else if destroys {
            self.set_balance(id, U256::ZERO);
        }
        self.touch(beneficiary);
        if destroys && !repeated {
            self.entry(id).destroyed = true;
            self.journal.undo.push(Undo::Destroy(id));
        }
        Ok(SelfDestruct { repeated })
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint(self.journal.undo.len())
    }

    fn revert(&mut self, checkpoint: Checkpoint) {
        while self.journal.undo.len() > checkpoint.0 {
            if let Some(step) = self.journal.undo.pop() {
                self.undo(step);
            }
        }
    }
}
