//! Changes of a repository's access keys.

use std::sync::Arc;

use api_http::{auth::Operator, run_command::CommandRunner, tokens};
use async_graphql::{Context, Object, Result};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use commands::rolls::{NewKey as RolledKey, RollError, Rolls};
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::{self, EnrolmentLimits, GRACE_MAX, Keyring, NamedKind, Terms, WindowEnd},
    token::{TokenKind, id_text},
};
use event_log::execute::Executor;

use super::{id_of, run};
use crate::{
    error::{internal, invalid, log_failed, not_found, with_code},
    parts::part,
    types::{self, IssuedKey, KeyKindWord, NamedNewKey, NewKey, RolledKeys},
};

/// How long machines may enrol with a key by default.
const ENROLMENT_DAYS_DEFAULT: i64 = 30;
/// How many machines may enrol with a key by default.
const ENROLS_DEFAULT: u32 = 100;

#[derive(Default)]
pub(super) struct AccessKeyMutation;

#[Object]
impl AccessKeyMutation {
    /// Makes one more access key for a repository. The key is shown only now.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the GraphQL field")]
    async fn issue_access_key(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        name: String,
        #[graphql(
            default_with = "KeyKindWord::Shared",
            desc = "SHARED or ENROLMENT; machines get theirs by enrolling"
        )]
        kind: KeyKindWord,
        #[graphql(desc = "When it ends by itself: never if unset, in 30 days if it is an enrolment key")]
        expires_at: Option<DateTime<Utc>>,
        #[graphql(desc = "How many machines may enrol with it: 100 if unset")] enrols_max: Option<u32>,
    ) -> Result<NewKey> {
        let (id, repository) = existing(ctx, &organisation, &repository).await?;
        let terms = terms(kind, expires_at, enrols_max, part::<Arc<Executor>>(ctx).now())?;
        let access_key = issue_access_key(ctx, id, &name, terms).await?;
        Ok(NewKey { install_command: repository.install_command(ctx, &access_key), access_key })
    }

    /// Ends an access key, and if it is a machine's, whatever key that machine has. No request that starts after the
    /// answer is accepted with it.
    async fn revoke_access_key(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        #[graphql(desc = "The key's id, as its holders use it for a login")] key: String,
    ) -> Result<types::Repository> {
        let (id, _) = existing(ctx, &organisation, &repository).await?;
        let key = domain::token::parse_id_text(&key).ok_or_else(|| not_found("such access key"))?;
        run::<Keyring>(ctx, id.0, keyring::Command::RevokeAccessKey { key: AccessKeyId(key) }).await?;
        types::Repository::load(ctx, id).await
    }

    /// Rolls a repository's access keys: makes a new one for each shared and enrolment key, shown only now.
    ///
    /// Without a grace window every older key is dead when this answers, those of machines too. In a window, old and new
    /// keys both work, machines are handed their new key when they renew, and what is older ends with the window.
    async fn roll_access_keys(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        #[graphql(default, desc = "How long older keys work: 0 for not at all, at most 90 days")] grace_seconds: u32,
        #[graphql(
            desc = "Roll only if this is the newest generation: a call whose answer was lost does not roll twice"
        )]
        if_generation: Option<u32>,
    ) -> Result<RolledKeys> {
        let (id, repository) = existing(ctx, &organisation, &repository).await?;
        let context = part::<Operator>(ctx).context().await;
        let grace = TimeDelta::seconds(grace_seconds.into());
        if grace > GRACE_MAX {
            return Err(with_code("refused", keyring::Refusal::WindowOutOfRange));
        }
        let until = (grace_seconds > 0).then(|| part::<Arc<Executor>>(ctx).now().trunc_subsecs(0) + grace);
        let rolled = match until {
            None => part::<Rolls>(ctx).roll(id, if_generation, &context).await,
            Some(until) => part::<Rolls>(ctx).open_grace(id, if_generation, until, &context).await,
        };
        let rolled = rolled.map_err(not_rolled)?;
        part::<CommandRunner>(ctx).visible(rolled.position).await.map_err(|error| internal(&error))?;
        let new_key = |RolledKey { token, successor }| {
            let access_key = IssuedKey { id: id_text(token.id()), secret: token.text() };
            let kind = KeyKindWord::from(keyring::KeyKind::from(successor.kind));
            let install_command = repository.install_command(ctx, &access_key);
            (successor.kind, NamedNewKey { name: successor.name.to_string(), kind, access_key, install_command })
        };
        let keys: Vec<_> = rolled.keys.into_iter().map(new_key).collect();
        let first = |kind| keys.iter().find(|(of, _)| *of == kind).map(|(_, key)| key.install_command.clone());
        Ok(RolledKeys {
            generation: rolled.generation,
            grace_until: until,
            install_command: first(NamedKind::Shared).or_else(|| first(NamedKind::Enrolment)),
            access_keys: keys.into_iter().map(|(_, key)| key).collect(),
            repository: types::Repository::load(ctx, id).await?,
        })
    }

    /// Closes a grace window before its time. What is older is dead when this answers.
    async fn close_grace(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
    ) -> Result<types::Repository> {
        let (id, _) = existing(ctx, &organisation, &repository).await?;
        let generation =
            part::<Arc<Executor>>(ctx).inspect::<Keyring, _>(id.0, |keyring, _| keyring.generation()).await;
        let generation = generation.map_err(log_failed)?;
        let now = part::<Arc<Executor>>(ctx).now();
        let close = keyring::Command::CloseGrace { generation, because: WindowEnd::Cut, now };
        run::<Keyring>(ctx, id.0, close).await?;
        types::Repository::load(ctx, id).await
    }
}

