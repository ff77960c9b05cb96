//! Making keys: the first one at the first start, later ones for a rotation. Sealed first, announced after.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{SecretId, SigningKeyId},
    signing_key::{Command, Key, NewKey, SigningKey},
};
use event_log::execute::{Context, Executor};
use signing::{Algorithm, Certificate, Signer, generate};
use stores::{
    blocking::blocking,
    secrets::{Secrets, SecretsError},
};
use uuid::Uuid;

use super::SigningKeysError;

/// What a sealed key is for: a seal made for something else does not open.
pub(crate) const SIGNING_KEY_PURPOSE: &str = "signing-key";

/// How keys are made.
#[derive(Debug, Clone)]
pub struct Making {
    /// Which kind.
    pub algorithm: Algorithm,
    /// The name on the keys.
    pub user_id: String,
    /// How long clients believe a key; for ever if there is none.
    pub valid_for: Option<TimeDelta>,
}

/// The first key; made, sealed and announced if there is none yet. Takes seconds then.
///
/// A crash before it is announced leaves a sealed key that the next start announces.
pub(super) async fn first_key(
    executor: &Executor,
    secrets: &Arc<Secrets>,
    making: &Making,
) -> Result<(), SigningKeysError> {
    let id = SigningKeyId::service();
    if executor.inspect::<SigningKey, _>(id.0, |keys, _| !keys.keys().is_empty()).await? {
        return Ok(());
    }
    let certificate = match secrets.unseal(id.0, SIGNING_KEY_PURPOSE).await {
        Err(SecretsError::NotFound { .. }) => make_and_seal(secrets, making, id.0, executor.now()).await?,
        sealed => {
            let sealed = sealed?;
            blocking(move || Signer::load(&sealed)).await??.certificate().clone()
        }
    };
    let announce = Command::Generate {
        fingerprint: certificate.fingerprint(),
        certificate: certificate.armored().to_owned(),
        expires_at: certificate.expires_at(),
    };
    executor.execute::<SigningKey>(id.0, announce, &Context::of_worker("signing", None)).await?;
    Ok(())
}

/// A new key, sealed under a new id. Takes seconds.
pub(super) async fn new_key(
    secrets: &Arc<Secrets>,
    making: &Making,
    now: DateTime<Utc>,
) -> Result<NewKey, SigningKeysError> {
    let secret = SecretId(Uuid::now_v7());
    let certificate = make_and_seal(secrets, making, secret.0, now).await?;
    Ok(NewKey {
        fingerprint: certificate.fingerprint(),
        certificate: certificate.armored().to_owned(),
        secret,
        expires_at: certificate.expires_at(),
    })
}

async fn make_and_seal(
    secrets: &Secrets,
    making: &Making,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Certificate, SigningKeysError> {
    let making = making.clone();
    let key = blocking(move || generate(making.algorithm, &making.user_id, now, making.valid_for)).await??;
    secrets.seal(id, SIGNING_KEY_PURPOSE, &key.secret).await?;
    Ok(key.certificate)
}

/// Where the private part of `key` is sealed.
pub(super) fn sealed_under(key: &Key) -> Uuid {
    key.secret.map_or(SigningKeyId::service().0, |secret| secret.0)
}

/// The private part of `key`, ready to sign. One that does not fit its certificate is refused.
pub(super) async fn load(secrets: &Arc<Secrets>, key: &Key) -> Result<Arc<Signer>, SigningKeysError> {
    let sealed = secrets.unseal(sealed_under(key), SIGNING_KEY_PURPOSE).await?;
    let signer = blocking(move || Signer::load(&sealed)).await??;
    if signer.fingerprint() != key.fingerprint {
        return Err(SigningKeysError::OtherKey { expected: key.fingerprint.clone(), sealed: signer.fingerprint() });
    }
    Ok(Arc::new(signer))
}
