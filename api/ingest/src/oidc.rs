//! `POST /api/v1/oidc/exchange`: a CI job exchanges the identity token of its CI system for an API token that is valid for 15
//! minutes. The CI system needs no stored secret.

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
};
use api_http::api_limits::{REQUEST_MAX, with_limits};

/// The maximum size of a request: GitHub's identity tokens have 2 KB.
pub(crate) const EXCHANGE_MAX_BYTES: usize = 16 * 1024;

/// The route.
pub fn routes(state: ExchangeState) -> Router {
    let exchange = Router::new().route("/api/v1/oidc/exchange", post(exchange::exchange));
    with_limits(exchange, EXCHANGE_MAX_BYTES, REQUEST_MAX).with_state(state)
}
