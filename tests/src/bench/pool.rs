//! Pools of frames, one for each kind of packet whose cost is measured: other names, clients, ports and IDs in every
//! frame, so that nothing is found in a cache because the packet before had it too.

use anyhow::bail;

use super::names;
use super::policy::Policy;
use crate::frame::opt::Opt;
use crate::frame::transport::Tcp;
use crate::frame::{Frame, query};
use crate::random::Random;
use crate::run::{XDP_DROP, XDP_PASS, XDP_TX};

/// Octets of the shortest frame that the benchmark's program takes.
const LEAST: usize = 64;

/// A kind of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// UDP to another port.
    NotDns,
    /// Not UDP, and TCP to another port.
    NotUdp,
    /// A name that is not listed: 20 octets, 3 labels.
    Benign,
    /// A name that is not listed: 60 octets, 6 labels.
    LongBenign,
    /// 255 octets and nearly as many labels as there can be, beside a listed name.
    Longest,
    /// 255 octets, 127 labels, below the parents of a listed name of 34.
    Hostile,
    /// A listed name with an OPT record: answered with SOA, OPT and EDE.
    Answered,
    /// A listed name without one: answered with the SOA.
    AnsweredPlain,
    /// A listed name that is dropped.
    Dropped,
    /// A listed name asked for from another region.
    OtherRegion,
}

impl Kind {
    /// All of them, cheapest first.
    pub(super) const ALL: [Kind; 10] = [
        Kind::NotUdp,
        Kind::NotDns,
        Kind::Benign,
        Kind::LongBenign,
        Kind::Longest,
        Kind::Hostile,
        Kind::OtherRegion,
        Kind::Dropped,
        Kind::AnsweredPlain,
        Kind::Answered,
    ];

    /// For people.
    #[must_use]
    pub(super) fn label(self) -> &'static str {
        match self {
            Kind::NotUdp => "TCP, not DNS",
            Kind::NotDns => "UDP, not DNS",
            Kind::Benign => "benign, 20 octets",
            Kind::LongBenign => "benign, 60 octets",
            Kind::Longest => "benign, 255 octets",
            Kind::Hostile => "hostile, 127 labels",
            Kind::OtherRegion => "listed, other region",
            Kind::Dropped => "blocked, dropped",
            Kind::AnsweredPlain => "blocked, SOA",
            Kind::Answered => "blocked, SOA and EDE",
        }
    }

    /// Whether it takes a listed name.
    #[must_use]
    pub(super) fn needs_names(self) -> bool {
        matches!(self, Kind::OtherRegion | Kind::Dropped | Kind::AnsweredPlain | Kind::Answered)
    }

    /// Whether it is measured without a pool: no table is read for it, so it can be one and the same packet.
    pub(super) fn is_direct(self) -> bool {
        matches!(self, Kind::NotDns | Kind::NotUdp)
    }

    /// What the filter does with it.
    #[must_use]
    pub(super) fn action(self) -> u32 {
        match self {
            Kind::Answered | Kind::AnsweredPlain => XDP_TX,
            Kind::Dropped => XDP_DROP,
            _ => XDP_PASS,
        }
    }
}

/// The frames of a kind: as many as asked for, a power of two.
///
/// # Errors
/// When one does not fit the program.
pub(super) fn frames(kind: Kind, is_v6: bool, policy: &Policy, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut random = Random::new(1000 + kind as u64);
    let mut frames = Vec::with_capacity(count);
    for number in 0..count {
        let frame = frame(kind, is_v6, number % 2 == 1, policy, &mut random).build();
        if !(LEAST..=512).contains(&frame.len()) {
            bail!("a frame of {} octets does not fit the benchmark's pool", frame.len());
        }
        frames.push(frame);
    }
    Ok(frames)
}

fn frame(kind: Kind, is_v6: bool, is_odd: bool, policy: &Policy, random: &mut Random) -> Frame {
    let mut frame = query(&name(kind, is_odd, policy, random));
    if is_v6 {
        frame = frame.over_ipv6();
    }
    let is_blocked = kind != Kind::OtherRegion && (kind.needs_names() || random.once_in(5));
    frame.ip.from = policy.prefixes.client(is_v6, is_blocked, random);
    frame.dns.id = random.number() as u16;
    frame.udp.from_port = 1024 + random.below(64_000) as u16;
    match kind {
        Kind::NotDns => frame.udp.to_port = *random.one_of(&[443, 123, 4500, 51_820]),
        Kind::NotUdp => {
            let to_port = *random.one_of(&[443, 80, 22]);
            frame.tcp = Some(Tcp { from_port: frame.udp.from_port, to_port, ..Tcp::default() });
        }
        Kind::AnsweredPlain => {}
        // most clients send one
        _ => frame.dns.opt = vec![Opt::default()],
    }
    frame
}

/// A name for the kind. Of an answered kind, every second has an odd number of octets: the frame before was lengthened
/// by its answer and is cut again when the next is put in its place, and with this the frames of the control, which
/// answers nothing, never have the length of the one before either. So both pay for one change of length a run.
fn name(kind: Kind, is_odd: bool, policy: &Policy, random: &mut Random) -> String {
    match kind {
        Kind::NotDns | Kind::NotUdp | Kind::Benign => names::benign(&policy.names, 20, 3, random),
        Kind::LongBenign => names::benign(&policy.names, 60, 6, random),
        Kind::Longest => names::long(&policy.names, random),
        Kind::Hostile => names::hostile(random),
        Kind::OtherRegion | Kind::Dropped => policy.listed(kind == Kind::Dropped, random).to_owned(),
        Kind::Answered | Kind::AnsweredPlain => loop {
            let name = policy.listed(false, random);
            if (name.len() % 2 == 1) == is_odd {
                return name.to_owned();
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Size;
    use super::*;
    use crate::policy::Compiled;
    use crate::run::Host;
    use crate::scenario::Settings;

    #[test]
    fn the_filter_does_what_the_kinds_say() {
        let policy = Policy::new(Size { names: 1_000, prefixes: 100, orders: 1, regions: 20 }).unwrap();
        let compiled = Compiled::of("bench", policy.snapshot.clone());
        let settings = Settings::default();
        let host = Host::new(&settings, &compiled);
        for kind in Kind::ALL {
            for is_v6 in [false, true] {
                for frame in frames(kind, is_v6, &policy, 64).unwrap() {
                    let ran = host.run(&frame);
                    assert_eq!(ran.action, kind.action(), "{kind:?}: {ran:?}");
                }
            }
        }
    }
}
