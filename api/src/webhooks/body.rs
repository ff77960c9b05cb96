//! The raw body of a delivery: read before anybody knows whose it is, so never many large ones at once.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest as _, Request},
    http::header,
};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::DELIVERY_MAX_BYTES;
use crate::http::problem::Problem;

/// How much of deliveries is in memory at the same time: 1,000 of the usual 16 KB, or a dozen of the largest.
pub const DELIVERIES_IN_MEMORY_MAX_BYTES: usize = 64 * 1024 * 1024;
/// When to come back when that is full. GitHub itself never does: a person redelivers, or the tag is found by looking.
const RETRY_SECONDS: u32 = 5;

/// A body, and its share of the memory.
pub(super) struct RawBody {
    pub(super) bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

/// Reads the body of `request`. A body that does not tell its length counts as the largest.
pub(super) async fn read(memory: &Arc<Semaphore>, request: Request<Body>) -> Result<RawBody, Problem> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let share = length.unwrap_or(DELIVERY_MAX_BYTES).clamp(1, DELIVERY_MAX_BYTES);
    let share = u32::try_from(share).unwrap_or(u32::MAX);
    let full =
        |_| Problem::Unavailable { what: "too many deliveries at the same time", retry_after_seconds: RETRY_SECONDS };
    let share = memory.clone().try_acquire_many_owned(share).map_err(full)?;
    let too_large = |_| Problem::TooLarge { limit_bytes: DELIVERY_MAX_BYTES };
    let bytes = Bytes::from_request(request, &()).await.map_err(too_large)?;
    Ok(RawBody { bytes, _share: share })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(length: usize) -> Request<Body> {
        let request = Request::builder().header(header::CONTENT_LENGTH, length);
        request.body(Body::from(vec![b'x'; length])).expect("a request")
    }

    #[tokio::test]
    async fn deliveries_share_a_bounded_memory_and_give_it_back() {
        let memory = Arc::new(Semaphore::new(100));
        let first = read(&memory, request(60)).await.expect("there is room");
        assert_eq!(first.bytes.len(), 60);
        let full = read(&memory, request(41)).await.map(|body| body.bytes);
        assert!(matches!(full, Err(Problem::Unavailable { .. })), "{full:?}");
        drop(first);
        assert!(read(&memory, request(41)).await.is_ok());
        let unknown = Request::new(Body::from("x"));
        assert!(read(&memory, unknown).await.is_err(), "one of unknown length counts as the largest");
    }
}
