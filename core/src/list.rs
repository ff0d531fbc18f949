//! Lists of targeting keys: who is on the canary allowlist, who is in a segment by name and who is kept out of one.
//!
//! A list may hold hundreds of thousands of keys, so each key is an entity of its own: an edit is as large as what it
//! edits, in the log and on the wire.

use std::fmt;

use crate::key::SegmentKey;

/// Names a list within its environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListKey {
    /// The canary allowlist.
    Canary,
    /// Who is in a segment, whatever its conditions say.
    Included(SegmentKey),
    /// Who is not in a segment, whatever else says so.
    Excluded(SegmentKey),
}

impl ListKey {
    /// Reads what is displayed: `canary`, `segment/KEY/included` or `segment/KEY/excluded`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "canary" {
            return Some(Self::Canary);
        }
        let (segment, list) = text.strip_prefix("segment/")?.split_once('/')?;
        let segment = SegmentKey::parse(segment).ok()?;
        match list {
            "included" => Some(Self::Included(segment)),
            "excluded" => Some(Self::Excluded(segment)),
            _ => None,
        }
    }

    /// The segment that the list belongs to.
    #[must_use]
    pub const fn segment(&self) -> Option<&SegmentKey> {
        match self {
            Self::Canary => None,
            Self::Included(segment) | Self::Excluded(segment) => Some(segment),
        }
    }

    /// The lists of a segment.
    #[must_use]
    pub fn of_segment(segment: &SegmentKey) -> [Self; 2] {
        [Self::Included(segment.clone()), Self::Excluded(segment.clone())]
    }
}

impl fmt::Display for ListKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Canary => formatter.write_str("canary"),
            Self::Included(segment) => write!(formatter, "segment/{segment}/included"),
            Self::Excluded(segment) => write!(formatter, "segment/{segment}/excluded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_is_displayed() {
        let segment = SegmentKey::new("early.adopters");
        for list in [ListKey::Canary, ListKey::Included(segment.clone()), ListKey::Excluded(segment)] {
            assert_eq!(ListKey::parse(&list.to_string()), Some(list));
        }
        for text in
            ["", "Canary", "segment", "segment/a", "segment//included", "segment/a/b", "segment/a/included/"]
        {
            assert_eq!(ListKey::parse(text), None, "{text:?}");
        }
    }
}
