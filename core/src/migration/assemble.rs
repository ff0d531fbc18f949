//! Flags that were read, put together: what they need comes first, and what the check refuses is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::flag::{Decision, Foreign, Meets, Need};
use super::report::{Grade, Report};
use super::{Migration, Source, changes};
use crate::change::{Change, ChangeSet};
use crate::check::{Circumstances, Origin, check};
use crate::key::{FlagKey, FoldedKey, NAME_GRAMMAR, SegmentKey};
use crate::record::Record;
use crate::rejection::RejectionKind;
use crate::revision::Timestamp;
use crate::schema::AnyValue;
use crate::snapshot::Snapshot;

/// What becomes of all flags of a document.
pub(super) fn assemble<'d>(
    source: &Source<'d>,
    mut flags: Vec<Foreign<'d>>,
    document: Report<'d>,
) -> Migration {
    let mut assembly = Assembly { source, scratch: source.existing.clone(), changes: Vec::new() };
    let mut places: BTreeMap<FoldedKey, usize> = BTreeMap::new();
    for (index, flag) in flags.iter_mut().enumerate() {
        if FlagKey::parse(&flag.key).is_err() {
            let text = format!("the key is no name of ours ({NAME_GRAMMAR}); rename the flag there first");
            flag.leave_out(&text);
        } else if places.insert(FoldedKey::of(&flag.key), index).is_some() {
            flag.leave_out("the document has the flag already, in this or another spelling");
        }
    }
    for index in order(&flags, &places) {
        let Some(flag) = flags.get_mut(index) else { continue };
        assembly.take(flag);
    }
    let mut report = document.lines;
    for flag in flags {
        let is_left_out = flag.report.is_left_out();
        // What would have become of a flag that does not come is of no use to anybody.
        let lines = flag.report.lines.into_iter();
        report.extend(lines.filter(|line| !is_left_out || line.grade == Grade::Unmapped));
    }
    Migration { changes: assembly.changes, report }
}

