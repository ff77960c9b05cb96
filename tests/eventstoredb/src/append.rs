//! An append, with whatever goes wrong on its way.

use std::{future::pending, time::Duration};

use ::uuid::Uuid;
use bytes::Bytes;
use tonic::Status;

use crate::{
    faults::Fault,
    log::{Expected, Proposed, Refusal, Written},
    node::Service,
    proto::shared::{Uuid as WireUuid, uuid},
};

/// How long a slow append holds up all others before it is recorded, and how long its answer takes then.
const SLOW: Duration = Duration::from_millis(2);
/// Of so many appends one is slow.
const SLOW_EVERY: u64 = 8;

/// What an append comes to, if it is answered at all.
pub(crate) enum Outcome {
    Written(Written),
    Refused(Refusal),
    /// The whole call ends with it.
    Failed(Status),
}

impl Service {
    pub(crate) async fn append(&self, stream: &str, expected: Expected, events: &[Proposed]) -> Outcome {
        let fault = self.shared.faults.take();
        match fault {
            Some(Fault::Unavailable) => return Outcome::Failed(Status::unavailable("Server Is Not Ready")),
            Some(Fault::DroppedConnection) => {
                self.connections.cut();
                return pending().await;
            }
            Some(Fault::LostAcknowledgement | Fault::Hang) | None => {}
        }
        let outcome = self.record(stream, expected, events).await;
        match fault {
            Some(Fault::LostAcknowledgement) => {
                self.connections.cut();
                pending().await
            }
            Some(Fault::Hang) => pending().await,
            _ => outcome,
        }
    }

    async fn record(&self, stream: &str, expected: Expected, events: &[Proposed]) -> Outcome {
        let is_slow = self.shared.faults.is_slow(SLOW_EVERY);
        let mut log = self.shared.log.lock().await;
        if is_slow {
            tokio::time::sleep(SLOW).await;
        }
        let written = log.append(stream, expected, events);
        drop(log);
        if is_slow {
            tokio::time::sleep(SLOW).await;
        }
        written.map_or_else(Outcome::Refused, Outcome::Written)
    }
}

/// An event as a client sends it.
pub(crate) fn proposed(
    id: Option<WireUuid>,
    mut metadata: std::collections::HashMap<String, String>,
    custom_metadata: Bytes,
    data: Bytes,
) -> Result<Proposed, Status> {
    let mut required = |key: &str| {
        metadata.remove(key).ok_or_else(|| Status::invalid_argument(format!("Required metadata '{key}' is missing")))
    };
    let (event_type, content_type) = (required("type")?, required("content-type")?);
    Ok(Proposed { id: uuid_of(id)?, event_type, content_type, custom_metadata, data })
}

/// A UUID in either of its wire forms.
pub(crate) fn uuid_of(id: Option<WireUuid>) -> Result<Uuid, Status> {
    match id.and_then(|id| id.value) {
        Some(uuid::Value::String(text)) => text.parse().map_err(|_| Status::invalid_argument("not a UUID")),
        Some(uuid::Value::Structured(halves)) => Ok(Uuid::from_u64_pair(
            halves.most_significant_bits.cast_unsigned(),
            halves.least_significant_bits.cast_unsigned(),
        )),
        None => Err(Status::invalid_argument("a UUID is missing")),
    }
}
