//! Numbers as reports write them.

/// With a comma between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With a comma between thousands, and a sign if it is negative.
pub(crate) fn signed(number: i128) -> String {
    let digits = thousands(u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX));
    if number < 0 { format!("-{digits}") } else { digits }
}

/// `part` of `whole` in tenths of a percent, rounded; `None` of nothing.
pub(crate) fn per_mille(part: u64, whole: u64) -> Option<u64> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let rounded = (part * 1000 + whole / 2).checked_div(whole)?;
    u64::try_from(rounded).ok()
}

/// What each number is of all together, in tenths of a percent that add up to 100 %: what rounding
/// leaves over goes to those that lost most by it. All 0 if there is nothing.
pub(crate) fn shares(parts: &[u64]) -> Vec<u64> {
    let whole: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    let exact = |part: u64| u128::from(part) * 1000;
    let mut shares: Vec<u64> =
        parts.iter().map(|part| exact(*part).checked_div(whole).unwrap_or(0) as u64).collect();
    let missing = if whole > 0 { 1000 - shares.iter().sum::<u64>() } else { 0 };
    let mut order: Vec<_> = (0..parts.len()).collect();
    order.sort_by_key(|&place| std::cmp::Reverse(exact(parts[place]) % whole.max(1)));
    order.iter().take(missing as usize).for_each(|&place| shares[place] += 1);
    shares
}

/// Tenths of a percent as a percentage.
pub(crate) fn percent(per_mille: u64) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (46_924, "46,924")] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn shares_of_all_add_up() {
        assert_eq!(shares(&[1, 1, 1]), [334, 333, 333]);
        assert_eq!(shares(&[2, 0, 1, 4]).iter().sum::<u64>(), 1000);
        assert_eq!(shares(&[u64::MAX, u64::MAX]), [500, 500]);
        assert_eq!(shares(&[0, 0]), [0, 0]);
        assert!(shares(&[]).is_empty());
    }

    #[test]
    fn shares_are_rounded_to_tenths_of_a_percent() {
        assert_eq!(per_mille(21_531, 24_368).map(percent).as_deref(), Some("88.4 %"));
        assert_eq!(per_mille(1, 2_000).map(percent).as_deref(), Some("0.1 %"));
        assert_eq!(per_mille(u64::MAX, u64::MAX).map(percent).as_deref(), Some("100.0 %"));
        assert_eq!(per_mille(1, 0), None);
    }
}
