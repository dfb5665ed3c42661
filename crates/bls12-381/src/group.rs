//! Points of the two curves: what a backend provides, their bytes in EIP-2537, and addition.

use tandem_coprocessor::Fault;

use crate::coordinate::Coordinate;

/// A point other than infinity.
#[derive(Clone, Copy)]
pub(crate) struct Affine<F> {
    pub(crate) x: F,
    pub(crate) y: F,
}

/// A point in Jacobian coordinates (X/Z², Y/Z³) of a curve that has G1 or G2 as its subgroup of
/// order r. Operations are complete: they are right for every point of the curve.
pub(crate) trait Group: Copy + PartialEq {
    /// What its coordinates are.
    type Coordinate: Coordinate;

    /// Into how many parts a scalar is split for [`Self::scaled`].
    const PARTS: usize;
    /// The number m in whose powers it is split; [`Self::PARTS`] digits reach r.
    const BASE: u128;
    /// From how many pairs on [`Self::bucketed`] beats the crate's own algorithm, measured.
    const MANY: usize;

    /// The point at infinity.
    const INFINITY: Self;

    /// The point with these coordinates.
    fn from_affine(point: &Affine<Self::Coordinate>) -> Self;
    /// X, Y and Z; Z is zero at infinity.
    fn coordinates(&self) -> [Self::Coordinate; 3];
    /// 2·self.
    fn double(&mut self);
    /// self + other.
    fn add(&mut self, other: &Self);
    /// −self.
    fn negated(&self) -> Self;
    /// m^part · self by an endomorphism of the curve, if self is in the subgroup; only there is it
    /// that multiple with `part` 1.
    fn scaled(&self, part: usize) -> Self;
    /// Whether a point of the curve is in the subgroup.
    fn contains(point: &Affine<Self::Coordinate>) -> bool;
    /// The sum of the points of the subgroup, each times its scalar below r, by the library's
    /// bucket method.
    fn bucketed(points: &[Affine<Self::Coordinate>], scalars: &[[u64; 4]]) -> Self;

    /// Whether this is the point at infinity.
    fn is_infinity(&self) -> bool {
        self.coordinates()[2] == Self::Coordinate::ZERO
    }
}

/// Bytes of a point.
pub(crate) const fn bytes<F: Coordinate>() -> usize {
    2 * F::BYTES
}

/// Reads a point of the curve; `None` is infinity, encoded as zeros.
///
/// # Errors
/// [`Fault::Input`] if a coordinate is malformed or the point not on the curve.
pub(crate) fn decode<F: Coordinate>(bytes: &[u8]) -> Result<Option<Affine<F>>, Fault> {
    let (x, y) = bytes.split_at(F::BYTES);
    let (x, y) = (F::decode(x)?, F::decode(y)?);
    if x == F::ZERO && y == F::ZERO {
        return Ok(None);
    }
    let right = x.squared().times(&x).plus(&F::curve_constant());
    if y.squared() == right { Ok(Some(Affine { x, y })) } else { Err(Fault::Input) }
}

/// Writes a point.
pub(crate) fn encode<F: Coordinate>(point: Option<Affine<F>>, output: &mut [u8]) {
    let (x, y) = output.split_at_mut(F::BYTES);
    let point = point.unwrap_or(Affine { x: F::ZERO, y: F::ZERO });
    point.x.encode(x);
    point.y.encode(y);
}

/// p + q.
///
/// The affine formulas cost one inversion and few products; to add in Jacobian coordinates and come
/// back costs the same inversion and more products.
pub(crate) fn add<F: Coordinate>(p: Option<Affine<F>>, q: Option<Affine<F>>) -> Option<Affine<F>> {
    let (Some(p), Some(q)) = (p, q) else {
        return p.or(q);
    };
    let (rise, run) = if p.x != q.x {
        (q.y.minus(&p.y), q.x.minus(&p.x))
    } else if p.y == q.y {
        let square = p.x.squared();
        (square.plus(&square).plus(&square), p.y.plus(&p.y))
    } else {
        return None;
    };
    // `run` is not zero: no point of either curve has y = 0, their orders being odd.
    let slope = rise.times(&run.inverse());
    let x = slope.squared().minus(&p.x).minus(&q.x);
    let y = slope.times(&p.x.minus(&x)).minus(&p.y);
    Some(Affine { x, y })
}

/// From Jacobian to affine coordinates.
pub(crate) fn normalize<G: Group>(point: &G) -> Option<Affine<G::Coordinate>> {
    if point.is_infinity() {
        return None;
    }
    let [x, y, z] = point.coordinates();
    let inverse = z.inverse();
    let square = inverse.squared();
    Some(Affine { x: x.times(&square), y: y.times(&square).times(&inverse) })
}
