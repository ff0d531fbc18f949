//! When a guard would have acted, by what services have reported and by what the log says that the flags were then.
//!
//! Whoever replays hands over the records in order and asks in between, as often as the windows are kept. The guard is
//! asked as if it had been quiet each time: a time in which its condition was true without a break is one firing, and
//! nothing that it would have done changes what came after.
//!
//! Whether a firing was right is not known; what people did is. It is **confirmed** when, from as long before it as the
//! condition looks back until some time after it, somebody has lowered one of the flags or opened an incident about one,
//! or a guard or a plan has taken one back and somebody has acknowledged that with a cause, or it was stated that this
//! helped. It is **open** while that time is not over, or nobody has said anything about what a guard did. Anything else is
//! a **false alarm**. That a guard has acted confirms nothing by itself: it may be the one that is wrong.

use super::Guard;
use super::state::{GuardPhase, Observed, Recovery, RecoveryVerdict};
use super::watch;
use crate::change::{Change, PlanAct};
use crate::check::would_take_back;
use crate::entity::{Entity, EntityId};
use crate::key::{FlagKey, FoldedKey};
use crate::plan::GuardAction;
use crate::plan::metric_check::{Metrics, Verdict};
use crate::plan::runner::Step;
use crate::plan::timetable::after;
use crate::policy::exposure::{Held, rise};
use crate::policy::safety::is_taken_off;
use crate::record::Record;
use crate::revision::Timestamp;
use crate::snapshot::{GapError, Snapshot};

/// How long after a firing somebody may still confirm it, unless whoever asks says otherwise.
pub const CONFIRM_WITHIN_SECONDS: u64 = 60 * 60;

/// A condition looks back at least as long as this, however short its window: what is left of it are buckets.
const LEAD_SECONDS_MIN: u64 = 60;

/// Firings that are told one by one; more are only counted.
pub const FIRINGS_MAX: usize = 1_000;

/// What is said of a firing, afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Somebody did something about it: what, in words.
    Confirmed(String),
    /// Nobody did.
    FalseAlarm,
    /// It is too early to say, or nobody has said anything: why, in words.
    Open(String),
    /// The condition was true while nobody had the feature: the guard would not have acted.
    NobodyHadIt,
}

/// A time in which the condition was true without a break.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// From when on.
    pub from: Timestamp,
    /// Until when; none when it still was at the end.
    pub until: Option<Timestamp>,
    /// What made it true.
    pub observed: Observed,
    /// What is said of it.
    pub judgement: Judgement,
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replayed {
    /// In order; at most [`FIRINGS_MAX`].
    pub firings: Vec<Firing>,
    /// Those beyond that.
    pub untold: u64,
    /// How often the condition was asked.
    pub looks: u64,
    /// How often of these nobody had measured enough.
    pub unknown: u64,
}

/// Something that was done about the guard's flags.
#[derive(Debug, Clone)]
struct Deed {
    at: Timestamp,
    words: String,
    kind: DeedKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DeedKind {
    /// Somebody did it.
    People,
    /// A guard or a plan took something back; `by` is its entity.
    Machine { by: EntityId, said: Option<Said> },
}

/// What was said about what a guard did.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Acknowledged(String),
    Recovered,
    NotCaused,
}

/// See the module.
#[derive(Debug)]
pub struct Replay<'g> {
    guard: &'g Guard,
    snapshot: Snapshot,
    deeds: Vec<Deed>,
    /// When there was something to take back last.
    served: Option<Timestamp>,
    replayed: Replayed,
}

impl<'g> Replay<'g> {
    /// Begins where the flags were as in a snapshot.
    #[must_use]
    pub fn new(guard: &'g Guard, snapshot: Snapshot) -> Self {
        Self { guard, snapshot, deeds: Vec::new(), served: None, replayed: Replayed::default() }
    }

