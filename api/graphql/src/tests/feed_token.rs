//! Feed tokens: what a replica follows an organisation with.

use super::*;

const LIST: &str = r#"{ organisation(name: "acme") { feedTokens { id name seenAt behind } } }"#;

#[tokio::test]
async fn a_feed_token_is_shown_once_listed_without_its_secret_and_revoked_by_its_id() {
    let api = Api::with_acme().await;
    let issue =
        r#"mutation { issueFeedToken(organisation: "acme", name: "berlin") { id feedToken organisation { name } } }"#;
    let issued = api.ask(issue).await["issueFeedToken"].take();
    let (id, secret) = (text(&issued["id"]), text(&issued["feedToken"]));
    let token = Token::parse(&secret).expect("a token");
    assert!(api.core.authenticator().credentials.feed_of(token.id().into(), &token.secret_sha256()).is_some());
    api.never_tells(&secret).await;
    let listed = api.ask(LIST).await["organisation"]["feedTokens"][0].take();
    assert_eq!(
        listed,
        json!({ "id": id, "name": "berlin", "seenAt": null, "behind": null }),
        "no replica showed it yet"
    );
    api.refuses(&[(issue, "refused", "already has a feed token called \"berlin\"")]).await;

    let revoke =
        format!(r#"mutation {{ revokeFeedToken(organisation: "acme", token: "{id}") {{ feedTokens {{ id }} }} }}"#);
    assert_eq!(api.ask(&revoke).await["revokeFeedToken"]["feedTokens"], json!([]));
    assert!(api.core.authenticator().credentials.feed_of(token.id().into(), &token.secret_sha256()).is_none());
    api.refuses(&[(&revoke, "refused", "no such feed token")]).await;
}

#[tokio::test]
async fn a_feed_token_needs_a_name_an_organisation_and_to_be_revoked_its_id() {
    let api = Api::with_acme().await;
    api.refuses(&[
        (
            r#"mutation { issueFeedToken(organisation: "acme", name: "B!") { id } }"#,
            "invalid",
            "not a feed token's name",
        ),
        (r#"mutation { issueFeedToken(organisation: "A!", name: "b") { id } }"#, "invalid", "not an organisation name"),
        (r#"mutation { issueFeedToken(organisation: "other", name: "b") { id } }"#, "refused", "no such organisation"),
        (
            r#"mutation { revokeFeedToken(organisation: "acme", token: "b") { name } }"#,
            "invalid",
            "token: expected the id",
        ),
        (
            r#"mutation { revokeFeedToken(organisation: "A!", token: "b") { name } }"#,
            "invalid",
            "not an organisation name",
        ),
    ])
    .await;
}
