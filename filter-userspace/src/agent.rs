//! The agent: keeps the kernel's policy in step with the orders, and answers the control socket.
//!
//! One loop waits for the next [`Wakeup`] and one match acts on it, so everything that changes policy happens in one
//! place, one after the other. It joins `order`, `region`, `policy`, `kernel` and `evidence`, which do not know each other.

mod book;
mod change;
mod clock;
mod disk;
mod edit;
mod enforce;
mod error;
mod explain;
mod figures;
mod journal;
mod links;
mod lists;
mod notify;
mod regions;
mod reload;
mod request;
mod sample;
mod scrape;
mod selftest;
mod setup;
mod start;
mod view;
mod watch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::config::Config;
use crate::control::Job;
use crate::kernel::Datapath;
use crate::policy::Compiler;
use clock::Clock;
use enforce::InForce;
use journal::Journal;
use links::Links;
use notify::Notifier;
use sample::Samples;

pub use book::BookError;
pub(crate) use book::{Book, News};
pub(crate) use enforce::policy_input;
pub use error::{AgentError, kernel_exit};
pub(crate) use regions::Regions;
pub use regions::RegionsError;
pub use scrape::ScrapeError;
pub use setup::{Setup, SetupError};
pub(crate) use start::{hash_key, load_options};

/// How often files, interfaces and the clock are looked at.
const POLL: Duration = Duration::from_millis(500);
/// Requests that wait for the loop.
const BACKLOG: usize = 64;

/// What `run` was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    pub setup: Setup,
    /// Leaves the filter attached when the agent ends.
    pub keep: bool,
}

/// Why the loop goes round.
enum Wakeup {
    /// TERM or INT.
    Terminate,
    /// HUP.
    Reload,
    /// Time to look at files, interfaces, the clock and what the program said.
    Poll,
    /// An order begins or ends now.
    Timer,
    /// Somebody asks for something.
    Control(Job),
}

/// Whether the loop goes on.
enum Next {
    Go,
    End,
}

/// The agent's whole state.
pub(crate) struct Agent {
    setup: Setup,
    config: Config,
    keep: bool,
    book: Book,
    regions: Regions,
    compiler: Compiler,
    datapath: Datapath,
    links: Links,
    policy: InForce,
    journal: Journal,
    tally: Tally,
    /// Hits that the self-test itself caused, by slot.
    selftest_hits: BTreeMap<u32, u64>,
    /// When the self-test last ran.
    tested: Instant,
    samples: Samples,
    notifier: Notifier,
    clock: Clock,
    started: Timestamp,
}

/// What went wrong so far.
#[derive(Debug, Default)]
struct Tally {
    reload_failures: BTreeMap<&'static str, u64>,
    selftest_failures: u64,
    clock_jumps: u64,
    /// Why the newest orders are not in force.
    publish_error: Option<String>,
    /// When to try again.
    retry: Option<Instant>,
    config_error: Option<String>,
}

/// Runs the agent until a signal or `interdict detach` ends it.
///
/// # Errors
/// When it cannot start. Once it runs, errors are logged, counted and shown, and the last good policy stays.
pub async fn run(options: Options) -> Result<(), AgentError> {
    // first of all: a signal that comes while everything is brought up waits, and is then acted on
    let signals = Signals::new()?;
    let (mut agent, jobs, servers) = start::start(options).await?;
    let mut sources = Sources::new(signals, jobs);
    agent.announce();
    loop {
        let wakeup = sources.next(agent.next_change(Timestamp::now())).await;
        let next = match wakeup {
            Wakeup::Terminate => {
                agent.stop();
                Next::End
            }
            Wakeup::Reload => {
                agent.reload();
                Next::Go
            }
            Wakeup::Poll => {
                agent.poll();
                Next::Go
            }
            Wakeup::Timer => {
                agent.time_passed();
                Next::Go
            }
            Wakeup::Control(job) => agent.serve(job),
        };
        if matches!(next, Next::End) {
            servers.end().await;
            return Ok(());
        }
    }
}

/// The signals the agent acts on.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Signals, AgentError> {
        let open = |kind| signal(kind).map_err(AgentError::Signals);
        Ok(Signals {
            terminate: open(SignalKind::terminate())?,
            interrupt: open(SignalKind::interrupt())?,
            hangup: open(SignalKind::hangup())?,
        })
    }
}

/// Where wakeups come from.
struct Sources {
    signals: Signals,
    jobs: mpsc::Receiver<Job>,
    poll: Interval,
}

impl Sources {
    fn new(signals: Signals, jobs: mpsc::Receiver<Job>) -> Sources {
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Sources { signals, jobs, poll }
    }

    async fn next(&mut self, change: Option<Timestamp>) -> Wakeup {
        let until = change.map_or(Duration::MAX, clock::until);
        tokio::select! {
            biased;
            _ = self.signals.terminate.recv() => Wakeup::Terminate,
            _ = self.signals.interrupt.recv() => Wakeup::Terminate,
            _ = self.signals.hangup.recv() => Wakeup::Reload,
            () = tokio::time::sleep(until), if change.is_some() => Wakeup::Timer,
            Some(job) = self.jobs.recv() => Wakeup::Control(job),
            _ = self.poll.tick() => Wakeup::Poll,
        }
    }
}
