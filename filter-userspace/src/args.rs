//! What the user typed: the command line's types and its help. What it means is `config`'s and `commands`' business.

mod help;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Where the agent's control socket is when nothing else is said.
pub const DEFAULT_SOCKET: &str = "/run/interdict/control.sock";
/// The configuration file that `run` reads when it is there and no other is named.
pub const DEFAULT_CONFIG: &str = "/etc/interdict/config.toml";

/// What `--version` says: with which program and by which compiler, for bug reports.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\neBPF object sha256 ",
    env!("INTERDICT_OBJECT_SHA256"),
    "\nbuilt with ",
    env!("INTERDICT_OBJECT_TOOLCHAIN")
);

/// Answers DNS queries for ordered names in the kernel, before the resolver sees them.
#[derive(Debug, Parser)]
#[command(name = "interdict", version, long_version = LONG_VERSION, max_term_width = 100, after_help = help::AFTER_HELP)]
pub struct Cli {
    /// Prints one JSON object (schema "interdict/VERB/v1") instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// The agent's control socket
    #[arg(long, global = true, value_name = "PATH", env = "INTERDICT_SOCKET", hide_env_values = true)]
    pub socket: Option<PathBuf>,
    /// How much is logged to stderr: error, warn, info, debug, trace, or a tracing filter
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        default_value = "info",
        env = "INTERDICT_LOG",
        hide_env_values = true
    )]
    pub log: String,
    /// Shape of the log lines
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs, in the order of their help.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Attaches the filter and keeps the kernel's policy in step with the orders (foreground)
    #[command(after_help = help::RUN_HELP)]
    Run(RunArgs),
    /// Shows what is attached, which policy is in force and what is wrong
    #[command(after_help = "Exit 3: something is wrong; each problem is one line.")]
    Status,
    /// Shows the counters: packets by verdict and reason, hits by order
    #[command(
        after_help = "Examples:\n  interdict stats\n  interdict --json stats | jq '.hits[] | select(.order == \"IT-MI-2022-0001\")'"
    )]
    Stats,
    /// Says what happens to a query for a name, by which order, and since when
    #[command(
        after_help = "Examples:\n  interdict explain www.example.com --region IT\n  interdict explain www.example.com --client 2001:db8::1 --type HTTPS"
    )]
    Explain(ExplainArgs),
    /// Says which region an address gets, and from which prefix
    Region {
        /// An IPv4 or IPv6 address
        address: IpAddr,
    },
    /// Applies, shows, lifts, suspends and resumes orders
    #[command(subcommand, after_help = help::ORDER_HELP)]
    Order(OrderVerb),
    /// Adds names to an order (an addendum: mirrors, new domains)
    #[command(after_help = "Example:\n  interdict block kickass-mirror.example --order IT-MI-2022-0001")]
    Block(NamesArgs),
    /// Removes names from an order
    #[command(after_help = "Example:\n  interdict unblock kickass-mirror.example --order IT-MI-2022-0001")]
    Unblock(NamesArgs),
    /// Runs every frame of a capture through the real program, attached nowhere
    #[command(after_help = help::SIMULATE_HELP)]
    Simulate(SimulateArgs),
    /// Removes the filter from its interfaces; queries reach the resolver again
    #[command(
        after_help = "A running agent is told to detach and to stop. Without one, the pinned links are removed."
    )]
    Detach {
        /// Where the links are pinned, when no agent answers
        #[arg(long, value_name = "DIR")]
        pin_dir: Option<PathBuf>,
    },
    /// Checks that this machine can run the filter, and says what to do where it cannot
    Doctor(DoctorArgs),
    /// Checks configuration, order and region files without an agent; exit 3 when there are problems
    #[command(
        after_help = "Examples:\n  interdict check /etc/interdict/config.toml orders.d/*.toml regions.csv\n  interdict check milan.json\n\nThe kind of a file: .csv is a region table; .json and .toml with an [order] table are orders; other .toml is configuration."
    )]
    Check {
        /// Files to check
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Checks the audit log
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Shows the versions of the agent, the XDP program and their boundary
    Version,
    /// Writes man pages or shell completions
    #[command(hide = true)]
    Generate {
        kind: GenerateKind,
        /// Directory to write to; it is made when missing
        dir: PathBuf,
    },
}

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Interface to filter (may be given several times)
    #[arg(short, long = "interface", value_name = "IF")]
    pub interfaces: Vec<String>,
    /// Configuration file [default: /etc/interdict/config.toml when it is there]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the order files (*.toml, *.json)
    #[arg(long, value_name = "DIR")]
    pub orders: Option<PathBuf>,
    /// Region table: a CSV of prefix,region
    #[arg(long, value_name = "FILE")]
    pub regions: Option<PathBuf>,
    /// enforce, or observe: pass everything and count what would have happened
    #[arg(long, value_name = "MODE")]
    pub mode: Option<Mode>,
    /// How to attach: auto tries driver mode and falls back to skb mode
    #[arg(long, value_name = "HOW")]
    pub attach: Option<Attach>,
    /// Leaves the filter attached and enforcing when the agent ends
    #[arg(long)]
    pub keep: bool,
    /// Address of /metrics, or "off"
    #[arg(long, value_name = "ADDR", value_parser = parse_metrics)]
    pub metrics: Option<Metrics>,
    /// Directory on a BPF file system where links are pinned
    #[arg(long, value_name = "DIR")]
    pub pin_dir: Option<PathBuf>,
    /// Directory of the audit log
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// `--metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    Off,
    At(SocketAddr),
}

