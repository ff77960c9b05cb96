use chrono::{DateTime, TimeDelta, Utc};

use super::{super::*, added, of_github, secret};
use crate::{digest::Sha256, ids::TokenId, testing::given};

fn token(n: u128) -> TokenId {
    TokenId(uuid::Uuid::from_u128(n))
}

fn digest(n: u128) -> Sha256 {
    Sha256::of(&n.to_be_bytes())
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn new(n: u128, name: Option<&str>) -> NewApiToken {
    NewApiToken {
        token: token(n),
        secret_sha256: digest(n),
        name: name.map(|name| name.parse().expect("a name")),
        scopes: Scopes::default(),
        expires_at: None,
        job: None,
    }
}

fn for_job(n: u128, minutes: i64) -> NewApiToken {
    let job =
        CiJob { repository_id: 7, git_ref: "refs/tags/v1".into(), workflow_ref: "w".into(), jti_sha256: digest(n) };
    let expires_at = Some(at(minutes) + CI_TOKEN_LIFETIME);
    NewApiToken { scopes: Scopes::release(), expires_at, job: Some(job), ..new(n, Some("ci")) }
}

fn issue(new: NewApiToken) -> Command {
    Command::IssueApiToken { new, at: at(0) }
}

fn issued(new: NewApiToken) -> Event {
    let NewApiToken { token, secret_sha256, name, scopes, expires_at, job } = new;
    Event::ApiTokenIssued { token, secret_sha256, name, scopes, expires_at, job }
}

fn roll(old: Option<u128>, n: u128, until: Option<i64>) -> Command {
    Command::RollApiToken {
        old: old.map(token),
        token: token(n),
        secret_sha256: digest(n),
        old_works_until: until.map(at),
        webhook_secret: None,
        at: at(0),
    }
}

fn rolled(old: u128, n: u128, until: Option<i64>) -> Event {
    Event::ApiTokenRolled { old: token(old), token: token(n), secret_sha256: digest(n), old_works_until: until.map(at) }
}

fn tokens(project: &Project) -> &ApiTokens {
    &project.added().expect("a project").api_tokens
}

#[test]
fn before_tokens_had_names_a_new_one_replaced_the_old_one() {
    let project = given::<Project>([added(), issued(new(1, None)), issued(new(2, None))])
        .when(issue(new(3, Some("ci"))))
        .then([issued(new(3, Some("ci")))]);
    assert!(tokens(&project).get(token(1)).is_none());
    assert!(tokens(&project).get(token(2)).is_some() && tokens(&project).get(token(3)).is_some());
}

#[test]
fn tokens_of_different_names_live_side_by_side() {
    given::<Project>([added()]).when(issue(new(1, None))).then([issued(new(1, None))]);
    given::<Project>([added(), issued(new(1, None))]).when(issue(new(1, None))).then_nothing();
    for name in [None, Some("default")] {
        given::<Project>([added(), issued(new(1, None))])
            .when(issue(new(2, name)))
            .refused(Refusal::ApiTokenNameTaken("default".parse().expect("a name")));
    }
}

#[test]
fn a_project_has_so_many_tokens_and_no_more() {
    let full =
        || [added()].into_iter().chain((0..API_TOKENS_MAX as u128).map(|n| issued(new(n, Some(&format!("t{n}"))))));
    given::<Project>(full()).when(issue(new(99, Some("one-more")))).refused(Refusal::TooManyApiTokens);
    let revoked = full().chain([Event::ApiTokenRevoked { token: token(0) }]);
    given::<Project>(revoked).when(issue(new(99, Some("one-more")))).then([issued(new(99, Some("one-more")))]);
}

#[test]
fn jobs_hold_so_many_tokens_and_those_that_are_over_are_forgotten() {
    let full =
        |minutes| [added()].into_iter().chain((0..CI_TOKENS_MAX as u128).map(move |n| issued(for_job(n, minutes))));
    given::<Project>(full(0)).when(issue(for_job(999, 0))).refused(Refusal::TooManyCiTokens);
    let project = given::<Project>(full(-15)).when(issue(for_job(999, 0))).then([issued(for_job(999, 0))]);
    assert!(tokens(&project).get(token(0)).is_none(), "memory holds only tokens that work");
}

#[test]
fn an_expiry_lies_ahead() {
    let expiring = |minutes| NewApiToken { expires_at: Some(at(minutes)), ..new(1, None) };
    given::<Project>([added()]).when(issue(expiring(0))).refused(Refusal::ExpiryOver);
    let project = given::<Project>([added()]).when(issue(expiring(1))).then([issued(expiring(1))]);
    let token = tokens(&project).get(token(1)).expect("a token");
    assert!(token.works(at(0)) && !token.works(at(1)));
}

#[test]
fn a_roll_ends_the_old_token_at_once_and_keeps_its_name_and_scopes() {
    let scoped = NewApiToken { scopes: Scopes::release(), ..new(1, Some("ci")) };
    let project = given::<Project>([added(), issued(scoped)]).when(roll(Some(1), 2, None)).then([rolled(1, 2, None)]);
    assert!(tokens(&project).get(token(1)).is_none());
    let now = tokens(&project).get(token(2)).expect("the new one");
    assert_eq!((now.name.as_str(), &now.scopes, now.secret_sha256), ("ci", &Scopes::release(), digest(2)));
}

#[test]
fn with_a_grace_window_both_work_until_its_end() {
    let project =
        given::<Project>([added(), issued(new(1, None))]).when(roll(None, 2, Some(5))).then([rolled(1, 2, Some(5))]);
    let old = tokens(&project).get(token(1)).expect("the old one");
    assert!(old.works(at(4)) && !old.works(at(5)));
    assert!(tokens(&project).get(token(2)).expect("the new one").works(at(5)));
}

#[test]
fn a_grace_window_closes_early_and_once() {
    let closed = Event::ApiTokenGraceClosed { token: token(1) };
    let close = |n| Command::CloseApiTokenGrace { token: token(n) };
    let graced = || [added(), issued(new(1, None)), rolled(1, 2, Some(5))];
    given::<Project>(graced()).when(close(1)).then([closed.clone()]);
    given::<Project>(graced()).when(close(2)).refused(Refusal::NoSuchApiToken);
    given::<Project>(graced().into_iter().chain([closed])).when(close(1)).refused(Refusal::NoSuchApiToken);
}

#[test]
fn a_roll_without_grace_ends_every_text_that_ever_stood_for_the_token() {
    given::<Project>([added(), issued(new(1, None)), rolled(1, 2, Some(5))])
        .when(roll(None, 3, None))
        .then([Event::ApiTokenGraceClosed { token: token(1) }, rolled(2, 3, None)]);
}

#[test]
fn a_roll_or_a_revocation_reaches_back_through_every_grace_window() {
    let closed = |n| Event::ApiTokenGraceClosed { token: token(n) };
    let line = || [added(), issued(new(1, None)), rolled(1, 2, Some(5)), rolled(2, 3, Some(5))];
    given::<Project>(line()).when(roll(None, 4, None)).then([closed(2), closed(1), rolled(3, 4, None)]);
    let revoked = Event::ApiTokenRevoked { token: token(3) };
    let project = given::<Project>(line()).when(Command::RevokeApiToken { token: token(3) }).then([
        closed(2),
        closed(1),
        revoked,
    ]);
    assert!([1, 2, 3].iter().all(|n| tokens(&project).get(token(*n)).is_none()));
}

#[test]
fn a_grace_window_has_bounds() {
    let given = || given::<Project>([added(), issued(new(1, None))]);
    let longest = API_TOKEN_GRACE_MAX.num_minutes();
    given().when(roll(None, 2, Some(longest))).then([rolled(1, 2, Some(longest))]);
    for bad in [-1, 0, longest + 1] {
        given().when(roll(None, 2, Some(bad))).refused(Refusal::GraceOutOfBounds);
    }
}

#[test]
fn a_roll_says_which_token_unless_there_is_one_or_a_default() {
    let (a, b) = (issued(new(1, Some("a"))), issued(new(2, Some("b"))));
    given::<Project>([added()]).when(roll(None, 3, None)).refused(Refusal::NoSuchApiToken);
    given::<Project>([added(), a.clone()]).when(roll(None, 3, None)).then([rolled(1, 3, None)]);
    given::<Project>([added(), a.clone(), b.clone()]).when(roll(None, 3, None)).refused(Refusal::WhichApiToken);
    given::<Project>([added(), a.clone(), b.clone()]).when(roll(Some(2), 3, None)).then([rolled(2, 3, None)]);
    let default = issued(new(4, None));
    given::<Project>([added(), a, b, default]).when(roll(None, 3, None)).then([rolled(4, 3, None)]);
}

#[test]
fn only_a_token_that_works_and_was_not_rolled_is_rolled() {
    let expired = NewApiToken { expires_at: Some(at(-1)), ..new(1, None) };
    given::<Project>([added(), issued(expired)]).when(roll(Some(1), 2, None)).refused(Refusal::NoSuchApiToken);
    given::<Project>([added(), issued(new(1, None)), rolled(1, 2, Some(5))])
        .when(roll(Some(1), 3, None))
        .refused(Refusal::NoSuchApiToken);
    given::<Project>([added(), issued(for_job(1, 0))]).when(roll(Some(1), 3, None)).refused(Refusal::NoSuchApiToken);
    given::<Project>([added(), issued(new(1, None)), rolled(1, 2, None)]).when(roll(Some(1), 2, None)).then_nothing();
}

#[test]
fn a_revoked_token_is_removed() {
    let revoke = |n| Command::RevokeApiToken { token: token(n) };
    let revoked = Event::ApiTokenRevoked { token: token(1) };
    let project = given::<Project>([added(), issued(new(1, None))]).when(revoke(1)).then([revoked.clone()]);
    assert!(tokens(&project).get(token(1)).is_none());
    given::<Project>([added(), issued(new(1, None)), revoked]).when(revoke(1)).refused(Refusal::NoSuchApiToken);
}

#[test]
fn rolling_the_token_of_a_github_project_rolls_its_webhooks_secret_in_the_same_breath() {
    let connected = Event::GithubConnected {
        repository_id: 7,
        full_name: "acme/web".parse().expect("a name"),
        api_url: ApiUrl::default(),
        credential: None,
    };
    let with = |webhook_secret| {
        let Command::RollApiToken { old, token, secret_sha256, old_works_until, at, .. } = roll(None, 2, None) else {
            unreachable!()
        };
        Command::RollApiToken { old, token, secret_sha256, old_works_until, webhook_secret, at }
    };
    let before = || of_github().into_iter().chain([issued(new(1, None)), connected.clone()]);
    given::<Project>(before())
        .when(with(Some(secret(5))))
        .then([rolled(1, 2, None), Event::WebhookSecretIssued { secret: secret(5) }]);
    given::<Project>(before()).when(with(None)).refused(Refusal::WebhookSecretMissing);
    given::<Project>([added(), issued(new(1, None))]).when(with(Some(secret(5)))).then([rolled(1, 2, None)]);
}
