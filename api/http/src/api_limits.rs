//! Limits of API routes. Package downloads are streamed without them; all other requests are small and fast.

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tower_http::limit::RequestBodyLimitLayer;

use super::problem::Problem;

/// The default maximum size of an API request's body.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// How long an API request may take, from its head to the head of the response.
pub const REQUEST_MAX: Duration = Duration::from_secs(60);

/// Adds both limits to every route of `router`: 413 for larger bodies, 408 for slower requests.
///
/// A body that says nothing of its length is cut at `body_max_bytes`, and its extractor answers 413.
pub fn with_limits<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    body_max_bytes: usize,
    request_max: Duration,
) -> Router<S> {
    let in_time = move |request: Request, next: Next| async move {
        let too_large = || Problem::TooLarge { limit_bytes: body_max_bytes }.into_response();
        match tokio::time::timeout(request_max, next.run(request)).await {
            Ok(response) if response.status() == 413 => too_large(),
            Ok(response) => response,
            Err(_) => Problem::TimedOut { limit_seconds: request_max.as_secs() }.into_response(),
        }
    };
    router.layer(DefaultBodyLimit::disable()).layer(RequestBodyLimitLayer::new(body_max_bytes)).layer(
        middleware::from_fn(move |request: Request, next: Next| -> futures::future::BoxFuture<'static, Response> {
            Box::pin(in_time(request, next))
        }),
    )
}
