//! Middleware of every request: strict checks, an id, a span, and a 500 response after a panic.

use std::{
    any::Any,
    convert::Infallible,
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderName, HeaderValue, Request, Response, Uri, Version, header},
    response::IntoResponse as _,
};
use hyper::body::Incoming;
use tower::Service as _;
use tower_http::catch_panic::CatchPanic;
use tracing::Instrument as _;

use super::{client_address::Peer, problem::Problem, strict_io::Notes};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Handles one request of a connection.
///
/// The span records method, path, status and latency. It never records headers or the query, which may contain secrets, nor the client.
pub(super) async fn answer(
    router: Router,
    notes: Notes,
    peer: Peer,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let started = Instant::now();
    request.extensions_mut().insert(peer);
    let id = next_id();
    let span = tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    async {
        let mut response = match refuse(&notes, &request) {
            Some(problem) => closing(problem.into_response()),
            None => CatchPanic::custom(router, panicked).call(request.map(Body::new)).await?.map(Body::new),
        };
        if notes.is_last_request() {
            response = closing(response);
        }
        response.headers_mut().insert(REQUEST_ID, HeaderValue::from_str(&id).expect("an id is ASCII"));
        let (status, latency_us) = (response.status().as_u16(), started.elapsed().as_micros() as u64);
        if response.status().is_server_error() {
            tracing::warn!(status, latency_us, "answered {status}");
        } else {
            tracing::debug!(status, latency_us, "answered {status}");
        }
        Ok(response)
    }
    .instrument(span.clone())
    .await
}

/// Refuses requests that a proxy could interpret differently (RFC 9112, 3.2 and 6.1).
fn refuse(notes: &Notes, request: &Request<Incoming>) -> Option<Problem> {
    if let Some(offence) = notes.offence() {
        return Some(Problem::BadRequest(offence.to_string()));
    }
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some(Problem::BadRequest(
            "the HTTP request has no Host header, or several: expected exactly one".to_owned(),
        ));
    }
    is_of_proxy(request.uri()).then(|| {
        Problem::BadRequest("this server is not a proxy: expected a path as the target of the HTTP request".to_owned())
    })
}

fn is_of_proxy(uri: &Uri) -> bool {
    !uri.path().starts_with('/')
}

fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Problem::Internal {
        action: "answer the request",
        source: format!("panic: {}", text.unwrap_or("of unknown kind")).into(),
    }
    .into_response()
}

/// Unique among the requests of a process, and most likely among processes.
fn next_id() -> String {
    static PROCESS: LazyLock<u32> = LazyLock::new(|| RandomState::new().hash_one("process") as u32);
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{:08x}-{}", *PROCESS, NEXT.fetch_add(1, Ordering::Relaxed))
}
