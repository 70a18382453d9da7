//! What is loaded: for `status`, `doctor`, metrics and the audit log.

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use aya::programs::ProgramInfo;

use super::sys;

/// Facts about the loaded program and its maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The kernel's id of the program.
    pub program: u32,
    /// The kernel's tag of the program: a hash of its instructions.
    pub tag: String,
    /// Instructions that the verifier looked at (kernel 5.16).
    pub verified_instructions: Option<u32>,
    /// Octets of machine code.
    pub machine_code: u32,
    /// How long loading took: maps, verifier and compiler.
    pub load: Duration,
    /// SHA-256 of the object, in hexadecimal.
    pub object_sha256: String,
    /// The kernel's release.
    pub kernel: String,
    /// Octets of each map, as the kernel accounts for them; maps of one name are one entry.
    pub maps: Vec<(String, u64)>,
}

impl Facts {
    /// Octets of all maps.
    #[must_use]
    pub fn map_memory(&self) -> u64 {
        self.maps.iter().map(|(_, octets)| octets).sum()
    }

    pub(super) fn new(
        info: &ProgramInfo,
        load: Duration,
        object_sha256: String,
        maps: Vec<(String, u64)>,
    ) -> Facts {
        Facts {
            program: info.id(),
            tag: format!("{:016x}", info.tag().swap_bytes()),
            verified_instructions: info.verified_instruction_count(),
            machine_code: info.size_jitted(),
            load,
            object_sha256,
            kernel: sys::release(),
            maps: merged(maps),
        }
    }
}

/// Octets that the kernel accounts to the map.
pub(super) fn memory(map: BorrowedFd<'_>) -> u64 {
    let path = format!("/proc/self/fdinfo/{}", map.as_raw_fd());
    memlock(&fs::read_to_string(path).unwrap_or_default())
}

fn memlock(fdinfo: &str) -> u64 {
    let octets = fdinfo.lines().find_map(|line| line.strip_prefix("memlock:"));
    octets.and_then(|octets| octets.trim().parse().ok()).unwrap_or(0)
}

fn merged(mut maps: Vec<(String, u64)>) -> Vec<(String, u64)> {
    maps.sort();
    maps.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        same
    });
    maps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_of_one_name_are_one_entry() {
        let maps = [("B", 1), ("A", 2), ("B", 3)].map(|(name, octets)| (name.to_owned(), octets));
        assert_eq!(merged(maps.to_vec()), [("A".to_owned(), 2), ("B".to_owned(), 4)]);
    }

    #[test]
    fn the_account_is_read() {
        assert_eq!(memlock("pos:\t0\nmap_type:\t1\nmemlock:\t4096\nmap_id:\t7\n"), 4096);
        assert_eq!(memlock(""), 0);
    }
}
