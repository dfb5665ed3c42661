//! What the list precompile answers, written down a second time and as plainly as can be: one lane at a time, in
//! wide integers. Shares nothing with the kernels.

/// What VECMATH answers to a request that is right, by `op` on the lanes of the lists.
pub(crate) fn list(op: u8, bytes: usize, a: &[u64], b: &[u64], modulus: u64) -> Vec<u64> {
    let cut = |value: u128| value as u64 & (u64::MAX >> (64 - 8 * bytes));
    let bits = 8 * bytes as u64;
    let m = u128::from(modulus);
    let zip = |f: &dyn Fn(u128, u128) -> u128| -> Vec<u64> {
        a.iter().zip(b).map(|(a, b)| cut(f((*a).into(), (*b).into()))).collect()
    };
    match op {
        0x01 => zip(&|a, b| a + b),
        0x02 => zip(&|a, b| a * b),
        0x03 => zip(&|a, b| a.wrapping_sub(b)),
        0x04 => zip(&|a, b| a & b),
        0x05 => zip(&|a, b| a | b),
        0x06 => zip(&|a, b| a ^ b),
        0x07 => zip(&|a, b| if b < bits.into() { a << b } else { 0 }),
        0x08 => zip(&|a, b| if b < bits.into() { a >> b } else { 0 }),
        0x09 => zip(&|a, b| a.checked_rem(b).unwrap_or(0)),
        0x0a => vec![cut(a.iter().fold(0, |sum, a| sum + u128::from(*a)))],
        0x0b => {
            let products = a.iter().zip(b).map(|(a, b)| a.wrapping_mul(*b));
            vec![cut(products.fold(0, u64::wrapping_add).into())]
        }
        0x0c => zip(&|a, b| (a * b).checked_rem(m).unwrap_or(0)),
        0x0d => zip(&|a, b| (a + b).checked_rem(m).unwrap_or(0)),
        0x0e => {
            zip(&|a, b| (a % m.max(1) + m).wrapping_sub(b % m.max(1)).checked_rem(m).unwrap_or(0))
        }
        0x0f => {
            let at = |place: &u64| usize::try_from(*place).ok().and_then(|place| a.get(place));
            b.iter().map(|place| at(place).copied().unwrap_or(0)).collect()
        }
        _ => unreachable!("no list operation {op:#x}"),
    }
}

/// A request of VECMATH.
pub(crate) fn request(op: u8, bytes: usize, lists: &[&[u64]]) -> Vec<u8> {
    let count = lists[0].len() as u32;
    let mut input = vec![op, bytes as u8];
    input.extend(count.to_be_bytes());
    for lane in lists.iter().copied().flatten() {
        input.extend(&lane.to_be_bytes()[8 - bytes..]);
    }
    input
}
