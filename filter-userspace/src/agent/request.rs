//! Requests from the control socket: each is answered in the loop, after everything before it has taken effect.

use serde::Serialize;

use super::{Agent, AgentError, Next};
use crate::control::exit::Exit;
use crate::control::report::{DetachReport, Document, ReloadReport};
use crate::control::{Job, Problem, Reply, Request};
use crate::error_chain::chain;
use crate::metrics;

impl Agent {
    /// Answers one request.
    pub(super) fn serve(&mut self, job: Job) -> Next {
        let Job { request, uid, reply } = job;
        let ends = request == Request::Detach;
        let answer = self.answer(request, uid);
        let next = if ends && answer.is_ok() { Next::End } else { Next::Go };
        // who asked may be gone by now
        let _ = reply.send(answer);
        next
    }

    fn answer(&mut self, request: Request, uid: Option<u32>) -> Reply {
        match request {
            Request::Status => document("status", self.status().map_err(AgentError::from)?),
            Request::Stats => document("stats", self.stats().map_err(AgentError::from)?),
            Request::Metrics => Ok(metrics::render(&self.reading().map_err(AgentError::from)?)),
            Request::Explain(query) => document("explain", self.explain(&query)?),
            Request::Region(address) => document("region", self.region(address)),
            Request::Orders => document("order-list", self.order_list()),
            Request::Order(id) => {
                let report = self.order_report(&id).ok_or_else(|| self.unknown(&id))?;
                document("order-show", report)
            }
            Request::Apply(apply) => document("order-apply", self.apply(apply, uid)?),
            Request::Change { id, to } => {
                document(&format!("order-{}", to.verb()), self.change(&id, to, uid)?)
            }
            Request::Names { id, names, edit } => {
                document(edit.verb(), self.edit_names(&id, &names, edit, uid)?)
            }
            Request::Reload => {
                let changed = self.reload();
                let generation = self.policy.number;
                document("reload", ReloadReport { generation, changed, errors: self.file_errors() })
            }
            Request::Detach => self.detach(uid),
        }
    }

    /// The order is not known: which are?
    pub(super) fn unknown(&self, id: &str) -> Problem {
        let known: Vec<&str> = self.book.held().map(|held| &*held.order.id).take(10).collect();
        let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
        Problem::new(Exit::Failed, format!("no order {id}; known orders: {known}"))
    }

    fn detach(&mut self, uid: Option<u32>) -> Reply {
        let (detached, failure) = self.links.detach_all();
        self.journal.record("detach", [("interfaces", detached.clone().into()), ("uid", uid.into())]);
        tracing::info!("detached from {} on request", detached.join(", "));
        if let Some(error) = failure {
            return Err(AgentError::from(error).into());
        }
        self.notifier.stopping();
        document("detach", DetachReport { detached, by_agent: true })
    }

    /// The end by a signal.
    pub(super) fn stop(&mut self) {
        self.notifier.stopping();
        if self.keep {
            self.journal.record("stop", [("kept", true.into())]);
            tracing::info!("ending; the filter stays attached with generation {}", self.policy.number);
            return;
        }
        let (detached, failure) = self.links.detach_all();
        self.journal.record("detach", [("interfaces", detached.clone().into()), ("signal", true.into())]);
        tracing::info!("detached from {}", detached.join(", "));
        if let Some(error) = failure {
            tracing::error!(%error, "an interface could not be detached");
        }
    }
}

fn document<T: Serialize>(verb: &str, body: T) -> Reply {
    serde_json::to_string(&Document::new(verb, body))
        .map_err(|error| Problem::new(Exit::Failed, format!("the reply cannot be written: {error}")))
}

impl From<AgentError> for Problem {
    fn from(error: AgentError) -> Problem {
        let exit = error.exit();
        Problem::new(exit, chain(&error))
    }
}
