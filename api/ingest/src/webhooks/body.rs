//! The raw body of a delivery. It is read before it is authenticated, so memory is limited.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use api_http::problem::Problem;
use axum::{body::Body, extract::Request};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::DELIVERY_MAX_BYTES;

/// The memory for deliveries: 1,000 of the usual 16 KB, or a dozen of the largest.
pub(crate) const DELIVERIES_IN_MEMORY_MAX_BYTES: usize = 64 * 1024 * 1024;
/// The maximum size of a small body. Most deliveries are small, and large ones do not block them.
pub(crate) const SMALL_DELIVERY_MAX_BYTES: usize = 64 * 1024;
/// How many large bodies may be in memory at the same time. More than half of the memory stays for small ones.
pub(crate) const LARGE_DELIVERIES_MAX: usize = 6;
/// The time limit of a body. GitHub gives up after 10 s.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// The time to retry when the memory is full. GitHub does not retry: a person redelivers, or the tag is found by polling.
const RETRY_SECONDS: u32 = 5;

/// The memory limit shared by deliveries. Cheap to clone.
#[derive(Clone)]
pub struct DeliveriesMemory {
    bytes: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Default for DeliveriesMemory {
    fn default() -> Self {
        Self::of(DELIVERIES_IN_MEMORY_MAX_BYTES, LARGE_DELIVERIES_MAX)
    }
}

impl DeliveriesMemory {
    fn of(bytes: usize, large: usize) -> Self {
        Self { bytes: Arc::new(Semaphore::new(bytes)), large: Arc::new(Semaphore::new(large)) }
    }
}

/// A body, with its part of the memory limit.
pub(super) struct RawBody {
    pub(super) bytes: Bytes,
    _share: Vec<OwnedSemaphorePermit>,
}

/// Reads the body of `request`. Room is taken for what has come, not for what is promised: who opens a connection and
/// sends nothing does not block others.
pub(super) async fn read(memory: &DeliveriesMemory, request: Request<Body>) -> Result<RawBody, Problem> {
    read_within(memory, request, BODY_WITHIN).await
}

async fn read_within(memory: &DeliveriesMemory, request: Request<Body>, limit: Duration) -> Result<RawBody, Problem> {
    let in_time = timeout(limit, read_all(memory, request)).await;
    in_time.map_err(|_| Problem::TimedOut { limit_seconds: limit.as_secs() })?
}

async fn read_all(memory: &DeliveriesMemory, request: Request<Body>) -> Result<RawBody, Problem> {
    let full = |_| Problem::Unavailable {
        what: "too many webhook deliveries arrive at the same time: try again later",
        retry_after_seconds: RETRY_SECONDS,
    };
    let mut pieces = request.into_body().into_data_stream();
    let (mut bytes, mut share, mut is_large) = (BytesMut::new(), Vec::new(), false);
    while let Some(piece) = pieces.next().await {
        let too_large = Problem::TooLarge { limit_bytes: DELIVERY_MAX_BYTES };
        let Ok(piece) = piece else { return Err(too_large) };
        if bytes.len() + piece.len() > DELIVERY_MAX_BYTES {
            return Err(too_large);
        }
        if !is_large && bytes.len() + piece.len() > SMALL_DELIVERY_MAX_BYTES {
            share.push(memory.large.clone().try_acquire_owned().map_err(full)?);
            is_large = true;
        }
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let room = memory.bytes.clone().try_acquire_many_owned(length).map_err(full)?;
        match share.first_mut().filter(|_| !is_large) {
            Some(held) => held.merge(room),
            None => share.push(room),
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(RawBody { bytes: bytes.freeze(), _share: share })
}
