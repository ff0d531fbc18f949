//! Which variant of which flag a counter's number stands for.

use std::collections::HashMap;

use mycelia_flags_core::compiled::CompiledFlag;
use mycelia_flags_core::key::{FlagKey, FoldedKey, VariantName};

use super::PER_CHUNK;
use crate::limits::COUNTERS_MAX;

/// See the module. A number keeps its meaning for ever: threads count long after a flag has changed.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// The meaning of each number; none where nothing was served yet.
    meanings: Vec<Option<(FlagKey, VariantName)>>,
    /// The numbers of each flag: several rows when its variants have changed.
    rows: HashMap<FoldedKey, Vec<Row>>,
}

/// The numbers of a flag's variants, in their order.
#[derive(Debug, Clone, Copy)]
struct Row {
    first: usize,
    length: usize,
}

impl Numbers {
    /// The number of the flag's first variant; none when there are too many. A flag that has changed has the same one,
    /// as long as its variants are the same.
    pub(super) fn place(&mut self, flag: &CompiledFlag) -> Option<u32> {
        let rows = self.rows.get(&flag.key().folded());
        let known = rows.into_iter().flatten().find(|row| self.fits(**row, flag)).copied();
        let row = match known {
            Some(row) => row,
            None => self.add(flag)?,
        };
        for (ordinal, name) in flag.servable() {
            let number = row.first.saturating_add(usize::try_from(ordinal).ok()?);
            let meaning = self.meanings.get_mut(number)?;
            meaning.get_or_insert_with(|| (flag.key().clone(), name.clone()));
        }
        u32::try_from(row.first).ok()
    }

    /// What was counted.
    pub(super) fn meaning(&self, number: usize) -> Option<&(FlagKey, VariantName)> {
        self.meanings.get(number)?.as_ref()
    }

    fn fits(&self, row: Row, flag: &CompiledFlag) -> bool {
        row.length == flag.variants()
            && flag.servable().all(|(ordinal, name)| {
                let number = row.first.saturating_add(usize::try_from(ordinal).unwrap_or(usize::MAX));
                self.meaning(number).is_none_or(|(_, known)| known == name)
            })
    }

    fn add(&mut self, flag: &CompiledFlag) -> Option<Row> {
        let length = flag.variants();
        let room = PER_CHUNK - self.meanings.len() % PER_CHUNK;
        // In one piece, so that whoever has the counters of one variant has those of all.
        let gap = if length > room { room } else { 0 };
        let first = self.meanings.len().checked_add(gap)?;
        let end = first.checked_add(length)?;
        if length > PER_CHUNK || end > COUNTERS_MAX {
            return None;
        }
        self.meanings.resize(end, None);
        let row = Row { first, length };
        self.rows.entry(flag.key().folded()).or_default().push(row);
        Some(row)
    }
}