/// Those that are needed before those that need them. A circle stands in any order, and is refused by the check.
fn order(flags: &[Foreign<'_>], places: &BTreeMap<FoldedKey, usize>) -> Vec<usize> {
    let needs = |index: usize| {
        let decision = flags.get(index).and_then(|flag| flag.decision.as_ref());
        let needs = decision.map(|decision| decision.needs.as_slice()).unwrap_or_default();
        needs.iter().filter_map(|need| places.get(&FoldedKey::of(&need.flag)).copied())
    };
    let (mut ordered, mut entered) = (Vec::new(), BTreeSet::new());
    for start in 0..flags.len() {
        // Without recursion: a document may hold a chain as long as it likes.
        let mut path = vec![(start, false)];
        while let Some((index, is_through)) = path.pop() {
            if is_through {
                ordered.push(index);
            } else if entered.insert(index) {
                path.push((index, true));
                path.extend(needs(index).map(|needed| (needed, false)));
            }
        }
    }
    ordered
}

struct Assembly<'s, 'd> {
    source: &'s Source<'d>,
    /// What the store would be after the changes so far.
    scratch: Snapshot,
    changes: Vec<Change>,
}

impl Assembly<'_, '_> {
    fn take(&mut self, flag: &mut Foreign<'_>) {
        if flag.report.is_left_out() {
            return;
        }
        let Foreign { decision: Some(decision), report, key, node } = flag else { return };
        let Some(prerequisites) = self.prerequisites(decision, report) else { return };
        let Some(mut changes) = self.segments(decision, report) else { return };
        match changes::of(key, decision, prerequisites, self.source.environment, &self.scratch) {
            Ok((of_flag, remarks)) => {
                changes.extend(of_flag);
                for remark in remarks {
                    report.line(Grade::Changed, node, remark);
                }
            }
            Err(why) => return report.unmapped(node, why).unwrap_or_default(),
        }
        match self.tried(&changes) {
            Ok(()) => self.changes.extend(changes),
            Err(faults) => {
                for fault in faults {
                    report.line(Grade::Unmapped, node, fault);
                }
            }
        }
    }

    /// Makes the changes in the scratch, or says what is wrong with them.
    fn tried(&mut self, changes: &[Change]) -> Result<(), Vec<String>> {
        let change_set = ChangeSet {
            actor: "import".to_owned(),
            reason: "what would become of a document".to_owned(),
            changes: changes.to_vec(),
        };
        // Policies want nothing of control, and the schemas of flags that are here are judged by the store.
        let circumstances = Circumstances {
            origin: Origin::Control,
            at: Timestamp::default(),
            schemas: &AnyValue,
            undone: &[],
        };
        let checked = match check(&self.scratch, &change_set, circumstances) {
            Ok(checked) => checked,
            Err(rejection) => {
                // What the state does not allow now is told by the commit, which everybody knows how to read.
                let faults = rejection.violations.iter().filter(|violation| {
                    !matches!(violation.reason.kind(), RejectionKind::Precondition | RejectionKind::Conflict)
                });
                let faults: Vec<String> = faults
                    .map(|fault| format!("{} {}: expected {}", fault.field, fault.value, fault.allowed))
                    .collect();
                return if faults.is_empty() { Ok(()) } else { Err(faults) };
            }
        };
        let record = Record {
            revision: self.scratch.revision().next(),
            committed_at: Timestamp::default(),
            change_set,
            writes: checked.writes,
            idempotency_key: Box::from(""),
        };
        self.scratch.fold(&record).map_err(|gap| vec![gap.to_string()])
    }

    /// The segments that are not here yet. One that is here and says something else may decide about other flags.
    fn segments(&self, decision: &Decision<'_>, report: &mut Report<'_>) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        for (node, segment) in &decision.segments {
            let key = SegmentKey::new(&segment.segment);
            match self.scratch.segment(self.source.environment, &key) {
                None => changes.push(Change::SetSegment(segment.clone())),
                Some(there) => {
                    let is_same = there.condition == segment.condition
                        && there.share.is_some() == segment.share.is_some()
                        && there.share.as_ref().is_none_or(|share| is_share(share, segment));
                    if !is_same {
                        let text = format!(
                            "segment {} is here already and says something else; rename or delete one of them",
                            segment.segment
                        );
                        return report.unmapped(node, text);
                    }
                }
            }
        }
        Some(changes)
    }

    fn prerequisites(
        &self,
        decision: &Decision<'_>,
        report: &mut Report<'_>,
    ) -> Option<Vec<(String, Vec<String>)>> {
        let needs = decision.needs.iter();
        needs.map(|need| Some((need.flag.clone(), self.meeting(need, report)?))).collect()
    }

    /// The variants of the other flag that meet a need.
    fn meeting(&self, need: &Need<'_>, report: &mut Report<'_>) -> Option<Vec<String>> {
        let folded = FoldedKey::of(&need.flag);
        let there = self.scratch.flag(&folded).filter(|definition| definition.archived.is_none());
        let configuration = self.scratch.configuration(self.source.environment, &folded);
        let (Some(definition), Some(configuration)) = (there, configuration) else {
            let text = format!(
                "it needs flag {}, which is neither here nor imported with it; import that one first",
                need.flag
            );
            return report.unmapped(&need.node, text);
        };
        let off = configuration.off_variant.as_str();
        let names = definition.variants.iter().map(|variant| variant.name.as_str().to_owned());
        let meeting: Vec<String> = match &need.meets {
            Meets::On => names.filter(|name| name != off).collect(),
            Meets::Off => vec![off.to_owned()],
            Meets::Names(wanted) => wanted.clone(),
            Meets::Index(index) => names.skip(*index).take(1).collect(),
        };
        if meeting.is_empty() {
            let text = format!("flag {} has no variant that would meet this", need.flag);
            return report.unmapped(&need.node, text);
        }
        Some(meeting)
    }
}

impl Foreign<'_> {
    fn leave_out(&mut self, why: &str) {
        self.report.line(Grade::Unmapped, &self.node, why);
        self.decision = None;
    }
}

/// Whether a segment's share is the one that is asked for: percentages have three decimals at most.
fn is_share(share: &crate::segment::Share, asked: &crate::change::SetSegment) -> bool {
    asked.share.as_ref().is_some_and(|asked| {
        let percent = |weight: u32| f64::from(weight) / 1_000.0;
        *share.salt == *asked.salt
            && (percent(share.from) - asked.from_percent).abs() < 0.000_1
            && (percent(share.to) - asked.to_percent).abs() < 0.000_1
    })
}
