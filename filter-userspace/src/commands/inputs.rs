//! The files that `run`, `simulate`, `check` and `doctor` start from, read without an agent.

use std::path::Path;

use super::exit::{Exit, Failure, OrExit};
use crate::agent::{Book, News, Regions, Setup};
use crate::args::DEFAULT_CONFIG;
use crate::config::{Config, Overrides};

/// The configuration that is named, else the one in its usual place when it is there, else the defaults.
pub(super) fn setup(named: Option<&Path>, over: Overrides) -> Setup {
    let usual = Path::new(DEFAULT_CONFIG);
    let path = named.or_else(|| usual.exists().then_some(usual)).map(Path::to_owned);
    Setup { path, over }
}

/// The configuration itself.
pub(super) fn config(named: Option<&Path>, over: Overrides) -> Result<Config, Failure> {
    setup(named, over).read().or_exit(Exit::BadInput)
}

/// Orders and regions of the configuration; every error is fatal. The orders directory need not be there unless it
/// was `named` on the command line.
pub(super) fn policy_files(config: &Config, named: bool) -> Result<(Book, Regions), Failure> {
    let mut table = Regions::new(config.regions.as_deref());
    table.look(true).transpose().or_exit(Exit::BadInput)?;
    let mut book = Book::new(&config.orders);
    if !named && !config.orders.exists() {
        return Ok((book, table));
    }
    let errors: Vec<_> = book
        .look(true)
        .into_iter()
        .filter_map(|news| match news {
            News::Failed { error, .. } => Some(error),
            News::Order { .. } | News::Gone { .. } | News::List { .. } => None,
        })
        .collect();
    if errors.is_empty() {
        return Ok((book, table));
    }
    Err(Failure::new(Exit::BadInput, anyhow::anyhow!("{}", errors.join("\n"))))
}
