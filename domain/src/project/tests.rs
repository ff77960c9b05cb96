mod api_tokens;
mod at_github;
mod reconcile;

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

fn secret(n: u128) -> SecretId {
    SecretId(uuid::Uuid::from_u128(n))
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
fn the_same_idempotency_key_is_the_same_command() {
    given::<Project>([added(), accepted("v1.0", 1, Some("k"))]).when(trigger("v1.0", 2, Some("k"))).then_nothing();
}

#[test]
fn an_idempotency_key_is_valid_for_one_tag() {
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
fn an_unknown_project_releases_nothing() {
    given::<Project>([]).when(trigger("v1.0", 1, None)).refused(Refusal::Unknown);
}

#[test]
fn the_trigger_can_be_changed_and_there_is_one_of_them() {
    let chosen = Event::TriggerChosen { trigger: Trigger::GithubWebhook };
    given::<Project>([added()]).when(Command::ChooseTrigger { trigger: Trigger::GithubWebhook }).then([chosen.clone()]);
    given::<Project>([added(), chosen.clone()])
        .when(Command::ChooseTrigger { trigger: Trigger::GithubWebhook })
        .then_nothing();
    given::<Project>([added(), chosen])
        .when(trigger("v1.0", 1, None))
        .refused(Refusal::OtherTrigger(Trigger::GithubWebhook));
}

fn by_webhook(tag_text: &str, n: u128) -> Command {
    let Command::Trigger { tag, version, release, .. } = trigger(tag_text, n, None) else { unreachable!() };
    Command::Trigger { tag, version, release, idempotency_key: None, by: Trigger::GithubWebhook }
}

fn of_github() -> [Event; 2] {
    [added(), Event::TriggerChosen { trigger: Trigger::GithubWebhook }]
}

#[test]
fn a_webhook_releases_the_tags_that_match_the_pattern() {
    let set = Event::TagPatternSet { pattern: "v*".parse().expect("a pattern") };
    let set_pattern = Command::SetTagPattern { pattern: "v*".parse().expect("a pattern") };
    given::<Project>([added()]).when(set_pattern.clone()).then([set.clone()]);
    given::<Project>([added(), set.clone()]).when(set_pattern).then_nothing();
    given::<Project>(of_github()).when(by_webhook("1.0", 1)).then([accepted("1.0", 1, None)]);
    given::<Project>(of_github().into_iter().chain([set.clone()]))
        .when(by_webhook("1.0", 1))
        .refused(Refusal::PatternMismatch(tag("1.0")));
    // A request at the API endpoint names its tag on purpose.
    given::<Project>([added(), set]).when(trigger("1.0", 1, None)).then([accepted("1.0", 1, None)]);
}

#[test]
fn a_failed_release_is_not_repeated_by_a_webhook_until_the_tag_is_deleted_and_comes_again() {
    let freed = Event::TagFreed { tag: tag("v1.0"), release: release(1) };
    let deleted = Event::TagDeleted { tag: tag("v1.0") };
    let failed = || of_github().into_iter().chain([accepted("v1.0", 1, None), freed.clone()]);
    given::<Project>(failed()).when(by_webhook("v1.0", 2)).refused(Refusal::TagWasTried(tag("v1.0")));
    given::<Project>(failed()).when(Command::RecordTagDeleted { tag: tag("v1.0") }).then([deleted.clone()]);
    given::<Project>(failed().chain([deleted])).when(by_webhook("v1.0", 2)).then([accepted("v1.0", 2, None)]);
    given::<Project>(of_github()).when(Command::RecordTagDeleted { tag: tag("v1.0") }).then_nothing();
    // An uploaded release stays the tag's only one, whatever happens to the tag.
    given::<Project>(
        of_github().into_iter().chain([accepted("v1.0", 1, None), Event::TagDeleted { tag: tag("v1.0") }]),
    )
    .when(by_webhook("v1.0", 2))
    .refused(Refusal::TagHasRelease { tag: tag("v1.0"), release: release(1) });
}

#[test]
fn refused_triggers_are_counted_together() {
    let at = chrono::DateTime::UNIX_EPOCH;
    let record = |count| Command::RecordTriggersRefused {
        reason: TriggerRefused::WrongSignature,
        count,
        first_at: at,
        last_at: at,
    };
    let refused =
        Event::TriggersRefused { reason: TriggerRefused::WrongSignature, count: 7, first_at: at, last_at: at };
    given::<Project>([added()]).when(record(7)).then([refused]);
    given::<Project>([added()]).when(record(0)).then_nothing();
}

#[test]
fn the_jobs_of_one_code_repository_are_trusted_at_a_time() {
    let trust = |audience: Option<&str>| CiTrust {
        repository_id: 7,
        owner_id: 8,
        ref_pattern: CI_REF_PATTERN_DEFAULT.parse().expect("a pattern"),
        audience: audience.map(Into::into),
    };
    let trusted = Event::CiIdentityTrusted(trust(None));
    given::<Project>([added()]).when(Command::TrustCi(trust(None))).then([trusted.clone()]);
    given::<Project>([added(), trusted.clone()]).when(Command::TrustCi(trust(None))).then_nothing();
    given::<Project>([added(), trusted]).when(Command::DistrustCi).then([Event::CiIdentityDistrusted]);
    given::<Project>([added()]).when(Command::DistrustCi).then_nothing();
    let longest = "a".repeat(AUDIENCE_MAX_CHARS);
    given::<Project>([added()])
        .when(Command::TrustCi(trust(Some(&longest))))
        .then([Event::CiIdentityTrusted(trust(Some(&longest)))]);
    for bad in ["", "a b", &format!("{longest}a")] {
        given::<Project>([added()]).when(Command::TrustCi(trust(Some(bad)))).refused(Refusal::AudienceInvalid);
    }
}

#[test]
fn a_pattern_of_refs_that_can_match_no_ref_is_refused() {
    let ref_pattern: TagPattern = "v*".parse().expect("a pattern");
    let trust = CiTrust { repository_id: 7, owner_id: 8, ref_pattern: ref_pattern.clone(), audience: None };
    given::<Project>([added()]).when(Command::TrustCi(trust)).refused(Refusal::CiRefPatternInvalid(ref_pattern));
}
