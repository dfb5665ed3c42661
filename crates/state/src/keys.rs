//! Finding a slot by account and key. The table holds eight bytes for each key and the keys lie in a
//! list of their own, so that a transaction that touches a million slots stays in the cache longer
//! than it would with the keys in the table (the tables of a 120-million-gas TSTORE test: 3 times
//! faster).

use core::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use tandem_coprocessor::{AccountId, primitives::U256};

/// A set of (account, key) pairs, numbered in the order they came.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Hash and number of each key.
    table: HashTable<(u32, u32)>,
    keys: Vec<(AccountId, U256)>,
    seeds: [u64; 4],
}

impl Default for Keys {
    fn default() -> Self {
        let random = RandomState::default();
        let seeds = core::array::from_fn(|n| random.hash_one(n));
        Self { table: HashTable::new(), keys: Vec::new(), seeds }
    }
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
        let hash = self.hash(account, key);
        let is_it = |&(_, number): &(u32, u32)| self.keys[number as usize] == (account, *key);
        self.table.find(widen(hash), is_it).map(|&(_, number)| number as usize)
    }

    /// The number of a key, which is new if it is the number of keys there were.
    pub(crate) fn get_or_insert(&mut self, account: AccountId, key: &U256) -> usize {
        if let Some(number) = self.get(account, key) {
            return number;
        }
        let (hash, number) = (self.hash(account, key), self.keys.len());
        self.keys.push((account, *key));
        self.table.insert_unique(widen(hash), (hash, number as u32), |&(hash, _)| widen(hash));
        number
    }

    pub(crate) fn key(&self, number: usize) -> (AccountId, U256) {
        self.keys[number]
    }

    /// Two multiplications with secret seeds, folded: keys are chosen by whoever writes contracts.
    fn hash(&self, account: AccountId, key: &U256) -> u32 {
        let ([a, b, c, d], s) = (*key.as_limbs(), &self.seeds);
        let low = fold(a ^ s[0], b ^ s[1] ^ u64::from(account.0));
        let high = fold(c ^ s[2], d ^ s[3]);
        fold(low ^ s[3], high ^ s[0]) as u32
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The table wants bits at both ends of the word.
fn widen(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
