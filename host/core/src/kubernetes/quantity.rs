//! Kubernetes' quantities, such as `100m` or `1.5Gi`: read exactly, to be compared.
//!
//! The API server has written them in its own way before anybody reads them, but any way that it takes is read here too
//! (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>). No floats: a quota is used up or
//! it is not.

/// A longer one is none: the largest that the API server keeps has 19 digits, and nine behind the point.
const BYTES_MAX: usize = 40;
/// So many digits are behind the point of a nano.
const NANO_DIGITS: u32 = 9;

/// How much there is of something, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

impl Quantity {
    /// None of it.
    pub const ZERO: Quantity = Quantity(0);

    /// Reads one; none where it is none, or beyond what can be counted. What is finer than a billionth is rounded up, as
    /// the API server does it.
    pub fn parse(text: &str) -> Option<Quantity> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        // A second point is no digit.
        let digits: i128 = digits.parse().ok()?;
        let (base, exponent) = scale(suffix)?;
        let fraction = u32::try_from(fraction.len()).ok()?;
        let mut amount = digits.checked_mul(10_i128.checked_pow(NANO_DIGITS)?)?;
        let factor = base.checked_pow(exponent.unsigned_abs())?;
        let mut divisor = 10_i128.checked_pow(fraction)?;
        if exponent < 0 {
            divisor = divisor.checked_mul(factor)?;
        } else {
            amount = amount.checked_mul(factor)?;
        }
        let amount = amount.checked_add(divisor - 1)? / divisor;
        Some(Quantity(if negative { -amount } else { amount }))
    }
}

/// What a suffix multiplies with: this number to the power of that.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    let scale = match suffix {
        "" => (10, 0),
        "n" => (10, -9),
        "u" => (10, -6),
        "m" => (10, -3),
        "k" => (10, 3),
        "M" => (10, 6),
        "G" => (10, 9),
        "T" => (10, 12),
        "P" => (10, 15),
        "E" => (10, 18),
        "Ki" => (1_024, 1),
        "Mi" => (1_024, 2),
        "Gi" => (1_024, 3),
        "Ti" => (1_024, 4),
        "Pi" => (1_024, 5),
        "Ei" => (1_024, 6),
        exponent => (10, exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANOS: i128 = 1_000_000_000;

    #[test]
    fn each_way_to_write_a_quantity_is_read_exactly() {
        for (text, nanos) in [
            ("0", 0),
            ("1", NANOS),
            ("+1", NANOS),
            ("-1", -NANOS),
            ("100m", NANOS / 10),
            ("0.1", NANOS / 10),
            (".5", NANOS / 2),
            ("5.", 5 * NANOS),
            ("1n", 1),
            ("1u", 1_000),
            ("0.1n", 1),
            ("1.0000000001", NANOS + 1),
            ("1k", 1_000 * NANOS),
            ("1e3", 1_000 * NANOS),
            ("1E3", 1_000 * NANOS),
            ("1e-3", NANOS / 1_000),
            ("12E", 12 * NANOS.pow(3)),
            ("1Ki", 1_024 * NANOS),
            ("1.5Gi", 1_610_612_736 * NANOS),
            ("8Ei", (1 << 63) * NANOS),
            ("9223372036854775807", i128::from(i64::MAX) * NANOS),
        ] {
            assert_eq!(Quantity::parse(text), Some(Quantity(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in [
            "",
            ".",
            "-",
            "m",
            "Gi",
            "1 ",
            " 1",
            "1K",
            "1gi",
            "1Mib",
            "1e",
            "1e1.5",
            "1.2.3",
            "--1",
            "1-1",
            "0x1",
            "NaN",
            "١",
            "1e99",
            "1e-99",
            "1e2147483648",
            "1e-2147483648",
            "99999999999999999999999999999999999999999",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_order_is_that_of_the_amounts() {
        let ordered = ["-1", "0", "1n", "999999999n", "1", "1001m", "1k", "1Ki", "1025", "1M", "1Mi", "1E", "1Ei"];
        for pair in ordered.windows(2) {
            assert!(Quantity::parse(pair[0]) < Quantity::parse(pair[1]), "{pair:?}");
        }
        assert_eq!(Quantity::parse("1024Mi"), Quantity::parse("1Gi"));
        assert_eq!(Quantity::parse("0m"), Some(Quantity::ZERO));
    }
}
