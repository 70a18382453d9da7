use super::*;
use crate::kernel::{FailureKind, KernelError, Limits};

#[test]
fn the_program_loads_and_is_described() {
    let Some(mut datapath) = loaded() else { return };
    let facts = datapath.facts().unwrap();
    eprintln!("{facts:?}, {} octets of maps", facts.map_memory());
    assert!(facts.verified_instructions.is_none_or(|count| count > 0), "{facts:?}");
    assert!(facts.map_memory() > 1 << 20);
    assert_eq!(facts.object_sha256.len(), 64);
}

#[test]
fn without_a_policy_everything_passes() {
    let Some(datapath) = loaded() else { return };
    let frame = query("www.example.com");
    let run = datapath.test_run(&frame).unwrap();
    assert_eq!((run.action, run.data), (2, frame));
    assert_eq!(datapath.hits().unwrap(), [0u64; 0]);
    assert_eq!(datapath.counters().unwrap(), []);
}

#[test]
fn an_object_of_another_abi_is_refused() {
    let Some(options) = options() else { return };
    let octets = options.object.octets().to_vec();
    let name = b"GENERATIONS\0";
    let places: Vec<_> = octets.windows(name.len()).enumerate().filter(|(_, have)| *have == name).collect();
    let mut other = octets.clone();
    for (place, _) in places {
        other[place..place + 3].copy_from_slice(b"gen");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), other).unwrap();
    let options = LoadOptions { object: Object::read(file.path()).unwrap(), ..options };
    let error = Datapath::load(&options).err().unwrap();
    assert!(matches!(error, KernelError::Layout { .. } | KernelError::ParseObject { .. }), "{error}");
    assert_eq!(error.kind(), FailureKind::Failed);
}

#[test]
fn maps_have_the_sizes_of_the_limits() {
    let Some(mut options) = options() else { return };
    options.limits = Limits { decisions: 64, actions: 16, hits: 8, changes: 16, ..Limits::default() };
    let mut small = Datapath::load(&options).unwrap();
    let small = small.facts().unwrap().map_memory();
    assert!(small < 2 << 20, "{small}");
}

#[test]
fn frames_of_every_size_run() {
    let Some(datapath) = loaded() else { return };
    for octets in [14, 60, 1514, 3500, 4096, 9000] {
        let run = datapath.test_run(&vec![0; octets]).unwrap();
        assert_eq!((run.action, run.data.len()), (2, octets));
    }
    let error = datapath.test_run(&[0; 13]).unwrap_err();
    assert!(matches!(error, KernelError::ShortFrame { octets: 13, least: 14 }), "{error}");
}
