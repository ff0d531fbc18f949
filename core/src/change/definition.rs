//! What callers ask for about what all environments share of a flag.

use crate::flag::Lifetime;
use crate::revision::Timestamp;
use crate::value::{FlagType, Value};

/// A flag to create.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateFlag {
    /// The flag's key.
    pub key: String,
    /// Fixed from now on.
    pub flag_type: FlagType,
    /// Name and value of each; none for a boolean flag means `on` and `off`.
    pub variants: Vec<(String, Value)>,
    /// Served when enabled; empty means the true one of a boolean flag (`on`, or the first), or the only one of another.
    pub default_variant: String,
    /// Served when disabled; empty means the false one of a boolean flag (`off`, or the first), or the only one of
    /// another.
    pub off_variant: String,
    /// For people.
    pub description: String,
    /// Who answers for the flag.
    pub owner: String,
    /// For search and grouping.
    pub tags: Vec<String>,
    /// The services that may see the flag; empty means all.
    pub services: Vec<String>,
    /// Temporary or permanent.
    pub lifetime: Lifetime,
    /// When the flag should be gone.
    pub expected_end: Option<Timestamp>,
    /// A JSON Schema for the value of every variant, as text; empty means none.
    pub schema: String,
    /// Whether browsers may ask for its values.
    pub client_visible: bool,
}

impl CreateFlag {
    /// A boolean flag with the usual variants.
    #[must_use]
    pub fn boolean(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            flag_type: FlagType::Boolean,
            variants: Vec::new(),
            default_variant: String::new(),
            off_variant: String::new(),
            description: String::new(),
            owner: String::new(),
            tags: Vec::new(),
            services: Vec::new(),
            lifetime: Lifetime::Temporary,
            expected_end: None,
            schema: String::new(),
            client_visible: false,
        }
    }
}

/// What to say about a flag; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateFlag {
    /// The flag's key.
    pub flag: String,
    /// For people.
    pub description: Option<String>,
    /// Who answers for the flag.
    pub owner: Option<String>,
    /// Replaces all tags.
    pub tags: Option<Vec<String>>,
    /// Replaces the services that may see the flag.
    pub services: Option<Vec<String>>,
    /// Temporary or permanent.
    pub lifetime: Option<Lifetime>,
    /// When the flag should be gone; `Some(None)` clears it.
    pub expected_end: Option<Option<Timestamp>>,
    /// A JSON Schema for the value of every variant, as text; empty clears it.
    pub schema: Option<String>,
    /// Whether browsers may ask for its values.
    pub client_visible: Option<bool>,
}
