//! Bringing the agent up: everything is read, compiled, loaded and in force before the first interface is attached, so
//! no packet ever meets the program without its policy.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use filter_common::abi::{HashKey, KEY_ROWS};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::book::{Book, News};
use super::clock::Clock;
use super::enforce::InForce;
use super::journal::Journal;
use super::links::Links;
use super::notify::Notifier;
use super::regions::Regions;
use super::sample::Samples;
use super::{Agent, AgentError, BACKLOG, Options, Tally, scrape};
use crate::config::{Attach, Config};
use crate::control::Job;
use crate::control::server::Endpoint;
use crate::kernel::{AttachMode, Datapath, Facts, KernelError, Limits, LoadOptions, Mode, PinDir};
use crate::policy::Compiler;

/// Name of the file in the state directory that holds the last generation's number.
const GENERATION: &str = "generation";

/// The tasks that serve the sockets.
pub(super) struct Servers(Vec<JoinHandle<()>>);

impl Servers {
    /// Lets the last reply out, then ends them.
    pub(super) async fn end(self) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        for task in self.0 {
            task.abort();
            // its socket's file is gone when it is
            let _ = task.await;
        }
    }
}

/// Starts everything, in the order in which a failure does the least harm.
pub(super) async fn start(options: Options) -> Result<(Agent, mpsc::Receiver<Job>, Servers), AgentError> {
    let config = options.setup.read()?;
    if config.interfaces.is_empty() {
        return Err(AgentError::NoInterface);
    }
    let (book, regions) = read(&config)?;
    let endpoint = Endpoint::bind(&config.control)?;
    let metrics = match config.metrics {
        None => None,
        Some(address) => Some(scrape::bind(address).await?),
    };
    let mut agent = Agent::load(options, config, book, regions)?;
    agent.first_policy()?;
    agent.attach()?;
    let (sender, jobs) = mpsc::channel(BACKLOG);
    Ok((agent, jobs, serve(endpoint, metrics, sender)))
}

/// Reads orders and regions; at the start, every error is fatal.
fn read(config: &Config) -> Result<(Book, Regions), AgentError> {
    let mut regions = Regions::new(config.regions.as_deref());
    regions.look(true).transpose()?;
    let mut book = Book::new(&config.orders);
    let errors: Vec<_> = book
        .look(true)
        .into_iter()
        .filter_map(|news| match news {
            News::Failed { error, .. } => Some(error),
            _ => None,
        })
        .collect();
    if errors.is_empty() { Ok((book, regions)) } else { Err(AgentError::Orders(errors.join("\n"))) }
}

fn serve(endpoint: Endpoint, metrics: Option<TcpListener>, jobs: mpsc::Sender<Job>) -> Servers {
    let mut tasks = Vec::new();
    if let Some(listener) = metrics {
        tasks.push(tokio::spawn(scrape::serve(listener, jobs.clone())));
    }
    tasks.push(tokio::spawn(async move {
        if let Err(error) = endpoint.serve(jobs).await {
            tracing::error!(%error, "the control socket is no longer served");
        }
    }));
    Servers(tasks)
}

impl Agent {
    /// Loads the program; nothing is attached yet.
    fn load(options: Options, config: Config, book: Book, regions: Regions) -> Result<Agent, AgentError> {
        let started = Timestamp::now();
        let key = Arc::new(hash_key()?);
        let pins = PinDir::claim(&config.pin_dir)?;
        if pins.mounted() {
            tracing::warn!("a BPF file system was mounted for {}", pins.root().display());
        }
        let (mut datapath, facts) = load_program(&config, Arc::clone(&key))?;
        let mut journal = Journal::open(&config.state_dir, started);
        journal.record("start", start_record(&config, facts));
        let mode = match config.attach {
            Attach::Auto => AttachMode::Auto,
            Attach::Driver => AttachMode::Only(Mode::Driver),
            Attach::Skb => AttachMode::Only(Mode::Skb),
        };
        let rebase_above = usize::try_from(config.limits.changes / 2).unwrap_or(usize::MAX);
        Ok(Agent {
            links: Links::new(pins, mode, &config.interfaces),
            samples: Samples::of(&mut datapath),
            compiler: Compiler::new(*key).rebase_above(rebase_above),
            policy: InForce::default(),
            tally: Tally::default(),
            selftest_hits: BTreeMap::new(),
            tested: Instant::now(),
            notifier: Notifier::from_env(),
            clock: Clock::new(),
            keep: options.keep,
            setup: options.setup,
            config,
            book,
            regions,
            datapath,
            journal,
            started,
        })
    }

