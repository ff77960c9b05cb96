use axum::http::{HeaderMap, header};
use domain::{delivery::Outcome, ids::SecretId, project::Trigger};
use projections::credentials::Webhook;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{judge::judge, payload};

fn webhook(trigger: Trigger) -> Webhook {
    let tag_pattern = "v*".parse().expect("a pattern");
    Webhook { trigger, tag_pattern, repository_id: 7, secret: SecretId(Uuid::nil()) }
}

fn headers(content_type: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().expect("a value"))])
}

/// The outcome's word, or `400`.
fn judged(webhook: &Webhook, hook_event: &str, payload: &Value) -> &'static str {
    let payload = payload::read(&headers("application/json"), payload.to_string().as_bytes());
    payload.and_then(|payload| judge(webhook, hook_event, &payload)).map_or("400", |outcome| outcome.as_str())
}

fn of(repository: u64, rest: Value) -> Value {
    let mut payload = json!({ "repository": { "id": repository, "full_name": "acme/web" }, "sender": { "id": 1 } });
    payload.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    payload
}

#[test]
fn what_follows_from_a_delivery_depends_on_what_it_tells_of() {
    for (hook_event, payload, expected) in [
        ("create", of(7, json!({ "ref": "v1.0", "ref_type": "tag" })), "tag"),
        ("push", of(7, json!({ "ref": "refs/tags/v1.0", "deleted": false, "created": true })), "tag"),
        ("release", of(7, json!({ "action": "published", "release": { "tag_name": "v1.0" } })), "tag"),
        ("delete", of(7, json!({ "ref": "v1.0", "ref_type": "tag" })), "tag_deleted"),
        ("push", of(7, json!({ "ref": "refs/tags/v1.0", "deleted": true })), "tag_deleted"),
        ("ping", of(7, json!({ "zen": "Design for failure.", "hook_id": 1 })), "ping"),
        ("ping", json!({ "zen": "Design for failure." }), "ping"),
        ("ping", of(8, json!({})), "other_repository"),
        ("create", of(8, json!({ "ref": "v1.0", "ref_type": "tag" })), "other_repository"),
        ("create", of(7, json!({ "ref": "main", "ref_type": "branch" })), "branch"),
        ("delete", of(7, json!({ "ref": "main", "ref_type": "branch" })), "branch"),
        ("push", of(7, json!({ "ref": "refs/heads/main" })), "branch"),
        ("push", of(7, json!({ "ref": "refs/heads/v1.0" })), "branch"),
        ("push", of(7, json!({ "ref": "refs/notes/x" })), "unknown_event"),
        ("release", of(7, json!({ "action": "created", "release": { "tag_name": "v1.0" } })), "unpublished_release"),
        ("release", of(7, json!({ "action": "deleted", "release": { "tag_name": "v1.0" } })), "unpublished_release"),
        ("create", of(7, json!({ "ref": "1.0", "ref_type": "tag" })), "pattern_mismatch"),
        ("create", of(7, json!({ "ref": "vnext", "ref_type": "tag" })), "no_version"),
        ("create", of(7, json!({ "ref": "v1.0/x", "ref_type": "tag" })), "no_version"),
        ("create", of(7, json!({ "ref": "--upload-pack=x", "ref_type": "tag" })), "invalid_tag"),
        ("create", of(7, json!({ "ref": "v".repeat(256), "ref_type": "tag" })), "invalid_tag"),
        ("fork", of(7, json!({ "forkee": { "id": 9 } })), "unknown_event"),
        ("issues", json!({ "action": "opened" }), "unknown_event"),
        ("create", of(7, json!({ "ref": "v1.0" })), "400"),
        ("create", of(7, json!({ "ref_type": "tag" })), "400"),
        ("create", json!({ "ref": "v1.0", "ref_type": "tag" }), "400"),
        ("push", of(7, json!({})), "400"),
        ("push", of(7, json!({ "ref": 1 })), "400"),
        ("release", of(7, json!({ "action": "published" })), "400"),
        ("release", of(7, json!({ "release": { "tag_name": "v1.0" } })), "400"),
        ("create", json!({ "repository": { "id": "7" }, "ref": "v1.0", "ref_type": "tag" }), "400"),
        ("create", json!({ "repository": { "id": -7 }, "ref": "v1.0", "ref_type": "tag" }), "400"),
    ] {
        assert_eq!(judged(&webhook(Trigger::GithubWebhook), hook_event, &payload), expected, "{hook_event} {payload}");
    }
}

#[test]
fn a_project_with_an_api_trigger_answers_pings_and_nothing_else() {
    let api = webhook(Trigger::ApiEndpoint);
    assert_eq!(judged(&api, "ping", &of(7, json!({}))), "ping");
    for hook_event in ["create", "push", "release", "issues"] {
        assert_eq!(judged(&api, hook_event, &of(7, json!({ "ref": "v1.0", "ref_type": "tag" }))), "other_trigger");
    }
}

#[test]
fn a_payload_is_json_or_a_form_with_json_in_it() {
    let payload = of(7, json!({ "ref": "v1.0+1", "ref_type": "tag" })).to_string();
    let form: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload).finish();
    for (content_type, body, is_good) in [
        ("application/json", &payload, true),
        ("Application/JSON; charset=utf-8", &payload, true),
        ("application/x-www-form-urlencoded", &form, true),
        ("application/x-www-form-urlencoded", &format!("{form}&payload=%7B%7D"), false),
        ("application/x-www-form-urlencoded", &payload, false),
        ("application/json", &form, false),
        ("application/json", &"[]".to_owned(), false),
        ("application/json", &"{".repeat(1_000), false),
        ("application/json", &String::new(), false),
        ("text/plain", &payload, false),
        ("", &payload, false),
    ] {
        let read = payload::read(&headers(content_type), body.as_bytes());
        assert_eq!(read.is_ok(), is_good, "{content_type} {body}");
        if let Ok(payload) = read {
            let outcome = judge(&webhook(Trigger::GithubWebhook), "create", &payload).expect("judged");
            assert_eq!(outcome, Outcome::Tag { tag: "v1.0+1".parse().expect("a tag") });
        }
    }
}
