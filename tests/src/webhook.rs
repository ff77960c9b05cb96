//! GitHub as a sender of deliveries: signed as GitHub signs them. The other side of GitHub is its double.

use aws_lc_rs::hmac;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Answer, Team, text};

/// A project's webhook, as it is set up at GitHub.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The operator at whose server it is.
    pub team: Team,
    /// The project's id.
    pub project: String,
    /// What deliveries are signed with.
    pub secret: String,
    /// The id of the repository that deliveries are about.
    pub repository_id: u64,
}

impl Webhook {
    /// Connects a project whose webhook people register by hand.
    pub async fn connect(team: &Team, project: &str, repository_id: u64) -> Self {
        let document = format!(
            "mutation {{ connectGithub(project: {}, fullName: \"acme/web\", repositoryId: \"{repository_id}\") \
             {{ webhookUrl webhookSecret }} }}",
            json!(project)
        );
        let made = team.graphql(&document).await;
        let url = text(&made, "/connectGithub/webhookUrl");
        assert!(url.ends_with(&format!("/webhooks/github/{project}")), "{url}");
        let secret = text(&made, "/connectGithub/webhookSecret");
        Self { team: team.clone(), project: project.to_owned(), secret, repository_id }
    }

    /// A delivery's request with this raw body, not signed.
    pub fn request(&self, event: &str, guid: &str, content_type: &str, body: &str) -> RequestBuilder {
        self.team
            .request(Method::POST, &format!("/webhooks/github/{}", self.project))
            .header("User-Agent", "GitHub-Hookshot/044aadd")
            .header("X-GitHub-Event", event)
            .header("X-GitHub-Delivery", guid)
            .header("Content-Type", content_type)
            .body(body.to_owned())
    }

    /// Sends a delivery as GitHub does.
    pub async fn deliver(&self, event: &str, guid: &str, payload: &Value) -> Answer {
        let body = payload.to_string();
        let request = self.request(event, guid, "application/json", &body);
        Answer::to(request.header("X-Hub-Signature-256", self.signature(&body))).await
    }

    /// `X-Hub-Signature-256` of a body.
    #[must_use]
    pub fn signature(&self, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        format!("sha256={}", hex::encode(hmac::sign(&key, body.as_bytes())))
    }

    /// What a `create` of a tag says.
    #[must_use]
    pub fn created(&self, tag: &str) -> Value {
        self.payload(&json!({ "ref": tag, "ref_type": "tag", "master_branch": "main" }))
    }

    /// What a `push` of a ref says.
    #[must_use]
    pub fn pushed(&self, git_ref: &str, deleted: bool) -> Value {
        self.payload(&json!({ "ref": git_ref, "deleted": deleted, "created": !deleted, "commits": [] }))
    }

    /// What a `release` says.
    #[must_use]
    pub fn release(&self, action: &str, tag: &str) -> Value {
        self.payload(&json!({ "action": action, "release": { "tag_name": tag, "draft": false, "body": "Notes." } }))
    }

    /// Any payload about the repository.
    #[must_use]
    pub fn payload(&self, members: &Value) -> Value {
        let repository = json!({ "id": self.repository_id, "full_name": "acme/web", "private": true });
        let mut payload = json!({ "repository": repository, "sender": { "login": "ann", "id": 1 } });
        let all = payload.as_object_mut().expect("an object");
        all.extend(members.as_object().expect("an object").clone());
        payload
    }
}
