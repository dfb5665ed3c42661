//! Forks as edits: Frontier's price list, and for each later fork what it changed. A [`Schedule`] is
//! plain data: prices in gas and the rules that an EIP switched on. Which opcodes a fork has is a
//! column of the opcode table; how a price is applied is beside the opcode that pays it, in the glue.

use alloc::vec::Vec;
use core::array::from_fn;

use tandem_coprocessor::{Access, Op, StorageChange, primitives::Address};

use crate::{
    Extensions, ModularPrices,
    opcode::{op, opcode, prefixed},
    precompile::{MSM_DISCOUNTS_G1, MSM_DISCOUNTS_G2, ModexpPrice, Precompile, Price},
};

macro_rules! forks {
    ($($name:ident)*) => {
        /// A fork that changed the EVM, its prices, its precompiles or the validity of transactions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the names are the forks' own")]
        pub enum Fork {
            $($name,)*
        }

        impl Fork {
            /// Every fork, oldest first.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The fork's name as test fixtures and reports write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

forks! {
    Frontier Homestead TangerineWhistle SpuriousDragon Byzantium Constantinople Petersburg Istanbul
    Berlin London Paris Shanghai Cancun Prague Osaka
}

impl Fork {
    /// The fork of that name; knows the other names test suites use, case ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        let alias = match name.to_ascii_lowercase().as_str() {
            "eip150" | "tangerine" => Some(Self::TangerineWhistle),
            "eip158" | "spurious" => Some(Self::SpuriousDragon),
            "constantinoplefix" => Some(Self::Petersburg),
            "merge" => Some(Self::Paris),
            _ => None,
        };
        alias.or_else(|| {
            Self::ALL.iter().copied().find(|fork| fork.name().eq_ignore_ascii_case(name))
        })
    }
}

/// What an SSTORE costs and refunds for one [`StorageChange`], beside a cold slot's surcharge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorePrice {
    /// Gas charged.
    pub cost: u32,
    /// Gas added to the refund counter; negative takes back an earlier refund.
    pub refund: i32,
}

/// The prices and rules of a transaction outside its execution, in gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionPrices {
    /// Any transaction.
    pub base: u64,
    /// A transaction that creates a contract, on top of the base (EIP-2).
    pub creation: u64,
    /// A zero byte of calldata.
    pub zero_byte: u64,
    /// A non-zero byte of calldata.
    pub nonzero_byte: u64,
    /// A word of init code (EIP-3860).
    pub initcode_word: u64,
    /// An address of the access list (EIP-2930).
    pub list_address: u64,
    /// A storage key of the access list (EIP-2930).
    pub list_key: u64,
    /// An authorization (EIP-7702).
    pub authorization: u64,
    /// Refund for an authorization of an account that exists (EIP-7702).
    pub authorization_refund: u64,
    /// The floor's price of a token: a zero byte is one, a non-zero byte four (EIP-7623). Zero if
    /// there is no floor.
    pub floor_token: u64,
    /// The refund is at most the gas used divided by this (EIP-3529).
    pub refund_quotient: u64,
    /// The highest gas limit (EIP-7825).
    pub gas_limit_cap: u64,
    /// The most blobs in one transaction, beside the block's limit (EIP-7594).
    pub max_blobs: u64,
}

