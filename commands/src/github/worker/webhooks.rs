//! Webhooks: one with the live secret, and none of ours besides.
//!
//! GitHub never shows a webhook's secret again. The address that a webhook delivers to therefore names the secret, by its
//! id: this is how a webhook whose creation was never answered differs from one with an old secret (decision 0012).

use domain::project::AtGithub;

use super::pass::Pass;
use crate::github::{Hook, Trouble, WEBHOOK_SECRET_PURPOSE, access::Open};

impl Pass<'_> {
    /// Do the events say that there is no webhook with the live secret?
    pub(super) fn misses_webhook(&self) -> bool {
        self.situation.live_secret.is_some_and(|live| !self.situation.github.has_webhook(live))
    }

    /// Do they say that there is one with a dead secret?
    pub(super) fn has_webhooks_to_remove(&self) -> bool {
        self.situation.github.webhooks_to_remove(self.situation.live_secret).next().is_some()
    }

    /// Makes the webhook with the live secret, unless it was made and we did not hear of it.
    pub(super) async fn register_webhook(&mut self, open: &Open) -> Result<(), Trouble> {
        let Some(secret) = self.situation.live_secret else { return Ok(()) };
        let address = format!("{}?secret={secret}", self.address());
        let listed = open.session.hooks(&open.name).await?;
        let hook_id = match listed.iter().find(|hook| hook.url.as_deref() == Some(&address)) {
            Some(hook) => hook.id,
            None => {
                let text = self.worker.access.text(secret, WEBHOOK_SECRET_PURPOSE, "webhook secret").await?;
                open.session.create_hook(&open.name, &address, &text).await?.id
            }
        };
        self.record(AtGithub::WebhookRegistered { hook_id, secret }).await?;
        self.look_again().await
    }

    /// Removes webhooks of this server that are not needed any more, including those whose creation was never answered,
    /// and records those that were removed at GitHub.
    pub(super) async fn remove_webhooks(&mut self, open: &Open) -> Result<(), Trouble> {
        let listed = open.session.hooks(&open.name).await?;
        for hook_id in self.situation.github.webhooks.keys() {
            if listed.iter().all(|hook| hook.id != *hook_id) {
                self.is_gone(*hook_id).await?;
            }
        }
        for hook in listed.iter().filter(|hook| self.is_ours(hook) && !self.is_live(hook)) {
            open.session.delete_hook(&open.name, hook.id).await?;
            self.is_gone(hook.id).await?;
        }
        self.look_again().await
    }

    /// Records that the webhook is gone, and deletes its secret if the project does not use it any more.
    async fn is_gone(&self, hook_id: u64) -> Result<(), Trouble> {
        self.record(AtGithub::WebhookRemoved { hook_id }).await?;
        match self.situation.github.webhooks.get(&hook_id) {
            Some(secret) if Some(*secret) != self.situation.webhook_secret => self.forget(*secret).await,
            _ => {}
        }
        Ok(())
    }

    fn address(&self) -> String {
        self.worker.addresses.webhook(self.project)
    }

    /// Does it deliver to this project of this server?
    fn is_ours(&self, hook: &Hook) -> bool {
        let address = hook.url.as_deref().and_then(|url| url.split('?').next());
        address == Some(&self.address()) || self.situation.github.webhooks.contains_key(&hook.id)
    }

    fn is_live(&self, hook: &Hook) -> bool {
        let secret = self.situation.github.webhooks.get(&hook.id);
        secret.is_some() && secret == self.situation.live_secret.as_ref()
    }
}
