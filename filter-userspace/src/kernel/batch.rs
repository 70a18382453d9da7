//! Many elements of a map in one call, and freezing: BPF_MAP_UPDATE_BATCH, BPF_MAP_DELETE_BATCH, BPF_MAP_LOOKUP_BATCH
//! and BPF_MAP_FREEZE (kernel 5.6 and 5.2), which aya 0.14 does not wrap.

use std::io;
use std::os::fd::BorrowedFd;

use aya::Pod;
use aya_obj::generated::{bpf_attr, bpf_cmd};

use super::sys;

/// Elements of one call: bounds what the kernel works on between two checks of pending signals.
const CHUNK: usize = 8192;

/// Sets `values[i]` at `keys[i]`, for all of them. `K` and `V` must have the map's sizes.
///
/// # Errors
/// The kernel's; some elements may have been set.
pub(super) fn update<K: Pod, V: Pod>(map: BorrowedFd<'_>, keys: &[K], values: &[V]) -> io::Result<()> {
    if keys.len() != values.len() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    for (keys, values) in keys.chunks(CHUNK).zip(values.chunks(CHUNK)) {
        batch(bpf_cmd::BPF_MAP_UPDATE_BATCH, map, keys, Some(values))?;
    }
    Ok(())
}

/// Deletes every one of `keys`, each of which must be there.
///
/// # Errors
/// The kernel's; some elements may have been deleted.
pub(super) fn delete<K: Pod>(map: BorrowedFd<'_>, keys: &[K]) -> io::Result<()> {
    keys.chunks(CHUNK).try_for_each(|keys| batch::<K, u8>(bpf_cmd::BPF_MAP_DELETE_BATCH, map, keys, None))
}

/// Nothing in userspace may write the map any more.
///
/// # Errors
/// The kernel's.
pub(super) fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = sys::attributes();
    attr.__bindgen_anon_2.map_fd = sys::number(map);
    // SAFETY: the command reads the descriptor only.
    unsafe { sys::bpf(bpf_cmd::BPF_MAP_FREEZE, &mut attr) }.map(drop)
}

/// The values of the first elements of a per-CPU array map of `u64`, `cpus` of them for each: as many elements as
/// `values` has room for.
///
/// # Errors
/// The kernel's.
pub(super) fn lookup_per_cpu(map: BorrowedFd<'_>, values: &mut [u64], cpus: usize) -> io::Result<()> {
    let wanted = values.len().checked_div(cpus).unwrap_or(0);
    let (mut done, mut cursor) = (0, 0u32);
    while done < wanted {
        let count = CHUNK.min(wanted - done);
        let mut keys = vec![0u32; count];
        let Some(room) = values.get_mut(done * cpus..(done + count) * cpus) else { break };
        let mut attr = sys::attributes();
        // for an array the cursor is the last key seen, and none at first
        attr.batch.in_batch = if done == 0 { 0 } else { (&raw const cursor).addr() as u64 };
        let mut next = 0u32;
        attr.batch.out_batch = (&raw mut next).addr() as u64;
        attr.batch.keys = keys.as_mut_ptr().expose_provenance() as u64;
        attr.batch.values = room.as_mut_ptr().expose_provenance() as u64;
        attr.batch.count = u32::try_from(count).unwrap_or(u32::MAX);
        attr.batch.map_fd = sys::number(map);
        // SAFETY: `cursor` and `next` are the 4 octets that an array's cursor has, `keys` has room for `count` keys of
        // 4 octets and `room` for `count` times `cpus` values of 8 octets, which is what the kernel writes.
        match unsafe { sys::bpf(bpf_cmd::BPF_MAP_LOOKUP_BATCH, &mut attr) } {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => return Err(error),
            // ENOENT is the map's end: what was there has been copied
            Err(_) => break,
            Ok(_) => (done, cursor) = (done + count, next),
        }
    }
    Ok(())
}

fn batch<K: Pod, V: Pod>(
    cmd: bpf_cmd,
    map: BorrowedFd<'_>,
    keys: &[K],
    values: Option<&[V]>,
) -> io::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let count = u32::try_from(keys.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    let mut attr: bpf_attr = sys::attributes();
    attr.batch.keys = keys.as_ptr().expose_provenance() as u64;
    attr.batch.values = values.map_or(0, |values| values.as_ptr().expose_provenance() as u64);
    attr.batch.count = count;
    attr.batch.map_fd = sys::number(map);
    // SAFETY: both slices hold `count` elements of plain data in the map's sizes (the callers' duty, checked against the
    // object's maps when it is loaded) and outlive the call, which only reads them.
    unsafe { sys::bpf(cmd, &mut attr)? };
    // SAFETY: `count` is an integer in every view of the union; the kernel put there how many it did.
    let done = unsafe { attr.batch.count };
    if done == count {
        Ok(())
    } else {
        Err(io::Error::other(format!("only {done} of {count} elements done")))
    }
}

/// Sets one element.
///
/// # Errors
/// The kernel's.
pub(super) fn set<K: Pod, V: Pod>(map: BorrowedFd<'_>, key: &K, value: &V) -> io::Result<()> {
    let mut attr = sys::attributes();
    attr.__bindgen_anon_2.map_fd = sys::number(map);
    attr.__bindgen_anon_2.key = (&raw const *key).expose_provenance() as u64;
    attr.__bindgen_anon_2.__bindgen_anon_1.value = (&raw const *value).expose_provenance() as u64;
    // SAFETY: key and value are plain data in the map's sizes (as for `batch`) and outlive the call, which only reads
    // them.
    unsafe { sys::bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
}

/// Takes one element away.
///
/// # Errors
/// The kernel's.
pub(super) fn unset<K: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<()> {
    let mut attr = sys::attributes();
    attr.__bindgen_anon_2.map_fd = sys::number(map);
    attr.__bindgen_anon_2.key = (&raw const *key).expose_provenance() as u64;
    // SAFETY: the key is plain data in the map's size (as for `batch`) and outlives the call, which only reads it.
    unsafe { sys::bpf(bpf_cmd::BPF_MAP_DELETE_ELEM, &mut attr) }.map(drop)
}