/// A fork's price list and rules. A what-if is the same run with another schedule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Schedule {
    /// The fork it was made for; decides which opcodes exist.
    pub fork: Fork,
    /// The extensions whose opcodes exist too; see [`enable`](Self::enable).
    pub extensions: Extensions,
    /// Static gas by opcode, charged before the body runs; for opcodes of a coprocessor, the part
    /// of the price that no fact changes.
    pub base: [u32; 256],
    /// The same of SIMD's opcodes, by the byte behind the prefix.
    pub prefixed: [u32; 256],
    /// EVM-MAX.
    pub modular: ModularPrices,
    /// Transactions.
    pub transaction: TransactionPrices,
    /// The precompiles and their prices.
    pub precompiles: Vec<Precompile>,
    /// A non-zero byte of EXP's exponent.
    pub exp_byte: u64,
    /// A word of memory; growth costs this and a quadratic part (Yellow Paper, appendix H).
    pub memory_word: u64,
    /// A word copied.
    pub copy_word: u64,
    /// A word hashed by KECCAK256 or CREATE2.
    pub keccak_word: u64,
    /// A topic of a log.
    pub log_topic: u64,
    /// A byte of a log's data.
    pub log_byte: u64,
    /// A cold account (EIP-2929); the warm price before it is the opcode's base.
    pub cold_account: u64,
    /// A warm account (EIP-2929).
    pub warm_account: u64,
    /// A cold slot's SLOAD, and what it adds to an SSTORE (EIP-2929).
    pub cold_slot: u64,
    /// A warm slot's SLOAD (EIP-2929).
    pub warm_slot: u64,
    /// SSTORE by transition.
    pub store: [StorePrice; StorageChange::COUNT],
    /// SSTORE fails with this much gas left, or less (EIP-2200).
    pub store_sentry: u64,
    /// Sending value with CALL or CALLCODE, stipend included.
    pub call_value: u64,
    /// Gas the callee gets on top when value is sent; part of `call_value`.
    pub call_stipend: u64,
    /// Making an account by sending value to it, or by CALL before EIP-161.
    pub new_account: u64,
    /// A byte of deployed code.
    pub code_deposit_byte: u64,
    /// A word of init code inside CREATE and CREATE2 (EIP-3860).
    pub initcode_word: u64,
    /// Refund for the first SELFDESTRUCT of an account (removed by EIP-3529).
    pub self_destruct_refund: u64,
    /// Longest deployed code in bytes (EIP-170).
    pub max_code_size: usize,
    /// Longest init code in bytes (EIP-3860).
    pub max_initcode_size: usize,
    /// A call keeps back one 64th of the gas (EIP-150).
    pub all_but_one_64th: bool,
    /// Empty accounts are deleted when touched, and created contracts start at nonce 1 (EIP-161).
    pub clear_empty: bool,
    /// Too little gas for the code deposit fails the creation (EIP-2); before, the contract stayed
    /// without code.
    pub strict_deposit: bool,
    /// Warm and cold are told apart (EIP-2929).
    pub access_lists: bool,
    /// Code may not start with 0xEF (EIP-3541).
    pub reject_ef: bool,
    /// SELFDESTRUCT deletes only what the same transaction created (EIP-6780).
    pub self_destruct_only_created: bool,
    /// Accounts may delegate to code (EIP-7702).
    pub delegations: bool,
}

impl Schedule {
    /// What an access to an account costs beside the opcode (EIP-2929); nothing before that.
    pub const fn account(&self, access: Access) -> u64 {
        match access {
            Access::Cold => self.cold_account,
            Access::Warm => self.warm_account,
        }
    }

    /// What memory of so many bytes costs altogether (Yellow Paper, appendix H).
    #[inline]
    pub const fn memory(&self, bytes: usize) -> u64 {
        let words = bytes.div_ceil(32) as u64;
        self.memory_word * words + words * words / 512
    }

    /// The precompile at an address.
    pub fn precompile(&self, address: &Address) -> Option<Precompile> {
        self.precompile_index(address).map(|index| self.precompiles[index])
    }

    /// The place among the precompiles of the one at an address.
    #[inline]
    pub fn precompile_index(&self, address: &Address) -> Option<usize> {
        if address.0[1..18] != [0; 17] {
            return None;
        }
        self.precompiles.iter().position(|row| row.address == *address)
    }

    /// The fork's schedule: Frontier's, with the edits of every fork up to this one.
    pub fn new(fork: Fork) -> Self {
        let mut schedule = frontier();
        schedule.fork = fork;
        for (_, edit) in EDITS.iter().filter(|(since, _)| *since <= fork) {
            edit(&mut schedule);
        }
        schedule
    }

    fn price(&mut self, opcodes: &[u8], gas: u32) {
        for &byte in opcodes {
            self.base[byte as usize] = gas;
        }
    }

    fn add(&mut self, address: u16, op: Op, price: Price) {
        let address = Address::left_padding_from(&address.to_be_bytes());
        self.precompiles.push(Precompile { address, op, price });
    }

    fn reprice(&mut self, op: Op, price: Price) {
        let row = self.precompiles.iter_mut().find(|row| row.op == op);
        row.expect("an edit reprices a precompile of an earlier fork").price = price;
    }
}

type Edit = fn(&mut Schedule);

const EDITS: [(Fork, Edit); 13] = [
    (Fork::Homestead, homestead),
    (Fork::TangerineWhistle, tangerine_whistle),
    (Fork::SpuriousDragon, spurious_dragon),
    (Fork::Byzantium, byzantium),
    (Fork::Constantinople, constantinople),
    (Fork::Petersburg, petersburg),
    (Fork::Istanbul, istanbul),
    (Fork::Berlin, berlin),
    (Fork::London, london),
    (Fork::Shanghai, shanghai),
    (Fork::Cancun, cancun),
    (Fork::Prague, prague),
    (Fork::Osaka, osaka),
];

