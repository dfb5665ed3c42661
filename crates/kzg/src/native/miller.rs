//! The Miller loop of several pairs at once over stored lines: the squarings are shared, and no
//! arithmetic in G₂ is left. `blst` offers one or the other, not both.

use alloc::vec::Vec;

use blst::{blst_fp, blst_fp2, blst_fp6, blst_fp12, blst_p1_affine, blst_p2_affine};

use super::curve;

/// The curve's parameter x without its sign, which is negative.
const PARAMETER: u64 = 0xd201_0000_0001_0000;

/// The lines of a constant of G₂, in the order the loop meets them.
#[derive(Clone, Debug)]
pub(super) struct Lines(Vec<blst_fp6>);

impl Lines {
    /// Computes a point's lines.
    pub(super) fn of(point: &blst_p2_affine) -> Self {
        Self(curve::lines(point))
    }
}

/// The product of the pairs' Miller loops. A pair with infinity contributes 1.
pub(super) fn product(pairs: &[(&Lines, blst_p1_affine)]) -> blst_fp12 {
    let mut pairs: Vec<_> = pairs
        .iter()
        .filter(|(_, point)| !curve::is_infinity(point))
        .map(|(lines, point)| (lines.0.iter(), Evaluation::at(point)))
        .collect();
    let mut f = curve::one();
    let mut next_lines = |f: &mut blst_fp12| {
        for (lines, evaluation) in &mut pairs {
            if let Some(line) = lines.next() {
                curve::multiply_by_line(f, &evaluation.of(line));
            }
        }
    };
    for bit in (0..PARAMETER.ilog2()).rev() {
        curve::square(&mut f);
        next_lines(&mut f);
        if PARAMETER >> bit & 1 == 1 {
            next_lines(&mut f);
        }
    }
    curve::conjugate(&mut f);
    f
}

/// What evaluating a line at a point P needs. Stored lines lack the factors −2·x and 2·y in their
/// second and third coefficient.
#[derive(Debug)]
struct Evaluation {
    minus_two_x: blst_fp,
    two_y: blst_fp,
}

impl Evaluation {
    fn at(point: &blst_p1_affine) -> Self {
        Self { minus_two_x: curve::minus(&curve::twice(&point.x)), two_y: curve::twice(&point.y) }
    }

    fn of(&self, line: &blst_fp6) -> blst_fp6 {
        let [constant, of_x, of_y] = line.fp2;
        let scale = |c: blst_fp2, by: &blst_fp| blst_fp2 {
            fp: c.fp.map(|part| curve::multiply(&part, by)),
        };
        blst_fp6 { fp2: [constant, scale(of_x, &self.minus_two_x), scale(of_y, &self.two_y)] }
    }
}
