//! The contenders' configuration, and their start.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use filter_common::abi::{BENCH_CEILING, BENCH_EMPTY};

use super::super::arguments::{Arguments, Part};
use super::super::figure::{Figure, count};
use super::super::names::Names;
use super::super::policy;
use super::super::prefixes::BLOCKED;
use super::super::progress::say;
use super::attached::Attached;
use super::cdb;
use super::contender::Contender;
use super::network::{Network, SERVER_CPU};
use super::questions::{KNOWN, KNOWN_ADDRESS, Questions};
use crate::harness::agent::{Agent, Site};
use crate::harness::client::dig;
use crate::harness::lab::Mode;
use crate::harness::shell::{self, Running};
use crate::harness::{find_program, write};

/// Where the unbound without a filter listens for dnsdist.
const BEHIND: &str = "127.0.0.1@5300";
/// How long a contender may need for its list.
const START: Duration = Duration::from_secs(120);

/// What runs until this is dropped.
pub(super) struct Field {
    _servers: Vec<Running>,
    _attached: Vec<Attached>,
    _agent: Option<(Agent, Site)>,
}

/// Starts them all and waits until each blocks and answers; how long that took.
pub(super) fn start(
    arguments: &Arguments,
    folder: &Path,
    network: &Network,
    contenders: &[Contender],
    names: &Names,
    questions: &Questions,
) -> anyhow::Result<(Field, Vec<Figure>)> {
    let mut field = Field { _servers: Vec::new(), _attached: Vec::new(), _agent: None };
    let mut figures = Vec::new();
    lists(folder, contenders, names)?;
    let with = format!("{} names", count(names.len()));
    for contender in contenders.iter().copied() {
        say(format!("end to end: starting {}", contender.label()));
        let start = Instant::now();
        match contender {
            Contender::Pass | Contender::Ceiling => {
                let way = if contender == Contender::Pass { BENCH_EMPTY } else { BENCH_CEILING };
                let mut program = Attached::load(&arguments.object, way)?;
                program.put_on(&network.server, &contender.interface())?;
                field._attached.push(program);
            }
            Contender::Interdict => field._agent = Some(interdict(network, names)?),
            _ => field._servers.push(server(folder, network, contender, contenders)?),
        }
        if contender.is_judged() {
            wait(network, contender, questions).with_context(|| contender.label())?;
        }
        if contender.blocks() {
            let what = format!("start: {}", contender.label());
            figures.push(Figure::new(Part::EndToEnd, &what, &with, "s", vec![start.elapsed().as_secs_f64()]));
        }
    }
    Ok((field, figures))
}

/// The list in every form that is needed.
fn lists(folder: &Path, contenders: &[Contender], names: &Names) -> anyhow::Result<()> {
    let lines = || names.lines(0, names.len()).lines();
    write(&folder.join("names.txt"), names.lines(0, names.len()))?;
    if contenders.contains(&Contender::DnsdistCdb) {
        std::fs::write(folder.join("names.cdb"), cdb::database(lines())?)?;
    }
    let mut zone =
        String::from("$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 86400 60\n@ NS localhost.\n");
    for name in lines() {
        // what lies below a name is blocked too
        zone.extend([name, " CNAME .\n*.", name, " CNAME .\n"]);
    }
    write(&folder.join("rpz.zone"), &zone)?;
    write(
        &folder.join("known.zone"),
        &format!(
            "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A {KNOWN_ADDRESS}\n* A {KNOWN_ADDRESS}\n"
        ),
    )
}

/// Until a listed name gets NXDOMAIN (if the contender answers at all) and a known one its address.
fn wait(network: &Network, contender: Contender, questions: &Questions) -> anyhow::Result<()> {
    let ask = |name: &str| {
        let (to, from) = (contender.address().parse(), contender.client().parse());
        let (Ok(to), Ok(from)) = (to, from) else { return String::new() };
        dig(&network.client, to, from, &format!("{name} A +timeout=1"))
            .map(|dig| dig.status)
            .unwrap_or_default()
    };
    let is_ready = || {
        ask(&format!("probe.{KNOWN}")) == "NOERROR"
            && (!contender.blocks() || ask(&questions.last) == "NXDOMAIN")
    };
    if shell::until(START, is_ready) {
        return Ok(());
    }
    bail!(
        "not ready after {START:?}: a listed name gets {:?}, a known one {:?}",
        ask(&questions.last),
        ask(KNOWN)
    )
}

fn interdict(network: &Network, names: &Names) -> anyhow::Result<(Agent, Site)> {
    let site = Site::new()?;
    site.configure(Mode::Driver, "")?;
    write(&site.regions(), &format!("prefix,region\n10.0.0.0/8,{BLOCKED}\n"))?;
    site.put_order("list-1.txt", names.lines(0, names.len()))?;
    site.put_order("order-1.toml", &policy::order_text(1, "nxdomain", ""))?;
    let agent = site.start(&network.server, &[&Contender::Interdict.interface()], &[])?;
    Ok((agent, site))
}

