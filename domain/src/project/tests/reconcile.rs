use super::{super::*, accepted, added, of_github, release, secret, tag};
use crate::{
    project::reconcile::{RECONCILED_RELEASES_MAX, TAGS_KNOWN_MAX},
    testing::given,
};

fn connected() -> Vec<Event> {
    let connected = Event::GithubConnected {
        repository_id: 7,
        full_name: "acme/web".parse().expect("a name"),
        api_url: ApiUrl::default(),
        credential: None,
    };
    of_github().into_iter().chain([connected, Event::WebhookSecretIssued { secret: secret(2) }]).collect()
}

fn after(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    connected().into_iter().chain(events).collect()
}

fn known(tags: &[&str], is_complete: bool) -> Event {
    Event::TagsKnown { tags: tags.iter().map(|text| tag(text)).collect(), is_complete }
}

/// The tags in this order, to be released as 1, 2, 3 …
fn listed(tags: &[&str]) -> Command {
    let listed = |(number, text): (u128, &&str)| ListedTag { tag: tag(text), release: release(number) };
    Command::ReconcileTags { repository_id: 7, tags: (1..).zip(tags).map(listed).collect() }
}

#[test]
fn tags_that_were_there_before_the_connection_are_known_and_not_released() {
    given::<Project>(connected()).when(listed(&["v1.0", "docs"])).then([known(&["v1.0", "docs"], true)]);
    given::<Project>(connected()).when(listed(&[])).then([known(&[], true)]);
    given::<Project>(after([known(&["v1.0", "docs"], true)])).when(listed(&["v1.0", "docs"])).then_nothing();
}

#[test]
fn a_tag_that_no_delivery_reported_is_released_once() {
    let events = after([known(&["v1.0"], true)]);
    given::<Project>(events).when(listed(&["v1.0", "v1.1"])).then([accepted("v1.1", 2, None)]);
    given::<Project>(after([known(&["v1.0"], true), accepted("v1.1", 2, None)])).when(listed(&["v1.1"])).then_nothing();
    // Even if a list names it twice.
    given::<Project>(after([known(&[], true)])).when(listed(&["v1.1", "v1.1"])).then([accepted("v1.1", 1, None)]);
}

#[test]
fn the_oldest_of_the_missed_tags_is_released_first() {
    given::<Project>(after([known(&[], true)])).when(listed(&["v1.10", "v1.9", "v1.9-rc1"])).then([
        accepted("v1.9-rc1", 3, None),
        accepted("v1.9", 2, None),
        accepted("v1.10", 1, None),
    ]);
}

#[test]
fn a_failed_release_is_not_tried_again_because_its_tag_is_found() {
    let freed = Event::TagFreed { tag: tag("v1.1"), release: release(1) };
    let events = after([known(&[], true), accepted("v1.1", 1, None), freed]);
    given::<Project>(events).when(listed(&["v1.1"])).then_nothing();
}

#[test]
fn a_tag_that_a_delivery_would_not_release_is_taken_note_of_once() {
    let pattern = Event::TagPatternSet { pattern: "v*".parse().expect("a pattern") };
    let events = || after([known(&[], true), pattern.clone()]);
    given::<Project>(events())
        .when(listed(&["nightly", "v1.1", "1.2"]))
        .then([accepted("v1.1", 2, None), known(&["nightly", "1.2"], false)]);
    let all = Event::TagPatternSet { pattern: TagPattern::default() };
    let events = events().into_iter().chain([known(&["1.2"], false), all]);
    given::<Project>(events).when(listed(&["1.2"])).then_nothing();
}

#[test]
fn a_known_tag_is_released_when_a_delivery_asks_for_it_or_when_it_was_created_again() {
    let Command::Trigger { tag: name, version, release, .. } = super::trigger("v1.0", 1, None) else { unreachable!() };
    let by = Trigger::GithubWebhook;
    let trigger = Command::Trigger { tag: name, version, release, idempotency_key: None, by };
    given::<Project>(after([known(&["v1.0"], true)])).when(trigger).then([accepted("v1.0", 1, None)]);
    let deleted = Event::TagDeleted { tag: tag("v1.0") };
    given::<Project>(after([known(&["v1.0"], true)]))
        .when(Command::RecordTagDeleted { tag: tag("v1.0") })
        .then([deleted.clone()]);
    given::<Project>(after([known(&["v1.0"], true), deleted]))
        .when(listed(&["v1.0"]))
        .then([accepted("v1.0", 1, None)]);
}

#[test]
fn what_was_pushed_while_github_did_not_trigger_is_known_and_not_released() {
    for meanwhile in [
        vec![Event::GithubDisconnected, connected()[connected().len() - 2].clone()],
        vec![
            Event::TriggerChosen { trigger: Trigger::ApiEndpoint },
            Event::TriggerChosen { trigger: Trigger::GithubWebhook },
        ],
    ] {
        let events = after([known(&["v1.0"], true)]).into_iter().chain(meanwhile);
        given::<Project>(events).when(listed(&["v1.0", "v1.1"])).then([known(&["v1.1"], true)]);
    }
}

#[test]
fn only_projects_that_github_triggers_are_reconciled() {
    given::<Project>([added()]).when(listed(&["v1.0"])).refused(Refusal::OtherTrigger(Trigger::ApiEndpoint));
    given::<Project>(of_github()).when(listed(&["v1.0"])).refused(Refusal::GithubNotConnected);
    let of_another = Command::ReconcileTags { repository_id: 8, tags: vec![] };
    given::<Project>(connected()).when(of_another).refused(Refusal::GithubNotConnected);
}

#[test]
fn one_look_has_limits() {
    let names: Vec<String> = (0..2 * TAGS_KNOWN_MAX).map(|number| format!("v1.{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let made = given::<Project>(after([known(&[], true)]))
        .when(listed(&names))
        .then((0..RECONCILED_RELEASES_MAX).map(|number| accepted(names[number], number as u128 + 1, None)));
    assert_eq!(made.added().expect("a project").releases.len(), RECONCILED_RELEASES_MAX);
    given::<Project>(connected())
        .when(listed(&names))
        .then([known(&names[..TAGS_KNOWN_MAX], false), known(&names[TAGS_KNOWN_MAX..], true)]);
    // More than fit one append are not all of them.
    let many: Vec<String> = (0..=4 * TAGS_KNOWN_MAX).map(|number| format!("v1.{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let noted = many.chunks(TAGS_KNOWN_MAX).take(4).map(|tags| known(tags, false));
    given::<Project>(connected()).when(listed(&many)).then(noted);
}