    /// Takes in the next record.
    ///
    /// # Errors
    /// When it is not the next one.
    pub fn fold(&mut self, record: &Record) -> Result<(), GapError> {
        let before = self.snapshot.clone();
        self.snapshot.fold(record)?;
        let mut flags = self.guard.flags(&before);
        flags.extend(self.guard.flags(&self.snapshot));
        let at = record.committed_at;
        if self.would_act(&before, &flags) {
            self.served = Some(at);
        }
        let is_step = |change: &Change| {
            matches!(change, Change::StepGuard(_) | Change::ActOnPlan { act: PlanAct::Step(_), .. })
        };
        let by_people = !record.change_set.changes.iter().any(is_step);
        let lowered = flags.iter().find(|flag| self.is_lowered(&before, &flag.folded()));
        if let Some(flag) = lowered.filter(|_| by_people) {
            let words = format!("{} lowered {flag} at {at}", record.change_set.actor);
            self.deeds.push(Deed { at, words, kind: DeedKind::People });
        }
        for change in &record.change_set.changes {
            self.note_plan(change, lowered, record);
        }
        for write in &record.writes {
            match &write.value {
                Some(Entity::Incident(incident)) if incident.opened.revision == record.revision => {
                    let is_about =
                        |flag: &FlagKey| incident.concerns(&self.guard.environment, &flag.folded());
                    if flags.iter().any(is_about) {
                        let words = format!("{} opened incident {incident} at {at}", incident.opened.by);
                        self.deeds.push(Deed { at, words, kind: DeedKind::People });
                    }
                }
                Some(Entity::GuardState(state)) => self.note_guard(&write.id, state, &flags, record),
                _ => {}
            }
        }
        Ok(())
    }

    fn is_lowered(&self, before: &Snapshot, flag: &FoldedKey) -> bool {
        let (was, is) = (held(before, self.guard, flag), held(&self.snapshot, self.guard, flag));
        rise(is, was) > 0 || is_taken_off(was, is)
    }

    /// A plan's own guards take flags back too, and somebody acknowledges that.
    fn note_plan(&mut self, change: &Change, lowered: Option<&FlagKey>, record: &Record) {
        let Change::ActOnPlan { plan, act } = change else { return };
        let by = EntityId::Progress(crate::key::PlanKey::new(plan));
        match (act, lowered) {
            (PlanAct::Step(Step::Trip { .. }), Some(flag)) => {
                let at = record.committed_at;
                let words = format!("plan {plan} took {flag} back at {at}");
                self.deeds.push(Deed { at, words, kind: DeedKind::Machine { by, said: None } });
            }
            (PlanAct::Acknowledge, _) => {
                self.say(&by, Said::Acknowledged(record.change_set.reason.clone()));
            }
            _ => {}
        }
    }

    fn note_guard(
        &mut self,
        id: &EntityId,
        state: &super::state::GuardState,
        flags: &[FlagKey],
        record: &Record,
    ) {
        let EntityId::GuardState(key) = id else { return };
        let taken = state.trip.iter().flat_map(|trip| &trip.taken);
        let mine = taken.map(|taken| &taken.flag).find(|flag| flags.contains(flag));
        let is_trip = state.trip.as_ref().is_some_and(|trip| trip.deed.revision == record.revision);
        if let Some(flag) = mine.filter(|_| is_trip) {
            let at = record.committed_at;
            let words = format!("guard {key} took {flag} back at {at}");
            self.deeds.push(Deed { at, words, kind: DeedKind::Machine { by: id.clone(), said: None } });
        }
        if let Recovery::Stated { statement, .. } = &state.recovery {
            match statement.verdict {
                RecoveryVerdict::Recovered => self.say(id, Said::Recovered),
                RecoveryVerdict::NotCaused => self.say(id, Said::NotCaused),
                RecoveryVerdict::InsufficientData => {}
            }
        }
        if let Some(deed) = state.acknowledged.as_ref().filter(|_| state.phase == GuardPhase::Acknowledged) {
            self.say(id, Said::Acknowledged(deed.note.to_string()));
        }
    }

    /// Something is said about what a guard or a plan did last. A cause that somebody has named stands.
    fn say(&mut self, whose: &EntityId, news: Said) {
        let last = self.deeds.iter_mut().rev().find_map(|deed| match &mut deed.kind {
            DeedKind::Machine { by, said } if by == whose => Some(said),
            _ => None,
        });
        if let Some(said) = last.filter(|said| !matches!(said, Some(Said::Acknowledged(_)))) {
            *said = Some(news);
        }
    }

