//! What a client says that it needs, and what the server finds wrong with it.

use std::sync::Arc;

use mycelia_flags_core::value::FlagType;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1::{ContractBreach, ContractFault, DeclaredFlag};

/// A flag that the client needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub(crate) flag: String,
    pub(crate) flag_type: FlagType,
}

impl Declaration {
    pub(crate) fn to_wire(&self) -> DeclaredFlag {
        let flag_type = convert::flag_type_to_wire(self.flag_type);
        DeclaredFlag { flag: self.flag.clone(), r#type: flag_type.into() }
    }
}

/// A declared flag that is not as it was declared, as the server said at the last subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Breach {
    /// The flag's key as it was declared.
    pub flag: String,
    /// What is wrong with it.
    pub kind: BreachKind,
    /// The same in words.
    pub message: String,
}

/// What is wrong with a declared flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreachKind {
    /// There is no such flag, or this service may not see it.
    Missing,
    /// The flag has another type.
    Mistyped,
    /// The flag is archived.
    Archived,
    /// Something that this version does not know.
    Other,
}

pub(crate) fn breaches(wire: Vec<ContractBreach>) -> Arc<[Breach]> {
    let breach = |wire: ContractBreach| Breach {
        kind: match wire.fault() {
            ContractFault::Missing => BreachKind::Missing,
            ContractFault::Mistyped => BreachKind::Mistyped,
            ContractFault::Archived => BreachKind::Archived,
            ContractFault::Unspecified => BreachKind::Other,
        },
        flag: wire.flag,
        message: wire.message,
    };
    wire.into_iter().map(breach).collect()
}
