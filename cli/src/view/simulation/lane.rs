//! What a chart shows of a flag: one lane, and one more for each segment that has a share of its own.

use super::{DARK, SimulationView};

/// One line of a chart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) flag: String,
    /// The segment, and the environment where the plan has several; may be empty.
    pub(super) place: String,
    /// What it serves after each event.
    pub(super) cells: Vec<String>,
}

/// All lanes, in the order of the plan.
pub(super) fn lanes(view: &SimulationView) -> Vec<Lane> {
    let rows = view.rows();
    let is_one_place =
        rows.iter().all(|row| rows.first().is_some_and(|first| first.environment == row.environment));
    let mut lanes = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let serves = view.events.iter().map(|event| event.flags.get(index).map_or(DARK, |flag| &flag.serves));
        let serves: Vec<&str> = serves.collect();
        let mut segments: Vec<&str> = Vec::new();
        for (segment, _) in serves.iter().flat_map(|serves| shares(serves)) {
            if !segments.contains(&segment) {
                segments.push(segment);
            }
        }
        // Of a flag without segments the rest is everybody.
        let with_rest = if segments.is_empty() { vec![REST] } else { [&[REST], &segments[..]].concat() };
        for segment in with_rest {
            let of_segment = if segments.is_empty() { "" } else { segment };
            let environment = if is_one_place { "" } else { row.environment.as_str() };
            let place = [of_segment, environment].into_iter().filter(|part| !part.is_empty());
            lanes.push(Lane {
                flag: row.flag.clone(),
                place: place.collect::<Vec<_>>().join(", "),
                cells: serves.iter().map(|serves| share_of(serves, segment).to_owned()).collect(),
            });
        }
    }
    lanes
}

const REST: &str = "rest";

/// The shares of `trusted-beta 100%, regulars 25%, rest 0%`, without the rest; none of anything else.
fn shares(serves: &str) -> Vec<(&str, &str)> {
    let parts = serves.split(", ").map(|part| part.split_once(' ').filter(|(_, share)| share.ends_with('%')));
    let parts: Option<Vec<(&str, &str)>> = parts.collect();
    match parts {
        Some(mut parts) if parts.last().is_some_and(|(name, _)| *name == REST) => {
            parts.truncate(parts.len() - 1);
            parts
        }
        _ => Vec::new(),
    }
}

/// What a segment gets: its own share, or what everybody else gets.
fn share_of<'s>(serves: &'s str, segment: &str) -> &'s str {
    let shares = shares(serves);
    let own = shares.iter().find(|(name, _)| *name == segment).map(|(_, share)| *share);
    match own {
        Some(share) => share,
        None if shares.is_empty() => serves,
        None => serves.rsplit(' ').next().unwrap_or(serves),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_from_values_that_look_like_them() {
        assert_eq!(shares("a 100%, b 2.5%, rest 0%"), [("a", "100%"), ("b", "2.5%")]);
        for other in ["25%", "disabled", "\"a 5%, rest 1%\"", "red 50%, blue 50%", "6"] {
            assert_eq!(shares(other), [], "{other}");
        }
        let shown = |serves, segment| share_of(serves, segment).to_owned();
        assert_eq!(shown("a 100%, rest 5%", "a"), "100%");
        assert_eq!(shown("a 100%, rest 5%", "b"), "5%");
        assert_eq!(shown("disabled", "a"), "disabled");
    }
}
