use axum::{body::Body, http::StatusCode, routing::post};
use bytes::Bytes;
use futures::StreamExt as _;
use tower::ServiceExt as _;

use super::*;

fn router(request_max: Duration) -> Router {
    with_limits(Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() })), 10, request_max)
}

async fn status(request_max: Duration, body: Body) -> StatusCode {
    let request = Request::post("/").body(body).expect("a request");
    router(request_max).oneshot(request).await.expect("infallible").status()
}

#[tokio::test]
async fn a_body_at_the_limit_passes_and_one_byte_more_does_not() {
    assert_eq!(status(REQUEST_MAX, Body::from("0123456789")).await, 200);
    assert_eq!(status(REQUEST_MAX, Body::from("0123456789x")).await, 413);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_at_the_limit() {
    let pieces = futures::stream::iter(0..3).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"0123456")));
    assert_eq!(status(REQUEST_MAX, Body::from_stream(pieces)).await, 413);
}

#[tokio::test]
async fn a_request_that_never_ends_is_answered_408() {
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    assert_eq!(status(Duration::from_millis(20), never).await, 408);
}