fn parse_metrics(text: &str) -> Result<Metrics, String> {
    if text == "off" {
        return Ok(Metrics::Off);
    }
    text.parse().map(Metrics::At).map_err(|_| "expected ADDRESS:PORT, [ADDRESS]:PORT or off".to_owned())
}

/// What is done with listed names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Enforce,
    Observe,
}

/// How the program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attach {
    Auto,
    Driver,
    Skb,
}

/// Shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The name, as people write it
    pub name: String,
    /// Address of the client that asks
    #[arg(long, value_name = "IP", conflicts_with = "region")]
    pub client: Option<IpAddr>,
    /// Region of the client that asks
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Query type: a mnemonic, TYPEnnn or a number
    #[arg(long = "type", value_name = "TYPE", default_value = "A", value_parser = crate::qtype::parse)]
    pub qtype: u16,
}

/// `order ...`.
#[derive(Debug, Subcommand)]
pub enum OrderVerb {
    /// Takes an order file (TOML or JSON, "-": stdin) into the orders directory and into the kernel
    Apply { file: PathBuf },
    /// Lists the orders the agent knows
    List,
    /// Shows one order
    Show { id: String },
    /// Lifts an order: its names are free again unless another order holds them
    Lift { id: String },
    /// Suspends an order until it is resumed
    Suspend { id: String },
    /// Puts a suspended order back in force
    Resume { id: String },
}

/// `block` and `unblock`.
#[derive(Debug, Args)]
pub struct NamesArgs {
    /// Names, as people write them
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// The order they belong to
    #[arg(long, value_name = "ID")]
    pub order: String,
}

/// `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// A capture of Ethernet frames
    #[arg(value_name = "FILE.pcap|pcapng")]
    pub file: PathBuf,
    /// Directory of the order files
    #[arg(long, value_name = "DIR")]
    pub orders: Option<PathBuf>,
    /// Region table
    #[arg(long, value_name = "FILE")]
    pub regions: Option<PathBuf>,
    /// Configuration file
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Writes the frames as they would leave; dropped frames are left out
    #[arg(long, value_name = "OUT.pcap")]
    pub write: Option<PathBuf>,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Interface to look at (may be given several times) [default: those of the configuration]
    #[arg(short, long = "interface", value_name = "IF")]
    pub interfaces: Vec<String>,
    /// Configuration file
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `audit ...`.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Recomputes the chain of digests; exit 3 when a record was changed, removed or inserted
    Verify {
        /// [default: audit.jsonl in the configured state-dir, /var/lib/interdict]
        file: Option<PathBuf>,
    },
}

/// `generate ...`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GenerateKind {
    Man,
    Completions,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_takes_several_interfaces() {
        let cli =
            parse("interdict run -i eth0 --interface eth1 --mode observe --metrics off --keep").unwrap();
        let Verb::Run(run) = cli.verb else { panic!("not run") };
        assert_eq!(run.interfaces, ["eth0", "eth1"]);
        assert_eq!(run.mode, Some(Mode::Observe));
        assert_eq!(run.metrics, Some(Metrics::Off));
        assert!(run.keep);
    }

    #[test]
    fn global_options_may_follow_the_verb() {
        let cli = parse("interdict order list --json --socket /tmp/s").unwrap();
        assert!(cli.json);
        assert_eq!(cli.socket, Some(PathBuf::from("/tmp/s")));
    }

    #[test]
    fn wrong_use_is_exit_2() {
        for line in [
            "interdict",
            "interdict block x.example",
            "interdict region nowhere",
            "interdict explain x.example --client 192.0.2.1 --region IT",
            "interdict run --metrics nonsense",
            "interdict explain x.example --type NOPE",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
