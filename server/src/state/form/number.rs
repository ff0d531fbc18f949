//! The numbers of plain enumerations. 0 is never used, so that a missing field is noticed.

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::condition::Operator;
use mycelia_flags_core::flag::Lifetime;
use mycelia_flags_core::guard::state::{GuardPhase, RecoveryVerdict};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::plan::metric_check::{Comparison, Unit, Versus};
use mycelia_flags_core::plan::progress::PlanState;
use mycelia_flags_core::policy::DriftPolicy;
use mycelia_flags_core::policy::freeze::Weekday;
use mycelia_flags_core::value::FlagType;

use super::FormError;

/// An enumeration whose members have stored numbers.
pub(super) trait Numbered: Sized {
    fn number(self) -> u32;
    fn numbered(number: u32) -> Result<Self, FormError>;
}

macro_rules! numbered {
    ($type:ident, $what:literal, $($member:ident = $number:literal),+ $(,)?) => {
        impl Numbered for $type {
            fn number(self) -> u32 {
                match self { $(Self::$member => $number,)+ }
            }

            fn numbered(number: u32) -> Result<Self, FormError> {
                match number {
                    $($number => Ok(Self::$member),)+
                    found => Err(FormError::Number { what: $what, found }),
                }
            }
        }
    };
}

numbered!(Generation, "a bucketing generation", V2 = 2, V3 = 3);
numbered!(Lifetime, "a lifetime", Temporary = 1, Permanent = 2);
numbered!(FlagType, "a flag type", Boolean = 1, String = 2, Integer = 3, Float = 4, Object = 5);
numbered!(DriftPolicy, "what happens to drift", Accept = 1, Refuse = 2);
numbered!(
    Weekday,
    "a day of the week",
    Monday = 1,
    Tuesday = 2,
    Wednesday = 3,
    Thursday = 4,
    Friday = 5,
    Saturday = 6,
    Sunday = 7,
);
numbered!(
    Operator,
    "an operator",
    Equals = 1,
    In = 2,
    Contains = 3,
    StartsWith = 4,
    EndsWith = 5,
    Less = 6,
    LessOrEqual = 7,
    Greater = 8,
    GreaterOrEqual = 9,
    VersionEquals = 10,
    VersionLess = 11,
    VersionLessOrEqual = 12,
    VersionGreater = 13,
    VersionGreaterOrEqual = 14,
    Before = 15,
    After = 16,
    Exists = 17,
);

numbered!(Comparison, "a comparison", Less = 1, AtMost = 2, Greater = 3, AtLeast = 4);
numbered!(Unit, "a unit", Plain = 1, Percent = 2, Milliseconds = 3);
numbered!(Versus, "what a metric is compared with", Threshold = 1, Control = 2, Baseline = 3);
numbered!(
    PlanState,
    "a plan's state",
    Draft = 1,
    Running = 2,
    Holding = 3,
    WaitingForGate = 4,
    Paused = 5,
    RollingBack = 6,
    Latched = 7,
    Completed = 8,
    Cancelled = 9,
);
numbered!(Severity, "a severity", Info = 1, Warning = 2, Critical = 3);
numbered!(GuardPhase, "what a guard does", Quiet = 1, Firing = 2, Latched = 3, Acknowledged = 4);
numbered!(RecoveryVerdict, "what became of a trip", Recovered = 1, NotCaused = 2, InsufficientData = 3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_a_number_of_its_own() {
        for operator in Operator::ALL {
            assert_eq!(Operator::numbered(operator.number()), Ok(operator));
        }
    }

    #[test]
    fn an_unknown_number_is_named() {
        let error = FormError::Number { what: "an operator", found: 99 };
        assert_eq!(Operator::numbered(99), Err(error));
        assert!(Lifetime::numbered(0).is_err());
    }
}
