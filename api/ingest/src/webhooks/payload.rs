//! The payload of a delivery: the few members that are used.

use api_http::problem::Problem;
use axum::http::{HeaderMap, header};
use serde::Deserialize;

/// The members that are used. Which of them exist depends on the kind of event.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Payload {
    pub(super) repository: Option<Repository>,
    /// `create`, `delete`: the tag's or branch's own name. `push`: `refs/tags/…`.
    #[serde(rename = "ref")]
    pub(super) git_ref: Option<String>,
    /// `create`, `delete`: `tag` or `branch`.
    pub(super) ref_type: Option<String>,
    /// `push`: the ref is gone.
    #[serde(default)]
    pub(super) deleted: bool,
    /// `release`: `published`, `edited`, …
    pub(super) action: Option<String>,
    pub(super) release: Option<GithubRelease>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct GithubRelease {
    pub(super) tag_name: String,
}

/// Parses a body in either of the two content types of GitHub's webhooks.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Payload, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match &*media_type {
        "application/json" => json(body),
        "application/x-www-form-urlencoded" => {
            let mut payloads = url::form_urlencoded::parse(body).filter(|(name, _)| name == "payload");
            match (payloads.next(), payloads.next()) {
                (Some((_, payload)), None) => json(payload.as_bytes()),
                _ => Err(Problem::BadRequest("the form of the webhook delivery has no field payload, or several: expected one".to_owned())),
            }
        }
        _ => Err(Problem::BadRequest(
            "the Content-Type of the webhook delivery is not valid: expected application/json or application/x-www-form-urlencoded".to_owned(),
        )),
    }
}

fn json(text: &[u8]) -> Result<Payload, Problem> {
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::BadRequest("the webhook payload is not a JSON object".to_owned()));
    }
    serde_json::from_slice(text)
        .map_err(|error| Problem::BadRequest(format!("the webhook payload is not valid: {error}")))
}
