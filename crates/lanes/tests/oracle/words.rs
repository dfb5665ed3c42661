//! What the profile says of words, written down a second time and as plainly as can be: one lane at a time, in
//! wide integers. Shares nothing with the kernels.

/// The legal type bytes with lane bytes and lane count, from the table of EIP-616.
pub(crate) const TYPES: [(u8, usize, usize); 18] = [
    (0x00, 1, 1),
    (0x01, 1, 2),
    (0x02, 1, 4),
    (0x03, 1, 8),
    (0x04, 1, 16),
    (0x05, 1, 32),
    (0x10, 2, 1),
    (0x11, 2, 2),
    (0x12, 2, 4),
    (0x13, 2, 8),
    (0x14, 2, 16),
    (0x20, 4, 1),
    (0x21, 4, 2),
    (0x22, 4, 4),
    (0x23, 4, 8),
    (0x30, 8, 1),
    (0x31, 8, 2),
    (0x32, 8, 4),
];

/// The opcodes with one type byte: XADD to XSMOD, XMULHI, XCAST, XSHUFFLE, XLT to XROR.
pub(crate) fn opcodes() -> Vec<u8> {
    (0xb1..=0xb7).chain([0xb9]).chain(0xbe..=0xcf).collect()
}

/// XCONV, with two type bytes.
pub(crate) const XCONV: u8 = 0xb8;

fn get(word: &[u8; 32], bytes: usize, lane: usize) -> u128 {
    (0..bytes).map(|i| u128::from(word[lane * bytes + i]) << (8 * i)).sum()
}

fn set(word: &mut [u8; 32], bytes: usize, lane: usize, value: u128) {
    for i in 0..bytes {
        word[lane * bytes + i] = (value >> (8 * i)) as u8;
    }
}

fn signed(value: u128, bits: u32) -> i128 {
    if value >> (bits - 1) & 1 == 1 { value as i128 - (1 << bits) } else { value as i128 }
}

/// One lane of a lane-wise opcode, not yet cut to the width.
fn lane(opcode: u8, bits: u32, a: u128, b: u128) -> u128 {
    let (sa, sb) = (signed(a, bits), signed(b, bits));
    let turn = (a % u128::from(bits)) as u32;
    match opcode {
        0xb1 => a + b,
        0xb2 => (a * b) & u128::from(u64::MAX),
        0xb3 => a.wrapping_sub(b),
        0xb4 if b == 0 => 0,
        0xb4 => a / b,
        0xb5 if b == 0 => 0,
        0xb5 => (sa / sb) as u128,
        0xb6 if b == 0 => 0,
        0xb6 => a % b,
        0xb7 if b == 0 => 0,
        0xb7 => (sa % sb) as u128,
        0xb9 => (a * b) >> bits,
        0xc0 => (a < b).into(),
        0xc1 => (a > b).into(),
        0xc2 => (sa < sb).into(),
        0xc3 => (sa > sb).into(),
        0xc4 => (a == b).into(),
        0xc5 => (a == 0).into(),
        0xc6 => a & b,
        0xc7 => a | b,
        0xc8 => a ^ b,
        0xc9 => !a,
        0xcb if a >= u128::from(bits) => 0,
        0xcb => b << a,
        0xcc if a >= u128::from(bits) => 0,
        0xcc => b >> a,
        0xcd => (sb >> a.min(u128::from(bits) - 1)) as u128,
        0xce => b << turn | b >> (bits - turn),
        0xcf => b >> turn | b << (bits - turn),
        _ => unreachable!("no lane-wise opcode {opcode:#x}"),
    }
}

/// What an opcode with the type of `bytes` and `count` makes of the top `a` and the next word `b`.
pub(crate) fn execute(
    opcode: u8,
    bytes: usize,
    count: usize,
    a: &[u8; 32],
    b: &[u8; 32],
) -> [u8; 32] {
    let mut out = [0; 32];
    match opcode {
        0xbe => out[..bytes * count].copy_from_slice(&a[..bytes * count]),
        0xbf => {
            for (i, from) in a[..count].iter().map(|byte| usize::from(*byte)).enumerate() {
                let value = if from < count { get(b, bytes, from) } else { 0 };
                set(&mut out, bytes, i, value);
            }
        }
        0xca => {
            let beyond = a[1..].iter().any(|byte| *byte != 0) || usize::from(a[0]) >= count;
            let value = if beyond { 0 } else { get(b, bytes, a[0].into()) };
            set(&mut out, bytes, 0, value);
        }
        _ => {
            for i in 0..count {
                let value = lane(opcode, 8 * bytes as u32, get(a, bytes, i), get(b, bytes, i));
                set(&mut out, bytes, i, value);
            }
        }
    }
    out
}

/// What XCONV makes of `a`.
pub(crate) fn convert(from: (usize, usize), to: (usize, usize), a: &[u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    for i in 0..from.1.min(to.1) {
        set(&mut out, to.0, i, get(a, from.0, i));
    }
    out
}
