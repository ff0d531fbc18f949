//! Where rollout plans are.

use mycelia_flags_core::key::{EnvironmentKey, FlagKey};
use mycelia_flags_core::plan::progress as core;
use mycelia_flags_core::revision::{Revision, Timestamp};

use super::guard::{Check, Rollback};
use super::number::Numbered;
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Progress {
    #[prost(uint32, tag = "1")]
    state: u32,
    #[prost(sint64, tag = "2")]
    since_micros: i64,
    #[prost(string, tag = "3")]
    reason: String,
    #[prost(message, optional, tag = "4")]
    applied: Option<Deed>,
    #[prost(message, optional, tag = "5")]
    started: Option<Deed>,
    #[prost(uint32, tag = "6")]
    stage: u32,
    #[prost(sint64, tag = "7")]
    hold_from_micros: i64,
    #[prost(message, repeated, tag = "8")]
    entered: Vec<Entry>,
    #[prost(message, repeated, tag = "9")]
    approvals: Vec<Deed>,
    #[prost(message, optional, tag = "10")]
    decision: Option<Decision>,
    #[prost(message, repeated, tag = "11")]
    ticks: Vec<Tick>,
    #[prost(message, repeated, tag = "12")]
    reported: Vec<Reported>,
    #[prost(message, repeated, tag = "13")]
    drift: Vec<Drift>,
    #[prost(uint32, optional, tag = "14")]
    paused_in: Option<u32>,
    #[prost(message, optional, tag = "15")]
    rollback: Option<RollingBack>,
    #[prost(message, optional, tag = "16")]
    acknowledged: Option<Deed>,
    #[prost(string, tag = "17")]
    blocked: String,
    #[prost(message, repeated, tag = "18")]
    alerts: Vec<Alert>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Alert {
    #[prost(uint32, tag = "1")]
    guard: u32,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(sint64, tag = "3")]
    at_micros: i64,
    #[prost(uint64, tag = "4")]
    revision: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Deed {
    #[prost(string, tag = "1")]
    by: String,
    #[prost(sint64, tag = "2")]
    at_micros: i64,
    #[prost(uint64, tag = "3")]
    revision: u64,
    #[prost(string, tag = "4")]
    note: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Entry {
    #[prost(uint32, tag = "1")]
    stage: u32,
    #[prost(sint64, tag = "2")]
    at_micros: i64,
    #[prost(uint64, tag = "3")]
    revision: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Decision {
    #[prost(bool, tag = "1")]
    go: bool,
    #[prost(message, optional, tag = "2")]
    deed: Option<Deed>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Tick {
    #[prost(string, tag = "1")]
    item: String,
    #[prost(message, optional, tag = "2")]
    deed: Option<Deed>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Reported {
    #[prost(string, tag = "1")]
    subject: String,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(message, optional, tag = "3")]
    deed: Option<Deed>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Drift {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(string, tag = "2")]
    flag: String,
    #[prost(string, tag = "3")]
    actual: String,
    #[prost(string, tag = "4")]
    target: String,
    #[prost(message, optional, tag = "5")]
    deed: Option<Deed>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RollingBack {
    #[prost(message, optional, tag = "1")]
    kind: Option<Rollback>,
    #[prost(uint32, tag = "2")]
    rung: u32,
    #[prost(sint64, tag = "3")]
    rung_at_micros: i64,
    #[prost(message, optional, tag = "4")]
    deed: Option<Deed>,
    #[prost(message, optional, tag = "5")]
    cause: Option<Check>,
    #[prost(string, repeated, tag = "6")]
    flags: Vec<String>,
    #[prost(sint64, optional, tag = "7")]
    ended_at_micros: Option<i64>,
    #[prost(uint64, optional, tag = "8")]
    within_seconds: Option<u64>,
}

impl From<&core::Deed> for Deed {
    fn from(deed: &core::Deed) -> Self {
        Self {
            by: deed.by.to_string(),
            at_micros: deed.at.unix_micros(),
            revision: deed.revision.get(),
            note: deed.note.to_string(),
        }
    }
}

impl From<Deed> for core::Deed {
    fn from(deed: Deed) -> Self {
        Self {
            by: deed.by.into(),
            at: Timestamp::from_unix_micros(deed.at_micros),
            revision: Revision::new(deed.revision),
            note: deed.note.into(),
        }
    }
}

impl From<&core::Tick> for Tick {
    fn from(tick: &core::Tick) -> Self {
        Self { item: tick.item.to_string(), deed: Some(Deed::from(&tick.deed)) }
    }
}

impl TryFrom<Tick> for core::Tick {
    type Error = FormError;

    fn try_from(tick: Tick) -> Result<Self, FormError> {
        Ok(Self { item: tick.item.into(), deed: deed(tick.deed)? })
    }
}

fn deed(deed: Option<Deed>) -> Result<core::Deed, FormError> {
    required("who did it", deed).map(core::Deed::from)
}

impl From<&core::Progress> for Progress {
    fn from(progress: &core::Progress) -> Self {
        let ticks = progress.ticks.iter();
        let reported = progress.reported.iter().map(|reported| Reported {
            subject: reported.subject.to_string(),
            value: reported.value,
            deed: Some(Deed::from(&reported.deed)),
        });
        Self {
            state: progress.state.number(),
            since_micros: progress.since.unix_micros(),
            reason: progress.reason.to_string(),
            applied: progress.applied.as_ref().map(Deed::from),
            started: progress.started.as_ref().map(Deed::from),
            stage: progress.stage,
            hold_from_micros: progress.hold_from.unix_micros(),
            entered: progress.entered.iter().map(Entry::from).collect(),
            approvals: progress.approvals.iter().map(Deed::from).collect(),
            decision: progress
                .decision
                .as_ref()
                .map(|decision| Decision { go: decision.go, deed: Some(Deed::from(&decision.deed)) }),
            ticks: ticks.map(Tick::from).collect(),
            reported: reported.collect(),
            drift: progress.drift.iter().map(Drift::from).collect(),
            paused_in: progress.paused_in.map(Numbered::number),
            rollback: progress.rollback.as_ref().map(RollingBack::from),
            acknowledged: progress.acknowledged.as_ref().map(Deed::from),
            blocked: progress.blocked.to_string(),
            alerts: progress.alerts.iter().map(Alert::from).collect(),
        }
    }
}

impl TryFrom<Progress> for core::Progress {
    type Error = FormError;

    fn try_from(progress: Progress) -> Result<Self, FormError> {
        let ticks = progress.ticks.into_iter();
        let ticks = ticks.map(core::Tick::try_from);
        let reported = progress.reported.into_iter().map(|reported| {
            let (subject, value) = (reported.subject.into(), reported.value);
            Ok(core::Reported { subject, value, deed: deed(reported.deed)? })
        });
        let decision = progress.decision.map(|decision| {
            Ok::<_, FormError>(core::Decision { go: decision.go, deed: deed(decision.deed)? })
        });
        Ok(Self {
            state: Numbered::numbered(progress.state)?,
            since: Timestamp::from_unix_micros(progress.since_micros),
            reason: progress.reason.into(),
            applied: progress.applied.map(Into::into),
            started: progress.started.map(Into::into),
            stage: progress.stage,
            hold_from: Timestamp::from_unix_micros(progress.hold_from_micros),
            entered: progress.entered.into_iter().map(core::Entry::from).collect(),
            approvals: progress.approvals.into_iter().map(Into::into).collect(),
            decision: decision.transpose()?,
            ticks: ticks.collect::<Result<_, FormError>>()?,
            reported: reported.collect::<Result<_, FormError>>()?,
            drift: progress.drift.into_iter().map(core::Drift::try_from).collect::<Result<_, _>>()?,
            paused_in: progress.paused_in.map(Numbered::numbered).transpose()?,
            rollback: progress.rollback.map(core::RollingBack::try_from).transpose()?,
            acknowledged: progress.acknowledged.map(Into::into),
            blocked: progress.blocked.into(),
            alerts: progress.alerts.into_iter().map(core::Alert::from).collect(),
        })
    }
}

impl From<&core::Entry> for Entry {
    fn from(entry: &core::Entry) -> Self {
        Self { stage: entry.stage, at_micros: entry.at.unix_micros(), revision: entry.revision.get() }
    }
}

impl From<Entry> for core::Entry {
    fn from(entry: Entry) -> Self {
        Self {
            stage: entry.stage,
            at: Timestamp::from_unix_micros(entry.at_micros),
            revision: Revision::new(entry.revision),
        }
    }
}

impl From<&core::Alert> for Alert {
    fn from(alert: &core::Alert) -> Self {
        let (at_micros, revision) = (alert.at.unix_micros(), alert.revision.get());
        Self { guard: alert.guard, value: alert.value, at_micros, revision }
    }
}

impl From<Alert> for core::Alert {
    fn from(alert: Alert) -> Self {
        Self {
            guard: alert.guard,
            value: alert.value,
            at: Timestamp::from_unix_micros(alert.at_micros),
            revision: Revision::new(alert.revision),
        }
    }
}

impl From<&core::Drift> for Drift {
    fn from(drift: &core::Drift) -> Self {
        Self {
            environment: drift.environment.to_string(),
            flag: drift.flag.to_string(),
            actual: drift.actual.to_string(),
            target: drift.target.to_string(),
            deed: Some(Deed::from(&drift.deed)),
        }
    }
}

impl TryFrom<Drift> for core::Drift {
    type Error = FormError;

    fn try_from(drift: Drift) -> Result<Self, FormError> {
        Ok(Self {
            environment: EnvironmentKey::new(&drift.environment),
            flag: FlagKey::new(&drift.flag),
            actual: drift.actual.into(),
            target: drift.target.into(),
            deed: deed(drift.deed)?,
        })
    }
}

impl From<&core::RollingBack> for RollingBack {
    fn from(rollback: &core::RollingBack) -> Self {
        Self {
            kind: Some(Rollback::from(&rollback.kind)),
            rung: rollback.rung,
            rung_at_micros: rollback.rung_at.unix_micros(),
            deed: Some(Deed::from(&rollback.deed)),
            cause: rollback.cause.as_ref().map(Check::from),
            flags: rollback.flags.iter().map(ToString::to_string).collect(),
            ended_at_micros: rollback.ended_at.map(Timestamp::unix_micros),
            within_seconds: rollback.within_seconds,
        }
    }
}

impl TryFrom<RollingBack> for core::RollingBack {
    type Error = FormError;

    fn try_from(rollback: RollingBack) -> Result<Self, FormError> {
        Ok(Self {
            kind: required("how flags go back", rollback.kind)?.try_into()?,
            rung: rollback.rung,
            rung_at: Timestamp::from_unix_micros(rollback.rung_at_micros),
            deed: deed(rollback.deed)?,
            cause: rollback.cause.map(TryInto::try_into).transpose()?,
            flags: rollback.flags.iter().map(|flag| FlagKey::new(flag)).collect(),
            ended_at: rollback.ended_at_micros.map(Timestamp::from_unix_micros),
            within_seconds: rollback.within_seconds,
        })
    }
}
