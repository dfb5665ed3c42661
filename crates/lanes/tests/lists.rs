//! The list precompile against the oracle, and each way a request can be wrong.

#[path = "oracle/lists.rs"]
mod oracle;

use oracle::request;
use proptest::{collection::vec, prelude::*, sample::select};
use tandem_coprocessor::Fault;
use tandem_lanes::{Kernels, LaneOp, List, ListOp, MAX_COUNT, Order, Portable, Width};

/// What every backend answers, when they agree.
fn answer(input: &[u8]) -> Result<Vec<u8>, Fault> {
    let list = List::decode(input)?;
    let mut out = vec![0xee; list.output_len()];
    Portable::list(&list, &mut out);
    #[cfg(feature = "native")]
    {
        let mut native = vec![0x11; list.output_len()];
        tandem_lanes::Native::list(&list, &mut native);
        assert_eq!(native, out, "{:?}", list.op());
    }
    Ok(out)
}

fn encode(lanes: &[u64], bytes: usize) -> Vec<u8> {
    lanes.iter().flat_map(|lane| lane.to_be_bytes()[8 - bytes..].to_vec()).collect()
}

fn check(op: u8, bytes: usize, a: &[u64], b: &[u64], modulus: u64) {
    let cut = |lanes: &[u64]| -> Vec<u64> {
        lanes.iter().map(|lane| lane & (u64::MAX >> (64 - 8 * bytes))).collect()
    };
    let (a, b, m) = (cut(a), cut(b), cut(&[modulus]));
    let lists: &[&[u64]] = match op {
        0x0a => &[&a],
        0x0c..=0x0e => &[&a, &b, &m],
        _ => &[&a, &b],
    };
    let expected = encode(&oracle::list(op, bytes, &a, &b, m[0]), bytes);
    let got = answer(&request(op, bytes, lists));
    assert_eq!(
        got.as_ref(),
        Ok(&expected),
        "{op:#x}, {bytes} bytes, modulo {modulus}: {a:?} {b:?}"
    );
}

fn any_lane() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..80_u64,
        any::<u32>().prop_map(u64::from),
        any::<u64>().prop_map(|lane| !(lane & 3)),
        (0..64_u32).prop_map(|bit| 1 << bit),
        select(vec![u64::from(u32::MAX), u64::MAX, 1 << 31, 1 << 63]),
    ]
}

fn any_lists() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    vec((any_lane(), any_lane()), 1..80).prop_map(|pairs| pairs.into_iter().unzip())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..Default::default() })]

    #[test]
    fn lists_are_what_the_oracle_says(
        op in 0x01..=0x0f_u8, bytes in select(vec![4, 8]), (a, b) in any_lists(), modulus in any_lane(),
    ) {
        check(op, bytes, &a, &b, modulus);
    }

    #[test]
    fn reduced_operands_too(
        op in 0x0c..=0x0e_u8, bytes in select(vec![4, 8]), (a, b) in any_lists(),
        modulus in prop_oneof![1..=u64::from(u32::MAX), 1..20_000_u64, any_lane()],
    ) {
        let m = (modulus & (u64::MAX >> (64 - 8 * bytes as u64))).max(1);
        let reduce = |lanes: Vec<u64>| -> Vec<u64> { lanes.iter().map(|lane| lane % m).collect() };
        check(op, bytes, &reduce(a), &reduce(b), m);
        // The largest residues, where a quotient is nearest to being rounded the wrong way.
        check(op, bytes, &[m - 1, m - 1, m / 2, m / 2 + m % 2], &[m - 1, m / 2, m - 1, m - 1], m);
    }

    #[test]
    fn shuffles_take_lanes_from_where_they_are_told(
        bytes in select(vec![4, 8]),
        (a, b) in vec((any_lane(), 0..90_u64), 1..80).prop_map(|pairs| pairs.into_iter().unzip::<_, _, Vec<_>, Vec<_>>()),
    ) {
        check(0x0f, bytes, &a, &b, 0);
    }

    #[test]
    fn garbage_never_panics(input in vec(any::<u8>(), 0..200), op in 0..18_u8, width in 0..10_u8, count in 0..9_u8) {
        let _ = answer(&input);
        let mut near = input;
        for (at, byte) in [op, width, 0, 0, 0, count].into_iter().enumerate().take(near.len()) {
            near[at] = byte;
        }
        let _ = answer(&near);
    }

    #[test]
    fn slices_of_any_length_are_words_one_after_another(
        op in select(&LaneOp::ALL[..]), width in select(&Width::ALL[..]),
        order in select(vec![Order::Little, Order::Big]),
        pairs in vec(any::<(u8, u8)>(), 0..200), cut in 0..100_usize,
    ) {
        let (a, b): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
        let len = a.len() / width.bytes() * width.bytes();
        let mut whole = vec![0; len];
        Portable::lanes(op, width, order, &a[..len], &b[..len], &mut whole);
        // Each lane alone is the same.
        for at in (0..len).step_by(width.bytes()) {
            let lane = at..at + width.bytes();
            let mut one = vec![0; width.bytes()];
            Portable::lanes(op, width, order, &a[lane.clone()], &b[lane.clone()], &mut one);
            prop_assert_eq!(&one, &whole[lane]);
        }
        #[cfg(feature = "native")]
        {
            let mut native = vec![0; len];
            tandem_lanes::Native::lanes(op, width, order, &a[..len], &b[..len], &mut native);
            prop_assert_eq!(&native, &whole);
        }
        // The shortest slice says how much is done.
        let mut short = vec![0x3c; len];
        let part = cut.min(len) / width.bytes() * width.bytes();
        Portable::lanes(op, width, order, &a[..part], &b[..part], &mut short);
        prop_assert_eq!(&short[..part], &whole[..part]);
        prop_assert!(short[part..].iter().all(|byte| *byte == 0x3c));
    }
}

