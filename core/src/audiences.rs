//! Who is in a segment and who is on the canary allowlist, ready for evaluation.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::bucketing::{self, Generation};
use crate::context::{AttributeName, Context};
use crate::key::SegmentKey;
use crate::key_set::KeySet;
use crate::limits::WEIGHT_TOTAL;
use crate::list::ListKey;
use crate::matcher::{CompiledCondition, OperandError};
use crate::segment::{Segment, Share};

/// A segment's condition and share, compiled; its lists are beside it.
#[derive(Debug)]
pub struct CompiledSegment {
    key: SegmentKey,
    condition: Option<CompiledCondition>,
    share: Option<Share>,
    generation: Generation,
}

impl CompiledSegment {
    /// Compiles a segment for a store's generation of bucketing.
    ///
    /// # Errors
    /// When an operand does not fit its operator. Validation lets no such segment into a store.
    pub fn compile(segment: &Segment, generation: Generation) -> Result<Self, OperandError> {
        Ok(Self {
            key: segment.key.clone(),
            condition: segment.condition.as_ref().map(CompiledCondition::compile).transpose()?,
            share: segment.share.clone(),
            generation,
        })
    }

    /// The segment's key.
    #[must_use]
    pub const fn key(&self) -> &SegmentKey {
        &self.key
    }

    /// Whether condition and share are met, when there is at least one of them.
    #[must_use]
    pub fn is_met(&self, context: &Context, audiences: &Audiences) -> bool {
        (self.condition.is_some() || self.share.is_some())
            && self.condition.as_ref().is_none_or(|condition| condition.holds(context, audiences))
            && self.share.as_ref().is_none_or(|share| {
                share_bucket(share, self.generation, context)
                    .is_some_and(|bucket| (share.from..share.to).contains(&bucket))
            })
    }
}

/// The bucket of a subject in a segment's share, in thousandths of a percent; none without a targeting key.
#[must_use]
pub fn share_bucket(share: &Share, generation: Generation, context: &Context) -> Option<u32> {
    let key = context.targeting_key()?;
    Some(bucketing::bucket(bucketing::hash_salted(generation, &share.salt, key), WEIGHT_TOTAL))
}

/// A segment with its lists. What has not arrived yet is empty.
#[derive(Debug, Clone, Default)]
struct Audience {
    segment: Option<Arc<CompiledSegment>>,
    included: KeySet,
    excluded: KeySet,
}

/// The segments of an environment and its canary allowlist.
#[derive(Debug, Clone, Default)]
pub struct Audiences {
    segments: HashMap<SegmentKey, Audience, FixedState>,
    canary_on: bool,
    allowlist: KeySet,
}

impl Audiences {
    /// The canary allowlist while canary mode is on.
    #[must_use]
    #[inline]
    pub const fn canary(&self) -> Option<&KeySet> {
        if self.canary_on { Some(&self.allowlist) } else { None }
    }

    /// Whether a context is in a segment. Nobody is in one that is not there.
    #[must_use]
    pub fn has(&self, segment: &SegmentKey, context: &Context) -> bool {
        let Some(audience) = self.segments.get(segment.as_str()) else {
            return false;
        };
        let key = context.targeting_key();
        if key.is_some_and(|key| audience.excluded.contains(key)) {
            return false;
        }
        let Some(compiled) = &audience.segment else {
            return false;
        };
        key.is_some_and(|key| audience.included.contains(key)) || compiled.is_met(context, self)
    }

    /// Whether a segment's condition looks at a top-level attribute.
    #[must_use]
    pub fn names_attribute(&self, name: &AttributeName) -> bool {
        let conditions =
            self.segments.values().filter_map(|audience| audience.segment.as_ref()?.condition.as_ref());
        conditions.into_iter().any(|condition| condition.names_attribute(name))
    }

    /// Adds a segment, or replaces what it says; its lists stay.
    pub fn set_segment(&mut self, segment: Arc<CompiledSegment>) {
        let key = segment.key().clone();
        self.segments.entry(key).or_default().segment = Some(segment);
    }

    /// Removes a segment; its lists stay until they are emptied.
    pub fn remove_segment(&mut self, segment: &SegmentKey) {
        if let Some(audience) = self.segments.get_mut(segment.as_str()) {
            audience.segment = None;
        }
        self.forget_empty(segment);
    }

    /// Switches canary mode.
    pub const fn switch_canary(&mut self, on: bool) {
        self.canary_on = on;
    }

    /// Replaces a list.
    pub fn set_list(&mut self, list: &ListKey, keys: KeySet) {
        match list {
            ListKey::Canary => self.allowlist = keys,
            ListKey::Included(segment) => self.segments.entry(segment.clone()).or_default().included = keys,
            ListKey::Excluded(segment) => self.segments.entry(segment.clone()).or_default().excluded = keys,
        }
        if let Some(segment) = list.segment() {
            self.forget_empty(segment);
        }
    }

    fn forget_empty(&mut self, segment: &SegmentKey) {
        let is_empty = |audience: &Audience| {
            audience.segment.is_none() && audience.included.is_empty() && audience.excluded.is_empty()
        };
        if self.segments.get(segment.as_str()).is_some_and(is_empty) {
            self.segments.remove(segment.as_str());
        }
    }
}
