//! The tasks of the programs that work on lanes.

use blake2::Blake2b512;
use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher, StreamCipherSeek},
};
use sha2::{Digest, Sha256};

use crate::expected::{Input, Task};

pub(crate) fn tasks() -> Vec<Task> {
    vec![
        Task { name: "blake2f", inputs: blake2f() },
        Task { name: "chacha20", inputs: chacha20() },
        Task { name: "sha256", inputs: sha256() },
    ]
}

/// Bytes that look like any.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Messages of a block that is full, of several, and around each limit of the padding.
fn sha256() -> Vec<Input> {
    let lengths = [247, 0, 1, 3, 31, 32, 55, 56, 57, 63, 64, 65, 118, 119, 120, 128, 1000];
    let messages = lengths.map(|len| bytes(len as u64, len));
    let same = [vec![0; 64], vec![0xff; 120]];
    let inputs = messages.into_iter().chain(same);
    inputs.map(|message| Input::right(message.clone(), Sha256::digest(&message).to_vec())).collect()
}

fn chacha20() -> Vec<Input> {
    // RFC 8439, section 2.3.2.
    let key: [u8; 32] = std::array::from_fn(|i| i as u8);
    let nonce = [0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0];
    let of = |key: [u8; 32], counter: u32, nonce: [u8; 12]| {
        let mut block = vec![0; 64];
        let mut cipher = ChaCha20::new(&key.into(), &nonce.into());
        cipher.seek(64 * u64::from(counter));
        cipher.apply_keystream(&mut block);
        Input::right([&key[..], &counter.to_le_bytes(), &nonce].concat(), block)
    };
    let any = |seed: u64| -> ([u8; 32], [u8; 12]) {
        let bytes = bytes(seed, 44);
        (bytes[..32].try_into().expect("32 bytes"), bytes[32..].try_into().expect("12 bytes"))
    };
    let mut inputs =
        vec![of(key, 1, nonce), of([0; 32], 0, [0; 12]), of([0xff; 32], u32::MAX - 1, [0xff; 12])];
    for seed in 0..8 {
        let (key, nonce) = any(seed);
        inputs.push(of(key, 1 << (4 * seed), nonce));
    }
    inputs
}

/// A request to F, as EIP-152 encodes it.
#[derive(Clone)]
struct Compression {
    rounds: u32,
    state: [u64; 8],
    block: [u64; 16],
    counter: [u64; 2],
    last: bool,
}

impl Compression {
    fn calldata(&self) -> Vec<u8> {
        let words = self.state.iter().chain(&self.block).chain(&self.counter);
        let words = words.flat_map(|word| word.to_le_bytes());
        self.rounds.to_be_bytes().into_iter().chain(words).chain([u8::from(self.last)]).collect()
    }

    fn input(&self) -> Input {
        let answer = self.compress().iter().flat_map(|word| word.to_le_bytes()).collect();
        Input::right(self.calldata(), answer)
    }

    /// F as RFC 7693 has it, held to the library by `a_hash_is_a_chain_of_compressions`: the library
    /// hashes, with twelve rounds only.
    fn compress(&self) -> [u64; 8] {
        let mut v: [u64; 16] =
            std::array::from_fn(|i| if i < 8 { self.state[i] } else { IV[i - 8] });
        v[12] ^= self.counter[0];
        v[13] ^= self.counter[1];
        v[14] ^= if self.last { u64::MAX } else { 0 };
        for round in 0..self.rounds {
            let order = SIGMA[round as usize % 10];
            for i in 0..8 {
                let [x, y] = [2 * i, 2 * i + 1].map(|at| {
                    self.block[usize::from_str_radix(&order[at..=at], 16).expect("a digit")]
                });
                // The columns, then the diagonals: each row begins further to the right.
                let turn = i / 4;
                let [a, b, c, d] = [0, 1, 2, 3].map(|row| 4 * row + (i + row * turn) % 4);
                for (message, first, second) in [(x, 32, 24), (y, 16, 63)] {
                    v[a] = v[a].wrapping_add(v[b]).wrapping_add(message);
                    v[d] = (v[d] ^ v[a]).rotate_right(first);
                    v[c] = v[c].wrapping_add(v[d]);
                    v[b] = (v[b] ^ v[c]).rotate_right(second);
                }
            }
        }
        std::array::from_fn(|i| self.state[i] ^ v[i] ^ v[i + 8])
    }
}

const SIGMA: [&str; 10] = [
    "0123456789abcdef",
    "ea489fd61c02b753",
    "b8c052fdae367194",
    "7931dcbe265a40f8",
    "905724afe1bc683d",
    "2c6a0b834d75fe19",
    "c51fed4a0763928b",
    "db7ec13950f4862a",
    "6fe9b308c2d714a5",
    "a2847615fb9e3cd0",
];

const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The compressions that make the BLAKE2b hash of a message, 64 bytes long and without a key.
fn chain(message: &[u8]) -> Vec<Compression> {
    let mut state = IV;
    state[0] ^= 0x0101_0040;
    let blocks = message.len().div_ceil(128).max(1);
    let mut links: Vec<Compression> = Vec::new();
    for number in 0..blocks {
        let end = message.len().min(128 * (number + 1));
        let mut padded = message[128 * number..end].to_vec();
        padded.resize(128, 0);
        let block = std::array::from_fn(|i| {
            u64::from_le_bytes(padded[8 * i..8 * i + 8].try_into().expect("eight bytes"))
        });
        let last = number + 1 == blocks;
        let link = Compression { rounds: 12, state, block, counter: [end as u64, 0], last };
        state = link.compress();
        links.push(link);
    }
    links
}

fn blake2f() -> Vec<Input> {
    let mut inputs: Vec<_> = [b"abc".to_vec(), bytes(1, 300), Vec::new()]
        .iter()
        .flat_map(|message| chain(message))
        .map(|link| link.input())
        .collect();
    let words = |seed: u64| -> [u64; 26] {
        let bytes = bytes(seed, 208);
        std::array::from_fn(|i| {
            u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().expect("eight bytes"))
        })
    };
    for rounds in [0, 1, 2, 9, 10, 11, 12, 20, 23] {
        let words = words(rounds.into());
        let any = Compression {
            rounds,
            state: words[..8].try_into().expect("eight words"),
            block: words[8..24].try_into().expect("sixteen words"),
            counter: words[24..].try_into().expect("two words"),
            last: rounds % 2 == 1,
        };
        inputs.push(any.input());
    }
    let right = inputs[0].calldata.clone();
    let mut flag = right.clone();
    flag[212] = 2;
    let mut high_flag = right.clone();
    high_flag[212] = 0x81;
    let short = right[..212].to_vec();
    let long = [right, vec![0]].concat();
    inputs.extend([flag, high_flag, short, long, Vec::new()].map(Input::wrong));
    inputs
}

#[test]
fn a_hash_is_a_chain_of_compressions() {
    for len in [0, 1, 3, 64, 127, 128, 129, 255, 256, 257, 1000] {
        let message = bytes(len as u64, len);
        let last = chain(&message).pop().expect("there is always a block");
        let hash: Vec<_> = last.compress().iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(hash, Blake2b512::digest(&message).to_vec(), "{len} bytes");
    }
}
