//! Single values of a plan file: texts, names, truths, numbers, lengths of time, percentages, moments.

use jiff::Timestamp as Moment;
use mycelia_flags_core::key::{NAME_GRAMMAR, NameError};
use mycelia_flags_core::plan::duration_text;
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::revision::Timestamp;

use super::fault::INVALID_FORM;
use super::node::Content;
use super::reading::{Reading, Spot};
use crate::percent::Percent;

pub(crate) const PERCENT_GRAMMAR: &str =
    "a percentage such as 25% or 12.5%: 0% to 100%, at most three decimals";
pub(crate) const MOMENT_GRAMMAR: &str =
    "a date and time with a zone, such as 2026-12-01T09:00:00+01:00 or 2026-12-01T09:00[Europe/Berlin]";

const WRONG_TYPE: &str = Reason::WrongType.as_str();

impl Reading {
    /// The text of a scalar and whether it is quoted; notes what is none.
    pub(crate) fn scalar<'n>(&mut self, spot: &Spot<'n>, allowed: &str) -> Option<(&'n str, bool)> {
        match &spot.node.content {
            Content::Scalar { text, quoted } if !spot.node.is_null() => Some((text.as_str(), *quoted)),
            Content::Scalar { .. } => {
                self.fault(spot, Reason::Required.as_str(), allowed);
                None
            }
            Content::List(_) | Content::Mapping(_) => {
                self.fault(spot, WRONG_TYPE, allowed);
                None
            }
        }
    }

    /// Any text, without the line ends around it.
    pub(crate) fn text(&mut self, spot: &Spot<'_>) -> Box<str> {
        Box::from(self.scalar(spot, "a text").map_or("", |(text, _)| text.trim()))
    }

    /// Texts, each on its own.
    pub(crate) fn texts(&mut self, spot: &Spot<'_>) -> Vec<Box<str>> {
        self.items(spot, "a list of texts").iter().map(|item| self.text(item)).collect()
    }

    /// A name of flags, environments, segments …
    pub(crate) fn name<N>(&mut self, spot: &Spot<'_>, parse: fn(&str) -> Result<N, NameError>) -> Option<N> {
        let (text, _) = self.scalar(spot, NAME_GRAMMAR)?;
        let name = parse(text).ok();
        if name.is_none() {
            self.fault(spot, Reason::InvalidName.as_str(), NAME_GRAMMAR);
        }
        name
    }

    pub(crate) fn truth(&mut self, spot: &Spot<'_>) -> Option<bool> {
        match self.scalar(spot, "true or false")? {
            ("true", false) => Some(true),
            ("false", false) => Some(false),
            _ => {
                self.fault(spot, WRONG_TYPE, "true or false");
                None
            }
        }
    }

    pub(crate) fn count(&mut self, spot: &Spot<'_>) -> Option<u32> {
        let (text, quoted) = self.scalar(spot, "a whole number")?;
        let count = text.parse().ok().filter(|_| !quoted);
        if count.is_none() {
            self.fault(spot, WRONG_TYPE, "a whole number");
        }
        count
    }

    pub(crate) fn seconds(&mut self, spot: &Spot<'_>) -> Option<u64> {
        let (text, _) = self.scalar(spot, duration_text::GRAMMAR)?;
        let seconds = duration_text::parse(text);
        if seconds.is_none() {
            self.fault(spot, INVALID_FORM, duration_text::GRAMMAR);
        }
        seconds
    }

    pub(crate) fn percent(&mut self, spot: &Spot<'_>) -> Option<f64> {
        let (text, _) = self.scalar(spot, PERCENT_GRAMMAR)?;
        self.percent_of(spot, text, text)
    }

    /// A part of a text that is to be a percentage; what is without a sign is none.
    pub(crate) fn percent_of(&mut self, spot: &Spot<'_>, part: &str, shown: &str) -> Option<f64> {
        let number = part.trim().strip_suffix('%').map(str::trim);
        let percent = number.and_then(|number| number.parse::<Percent>().ok());
        if percent.is_none() {
            let is_number = number.is_some_and(|number| number.parse::<f64>().is_ok());
            let reason = if is_number { Reason::OutOfRange.as_str() } else { INVALID_FORM };
            self.fault_of(spot, shown, reason, PERCENT_GRAMMAR);
        }
        percent.map(Percent::as_f64)
    }

    pub(crate) fn moment(&mut self, spot: &Spot<'_>) -> Option<Timestamp> {
        let (text, _) = self.scalar(spot, MOMENT_GRAMMAR)?;
        let moment = moment(text);
        if moment.is_none() {
            self.fault(spot, INVALID_FORM, MOMENT_GRAMMAR);
        }
        moment
    }
}

/// A moment: with an offset, or with the name of a zone.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let moment = match text.contains('[') {
        true => text.parse::<jiff::Zoned>().ok()?.timestamp(),
        false => text.parse::<Moment>().ok()?,
    };
    Some(Timestamp::from_unix_micros(moment.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_an_offset_or_a_zone() {
        let utc = |text: &str| moment(text).map(|moment| moment.to_string());
        let nine = Some("2026-12-01T08:00:00Z".to_owned());
        assert_eq!(utc("2026-12-01T09:00:00+01:00"), nine);
        assert_eq!(utc("2026-12-01T09:00[Europe/Berlin]"), nine);
        assert_eq!(utc("2026-12-01T08:00:00Z"), nine);
        // Summer time is the zone's business.
        assert_eq!(utc("2026-07-01T09:00[Europe/Berlin]").as_deref(), Some("2026-07-01T07:00:00Z"));
        for bad in
            ["2026-12-01", "2026-12-01T09:00", "2026-12-01T09:00[Europe/Atlantis]", "tomorrow", "day 3"]
        {
            assert_eq!(utc(bad), None, "{bad}");
        }
    }
}
