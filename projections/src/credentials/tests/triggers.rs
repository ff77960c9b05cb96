//! API tokens and webhooks.

use chrono::TimeDelta;
use domain::{
    ids::SecretId,
    project::{ApiUrl, Event, Scope, Scopes, Trigger},
};

use super::{super::*, PROJECT, secret, token};
use crate::testing::{Running, World, at};

pub(super) fn added() -> Event {
    Event::Added {
        organisation: "acme".parse().unwrap(),
        name: "web".parse().unwrap(),
        source: "https://example.org/web.git".into(),
        trigger: Trigger::GithubWebhook,
    }
}

pub(super) fn issued(n: u128, name: Option<&str>) -> Event {
    Event::ApiTokenIssued {
        token: token(n),
        secret_sha256: secret(&format!("token-{n}")),
        name: name.map(|name| name.parse().unwrap()),
        scopes: Scopes::default(),
        expires_at: None,
        job: None,
    }
}

fn rolled(old: u128, n: u128, until: Option<i64>) -> Event {
    Event::ApiTokenRolled {
        old: token(old),
        token: token(n),
        secret_sha256: secret(&format!("token-{n}")),
        old_works_until: until.map(at),
    }
}

fn grant(running: &Running, n: u128, second: i64) -> Option<ApiGrant> {
    running.credentials.api_grant(token(n), &secret(&format!("token-{n}")), at(second))
}

pub(super) fn works(running: &Running, n: u128, second: i64) -> bool {
    grant(running, n, second).is_some_and(|grant| grant.project == PROJECT)
}

async fn after(world: &World, events: impl IntoIterator<Item = Event>) -> Running {
    let running = world.start().await;
    for event in events {
        running.shows(world.log.append("project", PROJECT.0, 1, event)).await;
    }
    running
}

async fn names(running: &Running) -> Vec<String> {
    running.credentials.api_tokens(PROJECT).await.unwrap().into_iter().map(|token| token.name).collect()
}

#[tokio::test]
async fn a_token_without_a_name_ends_the_one_before_and_named_ones_live_on() {
    let world = World::new();
    let running = after(&world, [added(), issued(1, None), issued(3, Some("ci")), issued(2, None)]).await;
    assert!(!works(&running, 1, 0) && works(&running, 2, 0) && works(&running, 3, 0));
    assert!(running.credentials.api_grant(token(2), &secret("wrong"), at(0)).is_none());
    assert!(!running.credentials.is_operator(token(2), &secret("token-2")));
    let mut names = names(&running).await;
    names.sort();
    assert_eq!(names, ["ci", "default"]);
}

#[tokio::test]
async fn a_roll_ends_the_old_token_with_its_event_or_when_the_grace_window_ends() {
    let world = World::new();
    let running = after(&world, [added(), issued(1, Some("ci")), rolled(1, 2, None)]).await;
    assert!(!works(&running, 1, 0) && works(&running, 2, 0));
    running.shows(world.log.append("project", PROJECT.0, 1, rolled(2, 3, Some(100)))).await;
    assert!(works(&running, 2, 99) && !works(&running, 2, 100) && works(&running, 3, 100));
    let closed = Event::ApiTokenGraceClosed { token: token(2) };
    running.shows(world.log.append("project", PROJECT.0, 1, closed)).await;
    assert!(!works(&running, 2, 99) && works(&running, 3, 99));
    assert_eq!(names(&running).await, ["ci"], "the new token has the name");
    let revoked = Event::ApiTokenRevoked { token: token(3) };
    running.shows(world.log.append("project", PROJECT.0, 1, revoked)).await;
    assert!(!works(&running, 3, 99));
}

#[tokio::test]
async fn a_grace_window_survives_a_restart() {
    let world = World::new();
    after(&world, [added(), issued(1, Some("ci")), rolled(1, 2, Some(100))]).await.stop().await;
    let running = world.start().await;
    assert!(works(&running, 1, 99) && !works(&running, 1, 100) && works(&running, 2, 100));
}

#[tokio::test]
async fn a_token_allows_its_scopes_until_it_expires_and_is_forgotten_after() {
    let world = World::new();
    let Event::ApiTokenIssued { token, secret_sha256, name, job, .. } = issued(1, Some("ci")) else { unreachable!() };
    let short =
        Event::ApiTokenIssued { token, secret_sha256, name, scopes: Scopes::release(), expires_at: Some(at(10)), job };
    let running = after(&world, [added(), short]).await;
    let allowed = grant(&running, 1, 9).unwrap();
    assert!(allowed.allows(Scope::Release) && !allowed.allows(Scope::Read));
    assert_eq!(grant(&running, 1, 10), None);
    let later = at(20) + TimeDelta::milliseconds(250);
    running.shows(world.log.append("project", PROJECT.0, 20, issued(2, Some("other")))).await;
    let tokens = running.credentials.api_tokens(PROJECT).await.unwrap();
    assert_eq!(tokens.iter().map(|token| (&*token.name, token.issued_at)).collect::<Vec<_>>(), [("other", later)]);
}

#[tokio::test]
async fn a_rolled_webhook_secret_counts_with_its_event() {
    let world = World::new();
    let connected = Event::GithubConnected {
        repository_id: u64::MAX,
        full_name: "acme/web".parse().unwrap(),
        api_url: ApiUrl::default(),
        credential: None,
    };
    let issued = |n| Event::WebhookSecretIssued { secret: SecretId(uuid::Uuid::from_u128(n)) };
    let pattern = Event::TagPatternSet { pattern: "v*".parse().unwrap() };
    let running = after(&world, [added(), pattern.clone()]).await;
    assert_eq!(running.credentials.webhook(PROJECT), None, "it is not connected");
    for event in [connected, issued(1), issued(2)] {
        running.shows(world.log.append("project", PROJECT.0, 1, event)).await;
    }
    let expected = |trigger| Webhook {
        trigger,
        tag_pattern: "v*".parse().unwrap(),
        repository_id: u64::MAX,
        secret: SecretId(uuid::Uuid::from_u128(2)),
    };
    assert_eq!(running.credentials.webhook(PROJECT).as_deref(), Some(&expected(Trigger::GithubWebhook)));
    running.stop().await;
    let running = world.start().await;
    assert_eq!(running.credentials.webhook(PROJECT).as_deref(), Some(&expected(Trigger::GithubWebhook)));
    let chosen = Event::TriggerChosen { trigger: Trigger::ApiEndpoint };
    running.shows(world.log.append("project", PROJECT.0, 1, chosen)).await;
    assert_eq!(running.credentials.webhook(PROJECT).as_deref(), Some(&expected(Trigger::ApiEndpoint)));
    running.shows(world.log.append("project", PROJECT.0, 1, Event::GithubDisconnected)).await;
    assert_eq!(running.credentials.webhook(PROJECT), None);
}