async fn existing(
    ctx: &Context<'_>,
    organisation: &str,
    repository: &str,
) -> Result<(RepositoryId, types::Repository)> {
    let id = id_of(organisation, repository)?;
    Ok((id, types::Repository::load(ctx, id).await?))
}

fn terms(
    kind: KeyKindWord,
    expires_at: Option<DateTime<Utc>>,
    enrols_max: Option<u32>,
    now: DateTime<Utc>,
) -> Result<Terms> {
    match (kind, enrols_max) {
        (KeyKindWord::Shared, None) => Ok(Terms::Shared { expires_at }),
        (KeyKindWord::Shared, Some(_)) => Err(with_code(
            "invalid",
            "enrolsMax: expected none unless kind is ENROLMENT: machines enrol only with such a key",
        )),
        (KeyKindWord::Enrolment, enrols_max) => Ok(Terms::Enrolment(EnrolmentLimits {
            expires_at: expires_at.unwrap_or(now + TimeDelta::days(ENROLMENT_DAYS_DEFAULT)),
            enrols_max: enrols_max.unwrap_or(ENROLS_DEFAULT),
        })),
        (KeyKindWord::Machine, _) => {
            Err(with_code("invalid", "kind: expected SHARED or ENROLMENT: a machine gets its key by enrolling"))
        }
    }
}

pub(super) async fn issue_access_key(
    ctx: &Context<'_>,
    repository: RepositoryId,
    name: &str,
    terms: Terms,
) -> Result<IssuedKey> {
    let key = tokens::issue(TokenKind::AccessKey);
    let issue = keyring::Command::IssueAccessKey {
        key: AccessKeyId(key.id()),
        name: name.parse().map_err(invalid)?,
        secret_sha256: key.secret_sha256(),
        terms,
        now: part::<Arc<Executor>>(ctx).now(),
    };
    run::<Keyring>(ctx, repository.0, issue).await?;
    Ok(IssuedKey { id: id_text(key.id()), secret: key.text() })
}

fn not_rolled(error: RollError) -> async_graphql::Error {
    match error {
        RollError::RolledAlready { .. } => with_code("rolled_already", error),
        RollError::NotThatFar { .. } => with_code("invalid", format!("ifGeneration: {error}")),
        RollError::Refused(refusal) => with_code("refused", refusal),
        RollError::Log(error) => log_failed(error),
        RollError::Secrets(_) => internal(&error),
    }
}
