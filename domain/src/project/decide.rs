//! Decides which events follow from a command to a project.

use super::{
    Added, Command, Event, Github, Project, Refusal, Trigger, idempotency_key::valid_idempotency_key,
    reconcile::reconcile, valid_audience,
};
use crate::{
    ids::{ReleaseId, SecretId},
    names::TagName,
    version::ReleaseVersion,
};

pub(super) fn decide(project: &Project, command: Command) -> Result<Vec<Event>, Refusal> {
    match (project, command) {
        (Project::Unknown, Command::Add { organisation, name, source, trigger }) => {
            let source = source.as_str().to_owned();
            Ok(vec![Event::Added { organisation, name, source, trigger }])
        }
        (Project::Added(_), Command::Add { .. }) => Err(Refusal::NameTaken),
        (Project::Unknown, _) => Err(Refusal::Unknown),
        (Project::Added(project), command) => decide_added(project, command),
    }
}

fn decide_added(project: &Added, command: Command) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Add { .. } => Err(Refusal::NameTaken),
        Command::ChooseTrigger { trigger } => Ok(unless(project.trigger == trigger, Event::TriggerChosen { trigger })),
        Command::SetTagPattern { pattern } => {
            Ok(unless(project.tag_pattern == pattern, Event::TagPatternSet { pattern }))
        }
        Command::IssueApiToken { new, at } => project.api_tokens.issue(new, at),
        Command::RollApiToken { old, token, secret_sha256, old_works_until, webhook_secret, at } => {
            let old = old.map_or_else(|| project.api_tokens.to_roll(), Ok)?;
            let mut events = project.api_tokens.roll(old, (token, secret_sha256), old_works_until, at)?;
            if !events.is_empty() {
                events.extend(new_webhook_secret(project, webhook_secret)?);
            }
            Ok(events)
        }
        Command::CloseApiTokenGrace { token } => project.api_tokens.close_grace(token),
        Command::RevokeApiToken { token } => project.api_tokens.revoke(token),
        Command::Trigger { tag, version, release, idempotency_key, by } => {
            trigger(project, tag, version, release, idempotency_key, by)
        }
        Command::FreeTag { tag, release } => {
            Ok(unless(project.releases.get(&tag) != Some(&release), Event::TagFreed { tag, release }))
        }
        Command::RecordTagDeleted { tag } => {
            let is_known = project.tried_tags.contains(&tag) || project.known_tags.contains(&tag);
            Ok(unless(!is_known, Event::TagDeleted { tag }))
        }
        Command::ReconcileTags { repository_id, tags } => reconcile(project, repository_id, tags),
        Command::RecordTriggersRefused { reason, count, first_at, last_at } => {
            Ok(unless(count == 0, Event::TriggersRefused { reason, count, first_at, last_at }))
        }
        Command::ConnectGithub { repository_id, full_name, api_url, credential, webhook_secret } => {
            if let Some(other) = project.connected().filter(|github| github.repository_id != repository_id) {
                return Err(Refusal::GithubConnected(other.full_name.clone()));
            }
            Ok(vec![
                Event::GithubConnected { repository_id, full_name, api_url, credential },
                Event::WebhookSecretIssued { secret: webhook_secret },
            ])
        }
        Command::DisconnectGithub => Ok(unless(project.connected().is_none(), Event::GithubDisconnected)),
        Command::RollWebhookSecret { secret } => {
            project.connected().ok_or(Refusal::GithubNotConnected)?;
            Ok(unless(project.webhook_secret == Some(secret), Event::WebhookSecretIssued { secret }))
        }
        // What the worker cleans up after a disconnection counts, too.
        Command::RecordAtGithub(done) => project.github.as_ref().ok_or(Refusal::GithubNotConnected)?.record(&done),
        Command::TrustCi(trust) => {
            if trust.audience.as_deref().is_some_and(|audience| !valid_audience(audience)) {
                return Err(Refusal::AudienceInvalid);
            }
            if !trust.ref_pattern.as_str().starts_with("refs/") {
                return Err(Refusal::CiRefPatternInvalid(trust.ref_pattern));
            }
            Ok(unless(project.ci_trust.as_ref() == Some(&trust), Event::CiIdentityTrusted(trust)))
        }
        Command::DistrustCi => Ok(unless(project.ci_trust.is_none(), Event::CiIdentityDistrusted)),
    }
}

/// Nothing if it is so already.
fn unless(already: bool, event: Event) -> Vec<Event> {
    if already { vec![] } else { vec![event] }
}

/// Rolling the token of a GitHub project rolls what secures its trigger: the webhook's secret.
fn new_webhook_secret(project: &Added, secret: Option<SecretId>) -> Result<Option<Event>, Refusal> {
    match (project.connected(), secret) {
        (Some(Github { .. }), Some(secret)) if project.trigger == Trigger::GithubWebhook => {
            Ok(Some(Event::WebhookSecretIssued { secret }))
        }
        (Some(_), None) if project.trigger == Trigger::GithubWebhook => Err(Refusal::WebhookSecretMissing),
        _ => Ok(None),
    }
}

fn trigger(
    project: &Added,
    tag: TagName,
    version: ReleaseVersion,
    release: ReleaseId,
    idempotency_key: Option<String>,
    by: Trigger,
) -> Result<Vec<Event>, Refusal> {
    if project.trigger != by {
        return Err(Refusal::OtherTrigger(project.trigger));
    }
    if let Some(key) = &idempotency_key {
        match project.idempotency_keys.get(key) {
            _ if !valid_idempotency_key(key) => return Err(Refusal::IdempotencyKeyInvalid),
            Some((same, _)) if *same == tag => return Ok(vec![]),
            Some((other, _)) => return Err(Refusal::IdempotencyKeyReused(other.clone())),
            None => {}
        }
    }
    if let Some(&release) = project.releases.get(&tag) {
        return Err(Refusal::TagHasRelease { tag, release });
    }
    // GitHub reports one tag up to three times, and again for each redelivery: that must not repeat a failure.
    if by == Trigger::GithubWebhook && project.tried_tags.contains(&tag) {
        return Err(Refusal::TagWasTried(tag));
    }
    if by == Trigger::GithubWebhook && !project.tag_pattern.matches(tag.as_str()) {
        return Err(Refusal::PatternMismatch(tag));
    }
    Ok(vec![Event::TriggerAccepted { tag, version, release, idempotency_key }])
}
