//! A snapshot as the program sees it, so that the host decides by the same engine.

use std::collections::HashSet;
use std::net::IpAddr;

use filter_common::Policy;
use filter_common::abi::{Decision, Generation, MAX_TYPES};
use filter_common::hash::KeyRows;
use filter_common::policy::{Services, mapped};

use super::snapshot::Snapshot;

/// Service addresses, on the host.
#[derive(Clone, Debug, Default)]
pub struct HostServices(HashSet<(u64, u64)>);

impl HostServices {
    /// These addresses.
    #[must_use]
    pub fn new(addresses: &[IpAddr]) -> HostServices {
        HostServices(addresses.iter().map(|address| halves(*address)).collect())
    }
}

impl Services for HostServices {
    fn serves(&self, high: u64, low: u64) -> bool {
        self.0.contains(&(high, low))
    }
}

/// A snapshot's maps, on the host. Cheap to make.
#[derive(Clone, Debug)]
pub struct HostPolicy<'a> {
    snapshot: &'a Snapshot,
    generation: Generation,
    services: HostServices,
    /// The client's word, whatever its address.
    fixed: Option<u32>,
}

impl<'a> HostPolicy<'a> {
    /// The snapshot as it would be published.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> HostPolicy<'a> {
        let mut types = [0; MAX_TYPES];
        for (place, qtype) in types.iter_mut().zip(&snapshot.types) {
            *place = *qtype;
        }
        let generation = Generation {
            number: snapshot.number,
            mode: snapshot.mode.number(),
            root: snapshot.root,
            regions_count: snapshot.regions_count,
            types_count: snapshot.types_count(),
            types,
            ..Generation::default()
        };
        HostPolicy { snapshot, generation, services: HostServices::default(), fixed: None }
    }

    /// With the service addresses of the settings.
    #[must_use]
    pub fn with_services(mut self, addresses: &[IpAddr]) -> HostPolicy<'a> {
        self.services = HostServices::new(addresses);
        self
    }

    /// With every client having this word.
    pub(super) fn with_client(mut self, word: u32) -> HostPolicy<'a> {
        self.fixed = Some(word);
        self
    }

    fn word(&self, found: impl FnOnce() -> Option<u32>) -> u32 {
        self.fixed.or_else(found).unwrap_or(self.snapshot.unknown)
    }
}

/// The halves of an address as the filter reads them.
fn halves(address: IpAddr) -> (u64, u64) {
    match address {
        IpAddr::V4(address) => mapped(u32::from_le_bytes(address.octets())),
        IpAddr::V6(address) => {
            let bits = u128::from_le_bytes(address.octets());
            (bits as u64, (bits >> 64) as u64)
        }
    }
}

impl KeyRows for HostPolicy<'_> {
    fn row(&self, row: usize) -> [u64; 6] {
        self.snapshot.hash_key().row(row)
    }
}

impl Policy for HostPolicy<'_> {
    fn generation(&self) -> &Generation {
        &self.generation
    }

    fn name(&self, key: u64, check: u32) -> u64 {
        self.snapshot.names.get(key, check).unwrap_or(0)
    }

    fn client_v4(&self, address: u32) -> u32 {
        self.word(|| self.snapshot.index.find_v4(address.swap_bytes()))
    }

    fn client_v6(&self, high: u64, low: u64) -> u32 {
        let address = u128::from(high.swap_bytes()) << 64 | u128::from(low.swap_bytes());
        self.word(|| self.snapshot.index.find_v6(address))
    }

    fn decision(&self, cell: u32) -> Decision {
        self.snapshot.decisions.get(cell as usize).copied().unwrap_or_default()
    }

    fn action_kind(&self, action: u32) -> u16 {
        self.snapshot.actions.get(action as usize).map_or(0, |action| action.kind)
    }
}

impl Services for HostPolicy<'_> {
    fn serves(&self, high: u64, low: u64) -> bool {
        self.services.serves(high, low)
    }
}
