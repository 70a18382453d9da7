//! What the slots of NAMES hold, and what must be laid over it for a policy to be seen.

use std::sync::Arc;

use super::error::KernelError;
use super::image::PolicyImage;
use super::pages::{Table, Tables};
use crate::policy::{Base, NameMap};

/// A base in the kernel.
pub(super) struct Stored {
    pub table: Table,
    base: Arc<Base>,
}

impl Stored {
    /// Writes the image's base.
    pub(super) fn build(
        image: &PolicyImage<'_>,
        tables: &Tables,
        side: usize,
    ) -> Result<Stored, KernelError> {
        Ok(Stored {
            table: tables.put(side, image.base.sieve(), image.base.buckets())?,
            base: Arc::clone(image.base),
        })
    }

    /// How many buckets it has.
    pub(super) fn buckets(&self) -> u32 {
        u32::try_from(self.base.buckets().len()).unwrap_or(u32::MAX)
    }

    /// Whether it is the image's base.
    pub(super) fn holds(&self, image: &PolicyImage<'_>) -> bool {
        Arc::ptr_eq(&self.base, image.base)
    }
}

/// What must be laid over the image's base: its changes, and what found no place in a bucket.
pub(super) fn overlay(image: &PolicyImage<'_>) -> Arc<NameMap> {
    let rest = image.base.rest();
    if rest.is_empty() {
        return Arc::clone(image.changes);
    }
    let mut over = NameMap::clone(rest);
    over.extend(image.changes.iter().map(|(key, value)| (*key, *value)));
    Arc::new(over)
}

#[cfg(test)]
mod tests {
    use super::*;
    use filter_common::abi::{Generation, HashKey, KEY_ROWS, name_value};
    use filter_common::bucket::BUCKET_MAX_SET;

    #[test]
    fn the_overlay_is_the_rest_below_the_changes() {
        let high = |key: u64| (key, name_value(1, BUCKET_MAX_SET + 1, false));
        let low = |key: u64| (key, name_value(1, 1, false));
        let over = |base: Base, changes: &[(u64, u64)]| {
            let (base, changes) = (Arc::new(base), Arc::new(changes.iter().copied().collect()));
            let (v4, v6) = (Arc::default(), Arc::default());
            let image = PolicyImage {
                mode: Generation::default().mode,
                base: &base,
                changes: &changes,
                names: 0,
                root: 0,
                decisions: &[],
                regions_count: 1,
                types: &[],
                actions: &[],
                prefixes_v4: &v4,
                prefixes_v6: &v6,
                unknown: 0,
                hash_key: &HashKey { rows: [[0; 8]; KEY_ROWS] },
            };
            let mut over: Vec<(u64, u64)> =
                overlay(&image).iter().map(|(key, value)| (*key, *value)).collect();
            over.sort_unstable();
            over
        };
        assert_eq!(over([low(1)].into_iter().collect(), &[low(2)]), [low(2)]);
        assert_eq!(over([low(1), high(2), high(3)].into_iter().collect(), &[low(3)]), [high(2), low(3)]);
    }
}
