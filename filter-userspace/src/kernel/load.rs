//! The object into the kernel: its maps at the sizes of the limits, its settings, its program past the verifier.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aya::maps::{Array, HashMap, Map, MapData, MapError};
use aya::programs::{ProgramError, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader, VerifierLogLevel};
use filter_common::abi::{HashKey, LINE_NUMBER, NO_GENERATION, ServiceKey, Settings};
use filter_common::bucket::SIEVE_BUCKETS;
use filter_common::region::ROOT_LINES;

use super::capability;
use super::error::KernelError;
use super::image::within;
use super::object::{InnerFlags, Object, PROGRAM};
use super::pages::pages;
use super::sys;
use crate::error_chain::chain;
use crate::policy::Base;

/// Lines of the verifier's log that an error carries.
const LOG_LINES: usize = 8;

/// Room in the maps, fixed while the program is loaded. The field's names are the keys of the configuration's `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Names of a policy, with those above them.
    pub names: u32,
    /// Names that may differ from the base before it is rebuilt.
    pub changes: u32,
    /// Decisions of a policy: sets times two times regions times type classes.
    pub decisions: u32,
    /// Actions of a policy.
    pub actions: u32,
    /// Counters of decisions.
    pub hits: u32,
    /// Prefixes of each IP version.
    pub prefixes: u32,
}

/// Lines of the region tree that there is room for, for each prefix of the limit: few prefixes need more than one, but
/// one that is alone where it is needs one for each 16 bits.
const LINES_A_PREFIX: u64 = 8;

impl Limits {
    /// Pages of the largest base of names.
    pub(super) fn names_pages(&self) -> u32 {
        let buckets = Base::buckets_for(self.names.into());
        pages(buckets.saturating_add(buckets / u64::from(SIEVE_BUCKETS)))
    }

    /// Pages of the largest region tree.
    pub(super) fn regions_pages(&self) -> u32 {
        pages(u64::from(ROOT_LINES).saturating_add(u64::from(self.prefixes).saturating_mul(LINES_A_PREFIX)))
    }

    /// That there is room for a region tree with so many lines, and that its words can number them: a number cut short
    /// would lead into another region.
    pub(super) fn check_tree(&self, lines: usize) -> Result<(), KernelError> {
        let lines = u64::try_from(lines).unwrap_or(u64::MAX);
        let most = u64::from(LINE_NUMBER).saturating_add(1);
        if lines > most {
            let what =
                format!("its region tree has {lines} lines, at most {most} can be; use fewer prefixes");
            return Err(KernelError::Inconsistent { what });
        }
        let needed = lines.saturating_sub(u64::from(ROOT_LINES)).div_ceil(LINES_A_PREFIX);
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        within("prefixes (as room for a region tree as deep)", needed, self.prefixes, "prefixes")
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            names: 16 << 20,
            changes: 65_536,
            decisions: 131_072,
            actions: 4_096,
            hits: 65_536,
            prefixes: 131_072,
        }
    }
}

/// What the program may write to the agent's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ProgramLog {
    /// Nothing.
    Off = 0,
    /// Errors.
    #[default]
    Error = 1,
    /// Warnings too.
    Warn = 2,
    /// Everything.
    All = 5,
}

/// How the program is loaded.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The object.
    pub object: Object,
    /// Settings fixed while it is loaded.
    pub settings: Settings,
    /// Room in the maps.
    pub limits: Limits,
    /// The secret key of the names' hash; policies must be compiled with it.
    pub hash_key: Arc<HashKey>,
    /// Addresses whose queries are filtered, when `SETTING_SERVICES` is set.
    pub services: Vec<IpAddr>,
    /// What the program may log.
    pub program_log: ProgramLog,
    /// Ask the verifier for its words when it refuses: it is run once more for that (`doctor` does).
    pub verifier_words: bool,
    /// Number of the first generation.
    pub first_generation: u64,
    /// Frames in the pool of the benchmark's object; the product's has none.
    pub pool: u32,
}

impl LoadOptions {
    /// The embedded object with everything at its default.
    ///
    /// # Errors
    /// When this binary has no object.
    pub fn new(hash_key: Arc<HashKey>) -> Result<LoadOptions, KernelError> {
        Ok(LoadOptions {
            object: Object::embedded()?,
            settings: Settings::DEFAULT,
            limits: Limits::default(),
            hash_key,
            services: Vec::new(),
            program_log: ProgramLog::default(),
            verifier_words: false,
            first_generation: 1,
            pool: 1,
        })
    }
}

/// What [`load`] made.
pub(super) struct Loaded {
    pub ebpf: Ebpf,
    pub flags: InnerFlags,
    pub took: Duration,
}

/// Loads the object, with no generation in force: every packet passes.
pub(super) fn load(options: &LoadOptions) -> Result<Loaded, KernelError> {
    capability::require()?;
    let flags = options.object.check()?;
    let started = Instant::now();
    let mut ebpf = load_object(options)?;
    let map = map_of(&mut ebpf, "ACTIVE")?;
    let mut active: Array<_, u32> =
        Array::try_from(map).map_err(|error| map_error("opening ACTIVE", error))?;
    active.set(0, NO_GENERATION, 0).map_err(|error| map_error("writing ACTIVE", error))?;
    fill_key(&mut ebpf, &options.hash_key)?;
    fill_services(&mut ebpf, &options.services)?;
    let program = program_of(&mut ebpf)?;
    program.load().map_err(refused)?;
    Ok(Loaded { ebpf, flags, took: started.elapsed() })
}

