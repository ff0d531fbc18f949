//! A flag of another product in our words, before it becomes changes.

use super::node::Node;
use super::report::Report;
use crate::change::SetSegment;
use crate::flag::{Lifetime, Rule, Serve};
use crate::value::{FlagType, Value};

/// A flag that was read; whether it is taken is in its report.
pub(super) struct Foreign<'d> {
    pub(super) node: Node<'d>,
    pub(super) key: String,
    pub(super) report: Report<'d>,
    /// None when it is left out, or was never meant to come along.
    pub(super) decision: Option<Decision<'d>>,
}

/// Everything about a flag that is taken.
pub(super) struct Decision<'d> {
    pub(super) flag_type: FlagType,
    pub(super) variants: Vec<(String, Value)>,
    /// Served while it is off, and while another flag that it needs does not serve what it must.
    pub(super) off_variant: String,
    /// Served to whoever has no identity, where there is a choice to make.
    pub(super) default_variant: String,
    pub(super) enabled: bool,
    pub(super) rules: Vec<Rule>,
    pub(super) default_serve: Serve,
    /// Empty means the flag's own key.
    pub(super) salt: String,
    pub(super) needs: Vec<Need<'d>>,
    /// Segments that the rules name and that may not be there yet, each with what it stands for.
    pub(super) segments: Vec<(Node<'d>, SetSegment)>,
    pub(super) description: String,
    pub(super) owner: String,
    pub(super) tags: Vec<String>,
    pub(super) lifetime: Lifetime,
    /// Whether browsers may ask for its values; None where the other product does not say.
    pub(super) client_visible: Option<bool>,
}

/// Another flag that must serve something.
pub(super) struct Need<'d> {
    pub(super) node: Node<'d>,
    pub(super) flag: String,
    pub(super) meets: Meets,
}

/// What the other flag must serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meets {
    /// Anything but its off variant.
    On,
    /// Its off variant.
    Off,
    /// One of these.
    Names(Vec<String>),
    /// The variant at this place in its list.
    Index(usize),
}
