//! The deploy key: there is one while the project is connected and its code is fetched over ssh.

use building::source::DeployKey;
use domain::{
    ids::SecretId,
    project::{AtGithub, DeployKey as Installed, GitUrl, GithubStep, Transport},
};
use event_log::event_store::BoxError;
use stores::blocking::blocking;
use uuid::Uuid;

use super::pass::Pass;
use crate::github::{DEPLOY_KEY_PURPOSE, Trouble, access::Open};

impl Pass<'_> {
    /// What is to be done about the deploy key, if anything.
    pub(super) fn deploy_key_step(&self) -> Option<GithubStep> {
        let github = &self.situation.github;
        match &github.deploy_key {
            None if github.is_connected && self.is_fetched_over_ssh() => Some(GithubStep::InstallDeployKey),
            Some(_) if !github.is_connected => Some(GithubStep::RemoveDeployKey),
            _ => None,
        }
    }

    pub(super) async fn settle_deploy_key(&mut self, open: &Open, step: GithubStep) -> Result<(), Trouble> {
        match self.situation.github.deploy_key.clone() {
            Some(key) if step == GithubStep::RemoveDeployKey => self.remove(open, &key).await,
            _ => self.install(open).await,
        }
    }

    /// A key that was made without our hearing of it has the same title, and is of no use: its private half is gone.
    async fn install(&self, open: &Open) -> Result<(), Trouble> {
        let title = format!("pkgdeploy {}", self.worker.addresses.webhook(self.project));
        for orphan in open.session.deploy_keys(&open.name).await?.into_iter().filter(|key| key.title == title) {
            open.session.delete_deploy_key(&open.name, orphan.id).await?;
        }
        let secret = SecretId(Uuid::now_v7());
        let public_key = self.sealed_key(secret).await?;
        let made = open.session.create_deploy_key(&open.name, &title, &public_key).await;
        let recorded = match made {
            Ok(key) => {
                self.record(AtGithub::DeployKeyInstalled(Installed { deploy_key_id: key.id, secret, public_key }))
            }
            Err(error) => {
                self.forget(secret).await;
                return Err(error.into());
            }
        };
        recorded.await
    }

    async fn remove(&mut self, open: &Open, key: &Installed) -> Result<(), Trouble> {
        let listed = open.session.deploy_keys(&open.name).await?;
        if listed.iter().any(|listed| listed.id == key.deploy_key_id) {
            open.session.delete_deploy_key(&open.name, key.deploy_key_id).await?;
        }
        self.record(AtGithub::DeployKeyRemoved { deploy_key_id: key.deploy_key_id }).await?;
        self.forget(key.secret).await;
        self.look_again().await
    }

    /// Makes a key, seals its private half, and answers with the public one.
    async fn sealed_key(&self, secret: SecretId) -> Result<String, Trouble> {
        let made = async {
            let (private, public) = blocking(DeployKey::generate).await??;
            self.worker.access.secrets.seal(secret.0, DEPLOY_KEY_PURPOSE, private.expose()).await?;
            Ok::<_, BoxError>(public)
        };
        made.await.map_err(|source| Trouble::Secret { what: "deploy key", source })
    }

    fn is_fetched_over_ssh(&self) -> bool {
        GitUrl::parse(&self.situation.source, true).is_ok_and(|url| url.transport() == Transport::Ssh)
    }
}
