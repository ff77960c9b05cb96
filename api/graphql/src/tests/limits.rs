//! How large, how deep and how costly a question may be.

use ::audit::FIRST_MAX;
use index::HISTORY_PAGE_MAX;
use projections::{
    credentials::{ACCESS_KEYS_PAGE_MAX, SILENT_PAGE_MAX},
    dashboard::{DELIVERIES_KEPT_MAX, PAGE_MAX},
};
use stores::key_usage::FETCHED_PAGE_MAX;

use super::*;
use crate::{DEPTH_MAX, nesting::BRACKETS_DEEP_MAX};

async fn messages(api: &Api, query: &str) -> Vec<String> {
    let answer = api.answer(query).await;
    answer.get("errors").map_or_else(Vec::new, |errors| each(errors, "message"))
}

#[tokio::test]
async fn a_list_has_one_item_at_least_and_no_more_than_its_limit() {
    let (api, id) = Api::with_debs().await;
    let create = r#"mutation { createProject(organisation: "acme", name: "web", source: "https://example.org/web.git") { apiToken } }"#;
    api.ask(create).await;
    api.ask(
        r#"mutation { rollAccessKeys(organisation: "acme", repository: "debs", graceSeconds: 3600) { generation } }"#,
    )
    .await;
    let sha256 = api.core.add_deb(id, "1.0").await;
    api.core.publish(id).await;
    let key = api.ask(r#"{ repository(organisation: "acme", name: "debs") { accessKeys { id } } }"#).await;
    let key = text(&key["repository"]["accessKeys"][0]["id"]);
    let debs = |fields: &str| format!(r#"repository(organisation: "acme", name: "debs") {{ {fields} }}"#);
    for (list, max) in [
        ("organisations(first: N) { name }".to_owned(), PAGE_MAX),
        (r#"organisation(name: "acme") { projects(first: N) { name } }"#.to_owned(), PAGE_MAX),
        (r#"organisation(name: "acme") { repositories(first: N) { name } }"#.to_owned(), PAGE_MAX),
        (
            r#"project(organisation: "acme", name: "web") { deliveries(first: N) { guid } }"#.to_owned(),
            DELIVERIES_KEPT_MAX,
        ),
        ("releases(first: N) { id }".to_owned(), PAGE_MAX),
        (debs("packages(first: N) { name }"), PAGE_MAX),
        (debs("publications(first: N) { point }"), HISTORY_PAGE_MAX),
        (debs("snapshots(first: N) { name }"), HISTORY_PAGE_MAX),
        (debs(r#"diff(from: "newest") { changes(first: N) { name } }"#), HISTORY_PAGE_MAX),
        (debs("keyring { keys(first: N) { name } }"), ACCESS_KEYS_PAGE_MAX),
        (debs("keyring { grace { silent(first: N) { name } } }"), SILENT_PAGE_MAX),
        (format!(r#"fetchedBy(sha256: "{sha256}", first: N) {{ times }}"#), FETCHED_PAGE_MAX),
        (format!(r#"fetchedWith(key: "{key}", first: N) {{ times }}"#), FETCHED_PAGE_MAX),
        (format!(r#"packageStory(sha256: "{sha256}", first: N) {{ next }}"#), FIRST_MAX),
        (r#"access(organisation: "acme", repository: "debs", first: N) { next }"#.to_owned(), FIRST_MAX),
        ("events(first: N) { next }".to_owned(), FIRST_MAX),
        ("events(first: 1) { events { followed(first: N) { id } } }".to_owned(), FIRST_MAX),
    ] {
        for (first, is_refused) in [(0, true), (1, false), (max, false), (max + 1, true)] {
            let query = format!("{{ {} }}", list.replace("first: N", &format!("first: {first}")));
            let refused = vec![format!("first: expected 1 to {max}")];
            assert_eq!(messages(&api, &query).await, if is_refused { refused } else { vec![] }, "{query}");
        }
    }
}

#[tokio::test]
async fn a_query_has_a_greatest_cost_however_large_the_numbers_are() {
    let api = Api::open().await;
    let query = |first: u32| {
        format!(
            "{{ organisations(first: {first}) {{ projects(first: {first}) {{ deliveries(first: {first}) {{ guid }} }} }} }}"
        )
    };
    assert_eq!(messages(&api, &query(20)).await, Vec::<String>::new());
    // Of so many, the product would begin again from nothing.
    for first in [200, u32::MAX] {
        assert_eq!(messages(&api, &query(first)).await, ["Query is too complex."], "{first}");
    }
}

#[tokio::test]
async fn a_query_has_a_greatest_depth() {
    let api = Api::open().await;
    let query = |nested: usize| {
        format!("{{ __type(name: \"Query\") {{ {} name {} }} }}", "ofType { ".repeat(nested), "}".repeat(nested))
    };
    // The type and its name are two.
    assert_eq!(messages(&api, &query(DEPTH_MAX - 2)).await, Vec::<String>::new());
    assert_eq!(messages(&api, &query(DEPTH_MAX - 1)).await, ["Query is nested too deep."]);
}

#[tokio::test]
async fn a_document_that_nests_too_deeply_is_not_even_parsed() {
    let api = Api::open().await;
    let query = format!(
        "{{ releases(organisation: {}1{}) {{ id }} }}",
        "[".repeat(BRACKETS_DEEP_MAX),
        "]".repeat(BRACKETS_DEEP_MAX)
    );
    let (status, answer) = api.post(Some(&api.token.text()), &query).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("bad_request")), "{answer}");
}

#[tokio::test]
async fn a_document_that_is_no_graphql_is_refused_with_what_was_expected() {
    let api = Api::open().await;
    for query in ["{ no query at all", "{ nothing }", "mutation { organisations { name } }"] {
        assert_eq!(messages(&api, query).await.len(), 1, "{query}");
    }
    let request = Request::post("/graphql").header(header::AUTHORIZATION, format!("Bearer {}", api.token.text()));
    let request =
        request.header(header::CONTENT_TYPE, "application/json").body(Body::from("query")).expect("a request");
    let response = api.router.clone().oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}
