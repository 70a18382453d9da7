//! How the command line speaks to the agent: JSON over HTTP on a Unix socket.
//!
//! This module carries requests and replies; it knows no policy. A request becomes a [`Job`] for the agent's loop,
//! which is the only writer, and the reply is the text that the agent made.

pub mod client;
pub mod exit;
pub mod report;
pub mod server;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use exit::Exit;

/// What the agent is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Status,
    Stats,
    Metrics,
    Explain(Explain),
    Region(IpAddr),
    Orders,
    Order(String),
    Apply(Apply),
    Change { id: String, to: Change },
    Names { id: String, names: Vec<String>, edit: Edit },
    Reload,
    Detach,
}

/// The query that is explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explain {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    pub qtype: u16,
}

/// An order file on its way into the orders directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apply {
    /// What the file is called in messages.
    pub path: String,
    /// Directory that its list files are relative to.
    pub base: String,
    /// JSON rather than TOML.
    pub json: bool,
    pub text: String,
}

/// A change of an order's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Lift,
    Suspend,
    Resume,
}

impl Change {
    /// The verb, as in schema names and the audit log.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Change::Lift => "lift",
            Change::Suspend => "suspend",
            Change::Resume => "resume",
        }
    }
}

/// What is done with names of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    Block,
    Unblock,
}

impl Edit {
    /// The verb, as in schema names and the audit log.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Edit::Block => "block",
            Edit::Unblock => "unblock",
        }
    }
}

/// The body of `block` and `unblock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameList {
    pub names: Vec<String>,
}

/// Why a request was not carried out, and the exit code for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub schema: String,
    pub error: String,
    pub exit: u8,
}

impl Problem {
    /// A problem with its exit code.
    #[must_use]
    pub fn new(exit: Exit, error: impl Into<String>) -> Problem {
        Problem { schema: "interdict/error/v1".to_owned(), error: error.into(), exit: exit as u8 }
    }
}

/// JSON (or, for [`Request::Metrics`], OpenMetrics) text.
pub type Reply = Result<String, Problem>;

/// A request on its way to the agent's loop.
#[derive(Debug)]
pub struct Job {
    pub request: Request,
    /// User id of who asks, where it is known.
    pub uid: Option<u32>,
    pub reply: oneshot::Sender<Reply>,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::client::{Client, ClientError, escape, explain_path};
    use super::server::{Endpoint, ServeError};
    use super::*;
    use tokio::sync::mpsc;

    /// An agent that answers with what it was asked, and refuses to detach.
    async fn start(path: &Path) -> tokio::task::JoinHandle<()> {
        let (sender, mut jobs) = mpsc::channel::<Job>(1);
        let endpoint = Endpoint::bind(path).unwrap();
        tokio::spawn(async move {
            while let Some(job) = jobs.recv().await {
                let reply = match job.request {
                    Request::Detach => Err(Problem::new(Exit::Unavailable, "not now")),
                    request => Ok(format!("{request:?}")),
                };
                let _ = job.reply.send(reply);
            }
        });
        tokio::spawn(async move { drop(endpoint.serve(sender).await) })
    }

    #[tokio::test]
    async fn requests_reach_the_agent_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/control.sock");
        start(&path).await;
        let client = Client::new(&path);
        assert_eq!(client.get("/v1/status").await.unwrap(), "Status");
        let explain =
            Explain { name: "a b&c.example".into(), client: None, region: Some("IT".into()), qtype: 28 };
        let expected = format!("{:?}", Request::Explain(explain.clone()));
        assert_eq!(client.get(&explain_path(&explain)).await.unwrap(), expected);
        let names = NameList { names: vec!["x.example".into()] };
        let text = client.post(&format!("/v1/orders/{}/block", escape("IT/1")), &names).await.unwrap();
        let expected = Request::Names { id: "IT/1".into(), names: names.names, edit: Edit::Block };
        assert_eq!(text, format!("{expected:?}"));
        let text = client.post("/v1/orders/X/lift", &()).await.unwrap();
        assert_eq!(text, format!("{:?}", Request::Change { id: "X".into(), to: Change::Lift }));
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_exit_code() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        start(&path).await;
        let error = Client::new(&path).post("/v1/detach", &()).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Problem(problem) if problem.exit == 69 && problem.error == "not now")
        );
        let error = Client::new(&path).get("/v1/region/nowhere").await.unwrap_err();
        assert!(matches!(error, ClientError::Problem(problem) if problem.exit == 1));
        let error = Client::new(&path).get("/v2/new").await.unwrap_err();
        assert!(matches!(error, ClientError::Problem(problem) if problem.exit == 1));
    }

    #[tokio::test]
    async fn no_agent_is_said_so() {
        let dir = tempfile::tempdir().unwrap();
        let error = Client::new(&dir.path().join("none")).get("/v1/status").await.unwrap_err();
        assert!(matches!(error, ClientError::NotRunning(_)));
    }

    #[tokio::test]
    async fn a_socket_has_one_agent_and_a_stale_one_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let endpoint = Endpoint::bind(&path).unwrap();
        assert!(matches!(Endpoint::bind(&path), Err(ServeError::Taken(_))));
        drop(endpoint);
        assert!(!path.exists());
        Endpoint::bind(&path).unwrap();
    }

    #[tokio::test]
    async fn the_socket_is_for_owner_and_group() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        let _endpoint = Endpoint::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    }
}
