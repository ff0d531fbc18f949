//! The only place where wire types turn into core types and back.
//!
//! A conversion into core checks the *shape* of a message: a oneof that is not set, an enum number that this version
//! does not know, nesting without end. Everything that is wrong is reported at once, each with the path of its field,
//! in the same words that the core's own check uses. What is deliberately absent: meaning. Whether a name is a name, a
//! variant exists or weights add up is decided by `mycelia_flags_core::check`, so that text stays here as it was sent.
//!
//! A conversion to the wire cannot fail, and coming back from it loses nothing: an empty salt or attribute is how the
//! wire says none.

mod audience;
mod change;
mod configuration;
mod effective;
mod evaluation;
mod fault;
mod flag;
mod guard;
mod inspection;
mod list;
mod observation;
mod plan;
mod policy;
mod progress;
mod promotion;
mod record;
mod rule;
mod time;
mod value;

#[cfg(test)]
mod tests;

pub use audience::{
    canary_from_wire, canary_to_wire, feature_from_wire, feature_to_wire, segment_from_wire, segment_to_wire,
};
pub use change::{change_set_from_wire, change_set_to_wire, change_to_wire};
pub use configuration::{configuration_from_wire, configuration_to_wire};
pub use effective::{effective_flag_from_wire, effective_flag_to_wire};
pub use evaluation::{error_code_to_wire, evaluation_error_to_wire, evaluation_to_wire, reason_to_wire};
pub use fault::{VIOLATIONS_MAX, WireError};
pub use flag::{
    definition_from_wire, definition_to_wire, flag_type_from_wire, flag_type_to_wire, lifetime_from_wire,
    lifetime_to_wire,
};
pub use guard::{
    firing_to_wire, guard_phase_to_wire, guard_state_to_wire, guard_to_wire, guard_verdict_to_wire,
    measurement_to_wire, observed_to_wire,
};
pub use inspection::{
    bucket_to_wire, explanation_to_wire, field_change_to_wire, impact_to_wire, import_format_from_wire,
    import_format_to_wire, import_line_to_wire, migration_line_to_wire, stale_to_wire, step_to_wire,
};
pub use list::{key_list_from_wire, key_list_to_wire, list_edit_from_wire, list_edit_to_wire};
pub use observation::{
    granularity_from_wire, observation_from_wire, observation_to_wire, refused_to_wire, usage_row_to_wire,
};
pub use plan::{plan_to_wire, rollback_to_wire};
pub use policy::{
    drift_from_wire, drift_to_wire, policy_to_wire, request_to_wire, weekday_from_wire, weekday_to_wire,
};
pub use progress::{plan_state_to_wire, plan_status_to_wire, progress_to_wire};
pub use promotion::{
    drill_to_wire, incident_to_wire, promotion_item_to_wire, promotion_rules_to_wire, promotion_to_wire,
    severity_to_wire,
};
pub use record::{
    environment_to_wire, generation_from_wire, generation_to_wire, record_to_wire, settings_to_wire,
    write_to_wire,
};
pub use rule::{
    condition_from_wire, condition_to_wire, operator_from_wire, operator_to_wire, rule_from_wire,
    rule_to_wire, serve_from_wire, serve_to_wire,
};
pub use time::{timestamp_from_wire, timestamp_to_wire};
pub use value::{
    CONTEXT_ATTRIBUTES_MAX, CONTEXT_BYTES_MAX, context_from_wire, context_to_wire, value_from_wire,
    value_to_wire,
};

/// Pairs a core enum with the wire's, whose variants have the same names beside `Unspecified`.
macro_rules! same_names {
    ($to_wire:ident, $from_wire:ident, $name:ident, $unknown:expr, [$($variant:ident),* $(,)?]) => {
        #[doc = concat!("The wire's `", stringify!($name), "`.")]
        #[must_use]
        pub const fn $to_wire(core: $name) -> crate::v1::$name {
            match core { $($name::$variant => crate::v1::$name::$variant,)* }
        }

        #[doc = concat!("The core's `", stringify!($name), "`; none when the field is not set.")]
        ///
        /// # Errors
        /// When this version does not know the number.
        pub fn $from_wire(
            field: impl std::fmt::Display,
            number: i32,
        ) -> Result<Option<$name>, crate::convert::WireError> {
            match crate::v1::$name::try_from(number) {
                $(Ok(crate::v1::$name::$variant) => Ok(Some($name::$variant)),)*
                Ok(crate::v1::$name::Unspecified) => Ok(None),
                Err(prost::UnknownEnumValue(number)) => Err($unknown(field.to_string(), number)),
            }
        }
    };
}
use same_names;
