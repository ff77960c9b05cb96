//! Changes of the signing keys: a rotation's steps, and a stolen key.

use api_http::auth::Operator;
use async_graphql::{Context, Error, Object, Result};
use commands::signing_keys::{SigningKeys, SigningKeysError};
use domain::fingerprint::{Fingerprint, InvalidFingerprint};

use crate::{
    error::{internal, log_failed, with_code},
    parts::part,
    types::SigningKey,
};

#[derive(Default)]
pub(super) struct SigningKeyMutation;

#[Object]
impl SigningKeyMutation {
    /// Begins a rotation: makes the next signing key, which takes seconds, and lets machines know its certificate. It
    /// signs nothing yet.
    async fn prepare_next_key(&self, ctx: &Context<'_>) -> Result<Vec<SigningKey>> {
        let context = part::<Operator>(ctx).context().await;
        part::<SigningKeys>(ctx).prepare_next(&context).await.map_err(failed)?;
        SigningKey::all(ctx)
    }

    /// Lets the next signing key sign every index beside the current one.
    async fn begin_overlap(&self, ctx: &Context<'_>) -> Result<Vec<SigningKey>> {
        let context = part::<Operator>(ctx).context().await;
        part::<SigningKeys>(ctx).begin_overlap(&context).await.map_err(failed)?;
        SigningKey::all(ctx)
    }

    /// Lets the next signing key sign alone. Machines that do not know it yet refuse everything from now on.
    async fn cut_over(&self, ctx: &Context<'_>) -> Result<Vec<SigningKey>> {
        let context = part::<Operator>(ctx).context().await;
        part::<SigningKeys>(ctx).cut_over(&context).await.map_err(failed)?;
        SigningKey::all(ctx)
    }

    /// Ends a rotation: the replaced signing key's private part is deleted. What it signed is still trusted.
    async fn retire_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The replaced key's full fingerprint")] fingerprint: String,
    ) -> Result<Vec<SigningKey>> {
        let context = part::<Operator>(ctx).context().await;
        part::<SigningKeys>(ctx).retire(parsed("fingerprint", &fingerprint)?, &context).await.map_err(failed)?;
        SigningKey::all(ctx)
    }

    /// Declares a signing key stolen: it signs nothing any more, machines learn not to trust it, and every index and
    /// every rpm it signed is signed again. It cannot be undone.
    async fn declare_compromised(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stolen key's full fingerprint")] fingerprint: String,
        #[graphql(desc = "The same fingerprint again")] confirm: String,
    ) -> Result<Vec<SigningKey>> {
        let fingerprint = parsed("fingerprint", &fingerprint)?;
        if fingerprint != parsed("confirm", &confirm)? {
            return Err(with_code("invalid", "confirm: expected the fingerprint of the stolen key once more"));
        }
        let context = part::<Operator>(ctx).context().await;
        part::<SigningKeys>(ctx).declare_compromised(fingerprint, &context).await.map_err(failed)?;
        SigningKey::all(ctx)
    }
}

/// A fingerprint, however it was copied: gpg prints it in groups, apt in lower case.
fn parsed(field: &str, fingerprint: &str) -> Result<Fingerprint> {
    fingerprint.parse().map_err(|error: InvalidFingerprint| with_code("invalid", format!("{field}: {error}")))
}

fn failed(error: SigningKeysError) -> Error {
    match error {
        SigningKeysError::Refused(refusal) => with_code("refused", refusal),
        SigningKeysError::Log(error) => log_failed(error),
        SigningKeysError::Key(_)
        | SigningKeysError::Certificate(_)
        | SigningKeysError::Secret(_)
        | SigningKeysError::OtherKey { .. }
        | SigningKeysError::BrokeOff(_)
        | SigningKeysError::None => internal(&error),
    }
}
