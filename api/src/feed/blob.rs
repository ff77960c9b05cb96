//! Blobs for replicas: none but those that an entry names which the organisation's feed shows.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use commands::blobs::{BlobError, OpenBlob};
use domain::{
    digest::Sha256,
    event::{BlobKind, blobs as named_by, decode},
    feed::is_shown,
};
use futures::TryStreamExt as _;

use super::{Followed, Place, page};
use crate::{app::App, http::problem::Problem, repositories::bytes::Piece, transparency::entries::first_of};

/// Answers with the blob `sha256`, if the entry number `entry` names it. `place` is held until the last byte was sent.
pub(super) async fn answer(
    app: &App,
    followed: &Followed,
    entry: u64,
    sha256: Sha256,
    place: Place,
) -> Result<Response, Problem> {
    if !is_named(app, followed, entry, sha256).await? {
        return Err(Problem::NotFound(format!("entry {entry} of this feed does not name the blob {sha256}")));
    }
    let OpenBlob { size_bytes, bytes, .. } = app.blobs.open(sha256, None).await.map_err(|error| match error {
        BlobError::NotFound { .. } => lost(sha256),
        error => Problem::internal("read the blob")(error.into()),
    })?;
    let bytes = bytes.inspect_ok(move |_| {
        let _held = &place;
    });
    let mut response = Body::from_stream(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A replica goes on without it, as whoever has a bundle that lacks it.
fn lost(sha256: Sha256) -> Problem {
    tracing::error!("a replica asks for the blob {sha256}, which is named in the log and is not there");
    Problem::Conflict {
        code: "blob_lost",
        detail: format!("the blob {sha256} is lost here: `pkgdeploy verify` says more"),
    }
}

async fn is_named(app: &App, followed: &Followed, entry: u64, sha256: Sha256) -> Result<bool, Problem> {
    let Some(position) = page::position(app, followed, entry).await? else { return Ok(false) };
    let events = first_of(app.executor.store().as_ref(), &[position]).await?;
    let shown = events.first().filter(|event| is_shown(&event.stream));
    let Some(event) = shown.and_then(|event| decode(&event.event).ok()) else { return Ok(false) };
    let named = named_by(&event);
    if named.iter().any(|(digest, _)| *digest == sha256) {
        return Ok(true);
    }
    for (rope, _) in named.iter().filter(|(_, kind)| *kind == BlobKind::Rope) {
        // A rope that is lost names nothing. Whoever asks for the rope itself is told.
        let Ok(pieces) = app.feeds.ropes.pieces(*rope).await else { continue };
        if pieces.iter().any(|piece| matches!(piece, Piece::Blob { sha256: digest, .. } if *digest == sha256)) {
            return Ok(true);
        }
    }
    Ok(false)
}
