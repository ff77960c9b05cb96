//! Webhook secrets, decrypted once and cached in memory, so that deliveries do not wait for the disk.

use std::{fmt, sync::Arc};

use aws_lc_rs::{hmac, rand};
use commands::github::WEBHOOK_SECRET_PURPOSE;
use domain::ids::SecretId;
use moka::future::Cache;
use stores::secrets::{Secrets, SecretsError};

use super::signature;

/// How many secrets are kept unsealed. Each takes a few hundred bytes; the least used are unsealed again when needed.
pub(crate) const UNSEALED_KEPT_MAX: u64 = 10_000;

/// The webhook secrets. Cheap to clone. The projects' events say which secret is current.
#[derive(Clone)]
pub struct WebhookSecrets {
    sealed: Arc<Secrets>,
    unsealed: Cache<SecretId, Arc<hmac::Key>>,
    nobodys: hmac::Key,
}

impl WebhookSecrets {
    /// Decrypts secrets of the store `sealed`.
    #[must_use]
    pub fn new(sealed: Arc<Secrets>) -> Self {
        let mut nobodys = [0; 32];
        // If there is no randomness, the key is known; but nothing is accepted with it.
        let _unlikely = rand::fill(&mut nobodys);
        Self { sealed, unsealed: Cache::new(UNSEALED_KEPT_MAX), nobodys: signature::key(&nobodys) }
    }

    /// The key for deliveries of unknown projects, so that verification takes as long as for known ones.
    pub(super) fn nobodys(&self) -> &hmac::Key {
        &self.nobodys
    }

    /// The key derived from the secret sealed under `id`.
    pub(super) async fn key(&self, id: SecretId) -> Result<Arc<hmac::Key>, Arc<SecretsError>> {
        let unseal = async {
            let secret = self.sealed.unseal(id.0, WEBHOOK_SECRET_PURPOSE).await?;
            Ok(Arc::new(signature::key(&secret)))
        };
        self.unsealed.try_get_with(id, unseal).await
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecrets").finish_non_exhaustive()
    }
}
