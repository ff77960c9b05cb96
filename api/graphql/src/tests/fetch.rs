//! Which machines fetched a package, and what was fetched with a key.

use chrono::Utc;
use domain::ids::AccessKeyId;

use super::*;

#[tokio::test]
async fn a_fetch_names_the_key_its_repository_and_the_package() {
    let (api, id) = Api::with_debs().await;
    let sha256 = api.core.add_deb(id, "1.0").await;
    let issue = r#"mutation { issueAccessKey(organisation: "acme", repository: "debs", name: "people") { accessKey { id secret } } }"#;
    let issued = api.ask(issue).await["issueAccessKey"]["accessKey"].take();
    let (key, token) = (text(&issued["id"]), Token::parse(&text(&issued["secret"])).expect("a token"));
    for _ in 0..2 {
        api.key_usage.used(AccessKeyId(token.id()), Some(sha256), Utc::now());
    }
    api.key_usage.flush().await.expect("written");

    let fetch = json!([{
        "key": key, "name": "people", "kind": "SHARED", "organisation": "acme", "repository": "debs", "sha256": sha256.to_string(), "times": 2
    }]);
    let fields = "{ key name kind organisation repository sha256 times }";
    let by = |arguments: &str| format!(r#"{{ fetchedBy(sha256: "{sha256}"{arguments}) {fields} }}"#);
    let with = |arguments: &str| format!(r#"{{ fetchedWith(key: "{key}"{arguments}) {fields} }}"#);
    assert_eq!(api.ask(&by("")).await["fetchedBy"], fetch);
    assert_eq!(api.ask(&with("")).await["fetchedWith"], fetch);
    assert_eq!(api.ask(&by(&format!(r#", after: "{key}""#))).await["fetchedBy"], json!([]), "it was the last");
    assert_eq!(api.ask(&with(", offset: 1")).await["fetchedWith"], json!([]), "it was the last");
    let seen = api.ask(r#"{ repository(organisation: "acme", name: "debs") { accessKeys { name lastSeen } } }"#).await;
    assert!(seen["repository"]["accessKeys"][0]["lastSeen"].is_string(), "{seen}");
    api.refuses(&[
        (&by(r#", after: "it""#), "not_found", "there is no such access key"),
        (&by("").replace(&sha256.to_string(), "12"), "invalid", "not a SHA-256 digest"),
        (&with("").replace(&key, "it"), "not_found", "there is no such access key"),
    ])
    .await;
}

#[tokio::test]
async fn a_fetch_with_a_key_that_nobody_knows_any_more_is_still_listed() {
    let api = Api::open().await;
    let token = tokens::issue(domain::token::TokenKind::AccessKey);
    let sha256 = domain::digest::Sha256::of(b"a package");
    api.key_usage.used(AccessKeyId(token.id()), Some(sha256), Utc::now());
    api.key_usage.flush().await.expect("written");
    let found =
        api.ask(&format!("{{ fetchedBy(sha256: \"{sha256}\") {{ name kind organisation repository times }} }}")).await;
    let nameless = json!([{ "name": null, "kind": null, "organisation": null, "repository": null, "times": 1 }]);
    assert_eq!(found["fetchedBy"], nameless);
}
