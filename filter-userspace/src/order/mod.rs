//! Orders: the legal instruments whose names are blocked, with their metadata, their scope and their life. Pure.
//!
//! It owns the order file (TOML, or JSON of the same shape): reading it, checking every field, and editing it without
//! losing its comments. It refuses to know files, clocks, the contents of lists and how rules are compiled.

mod action;
mod edit;
mod file;
mod life;
mod scope;
mod time;
mod words;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::list::Position;
use crate::names::{Coverage, Name};

pub use action::{Action, ActionKind, MAX_TEXT, MAX_TTL};
pub use edit::{EditError, Edited, add_names, remove_names, set_status};
pub use life::Life;
pub use scope::{Scope, Unknown, is_region_word};
pub use time::Received;
pub use words::{FilteringDb, OrderId, OrderType, Status};

/// How an order file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON of the same shape.
    Json,
}

impl Format {
    /// JSON for a path that ends in `.json`, else TOML.
    #[must_use]
    pub fn of_path(path: &str) -> Format {
        match path.rsplit_once('.') {
            Some((_, end)) if end.eq_ignore_ascii_case("json") => Format::Json,
            _ => Format::Toml,
        }
    }
}

/// Why an order file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The file's grammar or one of its values is wrong.
    #[error("{path}:{at}: {what}")]
    File {
        /// The file.
        path: String,
        /// Where in it.
        at: Position,
        /// Subject and fact; what was expected; remedy.
        what: String,
    },
}

/// One name that an order file holds itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderName {
    /// The name.
    pub name: Name,
    /// What it covers: its own `match`, or the order's.
    pub coverage: Coverage,
    /// When it was added to the order.
    pub added: Option<Date>,
    /// The name that it mirrors.
    pub mirror_of: Option<Name>,
    /// The paper that added it.
    pub notice: Option<String>,
    /// The order means it although it is a public suffix or a single label.
    pub allow_public_suffix: bool,
    /// The order means it although it is a protected name.
    pub allow_protected: bool,
    /// Its line in the order file.
    pub line: u32,
}

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The file it came from, for messages.
    pub path: String,
    /// Its identifier.
    pub id: Arc<str>,
    /// What kind of instrument it is.
    pub order_type: OrderType,
    /// Who gave it.
    pub authority: Option<String>,
    /// ISO 3166 code of the country whose law it is.
    pub country: Option<String>,
    /// Docket number.
    pub docket: Option<String>,
    /// Legal basis.
    pub legal_basis: Option<String>,
    /// Right holder.
    pub right_holder: Option<String>,
    /// Day of issue.
    pub issued: Option<Date>,
    /// When it was received.
    pub received: Option<Received>,
    /// When effect must be given.
    pub deadline: Option<Timestamp>,
    /// From when it is in force.
    pub effective_from: Option<Timestamp>,
    /// Until when it is in force.
    pub effective_until: Option<Timestamp>,
    /// The authority's word about it.
    pub status: Status,
    /// Fine for each day without effect.
    pub fine_per_day: Option<String>,
    /// For which clients it is.
    pub scope: Scope,
    /// What is done with a query.
    pub action: Action,
    /// What its names cover unless they say otherwise.
    pub coverage: Coverage,
    /// Higher wins at the same name.
    pub priority: i32,
    /// Its names must never be shown.
    pub confidential: bool,
    /// Whom to ask.
    pub contact: Option<String>,
    /// Where it is published.
    pub filtering_db: Vec<FilteringDb>,
    /// It means public suffixes and single labels that it names.
    pub allow_public_suffix: bool,
    /// It means protected names that it names.
    pub allow_protected: bool,
    /// List files, relative to the order file.
    pub lists: Vec<String>,
    /// The names in the order file itself.
    pub names: Vec<OrderName>,
}

impl Order {
    /// Reads an order file.
    ///
    /// # Errors
    /// `path:line:column`, the fact, what was expected and the remedy; the first one found.
    pub fn parse(text: &str, path: &str, format: Format) -> Result<Order, OrderError> {
        file::parse(text, path, format)
    }
}

#[cfg(test)]
mod tests;