fn server(
    folder: &Path,
    network: &Network,
    contender: Contender,
    contenders: &[Contender],
) -> anyhow::Result<Running> {
    let own = folder.join(contender.word());
    let file = own.join("configuration");
    write(&file, &configuration(contender, contenders, folder, &own))?;
    let options: &[&str] = match contender {
        Contender::BindRpz => &["-g", "-n", "1", "-c"],
        Contender::DnsdistCdb | Contender::DnsdistEbpf => &["--supervised", "--disable-syslog", "-C"],
        _ => &["-d", "-c"],
    };
    let program =
        find_program(contender.program()).with_context(|| format!("{} is gone", contender.program()))?;
    let mut command: Command = network.server.command("taskset");
    command.arg("-c").arg(SERVER_CPU.to_string()).arg(program).args(options).arg(&file).current_dir(&own);
    let log = std::fs::File::create(own.join("log"))?;
    command.stdout(log.try_clone()?).stderr(log);
    Running::start(&mut command)
}

fn configuration(contender: Contender, contenders: &[Contender], folder: &Path, own: &Path) -> String {
    let (lists, own) = (folder.display().to_string(), own.display().to_string());
    match contender {
        Contender::UnboundRpz => unbound(
            &own,
            &format!("  interface: {}\n", contender.address()),
            "respip iterator",
            &format!("rpz:\n  name: \"rpz.local.\"\n  zonefile: \"{lists}/rpz.zone\"\n"),
        ),
        Contender::BindRpz => bind(contender, &lists, &own),
        Contender::DnsdistCdb => dnsdist(
            contender,
            &format!(
                "names = newCDBKVStore('{lists}/names.cdb', 60)\n\
                 addAction(KeyValueStoreLookupRule(names, KeyValueLookupKeySuffix(2)), RCodeAction(DNSRCode.NXDOMAIN))\n"
            ),
        ),
        Contender::DnsdistEbpf => dnsdist(
            contender,
            &format!(
                "filter = newBPFFilter(1024, 1024, 1100000)\nsetDefaultBPFFilter(filter)\n\
                 for name in io.lines('{lists}/names.txt') do filter:blockQName(newDNSName(name), 255) end\n"
            ),
        ),
        _ => {
            let all = contenders.iter().filter(|contender| contender.is_before_plain());
            let listen = all.map(|contender| format!("  interface: {}\n", contender.address()));
            let listen: String = listen.chain([format!("  interface: {BEHIND}\n")]).collect();
            // what it does not know it refuses, or a filter that misses would look like one that blocks
            unbound(&own, &(listen + "  local-zone: \".\" refuse\n"), "iterator", "")
        }
    }
}

fn unbound(own: &str, listen: &str, modules: &str, more: &str) -> String {
    format!(
        "server:\n  do-daemonize: no\n  chroot: \"\"\n  username: \"\"\n  directory: \"{own}\"\n  pidfile: \"\"\n  \
         use-syslog: no\n  verbosity: 0\n  num-threads: 1\n  module-config: \"{modules}\"\n  \
         access-control: 10.0.0.0/8 allow\n  do-ip6: no\n  so-rcvbuf: 4m\n  so-sndbuf: 4m\n  \
         num-queries-per-thread: 4096\n  outgoing-range: 4096\n{listen}  local-zone: \"{KNOWN}.\" redirect\n  \
         local-data: \"{KNOWN}. 300 IN A {KNOWN_ADDRESS}\"\nremote-control:\n  control-enable: no\n{more}"
    )
}

fn bind(contender: Contender, lists: &str, own: &str) -> String {
    format!(
        "options {{ directory \"{own}\"; pid-file none; session-keyfile none; listen-on {{ {}; }};\n\
         listen-on-v6 {{ none; }}; recursion yes; allow-query {{ any; }}; allow-recursion {{ any; }};\n\
         dnssec-validation no; notify no; querylog no;\n\
         response-policy {{ zone \"rpz.local\"; }} qname-wait-recurse no; }};\n\
         controls {{ }};\nlogging {{ category default {{ null; }}; }};\n\
         zone \"rpz.local\" {{ type primary; file \"{lists}/rpz.zone\"; allow-query {{ any; }}; }};\n\
         zone \"{KNOWN}\" {{ type primary; file \"{lists}/known.zone\"; }};\n",
        contender.address()
    )
}

fn dnsdist(contender: Contender, rules: &str) -> String {
    format!(
        "setLocal('{}:53')\nsetACL('10.0.0.0/8')\nsetSecurityPollSuffix('')\n\
         newServer({{address='{}', checkInterval=60, healthCheckMode='up'}})\n\
         {rules}cache = newPacketCache(200000, {{maxTTL=86400}})\ngetPool(''):setCache(cache)\n",
        contender.address(),
        BEHIND.replace('@', ":"),
    )
}
