//! Texts compared where they are used: rules compare short ones by the dozen, and a call for each costs more than it does.

/// Whether two texts are the same.
#[inline(always)]
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    are_same(one.as_bytes(), other.as_bytes())
}

/// Whether a text begins with another.
#[inline(always)]
pub(crate) fn begins_with(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    text.get(..part.len()).is_some_and(|begin| are_same(begin, part))
}

/// Whether a text ends with another.
#[inline(always)]
pub(crate) fn ends_with(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let begin = text.len().checked_sub(part.len());
    begin.and_then(|begin| text.get(begin..)).is_some_and(|end| are_same(end, part))
}

/// Up to 16 bytes are read as two words, which overlap in the middle; more are left to the library.
#[inline(always)]
fn are_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0 => true,
        1..4 => one.first() == other.first() && middle(one) == middle(other) && one.last() == other.last(),
        4..8 => outer::<4>(one) == outer::<4>(other),
        8..=16 => outer::<8>(one) == outer::<8>(other),
        _ => one == other,
    }
}

/// The first and the last `N` bytes.
#[inline(always)]
fn outer<const N: usize>(bytes: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (bytes.first_chunk(), bytes.last_chunk())
}

#[inline(always)]
fn middle(bytes: &[u8]) -> Option<&u8> {
    bytes.get(bytes.len() / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_compare_as_the_library_compares_them(text in "[ab]{0,20}", part in "[ab]{0,18}") {
            prop_assert_eq!(is_same(&text, &part), text == part);
            prop_assert_eq!(begins_with(&text, &part), text.starts_with(&*part));
            prop_assert_eq!(ends_with(&text, &part), text.ends_with(&*part));
        }
    }

    #[test]
    fn one_byte_makes_the_difference_wherever_it_is() {
        for length in 0..40 {
            let text = "a".repeat(length);
            assert!(is_same(&text, &text.clone()) && begins_with(&text, &text) && ends_with(&text, &text));
            for place in 0..length {
                let mut other = text.clone();
                other.replace_range(place..=place, "b");
                assert!(!is_same(&text, &other), "{other}");
                assert!(!begins_with(&format!("{text}-tail"), &other), "{other}");
                assert!(!ends_with(&format!("head-{text}"), &other), "{other}");
            }
        }
    }
}