    /// Attaches to every interface and says how.
    fn attach(&mut self) -> Result<(), AgentError> {
        let news = self.links.attach_all(&mut self.datapath)?;
        for news in news {
            self.tell_link(news);
        }
        Ok(())
    }

    /// Everything is up.
    pub(super) fn announce(&mut self) {
        let status = self.one_line();
        tracing::info!("ready: {status}");
        self.notifier.ready(&status);
    }

    /// The state in one line, for the log and for systemd.
    pub(super) fn one_line(&self) -> String {
        let counts = self.order_counts();
        let generation = self.policy.number;
        let interfaces: Vec<String> = self
            .links
            .interfaces()
            .map(|(name, mode)| format!("{name} ({})", mode.unwrap_or("waiting")))
            .collect();
        format!(
            "{} mode, generation {generation}, {} names of {} orders in force, on {}",
            self.config.mode.label(),
            self.names(),
            counts.in_force,
            interfaces.join(", ")
        )
    }
}

fn load_program(config: &Config, key: Arc<HashKey>) -> Result<(Datapath, Facts), AgentError> {
    let mut options = load_options(config, key)?;
    options.first_generation = last_generation(&config.state_dir).saturating_add(1);
    let mut datapath = Datapath::load(&options)?;
    let facts = datapath.facts()?;
    tracing::info!(
        verified_instructions = facts.verified_instructions,
        took_ms = super::view::millis(facts.load),
        kernel = facts.kernel,
        object = facts.object_sha256,
        "program loaded"
    );
    Ok((datapath, facts))
}

fn start_record(config: &Config, facts: Facts) -> [(&'static str, Value); 4] {
    [
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("object_sha256", facts.object_sha256.into()),
        ("kernel", facts.kernel.into()),
        ("mode", config.mode.label().into()),
    ]
}

/// What the program is loaded with.
pub(crate) fn load_options(config: &Config, key: Arc<HashKey>) -> Result<LoadOptions, KernelError> {
    let mut options = LoadOptions::new(key)?;
    options.settings = config.settings();
    options.services = config.service_addresses.clone();
    let limits = config.limits;
    options.limits = Limits {
        names: limits.names,
        prefixes: limits.prefixes,
        changes: limits.changes,
        decisions: limits.decisions,
        actions: limits.actions,
        hits: limits.hits,
    };
    Ok(options)
}

/// A new secret key.
pub(crate) fn hash_key() -> Result<HashKey, AgentError> {
    let mut octets = vec![0u8; size_of::<HashKey>()];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut octets))
        .map_err(AgentError::Random)?;
    let mut key = HashKey { rows: [[0; 8]; KEY_ROWS] };
    let (words, _) = octets.as_chunks::<8>();
    for (place, word) in key.rows.as_flattened_mut().iter_mut().zip(words) {
        *place = u64::from_ne_bytes(*word);
    }
    Ok(key)
}

fn last_generation(dir: &Path) -> u64 {
    std::fs::read_to_string(dir.join(GENERATION)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Keeps the number, so that numbers do not repeat after a restart. Without it they do, and nothing else breaks.
pub(super) fn keep_generation(dir: &Path, number: u64) {
    if let Err(error) = std::fs::write(dir.join(GENERATION), format!("{number}\n")) {
        tracing::debug!(%error, "the generation's number is not kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ() {
        assert_ne!(hash_key().unwrap(), hash_key().unwrap());
    }

    #[test]
    fn numbers_go_on() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last_generation(dir.path()), 0);
        keep_generation(dir.path(), 41);
        assert_eq!(last_generation(dir.path()), 41);
    }
}
