//! The feed of an organisation: what its replicas follow, over HTTP, with a feed token.
//!
//! The same as in a bundle, piece by piece: entries of the transparency log with what is not to be seen withheld, the events of the
//! signing keys, blobs that shown entries name, and the signatures of the log's key over all that.

mod blob;
mod followed;
mod page;
mod places;
mod query;
mod sights;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod wire;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use commands::causes::Causes;
use domain::digest::Sha256;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use self::{
    followed::Followed,
    query::{BlobQuery, LogQuery},
    wire::{SigningKeysHead, WAIT_MAX_SECONDS},
};
pub use self::{
    places::{Place, Places},
    sights::{Sight, Sights},
};
use crate::{
    app::App,
    bundle::{signing_keys, vouched_for},
    http::{
        api_limits::{BODY_MAX_BYTES, REQUEST_MAX, with_limits},
        problem::Problem,
    },
    repositories::BlobReads,
};

/// Most pages that are put together at the same time, each in memory. Others wait for their turn.
pub const PAGES_MAX: usize = 4;
/// Most blobs that are sent at the same time, over all replicas; one more is told to come back.
pub const BLOBS_MAX: usize = 256;
/// Most blobs that are sent at the same time with one token: a replica fetches eight, and one more may start anew.
pub const BLOBS_PER_TOKEN_MAX: usize = 16;
/// Most requests that wait for something new, of all replicas: each holds a connection.
pub const WAITING_MAX: usize = 500;
/// Most requests that wait with one token: a replica needs one, and one more when it starts anew.
pub const WAITING_PER_TOKEN_MAX: usize = 4;
/// When to come back when too many blobs are being sent, or too many wait.
const BUSY_RETRY_SECONDS: u32 = 2;
/// When to come back when the log cannot be vouched for: somebody has to do something first.
const UNSIGNED_RETRY_SECONDS: u32 = 60;
/// How long a request may take that waits.
const LONG_REQUEST_MAX: Duration = Duration::from_secs(WAIT_MAX_SECONDS).saturating_add(REQUEST_MAX);

/// What the feeds of all organisations share.
pub struct Feeds {
    /// Who waits.
    pub waits: Places,
    /// Who came when.
    pub sights: Sights,
    /// Reads what ropes are made of.
    pub ropes: Arc<dyn BlobReads>,
    pages: Semaphore,
    blobs: Places,
}

impl Feeds {
    /// Nobody follows yet.
    #[must_use]
    pub fn new(ropes: Arc<dyn BlobReads>) -> Self {
        Self {
            waits: Places::new(WAITING_MAX, WAITING_PER_TOKEN_MAX),
            sights: Sights::default(),
            ropes,
            pages: Semaphore::new(PAGES_MAX),
            blobs: Places::new(BLOBS_MAX, BLOBS_PER_TOKEN_MAX),
        }
    }
}

/// The routes.
pub fn routes() -> Router<App> {
    let texts = Router::new()
        .route("/feed/{organisation}/key", get(key))
        .route("/feed/{organisation}/log", get(log))
        .route("/feed/{organisation}/signing-keys", get(keys));
    // Blobs are streamed, and may take as long as they take.
    with_limits(texts, BODY_MAX_BYTES, LONG_REQUEST_MAX).route("/feed/{organisation}/blobs/{sha256}", get(blob))
}

/// What the log's signatures are checked with.
async fn key(State(app): State<App>, followed: Followed) -> Response {
    text("text/plain; charset=utf-8", format!("{}\n", app.log_signer.verifier_key(&followed.origin)))
}

/// The entries that follow, as soon as there are some, or when the time is over.
async fn log(State(app): State<App>, followed: Followed, query: LogQuery) -> Result<Response, Problem> {
    app.feeds.sights.note(followed.follower.token, Sight { at: app.executor.now(), entries: query.from });
    if !is_new(&app, &followed, &query) && query.wait > 0 {
        until_new(&app, &followed, &query).await?;
    }
    // Whoever waited may have lost its token meanwhile.
    if !followed.follower.is_still_valid(&app.authenticator) {
        return Err(Problem::NeedsToken);
    }
    let _turn = app.feeds.pages.acquire().await;
    Ok(text("application/x-ndjson", page::after(&app, &followed, query.from).await?))
}

/// Whether there is anything that the replica does not have; or it has what nobody gave it, which is told at once.
fn is_new(app: &App, followed: &Followed, query: &LogQuery) -> bool {
    page::size(app, followed) != query.from || app.signing_keys.now().revision.0 > query.signing_keys
}

async fn until_new(app: &App, followed: &Followed, query: &LogQuery) -> Result<(), Problem> {
    let place = app.feeds.waits.take(followed.follower.token);
    let _place = place.ok_or(Problem::TooManyRequests { retry_after_seconds: BUSY_RETRY_SECONDS })?;
    let deadline = Instant::now() + Duration::from_secs(query.wait);
    let (mut log, mut keys) = (app.transparency.changes(), app.signing_keys.trusted());
    while !is_new(app, followed, query) && followed.follower.is_still_valid(&app.authenticator) {
        let changed = async {
            tokio::select! {
                changed = log.changed() => changed.is_ok(),
                () = keys.changed() => true,
                () = app.stopping.cancelled() => false,
            }
        };
        if !timeout_at(deadline, changed).await.unwrap_or(false) {
            break;
        }
    }
    Ok(())
}

/// The events of the signing keys: which certificates machines should trust.
async fn keys(State(app): State<App>, followed: Followed) -> Result<Response, Problem> {
    let store = app.executor.store();
    let events = signing_keys(&**store, store.head().await?).await?;
    let (lines, note) = vouched_for(&events, &app.log_signer, &followed.origin);
    Ok(text("application/x-ndjson", wire::text(&SigningKeysHead { note }, &lines)))
}

/// A blob that an entry names.
async fn blob(
    State(app): State<App>,
    followed: Followed,
    Path((_, sha256)): Path<(String, String)>,
    BlobQuery { entry }: BlobQuery,
) -> Result<Response, Problem> {
    let sha256: Sha256 =
        sha256.parse().map_err(|error: domain::digest::InvalidDigest| Problem::BadRequest(error.to_string()))?;
    let place = app.feeds.blobs.take(followed.follower.token);
    let place = place.ok_or(Problem::TooManyRequests { retry_after_seconds: BUSY_RETRY_SECONDS })?;
    blob::answer(&app, &followed, entry, sha256, place).await
}

fn text(content_type: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], text).into_response()
}

/// The log cannot be vouched for, or not yet.
fn unsigned(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error = %Causes(error), "cannot sign what a replica is to follow");
    Problem::Unavailable {
        what: "the log cannot be vouched for at the moment: the server's log says why",
        retry_after_seconds: UNSIGNED_RETRY_SECONDS,
    }
}
