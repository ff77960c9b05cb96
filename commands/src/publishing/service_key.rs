//! The key that signs for the whole service: made at the first start, sealed at rest.

use std::sync::Arc;

use domain::{
    ids::SigningKeyId,
    signing_key::{Command, Refusal, SigningKey},
};

use crate::{
    execute::{Context, ExecuteError, Executor},
    secrets::{Secrets, SecretsError},
    signing::{Algorithm, Signer, SigningError, generate},
};

/// What the sealed key is for: a seal made for something else does not open.
pub const SERVICE_KEY_PURPOSE: &str = "signing-key";

/// Why there is no service key.
#[derive(Debug, thiserror::Error)]
pub enum ServiceKeyError {
    /// It could not be made or read.
    #[error("the service's signing key cannot be used")]
    Key(#[from] SigningError),
    /// It could not be sealed or unsealed.
    #[error("the service's signing key cannot be kept secret")]
    Secret(#[from] SecretsError),
    /// A defect of this program.
    #[error("making the service's signing key broke off")]
    BrokeOff(#[from] tokio::task::JoinError),
    /// It could not be announced.
    #[error("the service's signing key cannot be announced")]
    Announce(#[from] ExecuteError<Refusal>),
}

/// The service key; made, sealed and announced if there is none yet. Takes seconds then.
///
/// Sealed first, announced last: a crash in between leaves a sealed key that the next start announces.
///
/// # Errors
/// See [`ServiceKeyError`]. A sealed key that does not match the announced one is refused.
pub async fn service_key(
    executor: &Executor,
    secrets: &Arc<Secrets>,
    user_id: String,
) -> Result<Arc<Signer>, ServiceKeyError> {
    let id = SigningKeyId::service();
    let (now, secrets) = (executor.now(), secrets.clone());
    let signer = tokio::task::spawn_blocking(move || -> Result<Signer, ServiceKeyError> {
        let secret = match secrets.unseal(id.0, SERVICE_KEY_PURPOSE) {
            Err(SecretsError::NotFound { .. }) => {
                let key = generate(Algorithm::Rsa4096, &user_id, now)?;
                secrets.seal(id.0, SERVICE_KEY_PURPOSE, &key.secret)?;
                key.secret
            }
            sealed => sealed?,
        };
        Ok(Signer::load(&secret)?)
    })
    .await??;
    let announce =
        Command::Generate { fingerprint: signer.fingerprint(), certificate: signer.certificate().armored().to_owned() };
    executor.execute::<SigningKey>(id.0, announce, &Context::of_worker("signing", None)).await?;
    Ok(Arc::new(signer))
}
