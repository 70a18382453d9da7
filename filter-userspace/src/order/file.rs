//! The order file's shape, and the checks that look at more than one value.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::action::ActionTable;
use super::scope::Scope;
use super::time::{self, Deadline, Received};
use super::words::{self, FilteringDb, OrderId, OrderType, Status};
use super::{Format, Order, OrderError, OrderName};
use crate::list::{Lines, Position, key_position, rephrase, toml_error};
use crate::names::{Coverage, Name};

/// The whole file. `N` is a [`Name`], with its place where the decoder knows it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(bound = "N: DeserializeOwned")]
struct File<N> {
    order: OrderTable,
    #[serde(default = "Vec::new")]
    names: Vec<NameTable<N>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct OrderTable {
    id: OrderId,
    #[serde(rename = "type")]
    order_type: OrderType,
    #[serde(default, deserialize_with = "words::some_line")]
    authority: Option<String>,
    #[serde(default, deserialize_with = "words::country")]
    country: Option<String>,
    #[serde(default, deserialize_with = "words::some_line")]
    docket: Option<String>,
    #[serde(default, deserialize_with = "words::some_line")]
    legal_basis: Option<String>,
    #[serde(default, deserialize_with = "words::some_line")]
    right_holder: Option<String>,
    #[serde(default, deserialize_with = "time::date")]
    issued: Option<Date>,
    #[serde(default, deserialize_with = "time::received")]
    received: Option<Received>,
    #[serde(default, deserialize_with = "time::deadline")]
    deadline: Option<Deadline>,
    #[serde(default, deserialize_with = "time::exact")]
    effective_from: Option<Timestamp>,
    #[serde(default, deserialize_with = "time::exact")]
    effective_until: Option<Timestamp>,
    #[serde(default)]
    status: Status,
    #[serde(default, deserialize_with = "words::money")]
    fine_per_day: Option<String>,
    scope: Option<Scope>,
    action: Option<ActionTable>,
    #[serde(rename = "match", default)]
    coverage: Match,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    confidential: bool,
    #[serde(default, deserialize_with = "words::contact")]
    contact: Option<String>,
    #[serde(default)]
    filtering_db: Vec<FilteringDb>,
    #[serde(default)]
    allow_public_suffix: bool,
    #[serde(default)]
    allow_protected: bool,
    #[serde(default)]
    lists: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[serde(bound = "N: DeserializeOwned")]
struct NameTable<N> {
    name: N,
    #[serde(rename = "match")]
    coverage: Option<Match>,
    #[serde(default, deserialize_with = "time::date")]
    added: Option<Date>,
    mirror_of: Option<Name>,
    #[serde(default, deserialize_with = "words::some_line")]
    notice: Option<String>,
    #[serde(default)]
    allow_public_suffix: bool,
    #[serde(default)]
    allow_protected: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Match {
    Exact,
    #[default]
    Suffix,
    Below,
}

impl From<Match> for Coverage {
    fn from(word: Match) -> Coverage {
        match word {
            Match::Exact => Coverage::Exact,
            Match::Suffix => Coverage::Suffix,
            Match::Below => Coverage::Below,
        }
    }
}

/// A check that failed: the key to show, and what is wrong.
type Failure = (&'static str, String);

/// Reads the file.
pub(super) fn parse(text: &str, path: &str, format: Format) -> Result<Order, OrderError> {
    let error = |at, what| OrderError::File { path: path.to_owned(), at, what };
    let outcome = match format {
        Format::Toml => {
            let file: File<Spanned<Name>> = toml::from_str(text).map_err(|failure| {
                let (at, what) = toml_error(text, &failure);
                error(at, what)
            })?;
            let lines = Lines::of(text);
            order(file, path, |_, name| (lines.line(name.span().start), name.into_inner()))
        }
        Format::Json => {
            let file: File<Name> =
                serde_json::from_str(text).map_err(|failure| json_error(text, path, &failure))?;
            let lines = json_name_lines(text);
            order(file, path, |place, name| (lines.get(place).copied().unwrap_or(0), name))
        }
    };
    outcome.map_err(|(key, what)| error(key_position(text, key), what))
}

fn order<N>(file: File<N>, path: &str, place: impl Fn(usize, N) -> (u32, Name)) -> Result<Order, Failure> {
    let table = file.order;
    let coverage = Coverage::from(table.coverage);
    let deadline = deadline(&table)?;
    check(&table)?;
    let scope = scope(table.scope, table.order_type)?;
    let action = table.action.unwrap_or_else(ActionTable::nxdomain);
    let action = action.check(table.order_type).map_err(|what| ("action", what))?;
    let names = file.names.into_iter().enumerate();
    Ok(Order {
        path: path.to_owned(),
        id: table.id.into_inner(),
        order_type: table.order_type,
        authority: table.authority,
        country: table.country,
        docket: table.docket,
        legal_basis: table.legal_basis,
        right_holder: table.right_holder,
        issued: table.issued,
        received: table.received,
        deadline,
        effective_from: table.effective_from,
        effective_until: table.effective_until,
        status: table.status,
        fine_per_day: table.fine_per_day,
        scope,
        action,
        coverage,
        priority: table.priority,
        confidential: table.confidential,
        contact: table.contact,
        filtering_db: table.filtering_db,
        allow_public_suffix: table.allow_public_suffix,
        allow_protected: table.allow_protected,
        lists: table.lists,
        names: names.map(|(at, name)| order_name(name, coverage, |name| place(at, name))).collect(),
    })
}

/// Checks what no single value shows.
fn check(table: &OrderTable) -> Result<(), Failure> {
    if let (Some(from), Some(until)) = (table.effective_from, table.effective_until)
        && until <= from
    {
        let what = "effective-until is not after effective-from; expected a later time; correct one of them";
        return Err(("effective-until", what.to_owned()));
    }
    if let Some(list) = table.lists.iter().find(|list| list.is_empty() || list.contains('\0')) {
        return Err((
            "lists",
            format!("list path {list:?} cannot be read; expected a file name; correct it"),
        ));
    }
    Ok(())
}

fn order_name<N>(table: NameTable<N>, default: Coverage, place: impl Fn(N) -> (u32, Name)) -> OrderName {
    let (line, name) = place(table.name);
    OrderName {
        name,
        coverage: table.coverage.map_or(default, Coverage::from),
        added: table.added,
        mirror_of: table.mirror_of,
        notice: table.notice,
        allow_public_suffix: table.allow_public_suffix,
        allow_protected: table.allow_protected,
        line,
    }
}

fn scope(scope: Option<Scope>, order_type: OrderType) -> Result<Scope, Failure> {
    match scope {
        Some(scope) => Ok(scope),
        // nobody's law but the operator's own decides where it ends
        None if order_type == OrderType::Internal => Ok(Scope::Global),
        None => Err((
            "order",
            "the order has no scope; expected the clients it is for; add such as scope = { regions = [\"IT\"] }, \
             or scope = \"global\""
                .to_owned(),
        )),
    }
}

fn deadline(table: &OrderTable) -> Result<Option<Timestamp>, Failure> {
    match (table.deadline, table.received) {
        (None, _) => Ok(None),
        (Some(Deadline::At(at)), _) => Ok(Some(at)),
        (Some(Deadline::After(span)), Some(received)) => received.plus(span).map(Some).ok_or_else(|| {
            ("deadline", "the deadline is beyond the calendar; expected a shorter duration; correct it".to_owned())
        }),
        (Some(Deadline::After(_)), None) => Err((
            "deadline",
            "the deadline is a duration and `received` is missing; expected the time it counts from; add `received`"
                .to_owned(),
        )),
    }
}

fn json_error(text: &str, path: &str, failure: &serde_json::Error) -> OrderError {
    let message = failure.to_string();
    // the place is said in our own way
    let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    let at = match failure.line() {
        0 => Position::of(text, 0),
        line => Position { line: count(line), column: count(failure.column()) },
    };
    OrderError::File { path: path.to_owned(), at, what: rephrase(what) }
}

/// Lines of the keys called `name`, which only the names have.
fn json_name_lines(text: &str) -> Vec<u32> {
    let lines = Lines::of(text);
    let keys = text.match_indices("\"name\"").filter(|(offset, key)| {
        let after = text.get(offset.saturating_add(key.len())..).unwrap_or_default();
        after.trim_start().starts_with(':')
    });
    keys.map(|(offset, _)| lines.line(offset)).collect()
}
