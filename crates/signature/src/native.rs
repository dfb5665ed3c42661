//! The backend over C libraries, by their safe interfaces.

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::request::{self, Curves};

/// The SEC1 tag of a point given by both coordinates.
const UNCOMPRESSED: u8 = 4;

/// libsecp256k1 and AWS-LC, both bundled: needs a C compiler to build.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Coprocessor for Native {
    fn measure(&self, op: Op, _input: &[u8]) -> Result<Work, Fault> {
        request::measure(op)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        request::execute::<Self>(op, input, output)
    }
}

impl Curves for Native {
    // The library keeps one context per thread, so a recovery allocates nothing.
    fn recover(hash: &[u8; 32], signature: &[u8; 64], y_is_odd: bool) -> Option<[u8; 64]> {
        let id = if y_is_odd { RecoveryId::One } else { RecoveryId::Zero };
        let signature = RecoverableSignature::from_compact(signature, id).ok()?;
        let key = signature.recover_ecdsa(Message::from_digest(*hash)).ok()?;
        key.serialize_uncompressed()[1..].try_into().ok()
    }

    // `import_less_safe` only records who hashed: not this library.
    fn verify(hash: &[u8; 32], signature: &[u8; 64], key: &[u8; 64]) -> bool {
        let Ok(digest) = Digest::import_less_safe(hash, &SHA256) else {
            return false;
        };
        let mut tagged = [UNCOMPRESSED; 65];
        tagged[1..].copy_from_slice(key);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, tagged)
            .verify_digest(&digest, signature)
            .is_ok()
    }
}
