//! The maps inside the maps: made, filled in batches and frozen.

use std::os::fd::{AsFd, BorrowedFd};

use aya::Pod;
use aya::maps::{MapData, lpm_trie::Key};
use aya_obj::generated::BPF_F_NO_PREALLOC;
use aya_obj::generated::bpf_map_type::{self, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LPM_TRIE};
use filter_common::abi::{NameValue, RegionKeyV4, RegionKeyV6};
use filter_common::bucket::Bucket;
use ipnet::{Ipv4Net, Ipv6Net};

use super::batch;
use super::error::KernelError;
use super::load::map_error;
use super::memory;

/// A HASH of names with room for `room` of them.
pub(super) fn hash(name: &str, room: usize, flags: u32) -> Result<MapData, KernelError> {
    create(name, BPF_MAP_TYPE_HASH, size_of::<u64>(), size_of::<NameValue>(), room, flags)
}

/// Two tries, one for each IP version.
pub(super) struct Tries {
    pub v4: MapData,
    pub v6: MapData,
}

impl Tries {
    /// Filled with the prefixes and frozen.
    pub(super) fn filled(v4: &[(Ipv4Net, u32)], v6: &[(Ipv6Net, u32)]) -> Result<Tries, KernelError> {
        let keys_v4: Vec<Key<RegionKeyV4>> = v4
            .iter()
            .map(|(prefix, _)| Key::new(u32::from(prefix.prefix_len()), prefix.network().octets()))
            .collect();
        let keys_v6: Vec<Key<RegionKeyV6>> = v6
            .iter()
            .map(|(prefix, _)| Key::new(u32::from(prefix.prefix_len()), prefix.network().octets()))
            .collect();
        let words_v4: Vec<u32> = v4.iter().map(|(_, word)| *word).collect();
        let words_v6: Vec<u32> = v6.iter().map(|(_, word)| *word).collect();
        Ok(Tries {
            v4: trie("regions_v4", &keys_v4, &words_v4)?,
            v6: trie("regions_v6", &keys_v6, &words_v6)?,
        })
    }
}

fn trie<K: Pod>(name: &str, keys: &[Key<K>], words: &[u32]) -> Result<MapData, KernelError> {
    let map = create(
        name,
        BPF_MAP_TYPE_LPM_TRIE,
        size_of::<Key<K>>(),
        size_of::<u32>(),
        keys.len(),
        BPF_F_NO_PREALLOC,
    )?;
    fill(name, map.fd().as_fd(), keys, words)?;
    Ok(map)
}

/// A frozen array that holds exactly these buckets.
pub(super) fn base(buckets: &[Bucket], flags: u32) -> Result<MapData, KernelError> {
    let map =
        create("names", BPF_MAP_TYPE_ARRAY, size_of::<u32>(), size_of::<Bucket>(), buckets.len(), flags)?;
    let filled = memory::copy(map.fd().as_fd(), buckets);
    filled.map_err(KernelError::call(format!("filling names with {} buckets", buckets.len())))?;
    batch::freeze(map.fd().as_fd()).map_err(KernelError::call("freezing names"))?;
    Ok(map)
}

fn fill<K: Pod, V: Pod>(
    name: &str,
    map: BorrowedFd<'_>,
    keys: &[K],
    values: &[V],
) -> Result<(), KernelError> {
    let filled = batch::update(map, keys, values);
    filled.map_err(KernelError::call(format!("filling {name} with {} entries", keys.len())))?;
    batch::freeze(map).map_err(KernelError::call(format!("freezing {name}")))
}

fn create(
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
