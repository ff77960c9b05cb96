//! The feed of an organisation, which its replicas follow over HTTP with a feed token.
//!
//! It has the same content as a bundle, in parts: the entries of the transparency log, with private ones withheld; the events of the
//! signing keys; the blobs that visible entries name; and signatures over all of it with the log's key.

mod blob;
mod concurrency_limits;
mod followed;
mod page;
mod query;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod wire;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{FromRef, Path, State},
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use domain::digest::Sha256;
use event_log::execute::Clock;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

pub use self::{
    blob::FeedBlobs,
    concurrency_limits::{ConcurrencyLimits, Permit},
    page::FeedLogs,
};
use api_http::{
    api_limits::{BODY_MAX_BYTES, REQUEST_MAX, with_limits},
    auth::Authenticator,
    problem::Problem,
    replicas_last_seen::{LastSeen, ReplicasLastSeen},
};
use archive::bundle::{signing_keys, vouched_for};

use self::{
    followed::Followed,
    query::{BlobQuery, LogQuery},
    wire::{SigningKeysHead, WAIT_MAX_SECONDS},
};

/// How many pages are built at the same time, each in memory. Other requests wait.
pub const PAGES_MAX: usize = 4;
/// How many blobs are sent at the same time to all replicas. Further requests are refused with a time to retry.
pub(crate) const BLOBS_MAX: usize = 256;
/// How many blobs are sent at the same time for one token: a replica downloads eight, and may have just restarted.
pub(crate) const BLOBS_PER_TOKEN_MAX: usize = 16;
/// How many requests of all replicas may wait for new entries. Each holds a connection.
pub const WAITING_MAX: usize = 500;
/// How many requests with one token may wait: a replica needs one, and another when it restarts.
pub(crate) const WAITING_PER_TOKEN_MAX: usize = 4;
/// The time to retry when too many blobs are being sent, or too many requests wait.
const BUSY_RETRY_SECONDS: u32 = 2;
/// The time limit of a waiting request.
const LONG_REQUEST_MAX: Duration = Duration::from_secs(WAIT_MAX_SECONDS).saturating_add(REQUEST_MAX);

/// The state of the feed's handlers.
#[derive(Clone, FromRef)]
pub struct FeedState {
    /// Authenticates replicas.
    pub authenticator: Authenticator,
    /// The logs that replicas follow.
    pub logs: FeedLogs,
    /// The blobs that these logs name.
    pub blobs: FeedBlobs,
    /// The concurrency limits.
    pub limits: FeedLimits,
    /// When each replica was last seen.
    pub last_seen: ReplicasLastSeen,
    /// The clock.
    pub clock: Clock,
    /// Set when the server stops: waiting requests are answered at once.
    pub stopping: CancellationToken,
}

/// The concurrency limits for replicas. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FeedLimits {
    waiting: ConcurrencyLimits,
    blobs: ConcurrencyLimits,
    pages: Arc<Semaphore>,
}

impl Default for FeedLimits {
    fn default() -> Self {
        Self {
            waiting: ConcurrencyLimits::new(WAITING_MAX, WAITING_PER_TOKEN_MAX),
            blobs: ConcurrencyLimits::new(BLOBS_MAX, BLOBS_PER_TOKEN_MAX),
            pages: Arc::new(Semaphore::new(PAGES_MAX)),
        }
    }
}

/// The routes.
pub fn routes(state: FeedState) -> Router {
    let texts = Router::new()
        .route("/feed/{organisation}/key", get(key))
        .route("/feed/{organisation}/log", get(log))
        .route("/feed/{organisation}/signing-keys", get(keys));
    // Blobs are streamed, without a time limit.
    with_limits(texts, BODY_MAX_BYTES, LONG_REQUEST_MAX)
        .route("/feed/{organisation}/blobs/{sha256}", get(blob))
        .with_state(state)
}

/// The key that verifies the log's signatures.
async fn key(State(logs): State<FeedLogs>, followed: Followed) -> Response {
    text("text/plain; charset=utf-8", format!("{}\n", logs.signer.verifier_key(&followed.origin)))
}

/// The next entries: as soon as there are some, or when the time is over.
async fn log(State(state): State<FeedState>, followed: Followed, query: LogQuery) -> Result<Response, Problem> {
    state.last_seen.note(followed.follower.token, LastSeen { at: (state.clock)(), entries: query.from });
    if !is_new(&state.logs, &followed, &query) && query.wait > 0 {
        until_new(&state, &followed, &query).await?;
    }
    // The token may have been revoked while the request waited.
    if !followed.follower.is_still_valid(&state.authenticator) {
        return Err(Problem::NeedsToken);
    }
    let _turn = state.limits.pages.acquire().await;
    Ok(text("application/x-ndjson", state.logs.page_after(&followed, query.from).await?))
}

/// Whether there is anything that the replica does not have. A replica with more entries than the log is answered at once, too.
fn is_new(logs: &FeedLogs, followed: &Followed, query: &LogQuery) -> bool {
    logs.size(followed.log) != query.from || logs.signing_keys.now().revision.0 > query.signing_keys
}

async fn until_new(state: &FeedState, followed: &Followed, query: &LogQuery) -> Result<(), Problem> {
    let FeedState { authenticator, logs, limits, stopping, .. } = state;
    let permit = limits.waiting.take(followed.follower.token);
    let _permit = permit.ok_or(Problem::TooManyRequests { retry_after_seconds: BUSY_RETRY_SECONDS })?;
    let deadline = Instant::now() + Duration::from_secs(query.wait);
    let (mut log, mut keys) = (logs.transparency.changes(), logs.signing_keys.trusted());
    while !is_new(logs, followed, query) && followed.follower.is_still_valid(authenticator) {
        let changed = async {
            tokio::select! {
                changed = log.changed() => changed.is_ok(),
                () = keys.changed() => true,
                () = stopping.cancelled() => false,
            }
        };
        if !timeout_at(deadline, changed).await.unwrap_or(false) {
            break;
        }
    }
    Ok(())
}

/// The events of the signing keys: the certificates that machines should trust.
async fn keys(State(logs): State<FeedLogs>, followed: Followed) -> Result<Response, Problem> {
    let events = signing_keys(&*logs.store, logs.store.head().await?).await?;
    let (lines, note) = vouched_for(&events, &logs.signer, &followed.origin);
    Ok(text("application/x-ndjson", wire::text(&SigningKeysHead { note }, &lines)))
}

/// A blob that an entry names.
async fn blob(
    State(logs): State<FeedLogs>,
    State(blobs): State<FeedBlobs>,
    State(limits): State<FeedLimits>,
    followed: Followed,
    Path((_, sha256)): Path<(String, String)>,
    BlobQuery { entry }: BlobQuery,
) -> Result<Response, Problem> {
    let sha256: Sha256 =
        sha256.parse().map_err(|error: domain::digest::InvalidDigest| Problem::BadRequest(error.to_string()))?;
    let permit = limits.blobs.take(followed.follower.token);
    let permit = permit.ok_or(Problem::TooManyRequests { retry_after_seconds: BUSY_RETRY_SECONDS })?;
    blob::answer(&blobs, &logs, &followed, entry, sha256, permit).await
}

fn text(content_type: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], text).into_response()
}