fn load_object(options: &LoadOptions) -> Result<Ebpf, KernelError> {
    let limits = &options.limits;
    let services = u32::try_from(options.services.len()).unwrap_or(u32::MAX);
    let log_level = options.program_log as u8;
    // the level STATS makes a refusing verifier say why and how far it came, in a few lines; with DISABLE aya's second
    // try ends before the verifier starts, so that a refusal costs one run of it and not several
    let verifier = if options.verifier_words { VerifierLogLevel::STATS } else { VerifierLogLevel::DISABLE };
    let mut loader = EbpfLoader::new();
    loader
        .override_global("SETTINGS", &options.settings, true)
        .override_global("AYA_LOG_LEVEL", &log_level, false)
        .map_max_entries("DECISIONS", limits.decisions.saturating_mul(2).max(2))
        .map_max_entries("ACTIONS", limits.actions.saturating_mul(2).max(2))
        .map_max_entries("NAMES", limits.names_pages().saturating_mul(2))
        .map_max_entries("REGIONS", limits.regions_pages().saturating_mul(2))
        .map_max_entries("HITS", limits.hits.max(1))
        .map_max_entries("SERVICES", services.max(1))
        .map_max_entries("POOL", options.pool.max(1))
        .verifier_log_level(verifier);
    loader.load(options.object.octets()).map_err(|error| match error {
        EbpfError::MapError(MapError::CreateError { name, io_error }) => {
            KernelError::Call { call: format!("creating the map {name}"), source: io_error }
        }
        error => KernelError::Load { reason: chain(&error) },
    })
}

fn fill_key(ebpf: &mut Ebpf, key: &HashKey) -> Result<(), KernelError> {
    let map = map_of(ebpf, "HASH_KEY")?;
    let mut map: Array<_, HashKey> =
        Array::try_from(map).map_err(|error| map_error("opening HASH_KEY", error))?;
    map.set(0, *key, 0).map_err(|error| map_error("writing HASH_KEY", error))
}

fn fill_services(ebpf: &mut Ebpf, services: &[IpAddr]) -> Result<(), KernelError> {
    let map = map_of(ebpf, "SERVICES")?;
    let mut map: HashMap<_, ServiceKey, u32> =
        HashMap::try_from(map).map_err(|error| map_error("opening SERVICES", error))?;
    for address in services {
        map.insert(service_key(*address), 1, 0).map_err(|error| map_error("writing SERVICES", error))?;
    }
    Ok(())
}

fn service_key(address: IpAddr) -> ServiceKey {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

pub(super) fn program_of(ebpf: &mut Ebpf) -> Result<&mut Xdp, KernelError> {
    let program = ebpf.program_mut(PROGRAM).ok_or_else(|| KernelError::Layout {
        what: "no program".to_owned(),
        expected: format!("the program {PROGRAM}"),
    })?;
    program.try_into().map_err(|error: ProgramError| KernelError::Load { reason: chain(&error) })
}

pub(super) fn map_of<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Map, KernelError> {
    ebpf.map_mut(name).ok_or_else(|| no_map(name))
}

/// The map out of the object, with the descriptor that aya's typed maps hide.
pub(super) fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<MapData, KernelError> {
    match ebpf.take_map(name) {
        Some(
            Map::Array(map)
            | Map::ArrayOfMaps(map)
            | Map::HashMap(map)
            | Map::PerCpuArray(map)
            | Map::RingBuf(map),
        ) => Ok(map),
        _ => Err(no_map(name)),
    }
}

fn no_map(name: &str) -> KernelError {
    KernelError::Layout { what: format!("no map {name}"), expected: "one".to_owned() }
}

fn refused(error: ProgramError) -> KernelError {
    match error {
        ProgramError::LoadError { io_error, verifier_log } => {
            // the verifier's own refusals are EACCES, E2BIG and the like
            if io_error.raw_os_error() == Some(libc::EPERM) {
                return KernelError::Call { call: "loading the program".to_owned(), source: io_error };
            }
            let log = words(&io_error, &verifier_log.to_string());
            KernelError::Refused { release: sys::release(), log }
        }
        error => KernelError::Load { reason: chain(&error) },
    }
}

/// The error and the end of the log; nothing when there is no log.
fn words(error: &io::Error, log: &str) -> Vec<String> {
    let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(LOG_LINES)).map(|line| (*line).to_owned());
    if lines.is_empty() { Vec::new() } else { std::iter::once(error.to_string()).chain(last).collect() }
}

/// aya's error of a map, as ours.
pub(super) fn map_error(call: impl Into<String>, error: MapError) -> KernelError {
    let call = call.into();
    match error {
        MapError::SyscallError(error) => KernelError::Call { call, source: error.io_error },
        MapError::CreateError { name: _, io_error } => KernelError::Call { call, source: io_error },
        error => KernelError::Call { call, source: io::Error::other(chain(&error)) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_cannot_be_numbered_or_has_no_room_is_refused() {
        let limits = Limits { prefixes: 1 << 24, ..Limits::default() };
        limits.check_tree(1 << 23).unwrap();
        let error = limits.check_tree((1 << 23) + 1).unwrap_err();
        assert!(error.to_string().contains("at most 8388608"), "{error}");
        let limits = Limits { prefixes: 16, ..limits };
        limits.check_tree(ROOT_LINES as usize + 128).unwrap();
        let error = limits.check_tree(ROOT_LINES as usize + 129).unwrap_err();
        assert!(error.to_string().contains("limits.prefixes is 16"), "{error}");
    }

    #[test]
    fn an_ipv4_service_has_a_mapped_key() {
        let key = service_key("192.0.2.53".parse().unwrap());
        assert_eq!(key[..12], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        assert_eq!(key[12..], [192, 0, 2, 53]);
    }
}
