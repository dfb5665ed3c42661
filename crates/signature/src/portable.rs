//! The pure-Rust backend.

use k256::ecdsa::RecoveryId;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use crate::request::{self, Curves};

/// `k256` and `p256`: pure Rust, no C compiler.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Coprocessor for Portable {
    fn measure(&self, op: Op, _input: &[u8]) -> Result<Work, Fault> {
        request::measure(op)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        request::execute::<Self>(op, input, output)
    }
}

impl Curves for Portable {
    fn recover(hash: &[u8; 32], signature: &[u8; 64], y_is_odd: bool) -> Option<[u8; 64]> {
        let signature = k256::ecdsa::Signature::from_slice(signature).ok()?;
        let id = RecoveryId::new(y_is_odd, false);
        let key = k256::ecdsa::VerifyingKey::recover_from_prehash(hash, &signature, id).ok()?;
        key.to_sec1_point(false).as_bytes()[1..].try_into().ok()
    }

    fn verify(hash: &[u8; 32], signature: &[u8; 64], key: &[u8; 64]) -> bool {
        let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else {
            return false;
        };
        let point = p256::Sec1Point::from_untagged_bytes(key.into());
        p256::ecdsa::VerifyingKey::from_sec1_point(&point)
            .is_ok_and(|key| key.verify_prehash(hash, &signature).is_ok())
    }
}
