//! On interfaces of a network namespace that a thread of the test has to itself: it ends with the thread.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};

use super::*;
use crate::kernel::{AttachMode, Detached, FailureKind, Health, KernelError, Mode, Origin, PinDir, detach};

/// A pin directory of the test's own, removed at its end.
struct Pins(PathBuf);

impl Pins {
    fn new(test: &str) -> Pins {
        Pins(PathBuf::from(format!("/sys/fs/bpf/interdict-{test}-{}", std::process::id())))
    }

    fn claim(&self) -> PinDir {
        PinDir::claim(&self.0).unwrap()
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// Runs the test where `a0` and `a1` are the ends of a veth pair, in a namespace of its own.
fn on_a_pair(test: &str, run: impl FnOnce(&mut Datapath, &Pins) + Send) {
    let Some(mut datapath) = loaded() else { return };
    thread::scope(|scope| {
        let apart = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            ip("link add a0 type veth peer name a1");
            ip("link set a0 up");
            ip("link set a1 up");
            run(&mut datapath, &Pins::new(test));
        });
        apart.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn ip(arguments: &str) {
    let ended = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(ended.success(), "ip {arguments}");
}

fn link(interface: &str) -> String {
    let output = Command::new("ip").args(["-d", "link", "show", interface]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn attaches_in_both_modes_and_detaches() {
    on_a_pair("modes", |datapath, pins| {
        let pins = pins.claim();
        for (asked, mode) in [(AttachMode::Auto, Mode::Driver), (AttachMode::Only(Mode::Skb), Mode::Skb)] {
            let attached = datapath.attach("a0", asked, &pins).unwrap();
            assert_eq!((attached.mode(), attached.origin()), (mode, Origin::Attached));
            assert_eq!(attached.driver_refused(), None);
            assert!(attached.alive() && attached.path().exists());
            assert!(link("a0").contains("xdp"), "{}", link("a0"));
            let banks = datapath.counters().unwrap();
            assert_eq!(banks.iter().map(|bank| bank.interface.as_str()).collect::<Vec<_>>(), ["a0"]);
            let path = attached.path().to_owned();
            attached.detach().unwrap();
            assert!(!path.exists() && !link("a0").contains("prog/xdp"), "{}", link("a0"));
            assert_eq!(datapath.counters().unwrap(), []);
        }
    });
}

#[test]
fn a_mode_that_the_driver_lacks_falls_back() {
    on_a_pair("fallback", |datapath, pins| {
        ip("link add br0 type bridge");
        let pins = pins.claim();
        let error = datapath.attach("br0", AttachMode::Only(Mode::Driver), &pins).unwrap_err();
        assert!(error.to_string().contains("the driver does not support it"), "{error}");
        let attached = datapath.attach("br0", AttachMode::Auto, &pins).unwrap();
        assert_eq!(attached.mode(), Mode::Skb);
        assert!(attached.driver_refused().is_some_and(|why| why.contains("driver mode")));
        attached.detach().unwrap();
    });
}

#[test]
fn a_dropped_attachment_stays_and_the_next_takes_it_over() {
    on_a_pair("takeover", |datapath, pins| {
        let claimed = pins.claim();
        drop(datapath.attach("a0", AttachMode::Auto, &claimed).unwrap());
        assert!(link("a0").contains("prog/xdp"), "{}", link("a0"));
        drop(claimed);
        let program = datapath.facts().unwrap().program;
        let mut next = loaded().unwrap();
        let claimed = pins.claim();
        let error = next.attach("a0", AttachMode::Only(Mode::Skb), &claimed).unwrap_err();
        assert!(matches!(error, KernelError::OtherMode { found: Mode::Driver, .. }), "{error}");
        let attached = next.attach("a0", AttachMode::Auto, &claimed).unwrap();
        assert_eq!(attached.origin(), Origin::TakenOver { program });
        assert!(link("a0").contains(&format!("id {}", next.facts().unwrap().program)), "{}", link("a0"));
        drop(attached);
        let detached = detach(&claimed).unwrap();
        assert_eq!(detached, [Detached { interface: "a0".to_owned(), was_attached: true }]);
        assert!(!link("a0").contains("prog/xdp"), "{}", link("a0"));
        assert_eq!(detach(&claimed).unwrap(), []);
    });
}

#[test]
fn a_pin_of_another_version_is_taken_over() {
    on_a_pair("versions", |datapath, pins| {
        let claimed = pins.claim();
        drop(datapath.attach("a0", AttachMode::Auto, &claimed).unwrap());
        let (now, old) = (claimed.link_path("a0"), pins.0.join("v0/links/a0"));
        fs::create_dir_all(old.parent().unwrap()).unwrap();
        fs::rename(&now, &old).unwrap();
        let attached = datapath.attach("a0", AttachMode::Auto, &claimed).unwrap();
        assert!(matches!(attached.origin(), Origin::TakenOver { .. }));
        assert!(now.exists() && !old.exists() && attached.alive());
        attached.detach().unwrap();
    });
}

#[test]
fn a_busy_interface_names_its_holder() {
    on_a_pair("busy", |datapath, pins| {
        let other = Pins::new("busy-other");
        let (claimed, others) = (pins.claim(), other.claim());
        let held = datapath.attach("a0", AttachMode::Auto, &others).unwrap();
        let program = datapath.facts().unwrap().program;
        let mut second = loaded().unwrap();
        for mode in [AttachMode::Auto, AttachMode::Only(Mode::Skb)] {
            let error = second.attach("a0", mode, &claimed).unwrap_err();
            let said = format!("already has an XDP program (id {program}, \"interdict\", held by a link)");
            assert!(error.to_string().contains(&said), "{error}");
            assert_eq!(error.kind(), FailureKind::Unavailable);
        }
        held.detach().unwrap();
        second.attach("a0", AttachMode::Auto, &claimed).unwrap().detach().unwrap();
    });
}

#[test]
fn a_program_attached_by_netlink_is_named_too() {
    on_a_pair("netlink", |datapath, pins| {
        let claimed = pins.claim();
        let pin = pins.0.join("other");
        crate::kernel::link::pin(datapath.runner().program(), &pin).unwrap();
        ip(&format!("link set dev a0 xdpgeneric pinned {}", pin.display()));
        for mode in [AttachMode::Auto, AttachMode::Only(Mode::Skb)] {
            let error = datapath.attach("a0", mode, &claimed).unwrap_err();
            assert!(error.to_string().contains("`ip link set dev a0 xdpgeneric off`"), "{error}");
            assert!(error.to_string().contains("\"interdict\", attached by netlink"), "{error}");
        }
        ip("link set dev a0 xdpgeneric off");
        datapath.attach("a0", AttachMode::Auto, &claimed).unwrap().detach().unwrap();
    });
}

#[test]
fn an_interface_that_goes_away_is_noticed_and_attached_again() {
    on_a_pair("gone", |datapath, pins| {
        let pins = pins.claim();
        let attached = datapath.attach("a0", AttachMode::Auto, &pins).unwrap();
        ip("link del a0");
        assert_eq!(attached.health().unwrap(), Health::InterfaceGone);
        assert!(!attached.alive());
        let error = datapath.attach("a0", AttachMode::Auto, &pins).unwrap_err();
        assert!(matches!(error, KernelError::NoInterface { .. }), "{error}");
        ip("link add a0 type veth peer name a1");
        let again = datapath.attach("a0", AttachMode::Auto, &pins).unwrap();
        assert_eq!(again.origin(), Origin::Attached);
        drop(attached);
        assert_eq!(datapath.counters().unwrap().len(), 1);
        ip("link del a0");
        drop(again);
        assert_eq!(detach(&pins).unwrap(), [Detached { interface: "a0".to_owned(), was_attached: false }]);
    });
}

#[test]
fn a_removed_pin_and_a_renamed_interface_are_noticed() {
    on_a_pair("pins", |datapath, pins| {
        let pins = pins.claim();
        let attached = datapath.attach("a0", AttachMode::Auto, &pins).unwrap();
        let moved = attached.path().with_file_name("a1");
        fs::rename(attached.path(), &moved).unwrap();
        assert_eq!(attached.health().unwrap(), Health::Unpinned);
        let error = datapath.attach("a1", AttachMode::Auto, &pins).unwrap_err();
        let (found, expected) = (if_nametoindex("a0").unwrap(), if_nametoindex("a1").unwrap());
        assert!(
            matches!(error, KernelError::MovedPin { found: f, expected: e, .. } if (f, e) == (found, expected)),
            "{error}"
        );
        fs::remove_file(moved).unwrap();
        drop(attached);
        assert!(!link("a0").contains("prog/xdp"));
    });
}

#[test]
fn names_with_dots_can_be_pinned() {
    on_a_pair("dots", |datapath, pins| {
        ip("link add a0.100 type veth peer name b0");
        let pins = pins.claim();
        drop(datapath.attach("a0.100", AttachMode::Auto, &pins).unwrap());
        assert_eq!(
            detach(&pins).unwrap().first().map(|one| one.interface.clone()),
            Some("a0.100".to_owned())
        );
    });
}

#[test]
fn interfaces_that_would_share_counters_are_refused() {
    on_a_pair("banks", |datapath, pins| {
        ip("link add b0 index 1000 type veth peer name b1");
        ip("link add c0 index 1256 type veth peer name c1");
        let pins = pins.claim();
        let first = datapath.attach("b0", AttachMode::Auto, &pins).unwrap();
        let error = datapath.attach("c0", AttachMode::Auto, &pins).unwrap_err();
        assert!(matches!(error, KernelError::SharedCounters { index: 1256, other: 1000, .. }), "{error}");
        first.detach().unwrap();
        datapath.attach("c0", AttachMode::Auto, &pins).unwrap().detach().unwrap();
    });
}

#[test]
fn the_pin_directory_has_one_owner() {
    let Some(_) = options() else { return };
    let pins = Pins::new("owner");
    let claimed = pins.claim();
    let error = PinDir::claim(&pins.0).unwrap_err();
    assert!(matches!(error, KernelError::Claimed { .. }), "{error}");
    drop(claimed);
    pins.claim();
}
