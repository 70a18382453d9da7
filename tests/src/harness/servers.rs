//! The six servers that wire.md was measured against, each with the same local data: an address for every name in
//! [`ZONES`]. Debian's packages, started in a namespace, with folders of their own.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::netns::Namespace;
use super::resolver::{OWN_V4, OWN_V6};
use super::shell::{self, Running};

/// Zones that every server answers for: one listed, one not.
pub const ZONES: [&str; 2] = ["blocked.example", "example.org"];

/// A server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ISC BIND, `named`.
    Bind,
    /// Unbound.
    Unbound,
    /// Knot Resolver, `kresd`.
    KnotResolver,
    /// PowerDNS Recursor.
    PowerDns,
    /// dnsdist, by rules of its own.
    Dnsdist,
    /// Knot DNS, `knotd`.
    Knot,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] =
        [Kind::Bind, Kind::Unbound, Kind::KnotResolver, Kind::PowerDns, Kind::Dnsdist, Kind::Knot];

    /// Its program's name.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Kind::Bind => "named",
            Kind::Unbound => "unbound",
            Kind::KnotResolver => "kresd",
            Kind::PowerDns => "pdns_recursor",
            Kind::Dnsdist => "dnsdist",
            Kind::Knot => "knotd",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Running,
    folder: TempDir,
}

