//! A percentage with at most three decimals, exactly.

use std::fmt;
use std::str::FromStr;

/// Thousandths of a percent, the unit of weights on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent(u32);

impl Percent {
    /// Takes a weight as the wire has it.
    pub(crate) const fn of_thousandths(thousandths: u32) -> Self {
        Self(thousandths)
    }

    /// The number, such as 12.5.
    pub(crate) fn as_f64(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }

    /// As the wire has weights.
    pub(crate) const fn thousandths(self) -> u32 {
        self.0
    }

    /// Everybody.
    pub(crate) const fn is_all(self) -> bool {
        self.0 == 100_000
    }

    /// Nobody.
    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// A part of everybody between two percentages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PercentRange {
    pub(crate) from: Percent,
    pub(crate) to: Percent,
}

impl FromStr for PercentRange {
    type Err = String;

    /// `10` is the first tenth, `10..70` what comes between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once("..").unwrap_or(("0", text));
        let range = Self { from: from.parse()?, to: to.parse()? };
        if range.from.0 < range.to.0 {
            return Ok(range);
        }
        Err(format!("expected more than {}, such as 10 or 10..70", range.from))
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let complaint =
            || "expected 0 to 100 with at most three decimals, such as 25, 25% or 12.5".to_owned();
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || whole.len() > 3 || decimals.len() > 3 {
            return Err(complaint());
        }
        let whole: u32 = whole.parse().map_err(|_error| complaint())?;
        let decimals: u32 = format!("{decimals:0<3}").parse().map_err(|_error| complaint())?;
        let thousandths = whole * 1_000 + decimals;
        if thousandths > 100_000 { Err(complaint()) } else { Ok(Self(thousandths)) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / 1_000, self.0 % 1_000);
        if decimals == 0 {
            return write!(formatter, "{whole}%");
        }
        let decimals = format!("{decimals:03}");
        write!(formatter, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u32, &str)>) {
        let percent = text.parse::<Percent>().ok();
        assert_eq!(
            percent.map(|percent| percent.0),
            expected.map(|(thousandths, _)| thousandths),
            "{text:?}"
        );
        assert_eq!(percent.map(|percent| percent.to_string()).as_deref(), expected.map(|(_, shown)| shown));
    }

    #[test]
    fn percentages_are_exact() {
        check("25", Some((25_000, "25%")));
        check("25%", Some((25_000, "25%")));
        check("25 %", Some((25_000, "25%")));
        check("12.5", Some((12_500, "12.5%")));
        check("0.001%", Some((1, "0.001%")));
        check("33.33", Some((33_330, "33.33%")));
        check("100.000", Some((100_000, "100%")));
        check("0", Some((0, "0%")));
        for bad in
            ["", "%", ".", "5.", ".5", "-1", "+1", "100.001", "101", "1e1", "0.0001", "٢", "nan", "1000"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn the_number_on_the_wire_is_the_one_that_was_typed() {
        assert!((("12.5".parse::<Percent>().unwrap().as_f64()) - 12.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_range_lies_between_two_percentages() {
        let range = |text: &str| {
            text.parse::<PercentRange>().ok().map(|range| (range.from.to_string(), range.to.to_string()))
        };
        let expected = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(range("10"), expected("0%", "10%"));
        assert_eq!(range("10..70"), expected("10%", "70%"));
        assert_eq!(range("10%..12.5%"), expected("10%", "12.5%"));
        for bad in ["0", "70..10", "10..10", "..10", "10..", "10-70", "0..101"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
