//! The known name that somebody has probably meant.

/// The name that takes the fewest letters to change, when it is near enough to have been meant.
pub(crate) fn closest<'n>(typed: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let typed = typed.to_lowercase();
    let ranked = known.into_iter().map(|name| (distance(&typed, name), name));
    let (distance, name) = ranked.min_by_key(|(distance, _)| *distance)?;
    // Half of the letters may be wrong: beyond that it is another word.
    (distance <= name.chars().count().max(2) / 2).then_some(name)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut last = None;
    for (line, letter) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        for (column, known) in other.iter().enumerate() {
            let above = |place: usize| row.get(place).copied().unwrap_or(usize::MAX / 2);
            let changed = above(column) + usize::from(letter != *known);
            let taken_out = above(column + 1) + 1;
            let put_in = next.get(column).copied().unwrap_or(usize::MAX / 2) + 1;
            let is_swap = column > 0 && last == Some(*known) && other.get(column - 1) == Some(&letter);
            let swapped =
                before.get(column.saturating_sub(1)).filter(|_| is_swap).map_or(usize::MAX, |cost| cost + 1);
            next.push(changed.min(taken_out).min(put_in).min(swapped));
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: Option<&str>) {
        let known = ["name", "environment", "set", "gate", "hold", "rollback_within", "description", "at"];
        assert_eq!(closest(typed, known), expected, "{typed}");
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        check("enviroment", Some("environment"));
        check("Environment", Some("environment"));
        check("rollback_in", Some("rollback_within"));
        check("gaet", Some("gate"));
        check("gates", Some("gate"));
        check("desc", None);
        check("percentage", None);
        check("", None);
    }
}
