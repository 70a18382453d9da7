//! Edits an order file in place: its comments and everything else stay as they are.

use jiff::civil::Date;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::words::Status;
use crate::list::Position;
use crate::names::Name;

/// Why an order file cannot be edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is not TOML.
    #[error("{at}: the file is not TOML: {what}; expected a TOML order file; edit it by hand")]
    NotToml {
        /// Where.
        at: Position,
        /// What the parser says.
        what: String,
    },
    /// It has no `[order]`.
    #[error("the file has no table `[order]`; expected an order file; add the table")]
    NoOrder,
    /// Its names are neither tables nor inline tables.
    #[error("`names` is not a list of tables; expected `[[names]]`; correct it")]
    Names,
}

/// An edited order file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The new text.
    pub text: String,
    /// The names that were added or removed.
    pub changed: Vec<Name>,
    /// The names that were there already, or were not there to remove.
    pub unchanged: Vec<Name>,
}

/// Adds names to the order, with the day; those that it holds already stay as they are.
///
/// # Errors
/// When the text is not an order file in TOML.
pub fn add_names(text: &str, names: &[Name], added: Date) -> Result<Edited, EditError> {
    let mut document = read(text)?;
    let held = held(&document)?;
    let mut changed: Vec<Name> = Vec::new();
    let mut unchanged = Vec::new();
    for name in names {
        if held.contains(&Some(name.clone())) || changed.contains(name) {
            unchanged.push(name.clone());
        } else {
            push(&mut document, name, added)?;
            changed.push(name.clone());
        }
    }
    Ok(Edited { text: document.to_string(), changed, unchanged })
}

/// Takes names out of the order. Names that come from its lists are not in the file and stay.
///
/// # Errors
/// When the text is not an order file in TOML.
pub fn remove_names(text: &str, names: &[Name]) -> Result<Edited, EditError> {
    let mut document = read(text)?;
    let held = held(&document)?;
    let goes = |item: Option<Name>| item.is_some_and(|name| names.contains(&name));
    match document.get_mut("names") {
        Some(Item::ArrayOfTables(tables)) => tables.retain(|table| !goes(name_of(table))),
        Some(Item::Value(Value::Array(array))) => {
            array.retain(|value| !goes(value.as_inline_table().and_then(|table| name_of(table))));
        }
        _ => {}
    }
    let (changed, unchanged) = names.iter().cloned().partition(|name| held.contains(&Some(name.clone())));
    Ok(Edited { text: document.to_string(), changed, unchanged })
}

/// Sets the authority's word about the order; a comment behind the old word stays.
///
/// # Errors
/// When the text is not an order file in TOML.
pub fn set_status(text: &str, status: Status) -> Result<String, EditError> {
    let mut document = read(text)?;
    let order = document.get_mut("order").and_then(Item::as_table_like_mut).ok_or(EditError::NoOrder)?;
    match order.get_mut("status").and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = Value::from(status.label());
            *old.decor_mut() = decor;
        }
        None => {
            order.insert("status", value(status.label()));
        }
    }
    Ok(document.to_string())
}

fn read(text: &str) -> Result<DocumentMut, EditError> {
    let document = text.parse::<DocumentMut>().map_err(|error| EditError::NotToml {
        at: Position::of(text, error.span().map_or(0, |span| span.start)),
        what: error.message().replace('\n', " "),
    })?;
    if document.get("order").and_then(Item::as_table_like).is_none() {
        return Err(EditError::NoOrder);
    }
    Ok(document)
}

fn name_of(table: &dyn TableLike) -> Option<Name> {
    Name::parse(table.get("name")?.as_str()?).ok()
}

fn held(document: &DocumentMut) -> Result<Vec<Option<Name>>, EditError> {
    match document.get("names") {
        None => Ok(Vec::new()),
        Some(Item::ArrayOfTables(tables)) => Ok(tables.iter().map(|table| name_of(table)).collect()),
        Some(Item::Value(Value::Array(array))) => {
            Ok(array.iter().map(|value| value.as_inline_table().and_then(|table| name_of(table))).collect())
        }
        Some(_) => Err(EditError::Names),
    }
}

fn push(document: &mut DocumentMut, name: &Name, added: Date) -> Result<(), EditError> {
    let names = document.entry("names").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let (name, added) = (name.to_string(), added.to_string());
    match names {
        Item::ArrayOfTables(tables) => {
            let mut table = Table::new();
            table.insert("name", value(name));
            table.insert("added", value(added));
            tables.push(table);
        }
        Item::Value(Value::Array(array)) => push_inline(array, name, added),
        _ => return Err(EditError::Names),
    }
    Ok(())
}

fn push_inline(array: &mut Array, name: String, added: String) {
    let mut table = InlineTable::new();
    table.insert("name", name.into());
    table.insert("added", added.into());
    array.push(table);
}
