//! The agent's side of the socket: one agent a socket, routes to jobs.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Bytes;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{DefaultBodyLimit, Path as Segment, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use nix::fcntl::{Flock, FlockArg};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};

use super::exit::Exit;
use super::{Apply, Change, Edit, Explain, Job, NameList, Problem, Reply, Request};

/// Order files above this are refused (a list of names belongs in a list file).
const MAX_BODY: usize = 64 << 20;

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("control socket {0} is served by another agent; end that agent or pass --socket PATH")]
    Taken(PathBuf),
    #[error("control socket {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// A bound socket.
#[derive(Debug)]
pub struct Endpoint {
    listener: UnixListener,
    socket: Socket,
}

/// The socket's file, and the lock that makes its agent the only one. The file goes with the agent.
#[derive(Debug)]
struct Socket {
    path: PathBuf,
    _lock: Flock<std::fs::File>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // one that stays is replaced by the next agent
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Endpoint {
    /// Binds the socket with mode 0660. One that nobody answers on is replaced.
    ///
    /// # Errors
    /// When another agent holds it, or it cannot be made.
    pub fn bind(path: &Path) -> Result<Endpoint, ServeError> {
        let failed = |error| ServeError::Io(path.to_owned(), error);
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let file = std::fs::File::create(&lock_path).map_err(failed)?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|_| ServeError::Taken(path.to_owned()))?;
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(ServeError::Taken(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
        Ok(Endpoint { listener, socket: Socket { path: path.to_owned(), _lock: lock } })
    }

    /// Serves until the task is dropped.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, jobs: mpsc::Sender<Job>) -> Result<(), ServeError> {
        let service = routes(jobs).into_make_service_with_connect_info::<Peer>();
        let served = axum::serve(self.listener, service).await;
        served.map_err(|error| ServeError::Io(self.socket.path.clone(), error))
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
struct Peer {
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Peer {
        Peer { uid: stream.io().peer_cred().ok().map(|cred| cred.uid()) }
    }
}

type Jobs = State<mpsc::Sender<Job>>;
type From = ConnectInfo<Peer>;

fn routes(jobs: mpsc::Sender<Job>) -> Router {
    Router::new()
        .route("/v1/status", get(async |jobs: Jobs, from: From| ask(jobs, from, Request::Status).await))
        .route("/v1/stats", get(async |jobs: Jobs, from: From| ask(jobs, from, Request::Stats).await))
        .route("/v1/metrics", get(async |jobs: Jobs, from: From| ask(jobs, from, Request::Metrics).await))
        .route("/v1/explain", get(explain))
        .route("/v1/region/{address}", get(region))
        .route(
            "/v1/orders",
            get(async |jobs: Jobs, from: From| ask(jobs, from, Request::Orders).await).post(apply),
        )
        .route("/v1/orders/{id}", get(order))
        .route("/v1/orders/{id}/{verb}", post(change))
        .route("/v1/reload", post(async |jobs: Jobs, from: From| ask(jobs, from, Request::Reload).await))
        .route("/v1/detach", post(async |jobs: Jobs, from: From| ask(jobs, from, Request::Detach).await))
        .fallback(async || {
            respond(Err(Problem::new(Exit::Failed, "no such request; is the agent of another version?")))
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(jobs)
}

async fn explain(jobs: Jobs, from: From, Query(query): Query<Explain>) -> Response {
    ask(jobs, from, Request::Explain(query)).await
}

async fn region(jobs: Jobs, from: From, Segment(address): Segment<String>) -> Response {
    match address.parse() {
        Ok(address) => ask(jobs, from, Request::Region(address)).await,
        Err(_) => respond(Err(Problem::new(Exit::Failed, format!("{address} is not an IP address")))),
    }
}

async fn order(jobs: Jobs, from: From, Segment(id): Segment<String>) -> Response {
    ask(jobs, from, Request::Order(id)).await
}

async fn apply(jobs: Jobs, from: From, body: Bytes) -> Response {
    match serde_json::from_slice::<Apply>(&body) {
        Ok(apply) => ask(jobs, from, Request::Apply(apply)).await,
        Err(error) => {
            respond(Err(Problem::new(Exit::Failed, format!("the request's body is not an order: {error}"))))
        }
    }
}

async fn change(
    jobs: Jobs,
    from: From,
    Segment((id, verb)): Segment<(String, String)>,
    body: Bytes,
) -> Response {
    let names = || serde_json::from_slice::<NameList>(&body).map(|list| list.names);
    let request = match verb.as_str() {
        "lift" => Ok(Request::Change { id, to: Change::Lift }),
        "suspend" => Ok(Request::Change { id, to: Change::Suspend }),
        "resume" => Ok(Request::Change { id, to: Change::Resume }),
        "block" => names().map(|names| Request::Names { id, names, edit: Edit::Block }),
        "unblock" => names().map(|names| Request::Names { id, names, edit: Edit::Unblock }),
        _ => return respond(Err(Problem::new(Exit::Failed, format!("an order cannot be told to {verb}")))),
    };
    match request {
        Ok(request) => ask(jobs, from, request).await,
        Err(error) => {
            respond(Err(Problem::new(Exit::Failed, format!("the request's body holds no names: {error}"))))
        }
    }
}

/// Hands the request to the agent's loop and waits for its reply.
async fn ask(State(jobs): Jobs, ConnectInfo(peer): From, request: Request) -> Response {
    respond(submit(&jobs, peer.uid, request).await)
}

/// Hands a request to the agent's loop and waits for the reply; also the way of `/metrics`.
///
/// # Errors
/// The agent's own, or that it ends.
pub async fn submit(jobs: &mpsc::Sender<Job>, uid: Option<u32>, request: Request) -> Reply {
    let ending = || Problem::new(Exit::Temporary, "the agent is ending");
    let (reply, answer) = oneshot::channel();
    jobs.send(Job { request, uid, reply }).await.map_err(|_| ending())?;
    answer.await.map_err(|_| ending())?
}

fn respond(reply: Reply) -> Response {
    match reply {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(problem) => {
            let text = serde_json::to_string(&problem).unwrap_or_default();
            (StatusCode::UNPROCESSABLE_ENTITY, [(header::CONTENT_TYPE, "application/json")], text)
                .into_response()
        }
    }
}
