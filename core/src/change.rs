//! What callers ask for: change sets. `check.rs` says what they do.

use crate::bucketing::Generation;
use crate::condition::Condition;
use crate::flag::{Lifetime, Rule, Serve};
use crate::value::{FlagType, Value};

/// An ordered list of intents that happen together or not at all.
///
/// Everything in it is as it was asked: names are unparsed text, numbers unchecked. It is kept in the log for people to
/// read and never applied a second time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChangeSet {
    /// Who asks.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
    /// Each sees what the ones before it did.
    pub changes: Vec<Change>,
}

/// One intent. An empty environment means the server's default one; the edge fills it in before the check.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Creates a flag, disabled in every environment.
    CreateFlag(CreateFlag),
    /// Removes a flag from every environment.
    DeleteFlag {
        /// The flag's key.
        flag: String,
    },
    /// Changes what is said about a flag.
    UpdateFlag(UpdateFlag),
    /// Replaces the variants of a flag.
    SetVariants {
        /// The flag's key.
        flag: String,
        /// Name and value of each.
        variants: Vec<(String, Value)>,
    },
    /// Switches a flag on.
    Enable(Place),
    /// Switches a flag off.
    Disable(Place),
    /// Serves a boolean flag to a share of the subjects.
    Rollout {
        /// Which flag where.
        place: Place,
        /// 0 to 100 with at most three decimals.
        percent: f64,
        /// Enables the flag even if somebody has disabled it.
        enable: bool,
    },
    /// Sets what is served when no rule matches.
    SetDefaultServe {
        /// Which flag where.
        place: Place,
        /// A variant or a split.
        serve: Serve,
    },
    /// Replaces the rules.
    SetRules {
        /// Which flag where.
        place: Place,
        /// Tried in order.
        rules: Vec<Rule>,
    },
    /// Sets what is served while the flag is disabled.
    SetOffVariant {
        /// Which flag where.
        place: Place,
        /// One of the flag's variants.
        variant: String,
    },
    /// Sets or clears (empty) the text that buckets are computed from.
    SetSalt {
        /// Which flag where.
        place: Place,
        /// Empty clears it.
        salt: String,
    },
    /// The first change of a store; only the server itself may ask for it.
    CreateStore {
        /// How subjects are assigned to buckets.
        bucketing: Generation,
        /// In the order in which they are shown.
        environments: Vec<String>,
    },
    /// The first change after a restore; only the restoring program may ask for it.
    RestoreStore {
        /// The identity of the store that the backup was taken from.
        from_epoch: String,
    },
}

/// A flag in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The environment's key.
    pub environment: String,
    /// The flag's key.
    pub flag: String,
}

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
}

impl Condition {
    /// A condition that is always true.
    #[must_use]
    pub const fn always() -> Self {
        Self::All(Vec::new())
    }
}