/// SSTORE before net metering: only the current and the new value count (Yellow Paper, appendix G).
const fn gross_store() -> [StorePrice; StorageChange::COUNT] {
    const ADD: StorePrice = StorePrice { cost: 20_000, refund: 0 };
    const UPDATE: StorePrice = StorePrice { cost: 5_000, refund: 0 };
    const CLEAR: StorePrice = StorePrice { cost: 5_000, refund: 15_000 };
    let mut prices = [UPDATE; StorageChange::COUNT];
    prices[StorageChange::Added as usize] = ADD;
    prices[StorageChange::DeletedAdded as usize] = ADD;
    prices[StorageChange::DeletedRestored as usize] = ADD;
    prices[StorageChange::Deleted as usize] = CLEAR;
    prices[StorageChange::ModifiedDeleted as usize] = CLEAR;
    prices[StorageChange::AddedDeleted as usize] = CLEAR;
    prices
}

/// SSTORE with net metering (EIP-1283, EIP-2200): `dirty` for a slot already changed or not changed
/// now, `reset` for the first change of a non-zero slot, `clear` refunded for clearing it.
const fn net_store(dirty: u32, reset: u32, clear: i32) -> [StorePrice; StorageChange::COUNT] {
    const SET: u32 = 20_000;
    let mut prices = [StorePrice { cost: dirty, refund: 0 }; StorageChange::COUNT];
    prices[StorageChange::Added as usize].cost = SET;
    prices[StorageChange::Deleted as usize] = StorePrice { cost: reset, refund: clear };
    prices[StorageChange::Modified as usize].cost = reset;
    prices[StorageChange::DeletedAdded as usize].refund = -clear;
    prices[StorageChange::ModifiedDeleted as usize].refund = clear;
    prices[StorageChange::DeletedRestored as usize].refund = (reset - dirty) as i32 - clear;
    prices[StorageChange::AddedDeleted as usize].refund = (SET - dirty) as i32;
    prices[StorageChange::ModifiedRestored as usize].refund = (reset - dirty) as i32;
    prices
}

fn frontier() -> Schedule {
    let mut schedule = Schedule {
        fork: Fork::Frontier,
        extensions: Extensions::NONE,
        base: from_fn(|byte| opcode(byte as u8).map_or(0, |row| u32::from(row.gas))),
        prefixed: from_fn(|byte| prefixed(byte as u8).map_or(0, |row| u32::from(row.gas))),
        modular: ModularPrices::EIP_6690,
        transaction: TransactionPrices {
            base: 21_000,
            creation: 0,
            zero_byte: 4,
            nonzero_byte: 68,
            initcode_word: 0,
            list_address: 0,
            list_key: 0,
            authorization: 0,
            authorization_refund: 0,
            floor_token: 0,
            refund_quotient: 2,
            gas_limit_cap: u64::MAX,
            max_blobs: u64::MAX,
        },
        precompiles: Vec::new(),
        exp_byte: 10,
        memory_word: 3,
        copy_word: 3,
        keccak_word: 6,
        log_topic: 375,
        log_byte: 8,
        cold_account: 0,
        warm_account: 0,
        cold_slot: 0,
        warm_slot: 0,
        store: gross_store(),
        store_sentry: 0,
        call_value: 9_000,
        call_stipend: 2_300,
        new_account: 25_000,
        code_deposit_byte: 200,
        initcode_word: 0,
        self_destruct_refund: 24_000,
        max_code_size: usize::MAX,
        max_initcode_size: usize::MAX,
        all_but_one_64th: false,
        clear_empty: false,
        strict_deposit: false,
        access_lists: false,
        reject_ef: false,
        self_destruct_only_created: false,
        delegations: false,
    };
    schedule.add(0x01, Op::Ecrecover, Price::Fixed(3_000));
    schedule.add(0x02, Op::Sha256, Price::Words { base: 60, word: 12 });
    schedule.add(0x03, Op::Ripemd160, Price::Words { base: 600, word: 120 });
    schedule.add(0x04, Op::Identity, Price::Words { base: 15, word: 3 });
    schedule
}

fn homestead(s: &mut Schedule) {
    s.transaction.creation = 32_000; // EIP-2
    s.strict_deposit = true;
}

// EIP-150
fn tangerine_whistle(s: &mut Schedule) {
    s.price(&[op::SLOAD], 200);
    s.price(&[op::BALANCE], 400);
    s.price(&[op::EXTCODESIZE, op::EXTCODECOPY], 700);
    s.price(&[op::CALL, op::CALLCODE, op::DELEGATECALL], 700);
    s.price(&[op::SELFDESTRUCT], 5_000);
    s.all_but_one_64th = true;
}

