#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod triggers;

use domain::{
    account,
    ids::{AccessKeyId, AccountId, ProjectId, RepositoryId},
    keyring, organisation,
};
use uuid::Uuid;

use super::*;
use crate::testing::World;

const REPOSITORY: RepositoryId = RepositoryId(Uuid::from_u128(1));
const PROJECT: ProjectId = ProjectId(Uuid::from_u128(2));

fn key(n: u128) -> AccessKeyId {
    AccessKeyId(Uuid::from_u128(n))
}

fn token(n: u128) -> TokenId {
    TokenId(Uuid::from_u128(n))
}

fn secret(text: &str) -> Sha256 {
    Sha256::of(text.as_bytes())
}

fn issued(n: u128, text: &str) -> keyring::Event {
    let name = format!("key-{n}").parse().unwrap();
    keyring::Event::AccessKeyIssued {
        key: key(n),
        name,
        secret_sha256: secret(text),
        kind: keyring::NamedKind::Shared,
        expires_at: None,
        enrols_max: None,
    }
}

fn opens(credentials: &Credentials, n: u128, text: &str) -> bool {
    credentials.pass(REPOSITORY, key(n), &secret(text), crate::testing::at(10)).is_some()
}

#[tokio::test]
async fn a_token_of_an_account_is_an_operators_until_it_is_revoked() {
    let world = World::new();
    let running = world.start().await;
    let operator = AccountId::operator().0;
    let issue = |n| account::Event::TokenIssued { token: token(n), secret_sha256: secret("op") };
    world.log.append("account", operator, 1, issue(1));
    running.shows(world.log.append("account", Uuid::from_u128(5), 1, issue(2))).await;
    assert!(running.credentials.is_operator(token(1), &secret("op")));
    assert!(!running.credentials.is_operator(token(1), &secret("no")));
    assert!(running.credentials.is_operator(token(2), &secret("op")), "another operator's account");
    assert!(running.credentials.has_operator_token(token(1)) && !running.credentials.has_operator_token(token(3)));
    let revoked = account::Event::TokenRevoked { token: token(1) };
    running.shows(world.log.append("account", operator, 2, revoked)).await;
    assert!(!running.credentials.is_operator(token(1), &secret("op")));
    assert!(!running.credentials.has_operator_token(token(1)));
    assert!(running.credentials.is_operator(token(2), &secret("op")), "the other keeps its own");
}

#[tokio::test]
async fn a_feed_token_opens_its_organisations_feed_until_it_is_revoked() {
    let world = World::new();
    let running = world.start().await;
    let (acme, rival) = (OrganisationId(Uuid::from_u128(7)), OrganisationId(Uuid::from_u128(8)));
    let issue = |n, name: &str| organisation::Event::FeedTokenIssued {
        token: token(n),
        secret_sha256: secret("feed"),
        name: name.parse().unwrap(),
    };
    world.log.append("organisation", acme.0, 1, issue(1, "attic"));
    world.log.append("organisation", rival.0, 1, issue(2, "attic"));
    running.shows(world.log.append("organisation", acme.0, 2, issue(3, "cellar"))).await;
    assert_eq!(running.credentials.feed_of(token(1), &secret("feed")), Some(acme));
    assert_eq!(running.credentials.feed_of(token(2), &secret("feed")), Some(rival));
    assert_eq!(running.credentials.feed_of(token(1), &secret("no")), None);
    let names = async |running: &crate::testing::Running| {
        let tokens = running.credentials.feed_tokens(acme).await.unwrap();
        tokens.into_iter().map(|token| token.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&running).await, ["cellar", "attic"]);

    let revoked = organisation::Event::FeedTokenRevoked { token: token(1) };
    running.shows(world.log.append("organisation", acme.0, 3, revoked)).await;
    assert_eq!(running.credentials.feed_of(token(1), &secret("feed")), None);
    running.stop().await;
    let running = world.start().await;
    assert_eq!(running.credentials.feed_of(token(1), &secret("feed")), None, "it is dead after a restart, too");
    assert_eq!(running.credentials.feed_of(token(3), &secret("feed")), Some(acme));
    assert_eq!(names(&running).await, ["cellar"]);
}

#[tokio::test]
async fn after_a_restart_the_same_secrets_work() {
    let world = World::new();
    let running = world.start().await;
    world.log.append("keyring", REPOSITORY.0, 1, issued(10, "dead"));
    world.log.append("keyring", REPOSITORY.0, 2, keyring::Event::AccessKeyRevoked { key: key(10) });
    world.log.append("project", PROJECT.0, 1, triggers::added());
    world.log.append("project", PROJECT.0, 2, triggers::issued(1, None));
    running.shows(world.log.append("keyring", REPOSITORY.0, 3, issued(11, "alive"))).await;
    running.stop().await;
    let running = world.start().await;
    assert!(!opens(&running.credentials, 10, "dead"));
    assert!(opens(&running.credentials, 11, "alive"));
    assert!(triggers::works(&running, 1, 0));
}
