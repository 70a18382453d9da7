//! The maps inside the maps: made.

use aya::maps::MapData;
use aya_obj::generated::bpf_map_type::{self, BPF_MAP_TYPE_HASH};
use filter_common::abi::NameValue;

use super::error::KernelError;
use super::load::map_error;

/// A HASH of names with room for `room` of them.
pub(super) fn hash(name: &str, room: usize, flags: u32) -> Result<MapData, KernelError> {
    create(name, BPF_MAP_TYPE_HASH, size_of::<u64>(), size_of::<NameValue>(), room, flags)
}

/// An empty map.
pub(super) fn create(
    name: &str,
    kind: bpf_map_type,
    key: usize,
    value: usize,
    room: usize,
    flags: u32,
) -> Result<MapData, KernelError> {
    let size = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
    let map = aya_obj::Map::new_from_params(kind as u32, size(key), size(value), size(room.max(1)), flags);
    MapData::create(map, name, None)
        .map_err(|error| map_error(format!("creating {name} for {room} entries"), error))
}
