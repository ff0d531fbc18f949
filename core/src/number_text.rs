//! Numbers as text, as everybody prints them who hashes or compares the text.

/// A number as JavaScript's `Number#toString` prints it.
///
/// Both print the fewest digits that read back as the same number. They differ in where they begin to write an
/// exponent, in the plus sign before it, in the sign of zero and in the name of the infinite.
pub(crate) fn javascript_number(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if number.is_nan() || (1e-6..1e21).contains(&number.abs()) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    if number.abs() < 1.0 { text } else { text.replacen('e', "e+", 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: f64, expected: &str) {
        assert_eq!(javascript_number(number), expected);
        if number != 0.0 {
            assert_eq!(javascript_number(-number), format!("-{expected}"));
        }
    }

    /// Each is what `node -p` prints.
    #[test]
    fn numbers_are_printed_as_javascript_prints_them() {
        check(0.0, "0");
        check(-0.0, "0");
        check(0.1, "0.1");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1.0, "1");
        check(100.0, "100");
        check(2.5, "2.5");
        check(0.000_001, "0.000001");
        check(0.000_001_234_5, "0.0000012345");
        check(9.999e-7, "9.999e-7");
        check(1e-7, "1e-7");
        check(1.5e-300, "1.5e-300");
        check(5e-324, "5e-324");
        check(9_007_199_254_740_993.0, "9007199254740992");
        check(123_456_789_012_345_680_000.0, "123456789012345680000");
        check(999_999_999_999_999_900_000.0, "999999999999999900000");
        check(1e21, "1e+21");
        check(1.234_567_890_123_456_8e25, "1.2345678901234568e+25");
        check(1.5e300, "1.5e+300");
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::INFINITY, "Infinity");
        assert_eq!(javascript_number(f64::NAN), "NaN");
    }
}
