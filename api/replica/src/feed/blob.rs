//! Blobs for replicas: none but those that an entry names which the organisation's feed shows.

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
    /// Has their bytes.
    pub blobs: Blobs,
    /// Which blobs a segmented file is made of.
    pub files: FileBytes,
}

/// Answers with the blob `sha256`, if the entry number `entry` names it. `permit` is held until the last byte is sent.
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

/// A replica goes on without it, as whoever has a bundle that lacks it.
fn lost(sha256: Sha256) -> Problem {
    tracing::error!("a replica asks for the blob {sha256}, which is named in the log and is not there");
    Problem::Conflict {
        code: "blob_lost",
        detail: format!("the blob {sha256} is lost here: `pkgdeploy verify` says more"),
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
        // A segmented file that is lost names nothing. Whoever asks for the segmented file itself is told.
        let Ok(pieces) = blobs.files.pieces(*segmented_file).await else { continue };
        if pieces.iter().any(|piece| matches!(piece, Piece::Blob { sha256: digest, .. } if *digest == sha256)) {
            return Ok(true);
        }
    }
    Ok(false)
}
