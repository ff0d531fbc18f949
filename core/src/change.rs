//! What callers ask for: change sets. `check.rs` says what they do.

mod audience;
mod definition;
mod guard;
mod named;
mod plan;
mod promotion;

use crate::bucketing::Generation;
use crate::condition::Condition;
use crate::flag::{CanaryPart, Rule, Serve};
use crate::plan::{PlanDefinition, RollbackKind};
use crate::policy::AskedPolicy;
use crate::revision::Revision;
use crate::value::Value;

pub use audience::{FeatureAction, SegmentShare, SetSegment};
pub use definition::{CreateFlag, UpdateFlag};
pub use guard::{AcknowledgeGuard, SetGuard, StepGuard};
pub use plan::PlanAct;
pub use promotion::{AskedRules, CloseIncident, OpenIncident, Promote, RecordDrill};

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
        /// Even if a connected instance has declared that it needs the flag.
        force: bool,
    },
    /// Takes a flag out of every scope and keeps it, as it is, to be brought back.
    ArchiveFlag {
        /// The flag's key.
        flag: String,
        /// Even if a connected instance has declared that it needs the flag.
        force: bool,
    },
    /// Brings an archived flag back, as it was.
    UnarchiveFlag {
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
    /// Serves a boolean flag to a share of each of several segments: one rule for each, in this order, before all other
    /// rules. Whoever is in two segments gets the share of the first one.
    SetMatrix {
        /// Which flag where.
        place: Place,
        /// The segment and its percentage, 0 to 100 with at most three decimals. Replaces the shares that were there;
        /// none removes them.
        shares: Vec<(String, f64)>,
        /// The percentage for whoever is in none of them; none leaves it as it is, and is 0 where everybody would get
        /// the flag only because it was never rolled out.
        rest: Option<f64>,
        /// Enables the flag even if somebody has disabled it.
        enable: bool,
    },
    /// Sets or clears (empty) the flagd targeting expression that decides in place of rules.
    SetTargeting {
        /// Which flag where.
        place: Place,
        /// JSON text.
        targeting: String,
    },
    /// Replaces the prerequisites.
    SetPrerequisites {
        /// Which flag where.
        place: Place,
        /// The other flag's key, and the variants of which it must serve one.
        prerequisites: Vec<(String, Vec<String>)>,
    },
    /// Says what whoever is on the canary allowlist gets.
    SetCanaryPart {
        /// Which flag where.
        place: Place,
        /// What it gets.
        part: CanaryPart,
    },
    /// Gives a service one variant for a while, whatever the flag would decide.
    SetOverride {
        /// Which flag where.
        place: Place,
        /// The service.
        service: String,
        /// One of the flag's variants.
        variant: String,
        /// For how long.
        seconds: u64,
    },
    /// Ends an override.
    RemoveOverride {
        /// Which flag where.
        place: Place,
        /// The service.
        service: String,
    },
    /// Creates a segment, or replaces what it says. Its lists stay as they are.
    SetSegment(SetSegment),
    /// Removes a segment and its lists.
    DeleteSegment {
        /// The environment's key.
        environment: String,
        /// The segment's key.
        segment: String,
    },
    /// Adds keys to a list, and removes keys from it.
    EditList {
        /// The environment's key.
        environment: String,
        /// `canary`, `segment/KEY/included` or `segment/KEY/excluded`.
        list: String,
        /// Keys that are on it afterwards.
        add: Vec<String>,
        /// Keys that are not on it afterwards.
        remove: Vec<String>,
    },
    /// Switches an environment's canary mode.
    SwitchCanary {
        /// The environment's key.
        environment: String,
        /// On or off.
        on: bool,
    },
    /// Creates a feature, or replaces what it says.
    SetFeature {
        /// The feature's key.
        feature: String,
        /// For people.
        description: String,
        /// The keys of its flags.
        flags: Vec<String>,
    },
    /// Removes a feature. Its flags stay.
    DeleteFeature {
        /// The feature's key.
        feature: String,
    },
    /// Does to each flag of a feature what the change of the same name does to one.
    ChangeFeature {
        /// The environment's key.
        environment: String,
        /// The feature's key.
        feature: String,
        /// What to do.
        action: FeatureAction,
    },
    /// Gives every entity that a revision wrote the value that it had before. Refused where it was changed since.
    Undo {
        /// The revision.
        revision: Revision,
    },
    /// Creates a rollout plan, or replaces one that is not under way.
    SetPlan(Box<PlanDefinition>),
    /// Removes a rollout plan that is not under way. Its flags stay as they are.
    DeletePlan {
        /// The plan's key.
        plan: String,
    },
    /// Does something to a rollout plan. Who does it is the change set's actor, and why is its reason.
    ActOnPlan {
        /// The plan's key.
        plan: String,
        /// What is done.
        act: PlanAct,
    },
    /// Takes flags back that no plan drives.
    RollBack {
        /// The environment's key.
        environment: String,
        /// The flags' keys.
        flags: Vec<String>,
        /// How. A gradual rollback is a plan's.
        kind: RollbackKind,
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
    /// Replaces the policy of an environment; one that demands nothing removes it.
    SetPolicy {
        /// The environment's key.
        environment: String,
        /// All of it.
        policy: AskedPolicy,
    },
    /// Asks for changes that other people approve first. The only change of its change set.
    RequestApproval {
        /// What is to happen then.
        changes: Vec<Change>,
    },
    /// Approves a change request; with the last approval that it needs, its changes are made. The only change of its
    /// change set.
    ApproveRequest {
        /// The revision in which it was requested.
        request: Revision,
    },
    /// Says no to a change request. The only change of its change set.
    RejectRequest {
        /// The revision in which it was requested.
        request: Revision,
    },
    /// Takes back a change request; only its author may. The only change of its change set.
    WithdrawRequest {
        /// The revision in which it was requested.
        request: Revision,
    },
    /// Opens an incident.
    OpenIncident(OpenIncident),
    /// Closes incidents.
    CloseIncident(CloseIncident),
    /// Says what an environment asks for before it takes a flag over.
    SetPromotionRules {
        /// The environment's key.
        environment: String,
        /// None clears them: the environment then takes over whatever comes.
        rules: Option<Box<AskedRules>>,
    },
    /// The actor approves what the source serves of a flag.
    ApprovePromotion {
        /// The flag's key.
        flag: String,
        /// The key of the environment that it is to go to.
        to: String,
    },
    /// Ticks off a point of the checklist of an environment's rules.
    TickPromotion {
        /// The flag's key.
        flag: String,
        /// The key of the environment that it is to go to.
        to: String,
        /// The point as the rules word it, or its number from 1 on.
        item: String,
    },
    /// Lets an environment take over what another one serves of a flag.
    Promote(Promote),
    /// Remembers a rollback that was tried out.
    RecordDrill(RecordDrill),
    /// Creates a guard, or replaces what it says.
    SetGuard(Box<SetGuard>),
    /// Removes a guard.
    DeleteGuard {
        /// The guard's key.
        guard: String,
        /// Even if it holds flags down: they may be raised again then. Needs a reason.
        force: bool,
    },
    /// The cause of what a guard did is known: its flags may be raised again.
    AcknowledgeGuard(AcknowledgeGuard),
    /// A step of a guard; only the server itself may ask for it.
    StepGuard(Box<StepGuard>),
}

/// A flag in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The environment's key.
    pub environment: String,
    /// The flag's key.
    pub flag: String,
}

impl Condition {
    /// A condition that is always true.
    #[must_use]
    pub const fn always() -> Self {
        Self::All(Vec::new())
    }
}
