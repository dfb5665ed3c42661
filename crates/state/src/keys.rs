//! Finding an account by address, and a slot by account and key. A table holds eight bytes for each key and the keys lie in a
//! list of their own, so that a transaction that touches a million slots stays in the cache longer
//! than it would with the keys in the table (the tables of a 120-million-gas TSTORE test: 3 times
//! faster).

use core::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use tandem_coprocessor::{
    AccountId,
    primitives::{Address, U256},
};

/// Secret numbers for hashing keys, which are chosen by whoever writes contracts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeds([u64; 4]);

impl Default for Seeds {
    fn default() -> Self {
        let random = RandomState::default();
        Self(core::array::from_fn(|n| random.hash_one(n)))
    }
}

impl Seeds {
    fn slot(&self, account: AccountId, key: &U256) -> u32 {
        let ([a, b, c, d], s) = (*key.as_limbs(), &self.0);
        let low = fold(a ^ s[0], b ^ s[1] ^ u64::from(account.0));
        let high = fold(c ^ s[2], d ^ s[3]);
        fold(low ^ s[3], high ^ s[0]) as u32
    }

    fn address(&self, address: &Address) -> u32 {
        let (words, _) = address.0.as_chunks::<8>();
        let (a, b) = (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]));
        let tail = address.0.last_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
        let mixed = fold(a ^ self.0[0], b ^ self.0[1]);
        fold(mixed ^ self.0[2], u64::from(tail) ^ self.0[3]) as u32
    }
}

/// Hashes the fixed keys of the in-memory state: eight bytes at a time, one multiplication each.
#[derive(Clone, Debug, Default)]
pub(crate) struct FixedKeys(Seeds);

#[derive(Debug)]
pub(crate) struct FixedKeyHasher(u64, u64);

impl BuildHasher for FixedKeys {
    type Hasher = FixedKeyHasher;

    fn build_hasher(&self) -> FixedKeyHasher {
        FixedKeyHasher(self.0.0[0], self.0.0[1])
    }
}

impl Hasher for FixedKeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, tail) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !tail.is_empty() {
            let mut word = [0; 8];
            word[..tail.len()].copy_from_slice(tail);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word, self.1);
    }

    fn write_usize(&mut self, _: usize) {
        // The length of a key of fixed length says nothing.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A table from addresses to the accounts of a transaction; the addresses lie with the accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    table: HashTable<(u32, AccountId)>,
    seeds: Seeds,
}

impl Addresses {
    pub(crate) fn clear(&mut self) {
        if self.table.capacity() > Keys::KEPT {
            self.table = HashTable::new();
        } else {
            self.table.clear();
        }
    }

    /// The account of an address, which is `new` if it was not there; `is` tells whether an account
    /// has the address.
    pub(crate) fn get_or_insert(
        &mut self,
        address: &Address,
        new: AccountId,
        is: impl Fn(AccountId) -> bool,
    ) -> AccountId {
        let hash = self.seeds.address(address);
        let is_it = |&(other, id): &(u32, AccountId)| other == hash && is(id);
        if let Some(&(_, id)) = self.table.find(widen(hash), is_it) {
            return id;
        }
        self.table.insert_unique(widen(hash), (hash, new), |&(hash, _)| widen(hash));
        new
    }
}

/// A set of (account, key) pairs, numbered in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    /// Hash and number of each key.
    table: HashTable<(u32, u32)>,
    keys: Vec<(AccountId, U256)>,
    seeds: Seeds,
}

impl Keys {
    /// The table is given back when it has grown beyond this many keys.
    const KEPT: usize = 8192;

    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        if self.table.capacity() > Self::KEPT {
            self.table = HashTable::new();
            self.keys = Vec::new();
        } else {
            self.table.clear();
        }
    }

    /// The number of a key that is there.
    pub(crate) fn get(&self, account: AccountId, key: &U256) -> Option<usize> {
        let hash = self.seeds.slot(account, key);
        let is_it = |&(_, number): &(u32, u32)| self.keys[number as usize] == (account, *key);
        self.table.find(widen(hash), is_it).map(|&(_, number)| number as usize)
    }

    /// The number of a key, which is new if it is the number of keys there were.
    pub(crate) fn get_or_insert(&mut self, account: AccountId, key: &U256) -> usize {
        if let Some(number) = self.get(account, key) {
            return number;
        }
        let (hash, number) = (self.seeds.slot(account, key), self.keys.len());
        self.keys.push((account, *key));
        self.table.insert_unique(widen(hash), (hash, number as u32), |&(hash, _)| widen(hash));
        number
    }

    pub(crate) fn key(&self, number: usize) -> (AccountId, U256) {
        self.keys[number]
    }
}

/// The two halves of a product, folded.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The table wants bits at both ends of the word.
fn widen(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
