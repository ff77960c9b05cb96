use axum::http::{Request, StatusCode};
use composition::testing::Core;
use domain::{ids::OrganisationId, organisation::Command, token::Token};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

async fn answer(core: &Core, token: &Token, query: &str) -> (StatusCode, String) {
    let request = Request::get(format!("/audit/export?{query}"));
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.text()));
    let request = request.body(Body::empty()).expect("a request");
    let auditor = Auditor::new(core.store.clone(), &core.projected.readers, None, None);
    let answer = routes(ExportState { authenticator: core.authenticator(), auditor })
        .oneshot(request)
        .await
        .expect("infallible");
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    (parts.status, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn a_query_that_is_wrong_is_answered_with_what_was_expected() {
    let core = Core::open().await;
    let token = core.operator_token().await;
    let name = "acme".parse().expect("a name");
    let (id, create) = (OrganisationId::named(&name), Command::Create { name });
    core.execute::<domain::organisation::Organisation>(id.0, create).await;
    for (query, status, says) in [
        ("kinds=keyring", 400, "is not a parameter of this URL: expected about, name, kind"),
        ("after=x", 400, "the parameter after is not valid: expected a whole number"),
        ("opened=1", 400, "the parameter opened is not valid: expected true or false"),
        ("from=yesterday", 400, "from: not a valid time"),
        ("from=2026-11-02&until=2026-11-02", 400, "until: expected a time after from"),
        ("organisation=absent", 404, "there is no organisation absent"),
        ("organisation=No%20body", 400, "organisation: "),
    ] {
        let (was, text) = answer(&core, &token, query).await;
        assert!(was == status && text.contains(says), "{query}: {was} {text}");
    }
    let (status, lines) = answer(&core, &token, "organisation=acme&kind=organisation,keyring&opened=false").await;
    assert!(status == StatusCode::OK && lines.contains("organisation.created"), "{lines}");
    assert_eq!(answer(&core, &token, "organisation=acme&kind=keyring").await, (StatusCode::OK, String::new()));
}
