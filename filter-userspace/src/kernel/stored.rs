//! What a slot of NAMES holds, and what must be laid over it for a policy to be seen.

use std::sync::Arc;

use aya::maps::MapData;
use filter_common::abi::{NameValue, name_value};

use super::buckets::Buckets;
use super::error::KernelError;
use super::image::{PolicyImage, within};
use super::inner;
use crate::policy::NameMap;

/// A base in the kernel: the names of `base`, with `folded` laid over them when it was built.
pub(super) struct Stored {
    pub map: MapData,
    /// How many buckets it has.
    pub buckets: u32,
    base: Arc<NameMap>,
    folded: Arc<NameMap>,
    /// Names that found no place in it.
    rest: Arc<NameMap>,
}

impl Stored {
    /// Builds the map for the image, its changes folded in.
    pub(super) fn build(image: &PolicyImage<'_>, limit: u32, flags: u32) -> Result<Stored, KernelError> {
        let names = folded(image.base, image.changes);
        within("names", names.len(), limit, "names")?;
        let Buckets { buckets, rest } = Buckets::build(&names);
        Ok(Stored {
            map: inner::base(&buckets, flags)?,
            buckets: u32::try_from(buckets.len()).unwrap_or(u32::MAX),
            base: Arc::clone(image.base),
            folded: Arc::clone(image.changes),
            rest: Arc::new(rest.into_iter().collect()),
        })
    }

    /// What must be laid over it to see the image; `None`: the image has another base.
    pub(super) fn overlay(&self, image: &PolicyImage<'_>) -> Option<Arc<NameMap>> {
        if !Arc::ptr_eq(&self.base, image.base) {
            return None;
        }
        if Arc::ptr_eq(&self.folded, image.changes) {
            return Some(Arc::clone(&self.rest));
        }
        if self.folded.is_empty() && self.rest.is_empty() {
            return Some(Arc::clone(image.changes));
        }
        let mut over = NameMap::clone(&self.rest);
        over.extend(difference(&self.base, &self.folded, image.changes));
        Some(Arc::new(over))
    }
}

/// Every name with a set or something below it.
fn folded(base: &NameMap, changes: &NameMap) -> Vec<(u64, NameValue)> {
    let kept = base.iter().filter(|(key, _)| changes.is_empty() || !changes.contains_key(key));
    let names = kept.chain(changes.iter()).filter(|(_, value)| !is_lifted(**value));
    names.map(|(key, value)| (*key, *value)).collect()
}

/// What makes `base` with `folded` over it look like `base` with `changes` over it.
fn difference(base: &NameMap, folded: &NameMap, changes: &NameMap) -> NameMap {
    let now = |key: &u64| folded.get(key).or_else(|| base.get(key)).copied();
    let changed = changes.iter().filter(|(key, value)| now(key) != Some(**value));
    let reverted = folded.iter().filter(|(key, _)| !changes.contains_key(key)).filter_map(|(key, value)| {
        let was = base.get(key).copied().unwrap_or_else(|| lifted(*value));
        (was != *value).then_some((*key, was))
    });
    changed.map(|(key, value)| (*key, *value)).chain(reverted).collect()
}

/// The value that takes the name away: its check bits, no set, nothing below.
fn lifted(value: NameValue) -> NameValue {
    let [a, b, c, d, ..] = value.to_le_bytes();
    name_value(u32::from_le_bytes([a, b, c, d]), 0, false)
}

/// One that is lifted though it has check bits of zero keeps a set bit (see [`name_value`]) and counts as there, which
/// does no harm: it holds no set.
fn is_lifted(value: NameValue) -> bool {
    value >> 32 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(entries: &[(u64, u32)]) -> NameMap {
        entries.iter().map(|(key, set)| (*key, name_value(*key as u32, *set, false))).collect()
    }

    /// What a packet would find: lifted names are absent.
    fn seen(layers: &[&NameMap]) -> NameMap {
        let mut all = NameMap::default();
        for layer in layers {
            all.extend(layer.iter().map(|(key, value)| (*key, *value)));
        }
        all.retain(|_, value| !is_lifted(*value));
        all
    }

    fn few() -> impl Strategy<Value = Vec<(u64, u32)>> {
        proptest::collection::vec((1u64..20, 0u32..3), 0..20)
    }

    proptest! {
        #[test]
        fn the_overlay_makes_the_image(base in few(), was in few(), now in few()) {
            let (base, was, now) = (names(&base), names(&was), names(&now));
            let built: NameMap = folded(&base, &was).into_iter().collect();
            prop_assert_eq!(&built, &seen(&[&base, &was]));
            let over = difference(&base, &was, &now);
            prop_assert_eq!(seen(&[&built, &over]), seen(&[&base, &now]));
        }
    }
}
