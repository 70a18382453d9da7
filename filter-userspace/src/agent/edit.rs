//! What the agent changes in an order's text beyond `order`'s own edits: where its lists are, and what status it is to
//! have again after a suspension. Pure.

use std::path::Path;

use toml_edit::{Array, DocumentMut, Item};

use crate::order::Status;

/// Why a text cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum TextError {
    #[error("the order is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the order cannot be written as TOML: {0}; write it as TOML by hand")]
    Convert(#[from] toml::ser::Error),
    #[error("the order is not TOML: {0}")]
    Toml(#[from] toml_edit::TomlError),
}

/// An order file in JSON as one in TOML.
pub(super) fn toml_of_json(text: &str) -> Result<String, TextError> {
    let mut value: serde_json::Value = serde_json::from_str(text)?;
    drop_nulls(&mut value);
    Ok(toml::to_string(&value)?)
}

/// TOML has no null; a key that is null is a key that is not there.
fn drop_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(array) => array.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The order with the paths of its lists made absolute: it is stored elsewhere than where it was written.
pub(super) fn anchored(text: &str, base: &Path) -> Result<String, TextError> {
    let mut document: DocumentMut = text.parse()?;
    let lists =
        document.get_mut("order").and_then(|order| order.get_mut("lists")).and_then(Item::as_array_mut);
    let Some(lists) = lists else { return Ok(text.to_owned()) };
    let anchored: Array = lists
        .iter()
        .map(|list| {
            list.as_str().map_or_else(|| list.clone(), |list| base.join(list).display().to_string().into())
        })
        .collect();
    *lists = anchored;
    Ok(document.to_string())
}

/// What stands before the remembered status, in a comment behind the word `suspended`.
const MARK: &str = "was ";

/// Notes behind the status which one it was.
pub(super) fn remember(text: &str, was: Status) -> Result<String, TextError> {
    let mut document: DocumentMut = text.parse()?;
    if let Some(value) = status_of(&mut document) {
        let suffix = value.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or("").to_owned();
        let join = if suffix.trim().is_empty() { " # " } else { ", " };
        value.decor_mut().set_suffix(format!("{}{join}{MARK}{}", suffix.trim_end(), was.label()));
    }
    Ok(document.to_string())
}

/// Which status the order had before it was suspended, if that was noted, and the text without the note.
pub(super) fn recall(text: &str) -> Result<(Option<Status>, String), TextError> {
    let mut document: DocumentMut = text.parse()?;
    let mut was = None;
    if let Some(value) = status_of(&mut document) {
        let suffix = value.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or("").to_owned();
        if let Some((before, word)) = suffix.rsplit_once(MARK) {
            was = [Status::Interim, Status::Final, Status::Appealed, Status::Upheld]
                .into_iter()
                .find(|status| status.label() == word.trim());
            let before = before.trim_end().trim_end_matches([',', '#']).trim_end().to_owned();
            value.decor_mut().set_suffix(before);
        }
    }
    Ok((was, document.to_string()))
}

fn status_of(document: &mut DocumentMut) -> Option<&mut toml_edit::Value> {
    document.get_mut("order")?.get_mut("status")?.as_value_mut()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::set_status;

    #[test]
    fn json_becomes_toml() {
        let text =
            toml_of_json(r#"{"order":{"id":"A","contact":null},"names":[{"name":"a.example"}]}"#).unwrap();
        assert!(text.contains("id = \"A\"") && text.contains("[[names]]"), "{text}");
        assert!(toml_of_json("{").is_err());
    }

    #[test]
    fn lists_become_absolute_and_comments_stay() {
        let text = "# why\n[order]\nid = \"A\"\nlists = [\"a.txt\", \"/b.txt\"] # two\n";
        let anchored = anchored(text, Path::new("/srv/x")).unwrap();
        assert!(anchored.contains("\"/srv/x/a.txt\", \"/b.txt\""), "{anchored}");
        assert!(anchored.contains("# why"));
        assert_eq!(
            super::anchored("[order]\nid = \"A\"\n", Path::new("/x")).unwrap(),
            "[order]\nid = \"A\"\n"
        );
    }

    #[test]
    fn a_suspension_remembers_the_status() {
        for text in ["[order]\nstatus = \"interim\"\n", "[order]\nstatus = \"interim\" # see letter\n"] {
            let suspended = set_status(&remember(text, Status::Interim).unwrap(), Status::Suspended).unwrap();
            assert!(suspended.contains("\"suspended\"") && suspended.contains("was interim"), "{suspended}");
            let (was, back) = recall(&suspended).unwrap();
            assert_eq!(was, Some(Status::Interim));
            assert_eq!(set_status(&back, Status::Interim).unwrap(), text);
        }
    }

    #[test]
    fn without_a_note_nothing_is_recalled() {
        assert_eq!(recall("[order]\nstatus = \"suspended\"\n").unwrap().0, None);
    }
}
