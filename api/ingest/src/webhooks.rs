//! `POST /webhooks/github/{project}`: GitHub reports a new tag.
//!
//! The response is sent once the delivery is recorded. It is processed later: `commands/src/deliveries/` does.

mod body;
mod judge;
mod payload;
mod receive;
mod secrets;
mod signature;
#[cfg(test)]
mod tests;

use axum::{Router, routing::post};

pub use self::{body::DeliveriesMemory, receive::WebhooksState, secrets::WebhookSecrets};

use api_http::api_limits::{REQUEST_MAX, with_limits};

/// The maximum size of a delivery.
///
/// GitHub sends up to 25 MiB, but not about tags: a `create` has 8 KB, a `push` of a tag names at most 2,048 commits of
/// a few hundred bytes, and a `release` holds notes of at most 125,000 characters and the facts of its files, some
/// hundred of which fit.
pub(crate) const DELIVERY_MAX_BYTES: usize = 5 * 1024 * 1024;

/// The route. Deliveries are read before they are authenticated, so only a few large ones are accepted at a time.
pub fn routes(state: WebhooksState) -> Router {
    with_limits(
        Router::new().route("/webhooks/github/{project}", post(receive::receive)),
        DELIVERY_MAX_BYTES,
        REQUEST_MAX,
    )
    .with_state(state)
}
