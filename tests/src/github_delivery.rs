//! Deliveries as GitHub signs and sends them, of the double's webhooks.

use aws_lc_rs::hmac;
use reqwest::Client;
use serde_json::{Value, json};

use crate::{Answer, DoubleHook};

impl DoubleHook {
    /// Tells the webhook's address that a tag of repository `repository_id` was made.
    pub async fn tell_of_tag(&self, repository_id: u64, tag: &str, delivery: &str) -> Answer {
        let payload = json!({ "ref": tag, "ref_type": "tag", "repository": { "id": repository_id } });
        self.deliver("create", delivery, &payload).await
    }

    /// Checks that the endpoint answers.
    pub async fn ping(&self, repository_id: u64, delivery: &str) -> Answer {
        let payload = json!({ "zen": "Keep it logically awesome.", "repository": { "id": repository_id } });
        self.deliver("ping", delivery, &payload).await
    }

    async fn deliver(&self, event: &str, delivery: &str, payload: &Value) -> Answer {
        let body = payload.to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let signature = format!("sha256={}", hex::encode(hmac::sign(&key, body.as_bytes())));
        let request = Client::builder().no_proxy().build().expect("an HTTP client").post(&self.url);
        let request = request
            .header("Content-Type", "application/json")
            .header("X-GitHub-Event", event)
            .header("X-GitHub-Delivery", delivery)
            .header("X-Hub-Signature-256", signature);
        Answer::to(request.body(body)).await
    }
}
