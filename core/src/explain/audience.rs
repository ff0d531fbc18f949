//! Who is in a segment and who is on the canary allowlist, and why.

use super::condition::{Subject, condition};
use super::{Step, StepKind, yes};
use crate::audiences::{CompiledSegment, share_bucket};
use crate::key::SegmentKey;
use crate::list::ListKey;
use crate::segment::{Segment, Share};
use crate::text;

/// Whether the subject is in a segment: excluded list, included list, condition and share, up to what settles it.
pub(super) fn segment(subject: Subject<'_>, key: &SegmentKey) -> (bool, Step) {
    let mut steps = Vec::new();
    let holds = is_member(subject, key, &mut steps);
    let text = format!("in segment {key}: {}", yes(holds));
    (holds, Step::new(StepKind::Segment, false, text).around(steps))
}

fn is_member(subject: Subject<'_>, key: &SegmentKey, steps: &mut Vec<Step>) -> bool {
    let (excluded, step) = listed(subject, &ListKey::Excluded(key.clone()), "excluded list");
    steps.push(step);
    if excluded {
        return false;
    }
    let found = subject.snapshot.segment(subject.environment, key);
    let compiles = |segment: &Segment| {
        CompiledSegment::compile(segment, subject.snapshot.settings().bucketing)
            .map_err(|error| error.to_string())
    };
    let segment = match found.map(|segment| (segment, compiles(segment))) {
        Some((segment, Ok(_))) => segment,
        Some((_, Err(why))) => {
            let text = format!("this version cannot evaluate segment {key}: {why}");
            steps.push(Step::new(StepKind::Segment, true, text));
            return false;
        }
        None => {
            steps.push(Step::new(StepKind::Segment, true, format!("there is no segment {key}")));
            return false;
        }
    };
    let (included, step) = listed(subject, &ListKey::Included(key.clone()), "included list");
    steps.push(step);
    included || is_met(subject, segment, steps)
}

/// Condition and share together, when the segment has at least one of them.
fn is_met(subject: Subject<'_>, segment: &Segment, steps: &mut Vec<Step>) -> bool {
    if segment.condition.is_none() && segment.share.is_none() {
        let text = "the segment has neither condition nor share: nobody else is in it";
        steps.push(Step::new(StepKind::Segment, true, text));
        return false;
    }
    if let Some(wanted) = &segment.condition {
        let (holds, mut step) = condition(subject, wanted);
        step.decided = !holds || segment.share.is_none();
        steps.push(step);
        if !holds {
            return false;
        }
    }
    let Some(share) = &segment.share else {
        return true;
    };
    let (holds, text) = is_in_share(subject, share);
    steps.push(Step::new(StepKind::Share, true, text));
    holds
}

fn is_in_share(subject: Subject<'_>, share: &Share) -> (bool, String) {
    let range = format!("{} to {}", text::thousandths(share.from), text::thousandths(share.to));
    match share_bucket(share, subject.snapshot.settings().bucketing, subject.context) {
        None => (false, format!("no targeting key, so no bucket in the share from {range}: no")),
        Some(bucket) => {
            let holds = (share.from..share.to).contains(&bucket);
            let (bucket, salt) = (text::thousandths(bucket), text::quoted(&share.salt));
            let word = if holds { "is" } else { "is not" };
            (holds, format!("bucket {bucket} of salt {salt} {word} from {range}: {}", yes(holds)))
        }
    }
}

/// Whether the subject is on a list; the step decides when it is.
fn listed(subject: Subject<'_>, list: &ListKey, name: &str) -> (bool, Step) {
    let (on, text) = on_list(subject, list, name);
    (on, Step::new(StepKind::List, on, text))
}

/// The same in words: `"alice" is not on the excluded list of 2 keys`.
pub(super) fn on_list(subject: Subject<'_>, list: &ListKey, name: &str) -> (bool, String) {
    let keys = subject.snapshot.list(subject.environment, list);
    let count = match keys.len() {
        1 => "1 key".to_owned(),
        several => format!("{several} keys"),
    };
    match subject.context.targeting_key() {
        None => (false, format!("no targeting key that could be on the {name} of {count}")),
        Some(key) => {
            let on = keys.contains(key);
            let word = if on { "is" } else { "is not" };
            (on, format!("{} {word} on the {name} of {count}", text::quoted(key)))
        }
    }
}
