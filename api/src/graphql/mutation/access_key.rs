//! Changes of a repository's access keys.

use async_graphql::{Context, Object, Result};
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::{self, Keyring},
    token::{TokenKind, id_text},
};

use super::run;
use crate::{
    app::App,
    graphql::{
        error::{invalid, not_found},
        types::{self, IssuedKey, NewKey},
    },
    mint,
};

#[derive(Default)]
pub(super) struct AccessKeyMutation;

#[Object]
impl AccessKeyMutation {
    /// Makes one more access key for a repository. The key is shown only now.
    async fn issue_access_key(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        name: String,
    ) -> Result<NewKey> {
        let app = ctx.data_unchecked::<App>();
        let id = RepositoryId::named(&organisation.parse().map_err(invalid)?, &repository.parse().map_err(invalid)?);
        let repository = types::Repository::load(ctx, id).await?;
        let access_key = issue_access_key(ctx, id, &name).await?;
        Ok(NewKey { install_command: repository.install_command(app, &access_key), access_key })
    }

    /// Ends an access key. No request that starts after the answer is let in with it.
    async fn revoke_access_key(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        #[graphql(desc = "The key's id, as its holders use it for a login")] key: String,
    ) -> Result<types::Repository> {
        let id = RepositoryId::named(&organisation.parse().map_err(invalid)?, &repository.parse().map_err(invalid)?);
        let key = domain::token::parse_id_text(&key).ok_or_else(|| not_found("such access key"))?;
        run::<Keyring>(ctx, id.0, keyring::Command::RevokeAccessKey { key: AccessKeyId(key) }).await?;
        types::Repository::load(ctx, id).await
    }
}

pub(super) async fn issue_access_key(ctx: &Context<'_>, repository: RepositoryId, name: &str) -> Result<IssuedKey> {
    let key = mint::token(TokenKind::AccessKey);
    let issue = keyring::Command::IssueAccessKey {
        key: AccessKeyId(key.id()),
        name: name.parse().map_err(invalid)?,
        secret_sha256: key.secret_sha256(),
        terms: keyring::Terms::Shared { expires_at: None },
        now: ctx.data_unchecked::<App>().executor.now(),
    };
    run::<Keyring>(ctx, repository.0, issue).await?;
    Ok(IssuedKey { id: id_text(key.id()), secret: key.text() })
}
