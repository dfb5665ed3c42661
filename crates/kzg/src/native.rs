//! The native backend: the equation of the crate's documentation over `blst`.
//!
//! `blst` has the field, the group law and the final exponentiation. Two things are done here because
//! both points of G₂ are constants and one scalar multiplies a constant: the Miller loop of both pairs
//! at once over stored lines (`miller`), and the sum y·(−G₁) + z·π in one go (`combination`). The
//! calls into C are in `curve`, and with them all `unsafe`.

mod combination;
mod curve;
mod miller;

use alloc::boxed::Box;

use once_cell::race::OnceBox;
use tandem_coprocessor::{Coprocessor, Fault, Op, Work};

use self::combination::{Endomorphism, Table, combine};
use self::miller::Lines;
use crate::{Request, TAU_G2, Verify};

/// Point evaluation over `blst`. With its first request an instance makes 50 kB of tables, in about a
/// quarter of a millisecond.
#[derive(Debug, Default)]
pub struct Native(OnceBox<Tables>);

impl Native {
    /// An instance without its tables.
    pub const fn new() -> Self {
        Self(OnceBox::new())
    }
}

/// What all requests have in common.
#[derive(Debug)]
struct Tables {
    /// Lines of G₂.
    generator_lines: Lines,
    /// Lines of −τ·G₂.
    minus_tau_lines: Lines,
    /// Multiples of −G₁.
    minus_generator: Table,
    endomorphism: Endomorphism,
}

impl Tables {
    fn new() -> Box<Self> {
        Box::new(Self {
            generator_lines: Lines::of(&curve::g2_generator()),
            minus_tau_lines: Lines::of(&curve::minus_g2(&TAU_G2)),
            minus_generator: Table::of(&curve::minus_g1_generator(), 8),
            endomorphism: Endomorphism::new(),
        })
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
        let tables = self.0.get_or_init(Tables::new);
        let mut terms = alloc::vec![(&tables.minus_generator, request.y)];
        let multiples = (!curve::is_infinity(&proof)).then(|| Table::of(&proof, 5));
        terms.extend(multiples.as_ref().map(|table| (table, request.z)));

        let mut shifted = combine(&terms, &tables.endomorphism);
        curve::add(&mut shifted, &commitment);
        let pairs = [
            (&tables.generator_lines, curve::to_affine(&shifted)),
            (&tables.minus_tau_lines, proof),
        ];
        curve::final_exponentiation_is_one(&miller::product(&pairs))
    }
}