    /// Asks the condition at a moment.
    pub fn look(&mut self, metrics: &dyn Metrics, now: Timestamp) {
        let flags = self.guard.flags(&self.snapshot);
        let verdict = watch::verdict(self.guard, &flags, &self.snapshot, metrics, now);
        self.replayed.looks += 1;
        if self.would_act(&self.snapshot, &flags) {
            self.served = Some(now);
        }
        // What is measured is of those who had it while the condition looks back. A guard that was quicker than the buckets
        // has taken it from them already.
        let served = self.served.is_some_and(|at| after(at, self.lead()) >= now);
        let open = self.replayed.firings.last_mut().filter(|firing| firing.until.is_none());
        match (verdict, open) {
            (Verdict::InsufficientData, _) => self.replayed.unknown += 1,
            (Verdict::NotMet { .. }, Some(firing)) => firing.until = Some(now),
            (Verdict::NotMet { .. }, None) => {}
            (Verdict::Met { .. }, Some(firing)) if firing.judgement != Judgement::NobodyHadIt || !served => {}
            (Verdict::Met { .. }, open) => {
                // Somebody has the feature again while it is still true: that is when the guard would act.
                if let Some(firing) = open {
                    firing.until = Some(now);
                }
                self.begin(&flags, served, metrics, now);
            }
        }
    }

    fn begin(&mut self, flags: &[FlagKey], served: bool, metrics: &dyn Metrics, now: Timestamp) {
        if self.replayed.firings.len() >= FIRINGS_MAX {
            self.replayed.untold += 1;
            return;
        }
        let (_, observed) = watch::present(self.guard, flags, &self.snapshot, metrics, now);
        let Some(observed) = observed else { return };
        let judgement = if served { Judgement::FalseAlarm } else { Judgement::NobodyHadIt };
        self.replayed.firings.push(Firing { from: now, until: None, observed, judgement });
    }

    /// How long before a firing what was done about its cause counts.
    fn lead(&self) -> u64 {
        self.guard.looks_back_seconds().max(LEAD_SECONDS_MIN)
    }

    fn would_act(&self, snapshot: &Snapshot, flags: &[FlagKey]) -> bool {
        match &self.guard.action {
            GuardAction::Alert | GuardAction::Pause => true,
            GuardAction::Rollback(kind) => would_take_back(snapshot, &self.guard.environment, flags, kind),
        }
    }

    /// Says of each firing what people did about it, as far as that is known at a moment.
    #[must_use]
    pub fn end(mut self, now: Timestamp, within_seconds: u64) -> Replayed {
        let lead = self.lead();
        let firings = std::mem::take(&mut self.replayed.firings);
        let judged = firings.into_iter().map(|firing| match firing.judgement {
            Judgement::NobodyHadIt => firing,
            _ => Firing { judgement: self.judgement(firing.from, lead, within_seconds, now), ..firing },
        });
        Replayed { firings: judged.collect(), ..self.replayed }
    }

    fn judgement(&self, from: Timestamp, lead: u64, within: u64, now: Timestamp) -> Judgement {
        let until = after(from, within);
        let near = || self.deeds.iter().filter(|deed| after(deed.at, lead) >= from && deed.at <= until);
        let mut unsaid = None;
        for deed in near() {
            let words = &deed.words;
            match &deed.kind {
                DeedKind::People => return Judgement::Confirmed(words.clone()),
                DeedKind::Machine { said: Some(Said::Acknowledged(cause)), .. } => {
                    return Judgement::Confirmed(format!("{words}; the cause: {cause}"));
                }
                DeedKind::Machine { said: Some(Said::Recovered), .. } => {
                    return Judgement::Confirmed(format!("{words}, and it recovered"));
                }
                DeedKind::Machine { said: Some(Said::NotCaused), .. } => {}
                DeedKind::Machine { said: None, .. } => unsaid = unsaid.or(Some(words)),
            }
        }
        match unsaid {
            Some(words) => Judgement::Open(format!("{words}, and nobody has named the cause")),
            None if until > now => Judgement::Open(format!("too early to say before {until}")),
            None => Judgement::FalseAlarm,
        }
    }
}

fn held<'s>(snapshot: &'s Snapshot, guard: &Guard, flag: &FoldedKey) -> Option<Held<'s>> {
    let (definition, configuration) =
        (snapshot.flag(flag)?, snapshot.configuration(&guard.environment, flag)?);
    Some(Held { definition, configuration })
}
