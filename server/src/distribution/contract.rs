//! Contracts: the flags that an instance has declared that it needs, and what is wrong with them.

use mycelia_flags_core::key::{FlagKey, FoldedKey, ServiceName};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::value::FlagType;

/// A flag that an instance needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// As the instance spells it.
    pub flag: FlagKey,
    /// The type that it asks for; none: any.
    pub flag_type: Option<FlagType>,
}

/// What is wrong with a declared flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no such flag, or the service may not see it.
    Missing,
    /// The flag has another type.
    Mistyped(FlagType),
    /// The flag is archived.
    Archived,
}

/// A declared flag that is not as it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// What was declared.
    pub declared: Declared,
    /// What is wrong.
    pub fault: Fault,
}

impl Breach {
    /// The same in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let flag = &self.declared.flag;
        match (self.fault, self.declared.flag_type) {
            (Fault::Missing, _) => format!("there is no flag {flag} for this service"),
            (Fault::Archived, _) => format!("flag {flag} is archived"),
            (Fault::Mistyped(found), Some(wanted)) => {
                format!("flag {flag} is of type {found}, and is declared as {wanted}")
            }
            (Fault::Mistyped(found), None) => format!("flag {flag} is of type {found}"),
        }
    }
}

/// The declared flags that are not as a service needs them.
#[must_use]
pub fn breaches(snapshot: &Snapshot, service: Option<&ServiceName>, declared: &[Declared]) -> Vec<Breach> {
    let breach = |declared: &Declared| {
        let fault = fault(snapshot, service, declared)?;
        Some(Breach { declared: declared.clone(), fault })
    };
    declared.iter().filter_map(breach).collect()
}

fn fault(snapshot: &Snapshot, service: Option<&ServiceName>, declared: &Declared) -> Option<Fault> {
    let Some(definition) = snapshot.flag(&FoldedKey::of(declared.flag.as_str())) else {
        return Some(Fault::Missing);
    };
    let is_visible =
        definition.services.is_empty() || service.is_some_and(|service| definition.is_visible_to(service));
    match declared.flag_type {
        _ if !is_visible => Some(Fault::Missing),
        _ if definition.archived.is_some() => Some(Fault::Archived),
        Some(wanted) if wanted != definition.flag_type => Some(Fault::Mistyped(definition.flag_type)),
        _ => None,
    }
}
