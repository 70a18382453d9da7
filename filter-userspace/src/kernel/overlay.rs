//! The names changed since a base was built: a map that is rewritten in place while no packet looks at it.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use aya::maps::{HashMap, Map, MapData};
use filter_common::abi::NameValue;

use super::batch;
use super::error::KernelError;
use super::load::map_error;
use crate::policy::NameMap;

/// One of the two maps that CHANGES leads to.
pub(super) struct Overlay {
    map: HashMap<MapData, u64, NameValue>,
    descriptor: MapData,
    /// What it holds; `None`: not known, after a write that failed.
    contents: Option<Arc<NameMap>>,
}

impl Overlay {
    pub(super) fn new(map: MapData) -> Result<Overlay, KernelError> {
        let descriptor = twin(&map)?;
        let map =
            HashMap::try_from(Map::HashMap(map)).map_err(|error| map_error("opening changes", error))?;
        Ok(Overlay { map, descriptor, contents: Some(Arc::default()) })
    }

    pub(super) fn map(&self) -> &MapData {
        &self.descriptor
    }

    /// Another descriptor of the same map.
    pub(super) fn twin(&self) -> Result<MapData, KernelError> {
        twin(&self.descriptor)
    }

    /// Makes it hold `wanted`, by the fewest writes.
    pub(super) fn write(&mut self, wanted: &Arc<NameMap>) -> Result<(), KernelError> {
        let held = match self.contents.take() {
            Some(held) => held,
            None => Arc::new(self.listed()?),
        };
        let fd = self.descriptor.fd().as_fd();
        let gone: Vec<u64> = held.keys().filter(|key| !wanted.contains_key(key)).copied().collect();
        let new: Vec<(u64, NameValue)> = wanted
            .iter()
            .filter(|(key, value)| held.get(key) != Some(value))
            .map(|(key, value)| (*key, *value))
            .collect();
        let (keys, values): (Vec<u64>, Vec<NameValue>) = new.into_iter().unzip();
        let failed = |error: io::Error| KernelError::call("writing changes")(error);
        batch::delete(fd, &gone).map_err(failed)?;
        batch::update(fd, &keys, &values).map_err(failed)?;
        self.contents = Some(Arc::clone(wanted));
        Ok(())
    }

    /// What the kernel says it holds.
    fn listed(&self) -> Result<NameMap, KernelError> {
        let entries: Result<_, _> = self.map.iter().collect();
        entries.map_err(|error| map_error("listing changes", error))
    }
}

/// aya's typed maps show no descriptor, so that a second one is kept beside them.
fn twin(map: &MapData) -> Result<MapData, KernelError> {
    let fd = map.fd().as_fd().try_clone_to_owned().map_err(KernelError::call("opening changes"))?;
    MapData::from_fd(fd).map_err(|error| map_error("opening changes", error))
}
