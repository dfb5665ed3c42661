//! The bytes whose Keccak-256 gives the address of a contract to be. Hashing them is a coprocessor's.

use alloc::vec::Vec;

use tandem_coprocessor::primitives::{Address, B256, U256};

/// For CREATE and a transaction: the RLP list of creator and nonce (Yellow Paper, section 7).
pub fn create_preimage(creator: &Address, nonce: u64) -> Vec<u8> {
    let mut rlp = Vec::with_capacity(32);
    rlp.extend_from_slice(&[0, 0x80 + 20]);
    rlp.extend_from_slice(creator.as_slice());
    let nonce_bytes = nonce.to_be_bytes();
    match &nonce_bytes[nonce.leading_zeros() as usize / 8..] {
        [byte] if *byte < 0x80 => rlp.push(*byte),
        bytes => {
            rlp.push(0x80 + bytes.len() as u8);
            rlp.extend_from_slice(bytes);
        }
    }
    rlp[0] = 0xc0 + (rlp.len() - 1) as u8;
    rlp
}

/// For CREATE2 (EIP-1014).
pub fn create2_preimage(creator: &Address, salt: &U256, init_code_hash: &B256) -> [u8; 85] {
    let mut bytes = [0xff; 85];
    bytes[1..21].copy_from_slice(creator.as_slice());
    bytes[21..53].copy_from_slice(&salt.to_be_bytes::<32>());
    bytes[53..].copy_from_slice(init_code_hash.as_slice());
    bytes
}
