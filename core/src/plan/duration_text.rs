//! Lengths of time as plans write them: `90s`, `10m`, `48h`, `7d`, `2w`, and sums such as `1d12h`.

use std::fmt;

const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// What [`parse`] takes.
pub const GRAMMAR: &str = "a length of time such as 90s, 10m, 48h, 7d, 2w or 1d12h";

/// Seconds, when the text is a length of time: numbers with units, the longer unit first.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let (mut seconds, mut units) = (0_u64, &UNITS[..]);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit = after.chars().next()?;
        let place = units.iter().position(|(known, _)| *known == unit)?;
        let (_, length) = units.get(place)?;
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(*length)?)?;
        units = units.get(place + 1..)?;
        rest = after.get(unit.len_utf8()..)?;
    }
    Some(seconds)
}

/// Prints seconds exactly as [`parse`] reads them: `1d12h`, `10m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact(pub u64);

impl fmt::Display for Exact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest == 0 {
            return formatter.write_str("0s");
        }
        for (unit, length) in UNITS.iter().skip(1) {
            if rest >= *length {
                write!(formatter, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

/// Prints seconds for people, with at most two units: `1d 12h`, `10m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(pub u64);

impl fmt::Display for Length {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Weeks are how people write, days are how they count.
        let mut units = UNITS.iter().skip(1).skip_while(|(_, length)| *length > self.0);
        let Some((unit, length)) = units.next() else {
            return formatter.write_str("0s");
        };
        write!(formatter, "{}{unit}", self.0 / length)?;
        match units.next().map(|(unit, next)| (self.0 % length / next, unit)) {
            Some((count, unit)) if count > 0 => write!(formatter, " {count}{unit}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("48h", 172_800),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("1d12h", 129_600),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        for text in ["", "10", "m", "1.5h", "12h1d", "1h1h", "-1h", "1y", "99999999999999999999s", "1 h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_printed_exactly_is_read_again() {
        for seconds in [0, 1, 59, 600, 90_061, 604_800, 1_209_601] {
            assert_eq!(parse(&Exact(seconds).to_string()), Some(seconds));
        }
    }

    #[test]
    fn lengths_of_time_are_printed_with_two_units() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (600, "10m"), (129_600, "1d 12h"), (90_061, "1d 1h")]
        {
            assert_eq!(Length(seconds).to_string(), text);
        }
    }
}
