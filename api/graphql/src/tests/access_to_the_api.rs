//! Who may ask at all: holders of an operator token that works, and no one else.

use super::*;

#[tokio::test]
async fn only_an_operator_token_that_works_is_let_in() {
    let (api, project) = Api::with_web().await;
    let issue = format!(r#"mutation {{ issueApiToken(project: "{project}", name: "ci") {{ apiToken }} }}"#);
    let api_token = text(&api.ask(&issue).await["issueApiToken"]["apiToken"]);
    let feed = r#"mutation { issueFeedToken(organisation: "acme", name: "berlin") { feedToken } }"#;
    let feed_token = text(&api.ask(feed).await["issueFeedToken"]["feedToken"]);
    let debs =
        r#"mutation { createRepository(organisation: "acme", name: "debs", format: DEB) { accessKey { secret } } }"#;
    let access_key = text(&api.ask(debs).await["createRepository"]["accessKey"]["secret"]);
    let ended = api.token.text();
    api.core.operator_token().await;

    let before = api.core.store.head().await.expect("a log");
    for token in [None, Some("not a token"), Some(&*api_token), Some(&*feed_token), Some(&*access_key), Some(&*ended)] {
        for query in ["{ organisations { name } }", r#"mutation { createOrganisation(name: "evil") { name } }"#] {
            let (status, answer) = api.post(token, query).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{token:?}: {answer}");
            assert_eq!((&answer["code"], &answer["data"]), (&json!("needs_token"), &Value::Null), "{token:?}");
        }
    }
    assert_eq!(api.core.store.head().await.expect("a log"), before, "a stranger changed something");
}

#[tokio::test]
async fn the_token_is_judged_before_the_document_is_read() {
    let api = Api::open().await;
    let (status, answer) = api.post(None, "{ no query at all").await;
    assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("needs_token")));
}

#[tokio::test]
async fn who_changed_something_is_recorded() {
    let api = Api::with_acme().await;
    let newest = api.ask("{ events(first: 1) { events { name actor by } } }").await["events"]["events"][0].take();
    let actor = format!("operator:{}", api.token.id());
    assert_eq!((&newest["name"], &newest["actor"]), (&json!("organisation.created"), &json!(actor)), "{newest}");
}
