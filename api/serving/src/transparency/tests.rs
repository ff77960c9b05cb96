use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use composition::testing::Core;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

#[tokio::test]
async fn the_servers_log_and_an_organisations_have_the_same_addresses() {
    let core = Core::open().await;
    let made = core.make_organisations(1).await;
    core.progress.wait_for(made).await.expect("projected");
    let token = core.operator_token().await;
    let router = routes(TransparencyState {
        authenticator: core.authenticator(),
        dashboard: core.projected.dashboard.clone(),
        transparency: core.projected.transparency.clone(),
        signer: core.log_signer.clone(),
        store: core.store.clone(),
    });
    for log in ["/log", "/log/acme-0"] {
        for (address, status, text) in [
            ("key", StatusCode::OK, "pages.example"),
            ("tile/0/x", StatusCode::BAD_REQUEST, ""),
            ("tile/entries/000.p/1", StatusCode::OK, "\"stream\":"),
            ("proof/event/x", StatusCode::BAD_REQUEST, ""),
            ("proof/consistency?from=1&to=1", StatusCode::OK, "path"),
            ("proof/consistency?from=1", StatusCode::BAD_REQUEST, ""),
        ] {
            let request = Request::get(format!("{log}/{address}"));
            let request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.text()));
            let request = request.body(Body::empty()).expect("a request");
            let (parts, body) = router.clone().oneshot(request).await.expect("infallible").into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            let body = String::from_utf8_lossy(&body);
            assert_eq!(parts.status, status, "{log}/{address}: {body}");
            assert!(body.contains(text), "{log}/{address}: {body}");
        }
    }
}
