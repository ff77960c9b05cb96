//! Blobs for replicas: only those that a visible entry of the organisation's feed names.

use api_http::problem::Problem;
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use domain::{
    digest::Sha256,
    event::{BlobKind, blobs as named_by, decode},
    feed::is_shown,
};
use formats::segmented_file::Piece;
use futures::TryStreamExt as _;
use serving::{repositories::FileBytes, transparency::first_of};
use stores::blobs::{BlobError, Blobs, OpenBlob};

use super::{concurrency_limits::Permit, followed::Followed, page::FeedLogs};

/// The blobs that replicas download.
#[derive(Clone)]
pub struct FeedBlobs {
    /// The store of the blobs.
    pub blobs: Blobs,
    /// The segments of segmented files.
    pub files: FileBytes,
}

/// Responds with the blob `sha256`, if the entry number `entry` names it. `permit` is held until the last byte is sent.
pub(super) async fn answer(
    blobs: &FeedBlobs,
    logs: &FeedLogs,
    followed: &Followed,
    entry: u64,
    sha256: Sha256,
    permit: Permit,
) -> Result<Response, Problem> {
    if !is_named(blobs, logs, followed, entry, sha256).await? {
        return Err(Problem::NotFound(format!("entry {entry} of this feed does not name the blob {sha256}")));
    }
    let OpenBlob { size_bytes, bytes, .. } = blobs.blobs.open(sha256, None).await.map_err(|error| match error {
        BlobError::NotFound { .. } => lost(sha256),
        error => Problem::internal("read the blob")(error.into()),
    })?;
    let bytes = bytes.inspect_ok(move |_| {
        let _held = &permit;
    });
    let mut response = Body::from_stream(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The blob is lost. A replica continues without it, as with a bundle that lacks it.
fn lost(sha256: Sha256) -> Problem {
    tracing::error!("a replica requested the blob {sha256}, which the log names but the blob store has lost");
    Problem::Conflict {
        code: "blob_lost",
        detail: format!(
            "this server has lost the blob (stored file) {sha256}: run `pkgdeploy verify` on it for details"
        ),
    }
}

async fn is_named(
    blobs: &FeedBlobs,
    logs: &FeedLogs,
    followed: &Followed,
    entry: u64,
    sha256: Sha256,
) -> Result<bool, Problem> {
    let Some(position) = logs.position(followed, entry).await? else { return Ok(false) };
    let events = first_of(logs.store.as_ref(), &[position]).await?;
    let shown = events.first().filter(|event| is_shown(&event.stream));
    let Some(event) = shown.and_then(|event| decode(&event.event).ok()) else { return Ok(false) };
    let named = named_by(&event);
    if named.iter().any(|(digest, _)| *digest == sha256) {
        return Ok(true);
    }
    for (segmented_file, _) in named.iter().filter(|(_, kind)| *kind == BlobKind::Segmented) {
        // A lost segmented file has no known segments. A request for the file itself reports the loss.
        let Ok(pieces) = blobs.files.pieces(*segmented_file).await else { continue };
        if pieces.iter().any(|piece| matches!(piece, Piece::Blob { sha256: digest, .. } if *digest == sha256)) {
            return Ok(true);
        }
    }
    Ok(false)
}
