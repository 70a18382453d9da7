//! Changes asked for on the control socket. Each is in the kernel and on the disk before it is answered, or in neither.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::book::{BookError, Held};
use super::edit;
use super::view::{millis, stamp};
use super::{Agent, AgentError};
use crate::control::exit::Exit;
use crate::control::report::{ChangeReport, Refusal};
use crate::control::{Apply, Change, Edit, Problem};
use crate::names::Name;
use crate::order::{self, Format, Life, Order, Status};
use crate::policy::Mode;

/// A new version of an order on its way.
struct Version {
    /// For the audit log.
    event: &'static str,
    uid: Option<u32>,
    text: String,
    path: PathBuf,
    /// Names that are added or removed.
    names: Vec<String>,
    /// When the change was asked for.
    asked: Instant,
}

impl Agent {
    /// `order apply`.
    pub(super) fn apply(&mut self, apply: Apply, uid: Option<u32>) -> Result<ChangeReport, Problem> {
        let asked = Instant::now();
        let format = if apply.json { Format::Json } else { Format::Toml };
        // parsed as it came first, so that an error names the place in the file that the user has
        let order = Order::parse(&apply.text, &apply.path, format)
            .map_err(BookError::from)
            .map_err(AgentError::from)?;
        let text = if apply.json { edit::toml_of_json(&apply.text).map_err(bad)? } else { apply.text };
        let text = edit::anchored(&text, Path::new(&apply.base)).map_err(bad)?;
        let path = self.book.path_of(&order.id);
        if Format::of_path(&path.display().to_string()) == Format::Json {
            return Err(json_file(&order.id, &path));
        }
        self.take_version(Version { event: "apply", uid, text, path, names: Vec::new(), asked })
    }

    /// `order lift`, `suspend` and `resume`.
    pub(super) fn change(&mut self, id: &str, to: Change, uid: Option<u32>) -> Result<ChangeReport, Problem> {
        let asked = Instant::now();
        let (path, held) = self.editable(id)?;
        let status = held.order.status;
        let text = match to {
            Change::Lift => order::set_status(&held.text, Status::Lifted).map_err(bad)?,
            Change::Suspend if status == Status::Suspended => held.text.to_string(),
            Change::Suspend if !status.is_binding() => return Err(over(id, status)),
            Change::Suspend => {
                let text = edit::remember(&held.text, status).map_err(bad)?;
                order::set_status(&text, Status::Suspended).map_err(bad)?
            }
            Change::Resume if status == Status::Suspended => {
                let (was, text) = edit::recall(&held.text).map_err(bad)?;
                order::set_status(&text, was.unwrap_or_default()).map_err(bad)?
            }
            Change::Resume if status.is_binding() => held.text.to_string(),
            Change::Resume => return Err(over(id, status)),
        };
        self.take_version(Version { event: to.verb(), uid, text, path, names: Vec::new(), asked })
    }

    /// `block` and `unblock`.
    pub(super) fn edit_names(
        &mut self,
        id: &str,
        names: &[String],
        edit: Edit,
        uid: Option<u32>,
    ) -> Result<ChangeReport, Problem> {
        let asked = Instant::now();
        let (path, held) = self.editable(id)?;
        let (names, mut refused) = parse(names);
        if names.is_empty() {
            let reasons: Vec<_> = refused.iter().map(|refusal| refusal.reason.as_str()).collect();
            return Err(Problem::new(Exit::Failed, format!("no name can be used: {}", reasons.join("; "))));
        }
        let edited = match edit {
            Edit::Block => {
                let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
                order::add_names(&held.text, &names, today).map_err(bad)?
            }
            Edit::Unblock => order::remove_names(&held.text, &names).map_err(bad)?,
        };
        let changed: Vec<_> = edited.changed.iter().map(Name::to_string).collect();
        let version =
            Version { event: edit.verb(), uid, text: edited.text, path, names: changed.clone(), asked };
        let mut report = self.take_version(version)?;
        report.refused.retain(|refusal| refusal.name.as_ref().is_some_and(|name| changed.contains(name)));
        report.names = changed.len().saturating_sub(report.refused.len());
        report.unchanged = edited.unchanged.iter().map(Name::to_string).collect();
        report.refused.append(&mut refused);
        Ok(report)
    }

    /// An order's file and version, when it can be edited here.
    fn editable(&self, id: &str) -> Result<(PathBuf, Held), Problem> {
        let (path, file) = self.book.find(id).ok_or_else(|| self.unknown(id))?;
        if let Some(error) = &file.error {
            // the edit would be of the last good text and overwrite what somebody is working on
            return Err(Problem::new(
                Exit::BadInput,
                format!("order {id} cannot be changed while its file is bad: {error}"),
            ));
        }
        let held = file.held.clone().ok_or_else(|| self.unknown(id))?;
        if Format::of_path(&path.display().to_string()) == Format::Json {
            return Err(json_file(id, path));
        }
        Ok((path.to_owned(), held))
    }

