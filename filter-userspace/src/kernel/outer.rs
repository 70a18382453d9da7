//! The maps of maps: their slots, what an empty one holds, and the pause that every update of one brings.

use std::os::fd::AsFd;
use std::thread;

use aya::Ebpf;
use aya::maps::MapData;
use filter_common::bucket::Bucket;

use super::batch;
use super::error::KernelError;
use super::inner::{self, Tries};
use super::load::take_map;
use super::object::InnerFlags;
use super::overlay::Overlay;
use super::sys;

/// The outer maps of the object.
pub(super) struct Outer {
    pub names: Slots,
    changes: Slots,
    regions_v4: Slots,
    regions_v6: Slots,
    first_overlay: MapData,
    no_names: MapData,
    no_regions: Tries,
}

impl Outer {
    /// With the overlays in the slots of CHANGES. The other slots stay empty until a generation leads to them.
    pub(super) fn new(
        ebpf: &mut Ebpf,
        flags: InnerFlags,
        overlays: &[Overlay; 2],
    ) -> Result<Outer, KernelError> {
        let mut slots = |name| take_map(ebpf, name).map(|map| Slots { name, map });
        let [first, second] = overlays;
        let changes = slots("CHANGES")?;
        changes.set(0, first.map())?;
        changes.set(1, second.map())?;
        Ok(Outer {
            names: slots("NAMES")?,
            changes,
            regions_v4: slots("REGIONS_V4")?,
            regions_v6: slots("REGIONS_V6")?,
            first_overlay: first.twin()?,
            no_names: inner::base(&[Bucket::default()], flags.names)?,
            no_regions: Tries::filled(&[], &[])?,
        })
    }

    /// Lets go of the base in the slot.
    pub(super) fn clear_names(&self, slot: u32) -> Result<(), KernelError> {
        self.names.set(slot, &self.no_names)
    }

    /// Puts the tries into the slot.
    pub(super) fn set_regions(&self, slot: u32, tries: &Tries) -> Result<(), KernelError> {
        // each waits for a grace period, and two that wait at once wait for the same one
        thread::scope(|scope| {
            let v6 = scope.spawn(|| self.regions_v6.set(slot, &tries.v6));
            let v4 = self.regions_v4.set(slot, &tries.v4);
            let v6 = v6.join().unwrap_or_else(|_| self.regions_v6.set(slot, &tries.v6));
            v4.and(v6)
        })
    }

    /// Lets go of the tries in the slot.
    pub(super) fn clear_regions(&self, slot: u32) -> Result<(), KernelError> {
        self.set_regions(slot, &self.no_regions)
    }

    /// Returns when every packet that was in flight is done: see [`Slots::set`]. The map that is set is there already.
    pub(super) fn pause(&self) -> Result<(), KernelError> {
        self.changes.set(0, &self.first_overlay)
    }

    /// Every map it owns, with its name.
    pub(super) fn maps(&self) -> Vec<(&'static str, &MapData)> {
        let slots = [&self.names, &self.changes, &self.regions_v4, &self.regions_v6];
        slots.into_iter().map(|slots| (slots.name, &slots.map)).collect()
    }
}

/// An outer map: slots with one inner map each.
pub(super) struct Slots {
    name: &'static str,
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
}
