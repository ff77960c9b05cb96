use super::*;
use crate::{testing::given, version::ReleaseVersion};

fn tag(text: &str) -> TagName {
    text.parse().expect("a tag")
}

fn release(n: u128) -> ReleaseId {
    ReleaseId(uuid::Uuid::from_u128(n))
}

fn version(tag_text: &str) -> ReleaseVersion {
    ReleaseVersion::from_tag(&tag(tag_text)).expect("a version")
}

fn added() -> Event {
    Event::Added {
        organisation: "acme".parse().expect("a name"),
        name: "web".parse().expect("a name"),
        source: "https://example.org/web.git".into(),
        trigger: Trigger::ApiEndpoint,
    }
}

fn accepted(tag_text: &str, n: u128, key: Option<&str>) -> Event {
    Event::TriggerAccepted {
        tag: tag(tag_text),
        version: version(tag_text),
        release: release(n),
        idempotency_key: key.map(Into::into),
    }
}

fn trigger(tag_text: &str, n: u128, key: Option<&str>) -> Command {
    Command::Trigger {
        tag: tag(tag_text),
        version: version(tag_text),
        release: release(n),
        idempotency_key: key.map(Into::into),
        by: Trigger::ApiEndpoint,
    }
}

#[test]
fn a_tag_is_released_once() {
    given::<Project>([added()]).when(trigger("v1.0", 1, None)).then([accepted("v1.0", 1, None)]);
    given::<Project>([added(), accepted("v1.0", 1, None)])
        .when(trigger("v1.0", 2, None))
        .refused(Refusal::TagHasRelease { tag: tag("v1.0"), release: release(1) });
}

#[test]
fn the_same_idempotency_key_is_the_same_wish() {
    given::<Project>([added(), accepted("v1.0", 1, Some("k"))]).when(trigger("v1.0", 2, Some("k"))).then_nothing();
}

#[test]
fn an_idempotency_key_stands_for_one_tag() {
    given::<Project>([added(), accepted("v1.0", 1, Some("k"))])
        .when(trigger("v2.0", 2, Some("k")))
        .refused(Refusal::IdempotencyKeyReused(tag("v1.0")));
}

#[test]
fn an_idempotency_key_has_a_limit() {
    let longest = "k".repeat(IDEMPOTENCY_KEY_MAX_CHARS);
    given::<Project>([added()]).when(trigger("v1.0", 1, Some(&longest))).then([accepted("v1.0", 1, Some(&longest))]);
    for bad in ["", "a\nb", &format!("{longest}k")] {
        given::<Project>([added()]).when(trigger("v1.0", 1, Some(bad))).refused(Refusal::IdempotencyKeyInvalid);
    }
}

#[test]
fn a_tag_whose_release_failed_may_be_released_again() {
    let freed = Event::TagFreed { tag: tag("v1.0"), release: release(1) };
    given::<Project>([added(), accepted("v1.0", 1, None)])
        .when(Command::FreeTag { tag: tag("v1.0"), release: release(1) })
        .then([freed.clone()]);
    given::<Project>([added(), accepted("v1.0", 1, None), freed.clone()])
        .when(Command::FreeTag { tag: tag("v1.0"), release: release(1) })
        .then_nothing();
    given::<Project>([added(), accepted("v1.0", 1, None), freed])
        .when(trigger("v1.0", 2, None))
        .then([accepted("v1.0", 2, None)]);
}

#[test]
fn a_project_has_one_kind_of_trigger() {
    let Command::Trigger { tag, version, release, .. } = trigger("v1.0", 1, None) else { unreachable!() };
    let by = Trigger::GithubWebhook;
    given::<Project>([added()])
        .when(Command::Trigger { tag, version, release, idempotency_key: None, by })
        .refused(Refusal::OtherTrigger(Trigger::ApiEndpoint));
}

#[test]
fn a_new_api_token_replaces_the_old_one() {
    let issue = |n: u128| Command::IssueApiToken {
        token: TokenId(uuid::Uuid::from_u128(n)),
        secret_sha256: Sha256::of(&n.to_be_bytes()),
    };
    let issued = |n: u128| Event::ApiTokenIssued {
        token: TokenId(uuid::Uuid::from_u128(n)),
        secret_sha256: Sha256::of(&n.to_be_bytes()),
    };
    given::<Project>([added()]).when(issue(1)).then([issued(1)]);
    given::<Project>([added(), issued(1)]).when(issue(1)).then_nothing();
    given::<Project>([added(), issued(1)]).when(issue(2)).then([issued(2)]);
}

#[test]
fn an_unknown_project_releases_nothing() {
    given::<Project>([]).when(trigger("v1.0", 1, None)).refused(Refusal::Unknown);
}
