//! Names: of flags, environments, variants, services, segments, features, plans and guards.
//!
//! All of them share one grammar, `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`. `parse` is for text from outside, `new` for text
//! that has been parsed before (our own log, our own server).

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

/// Says in words what [`NameError`] objects to.
pub const NAME_GRAMMAR: &str = "1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or digit";

/// The text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a name: expected {NAME_GRAMMAR}")]
pub struct NameError;

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.len() <= NAME_BYTES_MAX
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes text from outside.
            ///
            /// # Errors
            /// When the text does not follow the grammar of names.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if is_name(text) { Ok(Self(Arc::from(text))) } else { Err(NameError) }
            }

            /// Takes text that was parsed before it was stored or sent.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether both are clones of one name: quicker than to compare texts, and false of some that are equal.
            #[must_use]
            #[inline]
            pub fn is_same_text(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0)
            }
        }

        /// A map by name is asked with plain text. Hash and equality are those of the text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }
    };
}

name_type! {
    /// A flag's key as it was spelled at creation. Two spellings that fold to the same [`FoldedKey`] are one flag.
    FlagKey
}
name_type! {
    /// An environment's key.
    EnvironmentKey
}
name_type! {
    /// The name of a variant within its flag.
    VariantName
}
name_type! {
    /// The name of a service: a consumer of flags.
    ServiceName
}
name_type! {
    /// The key of a segment within its environment.
    SegmentKey
}
name_type! {
    /// The key of a feature: several flags under one name.
    FeatureKey
}
name_type! {
    /// The key of a rollout plan.
    PlanKey
}
name_type! {
    /// The key of a guard.
    GuardKey
}

impl FlagKey {
    /// The form in which keys are compared.
    #[must_use]
    pub fn folded(&self) -> FoldedKey {
        FoldedKey::of(&self.0)
    }
}

/// A flag key with `.` and `-` folded to `_`: `oracle.chat`, `oracle-chat` and `oracle_chat` are one flag.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FoldedKey(Arc<str>);

impl FoldedKey {
    /// Folds any text; text that is no name folds to something that no flag has.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Arc::from(fold(text)))
    }

    /// Folds text from outside that has to be a flag's key.
    ///
    /// # Errors
    /// When the text does not follow the grammar of names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_name(text) { Ok(Self::of(text)) } else { Err(NameError) }
    }

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for FoldedKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FoldedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn fold(text: &str) -> String {
    text.chars().map(|letter| if matches!(letter, '.' | '-') { '_' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(FlagKey::parse(text).is_ok(), expected, "{text:?}");
    }

    #[test]
    fn names_follow_the_grammar() {
        for good in ["a", "0", "oracle.chat", "A-b_c.9", "constructor"] {
            check(good, true);
        }
        for bad in [
            "",
            ".a",
            "_a",
            "-a",
            "a b",
            "a/b",
            "..",
            "a\0",
            "a\n",
            "é",
            "a\u{202e}",
            "🙂",
            "%2e",
            "__proto__",
        ] {
            check(bad, false);
        }
        check(&"a".repeat(128), true);
        check(&"a".repeat(129), false);
    }

    #[test]
    fn spellings_fold_to_one_key() {
        assert_eq!(FlagKey::new("oracle.chat").folded(), FoldedKey::of("oracle-chat"));
        assert_eq!(FlagKey::new("oracle.chat").folded().as_str(), "oracle_chat");
        assert_ne!(FoldedKey::of("Oracle_chat"), FoldedKey::of("oracle_chat"));
    }
}
