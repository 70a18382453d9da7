//! The chain of digests: how a record is bound to the one before, and how that is checked. Pure.
//!
//! A record's text without its last field, `digest`, is what the digest is taken of; it holds `prev`, the digest of the
//! record before. So a changed, removed or inserted record breaks the chain at its place. Records cut off at the end
//! are not noticed by the chain itself: keep the last digest elsewhere for that.

use std::io::{self, BufRead};

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The chain's end: what the next record is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    seq: u64,
    prev: String,
}

impl Link {
    /// Before the first record.
    pub const FIRST: Link = Link { seq: 1, prev: String::new() };

    /// After the record in `line`.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn after(line: &str) -> Result<Link, String> {
        let (body, digest) = split(line).ok_or("no digest at its end")?;
        if sha256(&body) != digest {
            return Err("its digest is not that of its text".to_owned());
        }
        let record: Value = serde_json::from_str(&body).map_err(|error| format!("not JSON: {error}"))?;
        let seq = record.get("seq").and_then(Value::as_u64).ok_or("no seq")?;
        Ok(Link { seq: seq.saturating_add(1), prev: digest.to_owned() })
    }

    /// The next record's line, and the link after it.
    #[must_use]
    pub fn record(&self, at: Timestamp, event: &str, fields: &Map<String, Value>) -> (String, Link) {
        let mut body = Map::new();
        body.insert("seq".to_owned(), self.seq.into());
        body.insert("at".to_owned(), format!("{at:.3}").into());
        body.insert("event".to_owned(), event.into());
        body.insert("prev".to_owned(), self.prev.clone().into());
        body.extend(fields.clone());
        let body = Value::Object(body).to_string();
        let digest = sha256(&body);
        let open = body.strip_suffix('}').unwrap_or(&body);
        let line = format!("{open},\"digest\":\"{digest}\"}}");
        (line, Link { seq: self.seq.saturating_add(1), prev: digest })
    }
}

/// What a check of the whole log found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Lines read.
    pub records: u64,
    /// Digest of the last good record: worth keeping elsewhere.
    pub last_digest: String,
    /// Line number and what is wrong there.
    pub faults: Vec<(u64, String)>,
}

/// Recomputes the chain.
///
/// # Errors
/// When the log cannot be read.
pub fn verify(log: impl BufRead) -> io::Result<Verified> {
    let mut verified = Verified::default();
    let mut link = Link::FIRST;
    for line in log.lines() {
        let line = line?;
        verified.records = verified.records.saturating_add(1);
        match step(&link, &line) {
            Ok(next) => {
                verified.last_digest.clone_from(&next.prev);
                link = next;
            }
            Err((fault, next)) => {
                verified.faults.push((verified.records, fault));
                // what follows is judged by itself, so that one fault is reported once
                if let Some(next) = next {
                    link = next;
                }
            }
        }
    }
    Ok(verified)
}

fn step(link: &Link, line: &str) -> Result<Link, (String, Option<Link>)> {
    let next = Link::after(line).map_err(|fault| (fault, None))?;
    let prev = serde_json::from_str::<Value>(line)
        .ok()
        .and_then(|record| record.get("prev").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_default();
    if prev != link.prev {
        return Err(("it does not follow the record before it".to_owned(), Some(next)));
    }
    if next.seq != link.seq.saturating_add(1) {
        return Err((format!("its seq is not {}", link.seq), Some(next)));
    }
    Ok(next)
}

/// The text that the digest was taken of, and the digest.
fn split(line: &str) -> Option<(String, &str)> {
    let (open, rest) = line.rsplit_once(",\"digest\":\"")?;
    let digest = rest.strip_suffix("\"}")?;
    Some((format!("{open}}}"), digest))
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(text: impl AsRef<[u8]>) -> String {
    Sha256::digest(text).iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<String> {
        let mut link = Link::FIRST;
        let at = "2022-07-18T00:00:00Z".parse().unwrap();
        ["start", "apply", "lift"]
            .iter()
            .map(|event| {
                let (line, next) = link.record(at, event, &Map::new());
                link = next;
                line
            })
            .collect()
    }

    fn faults(lines: &[String]) -> Vec<u64> {
        let text = lines.join("\n");
        verify(text.as_bytes()).unwrap().faults.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_whole_chain_has_no_fault() {
        assert_eq!(faults(&log()), [0u64; 0]);
    }

    #[test]
    fn a_changed_record_is_found() {
        let mut lines = log();
        lines[1] = lines[1].replace("apply", "lift!");
        assert_eq!(faults(&lines)[0], 2);
    }

    #[test]
    fn a_removed_record_is_found() {
        let mut lines = log();
        lines.remove(1);
        assert_eq!(faults(&lines), [2]);
    }

    #[test]
    fn an_inserted_record_is_found() {
        let mut lines = log();
        lines.insert(1, lines[0].clone());
        assert_eq!(faults(&lines)[0], 2);
    }
}
