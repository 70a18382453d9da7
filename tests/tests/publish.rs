//! Policies that follow each other in the kernel: whatever changed from one to the next, and in which of the maps it
//! went, the program decides as the host does with the policy alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use interdict::kernel::Limits;
use interdict::policy::{Compiler, Mode, OrderInput, PolicyInput, Soa};
use interdict::region::RegionTable;
use tests::frame::{Frame, query};
use tests::harness::is_privileged;
use tests::parity::{self, Report};
use tests::policy::{Compiled, hash_key, order};
use tests::random::{self, Random};
use tests::run::{Host, Kernel};
use tests::scenario::Settings;

const ROUNDS: u32 = 150;
const FRAMES: u32 = 200;
const REGIONS: [&str; 2] = [
    "192.0.2.0/24,IT\n198.51.100.0/24,DE\n2001:db8:39::/48,IT\n",
    "192.0.2.0/24,DE\n192.0.2.10/32,IT\n2001:db8:39::/48,FR\n2001:db8:49::/48,DE\n",
];

/// A name of a small world, so that orders meet at the same names, and above and below each other.
fn name(random: &mut Random) -> String {
    let mut name = String::from("example");
    for _ in 0..=random.below(4) {
        name = format!("{}.{name}", random.one_of(&["a", "b", "c"]));
    }
    format!("{}.{name}", random.one_of(&["x", "y"]))
}

fn any_order(random: &mut Random, id: u32) -> OrderInput {
    let scope = random.one_of(&[
        "\"global\"",
        "{ regions = [\"IT\"] }",
        "{ regions = [\"DE\", \"FR\"], unknown = \"block\" }",
        "{ prefixes = [\"192.0.2.0/28\", \"2001:db8:39:1::/64\"] }",
    ]);
    let action = random.one_of(&[
        "{ kind = \"nxdomain\", text = \"one\" }",
        "{ kind = \"nodata\", ttl = 300 }",
        "{ kind = \"refused\" }",
        "{ kind = \"address\", a = \"203.0.113.66\", aaaa = \"2001:db8:66::66\" }",
        "{ kind = \"drop\" }",
        "{ kind = \"passthru\" }",
        "{ kind = \"nodata\", types = [\"AAAA\"] }",
    ]);
    let coverage = random.one_of(&["suffix", "exact", "below"]);
    let mut text = format!(
        "[order]\nid = \"EX-{id}\"\ntype = \"administrative\"\nstatus = \"final\"\nscope = {scope}\naction = {action}\n\
         match = \"{coverage}\"\npriority = {}\n",
        random.below(3)
    );
    for _ in 0..1 + random.below(12) {
        text.push_str(&format!("[[names]]\nname = \"{}\"\n", name(random)));
    }
    order(&format!("ex-{id}"), &text).unwrap()
}

fn any_frame(random: &mut Random) -> Frame {
    let mut frame = query(&name(random));
    if random.once_in(2) {
        frame.dns.qname = format!("w.{}", frame.dns.qname);
    }
    if random.once_in(3) {
        frame = frame.over_ipv6();
        frame.ip.from = random
            .one_of(&["2001:db8:39::1", "2001:db8:39:1::1", "2001:db8:49::1", "2001:db8::1"])
            .parse()
            .unwrap();
    } else {
        frame.ip.from =
            random.one_of(&["192.0.2.10", "192.0.2.99", "198.51.100.7", "203.0.113.9"]).parse().unwrap();
    }
    frame.dns.qtype = *random.one_of(&[1, 28, 65]);
    if random.once_in(2) { frame.with_opt() } else { frame }
}

/// A compiler and what it is given.
struct World {
    random: Random,
    compiler: Compiler,
    orders: BTreeMap<u32, OrderInput>,
    regions: usize,
    mode: Mode,
}

impl World {
    /// The next policy: an order more, less or another, sometimes other regions or another mode.
    fn next(&mut self, round: u32) -> Compiled {
        let random = &mut self.random;
        for _ in 0..1 + random.below(3) {
            let id = random.below(12) as u32;
            match random.below(3) {
                0 => drop(self.orders.remove(&id)),
                _ => drop(self.orders.insert(id, any_order(random, id))),
            }
        }
        if random.once_in(8) {
            self.regions = 1 - self.regions;
        }
        if random.once_in(10) {
            self.mode = if self.mode == Mode::Enforce { Mode::Observe } else { Mode::Enforce };
        }
        if random.once_in(12) {
            self.compiler.rebase();
        }
        let input = PolicyInput {
            orders: self.orders.values().cloned().collect(),
            regions: Arc::new(
                RegionTable::parse(&format!("prefix,region\n{}", REGIONS[self.regions]), "r.csv").unwrap(),
            ),
            client_prefixes: Vec::new(),
            forwarders: Vec::new(),
            protected_names: Vec::new(),
            mode: self.mode,
            soa: Soa::default(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        let (snapshot, _) = self.compiler.compile(&input).unwrap();
        Compiled::of(&format!("round {round}"), snapshot)
    }
}

#[test]
fn whatever_follows_whatever_the_kernel_has_the_policy() {
    if !is_privileged("whatever_follows_whatever_the_kernel_has_the_policy") {
        return;
    }
    let mut report = Report { seed: random::seed("INTERDICT_PUBLISH_SEED"), ..Report::default() };
    let mut random = Random::new(report.seed);
    // few changes are kept beside the base, so that it is made anew now and then
    let compiler = Compiler::new(hash_key(&mut random)).rebase_above(150);
    let mut world = World { random, compiler, orders: BTreeMap::new(), regions: 0, mode: Mode::Enforce };
    let first = world.next(0);
    let limits =
        Limits { names: 4096, changes: 256, decisions: 16_384, actions: 256, hits: 8192, prefixes: 256 };
    let settings = Settings::default();
    let mut kernel = Kernel::load_for(&settings, &first, limits).unwrap();
    let mut whole = 0;
    for round in 1..=ROUNDS {
        let policy = world.next(round);
        whole += u32::from(kernel.publish(&policy).unwrap().full);
        let host = Host::new(&settings, &policy);
        for _ in 0..FRAMES {
            let frame = any_frame(&mut world.random).build();
            parity::compare(&mut report, policy.name(), &host, &mut kernel, &frame).unwrap();
        }
    }
    println!("{report}{whole} of {ROUNDS} policies were written whole");
    assert_eq!(report.differ, 0, "repeat with INTERDICT_PUBLISH_SEED={}", report.seed);
    assert!(whole > 0 && whole < ROUNDS, "both ways must be gone");
}
