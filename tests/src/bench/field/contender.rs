//! Who takes part.

use super::questions::Sort;

/// A program, or several, that blocks names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// unbound without any filter.
    Plain,
    /// An XDP program that passes everything, before the same unbound.
    Pass,
    /// The product, before the same unbound.
    Interdict,
    /// unbound with a response policy zone.
    UnboundRpz,
    /// BIND with one.
    BindRpz,
    /// dnsdist with the names in a constant database.
    DnsdistCdb,
    /// dnsdist with its eBPF socket filter, which drops.
    DnsdistEbpf,
    /// An XDP program that turns every query round without looking at it.
    Ceiling,
}

impl Contender {
    /// All of them.
    pub(super) const ALL: [Contender; 8] = [
        Contender::Plain,
        Contender::Pass,
        Contender::Interdict,
        Contender::UnboundRpz,
        Contender::BindRpz,
        Contender::DnsdistCdb,
        Contender::DnsdistEbpf,
        Contender::Ceiling,
    ];

    /// For people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Contender::Plain => "unbound, no filter",
            Contender::Pass => "XDP pass + unbound",
            Contender::Interdict => "interdict + unbound",
            Contender::UnboundRpz => "unbound RPZ",
            Contender::BindRpz => "BIND RPZ",
            Contender::DnsdistCdb => "dnsdist CDB",
            Contender::DnsdistEbpf => "dnsdist eBPF",
            Contender::Ceiling => "in-kernel ceiling",
        }
    }

    /// For the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Contender::Plain => "plain",
            Contender::Pass => "pass",
            Contender::Interdict => "interdict",
            Contender::UnboundRpz => "unbound-rpz",
            Contender::BindRpz => "bind-rpz",
            Contender::DnsdistCdb => "dnsdist-cdb",
            Contender::DnsdistEbpf => "dnsdist-ebpf",
            Contender::Ceiling => "ceiling",
        }
    }

    /// The server that it is, or is before.
    pub(super) fn program(self) -> &'static str {
        match self {
            Contender::BindRpz => "named",
            Contender::DnsdistCdb | Contender::DnsdistEbpf => "dnsdist",
            _ => "unbound",
        }
    }

    /// Its place in the network.
    pub(super) fn place(self) -> u8 {
        self as u8
    }

    /// Address of its server.
    pub(super) fn address(self) -> String {
        format!("10.{}.0.2", 77 + self.place())
    }

    /// Address of its client.
    pub(super) fn client(self) -> String {
        format!("10.{}.0.1", 77 + self.place())
    }

    /// Its interface on the server's side.
    pub(super) fn interface(self) -> String {
        format!("vs{}", self.place())
    }

    /// The peer of that.
    pub(super) fn peer(self) -> String {
        format!("vc{}", self.place())
    }

    /// Whether it takes part in the quick measurement.
    pub(super) fn is_of_everyday(self) -> bool {
        !matches!(self, Contender::BindRpz | Contender::DnsdistEbpf)
    }

    /// Whether its program is an XDP program.
    pub(super) fn is_xdp(self) -> bool {
        matches!(self, Contender::Pass | Contender::Interdict | Contender::Ceiling)
    }

    /// Whether the one unbound without a filter answers behind it.
    pub(super) fn is_before_plain(self) -> bool {
        matches!(self, Contender::Plain | Contender::Pass | Contender::Interdict)
    }

    /// Whether it answers a listed name with NXDOMAIN.
    pub(super) fn blocks(self) -> bool {
        matches!(
            self,
            Contender::Interdict | Contender::UnboundRpz | Contender::BindRpz | Contender::DnsdistCdb
        )
    }

    /// Whether its answers are right ones.
    pub(super) fn is_judged(self) -> bool {
        self != Contender::Ceiling
    }

    /// Whether it can be asked this.
    pub(super) fn runs(self, sort: Sort, is_own_cpu: bool) -> bool {
        let fits = match sort {
            Sort::Blocked => self.blocks() || self == Contender::Ceiling,
            Sort::Clean => self != Contender::Ceiling,
            Sort::Mix => self.blocks(),
        };
        fits && (!is_own_cpu || self.is_xdp())
    }
}
