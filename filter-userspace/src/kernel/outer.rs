//! The maps of maps: their slots, and the pause that every update of one brings.

use std::os::fd::AsFd;

use aya::Ebpf;
use aya::maps::MapData;

use super::batch;
use super::error::KernelError;
use super::load::{Limits, take_map};
use super::object::InnerFlags;
use super::overlay::Overlay;
use super::pages::Tables;
use super::sys;

/// The outer maps of the object.
pub(super) struct Outer {
    pub names: Tables,
    pub regions: Tables,
    changes: Slots,
    first_overlay: MapData,
}

impl Outer {
    /// With the overlays in the slots of CHANGES. The other slots stay empty until a generation leads to them.
    pub(super) fn new(
        ebpf: &mut Ebpf,
        limits: &Limits,
        flags: InnerFlags,
        overlays: &[Overlay; 2],
    ) -> Result<Outer, KernelError> {
        let mut slots = |name| take_map(ebpf, name).map(|map| Slots { name, map });
        let [first, second] = overlays;
        let changes = slots("CHANGES")?;
        changes.set(0, first.map())?;
        changes.set(1, second.map())?;
        Ok(Outer {
            names: Tables::new(slots("NAMES")?, limits.names_pages(), flags.names),
            regions: Tables::new(slots("REGIONS")?, limits.regions_pages(), flags.regions),
            changes,
            first_overlay: first.twin()?,
        })
    }

    /// Returns when every packet that was in flight is done: see [`Slots::set`]. The map that is set is there already.
    pub(super) fn pause(&self) -> Result<(), KernelError> {
        self.changes.set(0, &self.first_overlay)
    }

    /// Every map it owns, with its name.
    pub(super) fn maps(&self) -> Vec<(&'static str, &MapData)> {
        let slots = [&self.names.slots, &self.changes, &self.regions.slots];
        slots.into_iter().map(|slots| (slots.name, &slots.map)).collect()
    }
}

/// An outer map: slots with one inner map each.
pub(super) struct Slots {
    pub name: &'static str,
    map: MapData,
}

impl Slots {
    /// Puts the inner map into the slot. When this returns, no program uses any more what was there: the kernel waits
    /// for an RCU grace period after every update of a map of maps (`maybe_wait_bpf_programs`), 8 to 28 ms.
    pub(super) fn set(&self, slot: u32, inner: &MapData) -> Result<(), KernelError> {
        let descriptor = sys::number(inner.fd().as_fd());
        batch::set(self.map.fd().as_fd(), &slot, &descriptor)
            .map_err(KernelError::call(format!("putting a map into slot {slot} of {}", self.name)))
    }

    /// Empties the slot, and waits as [`Slots::set`] does.
    pub(super) fn clear(&self, slot: u32) -> Result<(), KernelError> {
        batch::unset(self.map.fd().as_fd(), &slot)
            .map_err(KernelError::call(format!("emptying slot {slot} of {}", self.name)))
    }
}
