//! The transparency logs over HTTP: checkpoints, tiles and proofs, which anyone with an access key can check.
//!
//! Addresses follow C2SP tlog-tiles below `/log/{organisation}`; the log of the whole server is at `/log`.

pub mod entries;
mod reader;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{FromRef, FromRequestParts, Path, Query, State},
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use domain::{
    ids::EventId,
    merkle::{Tile, TilePath},
};
use event_log::event_store::EventStore;
use projections::{dashboard::Dashboard, transparency::Transparency};
use serde::Deserialize;
use serde_json::json;
use signing::log_signer::LogSigner;

pub use self::entries::first_of;
use api_http::{auth::Authenticator, problem::Problem};

use self::reader::{ReadableLog, ServerLog, TenantLog};

/// Content that never changes may be cached for ever by authorized clients.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";
const NO_STORE: &str = "no-store";
/// The time to retry after a failure that an operator has to fix.
const RETRY_AFTER_SECONDS: u32 = 60;

/// The state of the handlers.
#[derive(Clone, FromRef)]
pub struct TransparencyState {
    /// Authenticates clients.
    pub authenticator: Authenticator,
    /// The owners of repositories and projects: a key of one of them gives access to its organisation's log.
    pub dashboard: Dashboard,
    /// Creates proofs.
    pub transparency: Transparency,
    /// Signs checkpoints.
    pub signer: LogSigner,
    /// The event log.
    pub store: Arc<dyn EventStore>,
}

/// The routes.
pub fn routes(state: TransparencyState) -> Router {
    Router::new()
        .merge(routes_of::<ServerLog>("/log"))
        .merge(routes_of::<TenantLog>("/log/{organisation}"))
        .with_state(state)
}

/// The routes of the logs that `L` finds, below `base`.
fn routes_of<L>(base: &str) -> Router<TransparencyState>
where
    L: FromRequestParts<TransparencyState> + Into<ReadableLog> + Send + 'static,
{
    Router::new()
        .route(&format!("{base}/checkpoint"), get(async |state, log: L| checkpoint(state, log.into()).await))
        .route(&format!("{base}/key"), get(async |state, log: L| key(state, log.into())))
        .route(&format!("{base}/tile/{{*tile}}"), get(async |state, log: L, path| tile(state, log.into(), path).await))
        .route(
            &format!("{base}/proof/event/{{event}}"),
            get(async |state, log: L, path, query| inclusion(state, log.into(), path, query).await),
        )
        .route(
            &format!("{base}/proof/consistency"),
            get(async |state, log: L, query| consistency(state, log.into(), query).await),
        )
}

/// The newest checkpoint, as a signed note.
async fn checkpoint(State(signer): State<LogSigner>, log: ReadableLog) -> Result<Response, Problem> {
    let note = signer.checkpoint(log.name, &log.origin).await.map_err(|error| {
        tracing::error!(error = %domain::error_chain::ErrorChain(&error), "cannot sign a checkpoint of {}", log.origin);
        Problem::Unavailable {
            what: "the transparency log cannot be signed at the moment: the server's log says why",
            retry_after_seconds: RETRY_AFTER_SECONDS,
        }
    })?;
    let note = note.ok_or_else(|| Problem::NotFound("the transparency log has no entry yet".to_owned()))?;
    Ok(text(note))
}

/// The key that verifiers pin.
fn key(State(signer): State<LogSigner>, log: ReadableLog) -> Response {
    text(format!("{}\n", signer.verifier_key(&log.origin)))
}

fn text(text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, NO_STORE)];
    (headers, text).into_response()
}

/// What a tile's address has behind the log.
#[derive(Debug, Deserialize)]
struct TileAddress {
    tile: String,
}

/// A tile's hashes, 32 bytes each, or its entries, one line each.
async fn tile(
    State(TransparencyState { store, transparency, .. }): State<TransparencyState>,
    log: ReadableLog,
    Path(TileAddress { tile }): Path<TileAddress>,
) -> Result<Response, Problem> {
    let tile: TilePath =
        tile.parse().map_err(|error: domain::merkle::InvalidTilePath| Problem::BadRequest(error.to_string()))?;
    let missing = || Problem::NotFound("the transparency log does not have so many entries".to_owned());
    let width = usize::try_from(tile.width).unwrap_or(usize::MAX);
    let Some(level) = tile.level else {
        let lines = entries::lines(&*store, &transparency, log.name, tile.index, width).await?.ok_or_else(missing)?;
        let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, IMMUTABLE)];
        return Ok((headers, lines).into_response());
    };
    let hashes = transparency.tile(log.name, Tile { level, index: tile.index }).await?.ok_or_else(missing)?;
    let hashes = hashes.get(..width).ok_or_else(missing)?;
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, IMMUTABLE)];
    Ok((headers, bytes).into_response())
}

/// The size of the tree for a proof.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InclusionQuery {
    /// The number of entries; the newest tree if unset.
    size: Option<u64>,
}

/// What the address of an inclusion proof has behind the log.
#[derive(Debug, Deserialize)]
struct EventAddress {
    event: String,
}

/// The proof that an event is in the log.
async fn inclusion(
    State(transparency): State<Transparency>,
    log: ReadableLog,
    Path(EventAddress { event }): Path<EventAddress>,
    query: Result<Query<InclusionQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(InclusionQuery { size }) = query.map_err(|error| Problem::BadRequest(error.body_text()))?;
    let event: EventId =
        event.parse().map_err(|error: domain::ids::InvalidId| Problem::BadRequest(error.to_string()))?;
    let proof = transparency.inclusion(log.name, event, size).await.map_err(damaged)?;
    let proof = proof.ok_or_else(|| {
        Problem::NotFound(
            "the transparency log does not have that event at that size, or never had so many entries".to_owned(),
        )
    })?;
    let body = json!({
        "log": log.origin,
        "event": event,
        "entry": proof.entry,
        "size": proof.size,
        "root": proof.root,
        "path": proof.path,
    });
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(body)).into_response())
}

/// Two sizes of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsistencyQuery {
    /// The earlier size, in entries.
    from: u64,
    /// The later size.
    to: u64,
}

/// The proof that the log only grew.
async fn consistency(
    State(transparency): State<Transparency>,
    log: ReadableLog,
    query: Result<Query<ConsistencyQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(ConsistencyQuery { from, to }) = query.map_err(|error| Problem::BadRequest(error.body_text()))?;
    let path = transparency.consistency(log.name, from, to).await.map_err(damaged)?;
    let path = path.ok_or_else(|| {
        Problem::NotFound("the transparency log did not grow like that: expected from <= to <= its size".to_owned())
    })?;
    let body = json!({ "log": log.origin, "from": from, "to": to, "path": path });
    Ok(([(header::CACHE_CONTROL, IMMUTABLE)], Json(body)).into_response())
}

fn damaged(error: projections::transparency::ProofError) -> Problem {
    match error {
        projections::transparency::ProofError::Rows(error) => error.into(),
        projections::transparency::ProofError::Damaged(missing) => {
            tracing::error!("the transparency log's tiles are damaged: {missing}");
            Problem::Unavailable {
                what: "the Merkle tree of the transparency log is damaged: the operator must rebuild the read models (tables built from the event log)",
                retry_after_seconds: RETRY_AFTER_SECONDS,
            }
        }
    }
}