fn spurious_dragon(s: &mut Schedule) {
    s.exp_byte = 50; // EIP-160
    s.clear_empty = true; // EIP-161
    s.max_code_size = 24_576; // EIP-170
}

fn byzantium(s: &mut Schedule) {
    s.add(0x05, Op::Modexp, Price::Modexp(ModexpPrice::Byzantium)); // EIP-198
    s.add(0x06, Op::Bn254Add, Price::Fixed(500)); // EIP-196
    s.add(0x07, Op::Bn254Mul, Price::Fixed(40_000));
    s.add(0x08, Op::Bn254Pairing, Price::Pairs { base: 100_000, pair: 80_000 }); // EIP-197
}

fn constantinople(s: &mut Schedule) {
    s.store = net_store(200, 5_000, 15_000); // EIP-1283
}

fn petersburg(s: &mut Schedule) {
    s.store = gross_store(); // EIP-1716 takes EIP-1283 back
}

fn istanbul(s: &mut Schedule) {
    s.transaction.nonzero_byte = 16; // EIP-2028
    s.price(&[op::SLOAD], 800); // EIP-1884
    s.price(&[op::BALANCE, op::EXTCODEHASH], 700);
    s.store = net_store(800, 5_000, 15_000); // EIP-2200
    s.store_sentry = 2_300;
    s.reprice(Op::Bn254Add, Price::Fixed(150)); // EIP-1108
    s.reprice(Op::Bn254Mul, Price::Fixed(6_000));
    s.reprice(Op::Bn254Pairing, Price::Pairs { base: 45_000, pair: 34_000 });
    s.add(0x09, Op::Blake2f, Price::Rounds(1)); // EIP-152
}

// EIP-2929: an access costs what it finds, and the opcodes' own prices vanish into it.
fn berlin(s: &mut Schedule) {
    s.access_lists = true;
    s.price(&[op::SLOAD, op::BALANCE, op::EXTCODESIZE, op::EXTCODECOPY, op::EXTCODEHASH], 0);
    s.price(&[op::CALL, op::CALLCODE, op::DELEGATECALL, op::STATICCALL], 0);
    s.cold_account = 2_600;
    s.warm_account = 100;
    s.cold_slot = 2_100;
    s.warm_slot = 100;
    s.store = net_store(100, 2_900, 15_000);
    s.transaction.list_address = 2_400; // EIP-2930
    s.transaction.list_key = 1_900;
    s.reprice(Op::Modexp, Price::Modexp(ModexpPrice::Berlin)); // EIP-2565
}

fn london(s: &mut Schedule) {
    s.store = net_store(100, 2_900, 4_800); // EIP-3529
    s.self_destruct_refund = 0;
    s.transaction.refund_quotient = 5;
    s.reject_ef = true; // EIP-3541
}

// EIP-3860
fn shanghai(s: &mut Schedule) {
    s.max_initcode_size = 49_152;
    s.initcode_word = 2;
    s.transaction.initcode_word = 2;
}

fn cancun(s: &mut Schedule) {
    s.self_destruct_only_created = true; // EIP-6780
    s.add(0x0a, Op::PointEvaluation, Price::Fixed(50_000)); // EIP-4844
}

fn prague(s: &mut Schedule) {
    s.delegations = true; // EIP-7702
    s.transaction.authorization = 25_000;
    s.transaction.authorization_refund = 12_500;
    s.transaction.floor_token = 10; // EIP-7623
    s.add(0x0b, Op::BlsG1Add, Price::Fixed(375)); // EIP-2537
    s.add(0x0c, Op::BlsG1Msm, Price::Msm { pair: 12_000, discounts: &MSM_DISCOUNTS_G1 });
    s.add(0x0d, Op::BlsG2Add, Price::Fixed(600));
    s.add(0x0e, Op::BlsG2Msm, Price::Msm { pair: 22_500, discounts: &MSM_DISCOUNTS_G2 });
    s.add(0x0f, Op::BlsPairing, Price::Pairs { base: 37_700, pair: 32_600 });
    s.add(0x10, Op::BlsMapFpToG1, Price::Fixed(5_500));
    s.add(0x11, Op::BlsMapFp2ToG2, Price::Fixed(23_800));
}

fn osaka(s: &mut Schedule) {
    s.transaction.gas_limit_cap = 1 << 24; // EIP-7825
    s.transaction.max_blobs = 6; // EIP-7594
    s.reprice(Op::Modexp, Price::Modexp(ModexpPrice::Osaka)); // EIP-7823, EIP-7883
    s.add(0x100, Op::P256Verify, Price::Fixed(6_900)); // EIP-7951
}
