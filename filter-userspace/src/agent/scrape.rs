//! `/metrics` and `/healthz` over HTTP, read only. The text is made by the agent's loop, from the maps, when it is asked.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::control::{Job, Request, server};
use crate::metrics;

/// Why the metrics are not served.
#[derive(Debug, thiserror::Error)]
#[error("metrics address {address}: {error}; free it, or pass --metrics ADDR or --metrics off")]
pub struct ScrapeError {
    address: SocketAddr,
    error: io::Error,
}

/// Binds the address.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, ScrapeError> {
    TcpListener::bind(address).await.map_err(|error| ScrapeError { address, error })
}

/// Serves until the task is dropped.
pub(super) async fn serve(listener: TcpListener, jobs: mpsc::Sender<Job>) {
    let routes =
        Router::new().route("/metrics", get(scrape)).route("/healthz", get(async || "ok\n")).with_state(jobs);
    if let Err(error) = axum::serve(listener, routes).await {
        tracing::error!(%error, "metrics are no longer served");
    }
}

async fn scrape(State(jobs): State<mpsc::Sender<Job>>) -> Response {
    match server::submit(&jobs, None, Request::Metrics).await {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(problem) => (StatusCode::SERVICE_UNAVAILABLE, problem.error).into_response(),
    }
}
