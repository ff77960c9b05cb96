//! `POST /api/v1/oidc/exchange`: a CI job shows the proof of identity that its system gave it, and gets an API token for
//! a quarter of an hour. No secret has to be stored at the CI system.

mod claims;
mod exchange;
mod issuer;
mod keys;
#[cfg(test)]
mod tests;

use axum::{Router, routing::post};

pub use self::{
    exchange::ExchangeState,
    issuer::{CiIssuer, InvalidIssuerUrl, IssuerUrl},
    keys::{JWKS_MAX_BYTES, JWKS_REFETCH_INTERVAL},
};
use api_http::api_limits::{REQUEST_MAX, with_limits};

/// Largest request: GitHub's proofs have 2 KB.
pub const EXCHANGE_MAX_BYTES: usize = 16 * 1024;

/// The route.
pub fn routes(state: ExchangeState) -> Router {
    let exchange = Router::new().route("/api/v1/oidc/exchange", post(exchange::exchange));
    with_limits(exchange, EXCHANGE_MAX_BYTES, REQUEST_MAX).with_state(state)
}
