//! The eBPF object: the one built into this binary, or one from a file; its digest, and whether its maps are what this
//! binary expects.

use std::borrow::Cow;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use aya_obj::Object as Parsed;
use aya_obj::generated::bpf_map_type::{self, *};
use filter_common::abi;
use filter_common::bucket::Bucket;
use filter_common::region::Line;
use sha2::{Digest, Sha256};

use super::error::KernelError;

/// Name of the XDP program in the object.
pub(super) const PROGRAM: &str = "interdict";

/// The octets of an eBPF object.
#[derive(Clone, Debug, Default)]
pub struct Object(Cow<'static, [u8]>);

impl Object {
    /// The object that was built into this binary.
    ///
    /// # Errors
    /// When there is none: the binary was built before the object could be.
    pub fn embedded() -> Result<Object, KernelError> {
        let octets: &'static [u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/interdict.bpf.o"));
        if octets.is_empty() { Err(KernelError::NoObject) } else { Ok(Object(Cow::Borrowed(octets))) }
    }

    /// An object from a file, for packagers and tests.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path) -> Result<Object, KernelError> {
        let read = fs::read(path);
        read.map(|octets| Object(Cow::Owned(octets)))
            .map_err(|source| KernelError::ReadObject { path: path.to_owned(), source })
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of the object, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.0).iter().fold(String::new(), |mut text, octet| {
            // writing to a String cannot fail
            let _infallible = write!(text, "{octet:02x}");
            text
        })
    }

    /// What the inner maps must look like to fit the outer ones, when every map is as this binary expects.
    pub(super) fn check(&self) -> Result<InnerFlags, KernelError> {
        let parsed =
            Parsed::parse(&self.0).map_err(|error| KernelError::ParseObject { reason: error.to_string() })?;
        if !parsed.programs.contains_key(PROGRAM) {
            return Err(misfit("no program".to_owned(), format!("the program {PROGRAM}")));
        }
        for expected in EXPECTED {
            expected.check(&parsed)?;
        }
        let flags = |name| inner_flags(&parsed, name);
        Ok(InnerFlags { names: flags("NAMES"), regions: flags("REGIONS"), changes: flags("CHANGES") })
    }
}

/// Flags of the inner maps, which the kernel wants to be the template's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InnerFlags {
    pub names: u32,
    pub regions: u32,
    pub changes: u32,
}

/// A map as the ABI has it.
struct Expected {
    name: &'static str,
    shape: Shape,
    inner: Option<Shape>,
}

/// Type, octets of a key, octets of a value.
type Shape = (bpf_map_type, usize, usize);

const fn plain(name: &'static str, kind: bpf_map_type, key: usize, value: usize) -> Expected {
    Expected { name, shape: (kind, key, value), inner: None }
}

const fn outer(name: &'static str, kind: bpf_map_type, key: usize, value: usize) -> Expected {
    let shape = (BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4);
    Expected { name, shape, inner: Some((kind, key, value)) }
}

const EXPECTED: &[Expected] = &[
    plain("ACTIVE", BPF_MAP_TYPE_ARRAY, 4, 4),
    plain("GENERATIONS", BPF_MAP_TYPE_ARRAY, 4, size_of::<abi::Generation>()),
    outer("NAMES", BPF_MAP_TYPE_ARRAY, 4, size_of::<Bucket>()),
    outer("CHANGES", BPF_MAP_TYPE_HASH, 8, size_of::<abi::NameValue>()),
    outer("REGIONS", BPF_MAP_TYPE_ARRAY, 4, size_of::<Line>()),
    plain("DECISIONS", BPF_MAP_TYPE_ARRAY, 4, size_of::<abi::Decision>()),
    plain("ACTIONS", BPF_MAP_TYPE_ARRAY, 4, size_of::<abi::Action>()),
    plain("HASH_KEY", BPF_MAP_TYPE_ARRAY, 4, size_of::<abi::HashKey>()),
    plain("SERVICES", BPF_MAP_TYPE_HASH, size_of::<abi::ServiceKey>(), 4),
    plain("COUNTERS", BPF_MAP_TYPE_PERCPU_ARRAY, 4, size_of::<abi::Counters>()),
    plain("HITS", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8),
];

impl Expected {
    fn check(&self, parsed: &Parsed) -> Result<(), KernelError> {
        let name = self.name;
        let Some(map) = parsed.maps.get(name) else {
            return Err(misfit(format!("no map {name}"), words(self.shape)));
        };
        fits(name, map, self.shape)?;
        let Some(shape) = self.inner else { return Ok(()) };
        let inner =
            map.inner().ok_or_else(|| misfit(format!("map {name} without an inner map"), words(shape)))?;
        fits(&format!("{name} (inner)"), &inner, shape)
    }
}

fn fits(name: &str, map: &aya_obj::Map, shape: Shape) -> Result<(), KernelError> {
    let (kind, key, value) = shape;
    let found = (map.map_type(), map.key_size(), map.value_size());
    let same = |size: u32, expected: usize| usize::try_from(size).is_ok_and(|size| size == expected);
    // aya fills in the value size of an outer map itself
    let outer = kind == BPF_MAP_TYPE_ARRAY_OF_MAPS;
    if found.0 == kind as u32 && same(found.1, key) && (outer || same(found.2, value)) {
        return Ok(());
    }
    Err(misfit(format!("map {name} of type {}, key {}, value {}", found.0, found.1, found.2), words(shape)))
}

fn words((kind, key, value): Shape) -> String {
    format!("type {}, key {key}, value {value}", kind as u32)
}

fn misfit(what: String, expected: String) -> KernelError {
    KernelError::Layout { what, expected }
}

fn inner_flags(parsed: &Parsed, name: &str) -> u32 {
    parsed.maps.get(name).and_then(aya_obj::Map::inner).map_or(0, |inner| inner.map_flags())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_hexadecimal() {
        let object = Object(Cow::Borrowed(b"abc"));
        assert_eq!(object.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for octets in [&b""[..], b"\x7fELF", &[0; 4096]] {
            let error = Object(Cow::Borrowed(octets)).check().unwrap_err();
            assert!(matches!(error, KernelError::ParseObject { .. }), "{error}");
        }
    }

    #[test]
    fn the_embedded_object_fits_the_abi() {
        match Object::embedded() {
            Ok(object) => {
                object.check().unwrap();
            }
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
}
