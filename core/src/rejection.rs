//! Why a change set is refused: everything that is wrong with it, at once.

use std::fmt;

/// What kind of wrong it is. The edge turns this into a status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectionKind {
    /// The request can never be right.
    Invalid,
    /// It names something that is not there.
    NotFound,
    /// It creates something that is there.
    AlreadyExists,
    /// The state does not allow it now.
    Precondition,
    /// The state has moved since the caller looked.
    Conflict,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $kind:ident;)*) => {
        /// The word for what is wrong. Each has a paragraph in `docs/errors.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word, as it stands in answers and documents.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What kind of wrong it is.
            #[must_use]
            pub const fn kind(self) -> RejectionKind {
                match self { $(Self::$name => RejectionKind::$kind,)* }
            }
        }
    };
}

reasons! {
    /// Nothing is there where something must be.
    Required = "REQUIRED", Invalid;
    /// The text is no name.
    InvalidName = "INVALID_NAME", Invalid;
    /// The text holds control characters.
    InvalidText = "INVALID_TEXT", Invalid;
    /// More, longer or deeper than allowed.
    TooLarge = "TOO_LARGE", Invalid;
    /// The value has another type than the flag.
    WrongType = "WRONG_TYPE", Invalid;
    /// A number is outside its range, or not exact.
    OutOfRange = "OUT_OF_RANGE", Invalid;
    /// Something is named twice that may be there once.
    Duplicate = "DUPLICATE", Invalid;
    /// The flag has no such variant.
    UnknownVariant = "UNKNOWN_VARIANT", Invalid;
    /// The operator is unknown, or its operands do not fit it.
    InvalidOperand = "INVALID_OPERAND", Invalid;
    /// The weights do not add up.
    InvalidWeights = "INVALID_WEIGHTS", Invalid;
    /// The text is no targeting expression that flagd's language allows.
    InvalidTargeting = "INVALID_TARGETING", Invalid;
    /// The text is no JSON Schema.
    InvalidSchema = "INVALID_SCHEMA", Invalid;
    /// A value does not satisfy the flag's schema.
    SchemaViolation = "SCHEMA_VIOLATION", Invalid;
    /// Only the server itself may ask for this.
    Reserved = "RESERVED", Invalid;
    /// The change applies to another kind of flag.
    NotApplicable = "NOT_APPLICABLE", Invalid;
    /// There is no such flag.
    UnknownFlag = "UNKNOWN_FLAG", NotFound;
    /// There is no such environment.
    UnknownEnvironment = "UNKNOWN_ENVIRONMENT", NotFound;
    /// There is no such segment in the environment.
    UnknownSegment = "UNKNOWN_SEGMENT", NotFound;
    /// There is no such feature.
    UnknownFeature = "UNKNOWN_FEATURE", NotFound;
    /// There is no such rollout plan.
    UnknownPlan = "UNKNOWN_PLAN", NotFound;
    /// There is no such revision, or none whose change can be asked for.
    UnknownRevision = "UNKNOWN_REVISION", NotFound;
    /// The flag has no such override.
    UnknownOverride = "UNKNOWN_OVERRIDE", NotFound;
    /// A flag of this key, in this or another spelling, is there already.
    FlagExists = "FLAG_EXISTS", AlreadyExists;
    /// The idempotency key was used for another change set.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", AlreadyExists;
    /// Somebody has disabled the flag, and the request does not say that it is to be enabled again.
    FlagDisabled = "FLAG_DISABLED", Precondition;
    /// The variant is served somewhere.
    VariantInUse = "VARIANT_IN_USE", Precondition;
    /// The flag is archived.
    FlagArchived = "FLAG_ARCHIVED", Precondition;
    /// Another flag or a feature needs the flag.
    FlagInUse = "FLAG_IN_USE", Precondition;
    /// A flag's rule needs the segment.
    SegmentInUse = "SEGMENT_IN_USE", Precondition;
    /// A connected instance has declared that it needs the flag.
    FlagDeclared = "FLAG_DECLARED", Precondition;
    /// A flag would need itself.
    PrerequisiteCycle = "PREREQUISITE_CYCLE", Precondition;
    /// The state of the rollout plan does not allow it.
    PlanState = "PLAN_STATE", Precondition;
    /// Another rollout plan moves the flag.
    PlanConflict = "PLAN_CONFLICT", Precondition;
    /// A rollout plan that is under way moves the flag.
    FlagUnderPlan = "FLAG_UNDER_PLAN", Precondition;
    /// What was changed has been changed again since.
    ChangedSince = "CHANGED_SINCE", Precondition;
    /// There is no such change request.
    UnknownRequest = "UNKNOWN_REQUEST", NotFound;
    /// The environment's policy wants a reason.
    ReasonRequired = "REASON_REQUIRED", Precondition;
    /// The environment's policy allows no raise by so much at a time.
    StepTooLarge = "STEP_TOO_LARGE", Precondition;
    /// The environment's policy wants more time between two raises.
    StepTooSoon = "STEP_TOO_SOON", Precondition;
    /// The environment is frozen: only what makes it safer is allowed.
    Frozen = "FROZEN", Precondition;
    /// Other people must approve the change first.
    ApprovalRequired = "APPROVAL_REQUIRED", Precondition;
    /// A policy protects the flag from being archived or deleted.
    FlagProtected = "FLAG_PROTECTED", Precondition;
    /// The change request was applied, rejected or withdrawn already.
    RequestClosed = "REQUEST_CLOSED", Precondition;
    /// Somebody else must do it: the author approves nothing, nobody approves twice, only the author withdraws.
    WrongPerson = "WRONG_PERSON", Precondition;
    /// There is no such incident, or none that is open.
    UnknownIncident = "UNKNOWN_INCIDENT", NotFound;
    /// What the environment asks for before it takes the flag over is not done.
    PromotionNotReady = "PROMOTION_NOT_READY", Precondition;
    /// There is no such guard.
    UnknownGuard = "UNKNOWN_GUARD", NotFound;
    /// A guard took the flag back, and nobody has acknowledged that yet.
    FlagLatched = "FLAG_LATCHED", Precondition;
    /// The state of the guard does not allow it.
    GuardState = "GUARD_STATE", Precondition;
    /// A guard needs the feature.
    FeatureInUse = "FEATURE_IN_USE", Precondition;
    /// The store is not at the expected revision.
    RevisionMismatch = "REVISION_MISMATCH", Conflict;
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong, in a word.
    pub reason: Reason,
    /// Where: a path such as `changes[3].rollout.percent`.
    pub field: String,
    /// What stands there.
    pub value: String,
    /// What may stand there, or what to do.
    pub allowed: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {:?} ({}): {}", self.field, self.value, self.reason.as_str(), self.allowed)
    }
}

/// Everything that is wrong with a change set. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Rejection {
    /// In the order in which the change set was read; the first [`crate::limits::VIOLATIONS_MAX`] of them.
    pub violations: Vec<Violation>,
}

impl Rejection {
    /// One thing is wrong.
    #[must_use]
    pub fn one(violation: Violation) -> Self {
        Self { violations: vec![violation] }
    }

    /// The kind of the gravest violation: a request that can never be right stays wrong whatever the state is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.violations
            .iter()
            .map(|violation| violation.reason.kind())
            .min()
            .unwrap_or(RejectionKind::Invalid)
    }
}
