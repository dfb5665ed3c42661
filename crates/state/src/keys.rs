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

/// Hashes the fixed keys of the in-memory state: sixteen bytes at a time, one multiplication each.
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
        let (pairs, tail) = bytes.as_chunks::<16>();
        for pair in pairs {
            let pair = u128::from_le_bytes(*pair);
            self.0 = fold(self.0 ^ pair as u64, self.1 ^ (pair >> 64) as u64);
        }
        for part in tail.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
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

/// So many keys are looked through one by one: most transactions meet no more, and a short list is
/// found, filled and emptied faster than a table.
pub(crate) const FEW: usize = 8;

/// A table from addresses to the accounts of a transaction, in use from [`FEW`] on; the addresses lie
/// with the accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    /// Hash and number of each account.
    table: HashTable<(u32, u32)>,
    seeds: Seeds,
}

impl Addresses {
    pub(crate) fn clear(&mut self) {
        if self.table.capacity() > Keys::KEPT {
            self.table = HashTable::new();
        } else if !self.table.is_empty() {
            self.table.clear();
        }
    }

    /// The account of an address. One that was not there is from now on, as the last of the `known`; none were
    /// listed before the first call. `of` tells an account's address.
    pub(crate) fn get_or_insert<'a>(
        &mut self,
        address: &Address,
        known: usize,
        of: impl Fn(usize) -> &'a Address,
    ) -> Option<usize> {
        if self.table.is_empty() {
            for id in 0..known {
                self.insert(of(id), id);
            }
        }
        let hash = self.seeds.address(address);
        let is_it = |&(other, id): &(u32, u32)| other == hash && of(id as usize) == address;
        if let Some(&(_, id)) = self.table.find(widen(hash), is_it) {
            return Some(id as usize);
        }
        self.insert(address, known);
        None
    }

    fn insert(&mut self, address: &Address, id: usize) {
        let hash = self.seeds.address(address);
        let account = (hash, id as u32);
        self.table.insert_unique(widen(hash), account, |&(hash, _)| widen(hash));
    }
}

/// A set of (account, key) pairs, numbered in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    /// Hash and number of each key, from [`FEW`] on.
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
        } else if !self.table.is_empty() {
            self.table.clear();
        }
    }

    /// The number of a key that is there.
    #[inline]
    pub(crate) fn get(&self, account: AccountId, key: &U256) -> Option<usize> {
        let is = |&(other, ref one): &(AccountId, U256)| other == account && one == key;
        if self.keys.len() <= FEW {
            return self.keys.iter().position(is);
        }
        let hash = self.seeds.slot(account, key);
        let is_it =
            |&(other, number): &(u32, u32)| other == hash && is(&self.keys[number as usize]);
        self.table.find(widen(hash), is_it).map(|&(_, number)| number as usize)
    }

    /// The number of a key, which is new if it is the number of keys there were.
    #[inline]
    pub(crate) fn get_or_insert(&mut self, account: AccountId, key: &U256) -> usize {
        self.get(account, key).unwrap_or_else(|| self.insert(account, key))
    }

    #[inline(never)]
    fn insert(&mut self, account: AccountId, key: &U256) -> usize {
        let number = self.keys.len();
        self.keys.push((account, *key));
        let unlisted = match number {
            0..FEW => number + 1,
            FEW => 0,
            _ => number,
        };
        for (number, (account, key)) in self.keys.iter().enumerate().skip(unlisted) {
            let hash = self.seeds.slot(*account, key);
            self.table.insert_unique(widen(hash), (hash, number as u32), |&(hash, _)| widen(hash));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_listed_once_however_often_it_is_asked_for() {
        let known: Vec<_> = (0..FEW as u8).map(Address::with_last_byte).collect();
        let mut addresses = Addresses::default();
        for _ in 0..3 {
            for (id, address) in known.iter().enumerate() {
                assert_eq!(addresses.get_or_insert(address, FEW, |id| &known[id]), Some(id));
            }
        }
        assert_eq!(addresses.table.len(), FEW);
        let new = Address::repeat_byte(7);
        assert_eq!(addresses.get_or_insert(&new, FEW, |id| &known[id]), None);
        assert_eq!(addresses.table.len(), FEW + 1);
    }
}
