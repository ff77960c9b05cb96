//! What GraphQL answers when something that it stands on is away.

use axum::{
    body::Body,
    http::{Request, header},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::routes;
use crate::pages::testing::Site;

async fn answer(site: &Site, query: &str) -> Value {
    let request = Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {}", site.token.text()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(json!({ "query": query }).to_string()))
        .expect("a request");
    let router = routes((&site.app).into(), site.app.authenticator.clone());
    let response = router.oneshot(request).await.expect("an answer");
    let body = response.into_body().collect().await.expect("a body in memory").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

#[tokio::test]
async fn a_log_that_does_not_answer_is_unavailable_and_no_fault_of_ours() {
    let site = Site::open().await;
    let found = answer(&site, "{ events(first: 1) { events { id } } }").await;
    let event = found["data"]["events"]["events"][0]["id"].as_str().unwrap_or_else(|| panic!("{found}")).to_owned();

    site.app.executor.store().close().await;
    for query in [
        "{ events { events { id } } }".to_owned(),
        format!("{{ chain(event: \"{event}\") {{ id }} }}"),
        "mutation { createOrganisation(name: \"late\") { name } }".to_owned(),
        "mutation { createProject(organisation: \"late\", name: \"web\", source: \"https://example.org/web.git\") { apiToken } }".to_owned(),
        "mutation { addOperator(name: \"Ann\", email: \"ann@example.org\") { token } }".to_owned(),
    ] {
        let refused = answer(&site, &query).await;
        let error = &refused["errors"][0];
        assert_eq!(error["extensions"]["code"], "unavailable", "{query}: {refused}");
        assert_eq!(error["message"], "the event log does not answer", "{query}");
    }
}
