//! The native backend: the equation of the crate's documentation over `blst`.
//!
//! `blst` has the field, the group law and the final exponentiation. Two things are done here because
//! both points of G₂ are constants and one scalar multiplies a constant: the Miller loop of both pairs
//! at once over stored lines (`miller`), and the sum y·(−G₁) + z·π in one go (`combination`). The
//! calls into C are in `curve`, and with them all `unsafe`.

mod combination;
mod curve;
mod miller;

use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use self::combination::{Endomorphism, Table, combine};
use self::miller::Lines;
use crate::{Request, TAU_G2, Verify};

/// Point evaluation over `blst`. An instance holds 50 kB of tables, made in about a quarter of a
/// millisecond.
#[derive(Clone, Debug)]
pub struct Native {
    /// Lines of G₂.
    generator_lines: Lines,
    /// Lines of −τ·G₂.
    minus_tau_lines: Lines,
    /// Multiples of −G₁.
    minus_generator: Table,
    endomorphism: Endomorphism,
}

impl Native {
    /// Makes the tables.
    pub fn new() -> Self {
        Self {
            generator_lines: Lines::of(&curve::g2_generator()),
            minus_tau_lines: Lines::of(&curve::minus_g2(&TAU_G2)),
            minus_generator: Table::of(&curve::minus_g1_generator(), 8),
            endomorphism: Endomorphism::new(),
        }
    }
}

impl Default for Native {
    fn default() -> Self {
        Self::new()
    }
}

impl Coprocessor for Native {
    fn measure(&self, op: Op, input: &[u8]) -> Result<Work, Fault> {
        crate::measure(op, input)
    }

    fn execute(&self, op: Op, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        crate::execute(self, op, input, output)
    }
}

impl Verify for Native {
    fn verify(&self, request: &Request) -> bool {
        let Some(commitment) = curve::g1(&request.commitment) else {
            return false;
        };
        let Some(proof) = curve::g1(&request.proof) else {
            return false;
        };
        let mut terms = alloc::vec![(&self.minus_generator, request.y)];
        let multiples = (!curve::is_infinity(&proof)).then(|| Table::of(&proof, 5));
        terms.extend(multiples.as_ref().map(|table| (table, request.z)));

        let mut shifted = combine(&terms, &self.endomorphism);
        curve::add(&mut shifted, &commitment);
        let pairs =
            [(&self.generator_lines, curve::to_affine(&shifted)), (&self.minus_tau_lines, proof)];
        curve::final_exponentiation_is_one(&miller::product(&pairs))
    }
}