#[test]
fn an_order_turns_the_bytes_of_a_lane_alone() {
    for op in LaneOp::ALL {
        for width in Width::ALL {
            let a: Vec<u8> = (0..64_u32).map(|i| (i * 37 + 11) as u8).collect();
            let b: Vec<u8> = (0..64_u32).map(|i| (i * 101 / 7) as u8).collect();
            let turn = |bytes: &[u8]| -> Vec<u8> {
                bytes.chunks(width.bytes()).flat_map(|lane| lane.iter().rev().copied()).collect()
            };
            let (mut little, mut big) = ([0; 64], [0; 64]);
            Portable::lanes(op, width, Order::Little, &a, &b, &mut little);
            Portable::lanes(op, width, Order::Big, &turn(&a), &turn(&b), &mut big);
            assert_eq!(turn(&big), little, "{op:?} {width:?}");
        }
    }
}

fn refused(input: &[u8]) -> bool {
    List::decode(input).map(|_| ()) == Err(Fault::Input)
}

#[test]
fn the_right_request_is_taken() {
    assert_eq!(answer(&request(0x01, 4, &[&[1, 2], &[3, 4]])), Ok(vec![0, 0, 0, 4, 0, 0, 0, 6]));
    // A sum has one list, and an operation modulo a number that number last.
    assert_eq!(answer(&request(0x0a, 4, &[&[1, 2, 39]])), Ok(vec![0, 0, 0, 42]));
    assert_eq!(answer(&request(0x0b, 8, &[&[2, 3], &[5, 7]])), Ok(vec![0, 0, 0, 0, 0, 0, 0, 31]));
    assert_eq!(answer(&request(0x0c, 4, &[&[5], &[7], &[11]])), Ok(vec![0, 0, 0, 2]));
    // Values first, then amounts.
    assert_eq!(answer(&request(0x07, 4, &[&[1], &[3]])), Ok(vec![0, 0, 0, 8]));
    assert_eq!(answer(&request(0x03, 4, &[&[1], &[3]])), Ok(vec![0xff, 0xff, 0xff, 0xfe]));
}

#[test]
fn every_operation_of_the_table_is_known_and_no_other() {
    for op in 0..=255 {
        assert_eq!(ListOp::decode(op).is_some(), (0x01..=0x0f).contains(&op), "{op:#04x}");
        if ListOp::decode(op).is_none() {
            assert!(refused(&request(op, 4, &[&[1], &[1]])), "{op:#04x}");
        }
    }
}

#[test]
fn a_width_is_four_or_eight() {
    for width in 0..=255_u8 {
        let mut input = request(0x01, 8, &[&[1, 2], &[3, 4]]);
        input[1] = width;
        if width == 4 {
            input.truncate(6 + 16);
        }
        assert_eq!(refused(&input), width != 4 && width != 8, "{width}");
    }
}

#[test]
fn a_list_has_from_one_to_a_million_lanes() {
    let of = |count: u32| {
        let mut input = vec![0x0a, 4];
        input.extend(count.to_be_bytes());
        input.resize(6 + 4 * count as usize, 1);
        input
    };
    assert!(refused(&of(0)));
    assert!(!refused(&of(1)));
    assert_eq!(
        answer(&of(MAX_COUNT)),
        Ok(0x0101_0101_u32.wrapping_mul(MAX_COUNT).to_be_bytes().to_vec())
    );
    assert!(refused(&of(MAX_COUNT + 1)));
    // No count makes a length overflow.
    let [mut header, _] = [of(1), of(1)];
    header[2..6].fill(0xff);
    assert!(refused(&header));
}

#[test]
fn the_input_is_as_long_as_the_header_says() {
    for (op, lists) in [(0x01, 2), (0x0a, 1), (0x0b, 2), (0x0c, 2), (0x0f, 2)] {
        let modulus: &[u64] = if op == 0x0c { &[17] } else { &[] };
        let mut all = vec![&[1_u64, 2, 3][..]; lists];
        all.push(modulus);
        let input = request(op, 8, &all);
        assert!(!refused(&input));
        for end in 0..input.len() {
            assert!(refused(&input[..end]), "{op:#x} cut to {end}");
        }
        assert!(refused(&[&input[..], &[0]].concat()), "{op:#x} and a byte");
    }
}

#[test]
fn modulo_zero_everything_is_zero() {
    for op in 0x0c..=0x0e {
        assert_eq!(answer(&request(op, 4, &[&[5, 6], &[7, 8], &[0]])), Ok(vec![0; 8]));
    }
}