    /// Puts a version in force and stores it. Whatever fails, both the kernel and the disk keep what they had.
    fn take_version(&mut self, version: Version) -> Result<ChangeReport, Problem> {
        let held = self.book.parse(&version.text, &version.path).map_err(AgentError::from)?;
        let order = Arc::clone(&held.order);
        let before = self.book.put(&version.path, held).map_err(AgentError::from)?;
        if let Err(error) = self.enforce(version.event) {
            self.book.restore(&version.path, before);
            return Err(error.into());
        }
        if let Err(error) = self.book.write(&version.path, &version.text) {
            self.book.restore(&version.path, before);
            self.enforce_or_tell("a version that could not be stored");
            return Err(AgentError::from(error).into());
        }
        let mut report = self.report(&order.id, &version.path);
        let flipped = self.policy.flipped.unwrap_or(version.asked);
        report.took_ms = millis(flipped.saturating_duration_since(version.asked));
        self.record_change(&version, &report, order.confidential);
        Ok(report)
    }

    fn record_change(&mut self, version: &Version, report: &ChangeReport, confidential: bool) {
        let (order, uid, event) = (report.order.as_str(), version.uid, version.event);
        tracing::info!(order, uid, generation = report.generation, took_ms = report.took_ms, "{event}");
        // a confidential order's names are recorded by the digest of the file only
        let names = if confidential { &[][..] } else { &version.names };
        self.journal.record(
            event,
            [
                ("order", order.into()),
                ("uid", uid.into()),
                ("generation", report.generation.into()),
                ("kernel_time", report.at.clone().into()),
                ("enforced", report.enforced.into()),
                ("file", report.file.clone().into()),
                ("sha256", crate::evidence::chain::sha256(&version.text).into()),
                ("names", names.into()),
            ],
        );
    }

    fn report(&self, id: &Arc<str>, path: &Path) -> ChangeReport {
        let held = self.book.find(id).and_then(|(_, file)| file.held.as_ref());
        let reason = held.and_then(|held| self.not_enforced(held));
        ChangeReport {
            order: id.to_string(),
            generation: self.policy.number,
            at: stamp(self.policy.at),
            took_ms: millis(self.policy.took),
            names: held.map_or(0, |held| self.names_of(held)),
            enforced: reason.is_none(),
            not_enforced_because: reason,
            refused: self.refusals(id),
            unchanged: Vec::new(),
            file: path.display().to_string(),
        }
    }

    /// Why an order that is stored does not decide anything now.
    fn not_enforced(&self, held: &Held) -> Option<String> {
        let order = &held.order;
        let from = order.begins().map(stamp).unwrap_or_default();
        let until = order.effective_until.map(stamp).unwrap_or_default();
        match order.life(Timestamp::now()) {
            Life::Scheduled => Some(format!("it begins on {from}")),
            Life::Overdue => Some(format!("it begins on {from}, although its deadline has passed")),
            Life::Suspended => Some("it is suspended".to_owned()),
            Life::Lifted => Some("it is lifted".to_owned()),
            Life::Annulled => Some("it is annulled".to_owned()),
            Life::Expired if until.is_empty() => Some("it has expired".to_owned()),
            Life::Expired => Some(format!("it ended on {until}")),
            Life::Enforced if self.config.mode == Mode::Observe => {
                Some("the agent is in observe mode: hits are counted, nothing is answered".to_owned())
            }
            Life::Enforced if self.names_of(held) == 0 => Some("it has no names".to_owned()),
            Life::Enforced => None,
        }
    }
}

/// The names that can be used, and the others with the reason.
fn parse(texts: &[String]) -> (Vec<Name>, Vec<Refusal>) {
    let (mut names, mut refused) = (Vec::new(), Vec::new());
    for text in texts {
        match Name::parse(text) {
            Ok(name) => names.push(name),
            Err(error) => refused.push(Refusal {
                name: Some(text.clone()),
                file: "argument".to_owned(),
                line: 0,
                reason: error.to_string(),
            }),
        }
    }
    (names, refused)
}

fn bad(error: impl std::error::Error) -> Problem {
    Problem::new(Exit::BadInput, error.to_string())
}

fn json_file(id: &str, path: &Path) -> Problem {
    let path = path.display();
    Problem::new(
        Exit::Failed,
        format!(
            "order {id} is kept in the JSON file {path}, expected TOML; edit that file, or remove it and apply it with `interdict order apply`"
        ),
    )
}

fn over(id: &str, status: Status) -> Problem {
    let status = status.label();
    Problem::new(
        Exit::Failed,
        format!(
            "order {id} is {status}, expected an order that can be in force; change its status in its file"
        ),
    )
}
