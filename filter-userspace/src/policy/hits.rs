//! What each slot of the map `HITS` counts. Slots are handed out once and keep their meaning while the agent lives, so
//! that counters survive every reload.

use std::collections::HashMap;
use std::sync::Arc;

use super::snapshot::Mode;

/// What a slot counts: queries decided for these orders, in this region, by this action.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hit {
    /// Ids of every order in force that covers the name in that region, sorted.
    pub orders: Arc<[Arc<str>]>,
    /// The region's word; `unknown` for none.
    pub region: Arc<str>,
    /// The deciding action's word: `nxdomain`, `nodata`, `refused`, `address`, `drop` or `passthru`.
    pub action: &'static str,
    /// Whether it was carried out.
    pub mode: Mode,
}

/// The meaning of every slot. Slot 0 is unused.
#[derive(Clone, Debug, Default)]
pub struct HitTable {
    slots: HashMap<Hit, u32>,
    meanings: Vec<Hit>,
}

impl HitTable {
    /// Slots in use, slot 0 included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.meanings.len().saturating_add(1)
    }

    /// Whether no slot has a meaning yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.meanings.is_empty()
    }

    /// What the slot counts.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&Hit> {
        let place = usize::try_from(slot).ok()?.checked_sub(1)?;
        self.meanings.get(place)
    }

    /// Every slot with its meaning, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Hit)> {
        (1..).zip(&self.meanings)
    }

    /// The slot that counts this, a new one when there is none.
    pub(super) fn slot(&mut self, hit: Hit) -> u32 {
        if let Some(slot) = self.slots.get(&hit) {
            return *slot;
        }
        self.meanings.push(hit.clone());
        let slot = u32::try_from(self.meanings.len()).unwrap_or(u32::MAX);
        self.slots.insert(hit, slot);
        slot
    }
}