impl Server {
    /// Starts it on these addresses and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(kind: Kind, namespace: &Namespace, addresses: &[&str]) -> anyhow::Result<Server> {
        let program =
            super::find_program(kind.program()).with_context(|| format!("{kind} is not installed"))?;
        let folder = super::agent::folder("server")?;
        for zone in ZONES {
            super::write(&folder.path().join(format!("{zone}.zone")), &zone_file(zone))?;
        }
        let mut command = namespace.command(program);
        configure(kind, folder.path(), addresses, &mut command)?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        command.current_dir(folder.path()).stdout(log.try_clone()?).stderr(log);
        let mut server = Server { process: Running::start(&mut command)?, folder };
        if shell::until(Duration::from_secs(20), || {
            answers(namespace, addresses) || !server.process.is_alive()
        }) && server.process.is_alive()
        {
            return Ok(server);
        }
        bail!("{kind} does not answer: {}", server.log())
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn answers(namespace: &Namespace, addresses: &[&str]) -> bool {
    addresses.iter().all(|address| {
        let mut command = namespace.command("dig");
        command.args([&format!("@{address}"), "www.example.org", "A", "+short", "+tries=1", "+timeout=1"]);
        shell::run(&mut command, Duration::from_secs(5)).is_ok_and(|output| output.out.trim() == OWN_V4)
    })
}

fn zone_file(zone: &str) -> String {
    format!(
        "$ORIGIN {zone}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A {OWN_V4}\n\
         @ A {OWN_V4}\n@ AAAA {OWN_V6}\n* A {OWN_V4}\n* AAAA {OWN_V6}\n"
    )
}

/// Writes the configuration and completes the command.
fn configure(kind: Kind, folder: &Path, addresses: &[&str], command: &mut Command) -> anyhow::Result<()> {
    let file = folder.join("configuration");
    let at = folder.display().to_string();
    let text = match kind {
        Kind::Bind => bind(&at, addresses),
        Kind::Unbound => unbound(addresses),
        Kind::KnotResolver => knot_resolver(addresses),
        Kind::PowerDns => powerdns(&at, addresses),
        Kind::Dnsdist => dnsdist(addresses),
        Kind::Knot => knot(&at, addresses),
    };
    match kind {
        Kind::Bind => command.arg("-g").arg("-c").arg(&file),
        Kind::Unbound => command.arg("-d").arg("-c").arg(&file),
        Kind::KnotResolver => command.arg("-n").arg("-c").arg(&file).arg(folder),
        Kind::PowerDns => command.arg(format!("--config-dir={at}")),
        Kind::Dnsdist => command.args(["--supervised", "--disable-syslog", "-C"]).arg(&file),
        Kind::Knot => command.arg("-c").arg(&file),
    };
    let file = if kind == Kind::PowerDns { folder.join("recursor.conf") } else { file };
    super::write(&file, &text)
}

fn lines(items: &[&str], line: impl Fn(&str) -> String) -> String {
    items.iter().map(|item| line(item)).collect()
}

fn bind(at: &str, addresses: &[&str]) -> String {
    let listen = |is_v6: bool| {
        let of_family = addresses.iter().filter(|address| address.contains(':') == is_v6);
        of_family.map(|address| format!("{address}; ")).collect::<String>()
    };
    let zones =
        lines(&ZONES, |zone| format!("zone \"{zone}\" {{ type primary; file \"{at}/{zone}.zone\"; }};\n"));
    format!(
        "options {{ directory \"{at}\"; pid-file none; session-keyfile none; listen-on {{ {} }}; listen-on-v6 {{ {} }};\n\
         allow-query {{ any; }}; allow-recursion {{ any; }}; recursion yes; dnssec-validation no; }};\n\
         controls {{ }};\n{zones}",
        listen(false),
        listen(true),
    )
}

fn unbound(addresses: &[&str]) -> String {
    let interfaces = lines(addresses, |address| format!("  interface: {address}\n"));
    let data = lines(&ZONES, |zone| {
        format!(
            "  local-zone: \"{zone}.\" redirect\n  local-data: \"{zone}. 300 IN A {OWN_V4}\"\n  \
             local-data: \"{zone}. 300 IN AAAA {OWN_V6}\"\n"
        )
    });
    format!(
        "server:\n  do-daemonize: no\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  use-syslog: no\n  \
         module-config: \"iterator\"\n  access-control: 0.0.0.0/0 allow\n  access-control: ::/0 allow\n{interfaces}{data}\
         remote-control:\n  control-enable: no\n"
    )
}

fn knot_resolver(addresses: &[&str]) -> String {
    let listen = lines(addresses, |address| format!("net.listen('{address}', 53, {{ kind = 'dns' }})\n"));
    let zones = lines(&ZONES, |zone| format!("todname('{zone}.'), "));
    format!(
        "{listen}modules.load('policy')\ntrust_anchors.remove('.')\n\
         policy.add(policy.suffix(policy.ANSWER({{\n  [kres.type.A] = {{ rdata = kres.str2ip('{OWN_V4}'), ttl = 300 }},\n  \
         [kres.type.AAAA] = {{ rdata = kres.str2ip('{OWN_V6}'), ttl = 300 }} }}), {{ {zones} }}))\n"
    )
}

fn powerdns(at: &str, addresses: &[&str]) -> String {
    let zones: Vec<String> = ZONES.iter().map(|zone| format!("{zone}={at}/{zone}.zone")).collect();
    format!(
        "local-address={}\nlocal-port=53\nallow-from=0.0.0.0/0, ::/0\nauth-zones={}\ndaemon=no\ndisable-syslog=yes\n\
         socket-dir={at}\nsetuid=0\nsetgid=0\ndnssec=off\nthreads=1\nsecurity-poll-suffix=\n",
        addresses.join(", "),
        zones.join(", "),
    )
}

fn dnsdist(addresses: &[&str]) -> String {
    let local = lines(addresses, |address| {
        let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        format!("addLocal('{address}:53')\n")
    });
    let rules = lines(&ZONES, |zone| {
        format!(
            "addAction(AndRule({{ SuffixMatchNodeRule(suffixes('{zone}.')), QTypeRule(DNSQType.AAAA) }}), \
             SpoofAction({{ '{OWN_V6}' }}))\n\
             addAction(SuffixMatchNodeRule(suffixes('{zone}.')), SpoofAction({{ '{OWN_V4}' }}))\n"
        )
    });
    format!(
        "function suffixes(name)\n  local set = newSuffixMatchNode()\n  set:add(newDNSName(name))\n  return set\nend\n\
         setLocal('127.0.0.1:53')\n{local}setACL({{ '0.0.0.0/0', '::/0' }})\nsetSecurityPollSuffix('')\n{rules}\
         addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))\n"
    )
}

fn knot(at: &str, addresses: &[&str]) -> String {
    let listen = lines(addresses, |address| format!("  listen: {address}@53\n"));
    let zones = lines(&ZONES, |zone| format!("  - domain: {zone}\n    file: \"{at}/{zone}.zone\"\n"));
    format!(
        "server:\n  rundir: \"{at}\"\n{listen}log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: \"{at}\"\n\
         template:\n  - id: default\n    storage: \"{at}\"\n    zonefile-sync: -1\nzone:\n{zones}"
    )
}
