//! The command line's side of the socket.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::UnixStream;

use super::{Explain, Problem};

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no agent answers on {0}; start one with `interdict run`, or pass --socket PATH")]
    NotRunning(PathBuf),
    #[error("control socket {0}: permission denied; use sudo, or join the socket's group")]
    NotPermitted(PathBuf),
    #[error("control socket {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    #[error("the agent closed the connection: {0}")]
    Http(#[from] hyper::Error),
    #[error("the agent's reply cannot be read: {0}")]
    Reply(#[from] serde_json::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("{}", .0.error)]
    Problem(Problem),
}

/// A way to the agent.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// Nothing is opened before the first request.
    #[must_use]
    pub fn new(socket: &Path) -> Client {
        Client { socket: socket.to_owned() }
    }

    /// The reply's text.
    ///
    /// # Errors
    /// When no agent answers, or it says no.
    pub async fn get(&self, path: &str) -> Result<String, ClientError> {
        self.request("GET", path, Bytes::new()).await
    }

    /// The reply to a body in JSON.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Result<String, ClientError> {
        self.request("POST", path, serde_json::to_vec(body)?.into()).await
    }

    async fn request(&self, method: &str, path: &str, body: Bytes) -> Result<String, ClientError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.unreachable(error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // ends when the sender is dropped
        tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "interdict")
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        let response = sender.send_request(request).await?;
        let success = response.status().is_success();
        let body = response.into_body().collect().await?.to_bytes();
        if success {
            return Ok(String::from_utf8_lossy(&body).into_owned());
        }
        Err(ClientError::Problem(serde_json::from_slice(&body)?))
    }

    fn unreachable(&self, error: io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning(self.socket.clone())
            }
            io::ErrorKind::PermissionDenied => ClientError::NotPermitted(self.socket.clone()),
            _ => ClientError::Io(self.socket.clone(), error),
        }
    }
}

/// The path of an `explain` request.
#[must_use]
pub fn explain_path(explain: &Explain) -> String {
    let mut path = format!("/v1/explain?name={}&qtype={}", escape(&explain.name), explain.qtype);
    if let Some(client) = explain.client {
        path.push_str(&format!("&client={client}"));
    }
    if let Some(region) = &explain.region {
        path.push_str(&format!("&region={}", escape(region)));
    }
    path
}

/// Percent-encodes what a path segment or a query value may not hold as it is.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            escaped.push(char::from(octet));
        } else {
            escaped.push_str(&format!("%{octet:02X}"));
        }
    }
    escaped
}
