use super::*;
use crate::{
    digest::Sha256,
    organisation::commands::{BUILD_SLOTS_MAX, FEED_TOKENS_MAX},
    testing::given,
};

fn acme() -> OrganisationName {
    "acme".parse().expect("a name")
}

fn created() -> Event {
    Event::Created { name: acme() }
}

#[test]
fn an_organisation_is_created_with_the_default_build_slots() {
    let organisation = given::<Organisation>([]).when(Command::Create { name: acme() }).then([created()]);
    assert_eq!(organisation.build_slots(), BUILD_SLOTS_DEFAULT);
}

#[test]
fn a_name_is_taken_once() {
    given::<Organisation>([created()]).when(Command::Create { name: acme() }).refused(Refusal::NameTaken(acme()));
}

#[test]
fn build_slots_are_set_within_their_bounds() {
    given::<Organisation>([created()])
        .when(Command::SetBuildSlots { slots: 5 })
        .then([Event::BuildSlotsSet { slots: 5 }]);
    for slots in [0, BUILD_SLOTS_MAX + 1] {
        given::<Organisation>([created()])
            .when(Command::SetBuildSlots { slots })
            .refused(Refusal::BuildSlotsOutOfRange(slots));
    }
}

#[test]
fn setting_the_same_build_slots_changes_nothing() {
    given::<Organisation>([created()]).when(Command::SetBuildSlots { slots: BUILD_SLOTS_DEFAULT }).then_nothing();
}

#[test]
fn an_unknown_organisation_has_no_build_slots() {
    given::<Organisation>([]).when(Command::SetBuildSlots { slots: 1 }).refused(Refusal::Unknown);
}

fn token(number: usize) -> TokenId {
    TokenId(uuid::Uuid::from_u128(number as u128))
}

fn name(number: usize) -> FeedTokenName {
    format!("replica-{number}").parse().expect("a name")
}

fn issue(number: usize) -> Command {
    Command::IssueFeedToken { token: token(number), secret_sha256: Sha256::of(b"secret"), name: name(number) }
}

fn issued(number: usize) -> Event {
    Event::FeedTokenIssued { token: token(number), secret_sha256: Sha256::of(b"secret"), name: name(number) }
}

#[test]
fn a_feed_token_is_issued_once_however_often_it_is_asked_for() {
    given::<Organisation>([created()]).when(issue(1)).then([issued(1)]);
    given::<Organisation>([created(), issued(1)]).when(issue(1)).then_nothing();
}

#[test]
fn two_feed_tokens_that_work_have_two_names() {
    let again = Command::IssueFeedToken { token: token(2), secret_sha256: Sha256::of(b"other"), name: name(1) };
    given::<Organisation>([created(), issued(1)]).when(again.clone()).refused(Refusal::FeedTokenNameTaken(name(1)));
    let revoked = Event::FeedTokenRevoked { token: token(1) };
    given::<Organisation>([created(), issued(1), revoked]).when(again).then([Event::FeedTokenIssued {
        token: token(2),
        secret_sha256: Sha256::of(b"other"),
        name: name(1),
    }]);
}

#[test]
fn an_organisation_has_so_many_feed_tokens_and_no_more() {
    let last = FEED_TOKENS_MAX - 1;
    let but_one = || std::iter::once(created()).chain((0..last).map(issued));
    given::<Organisation>(but_one()).when(issue(last)).then([issued(last)]);
    let full = || but_one().chain([issued(last)]);
    given::<Organisation>(full()).when(issue(last + 1)).refused(Refusal::TooManyFeedTokens);
    let revoked = Event::FeedTokenRevoked { token: token(0) };
    given::<Organisation>(full().chain([revoked])).when(issue(last + 1)).then([issued(last + 1)]);
}

#[test]
fn only_a_feed_token_that_works_is_revoked() {
    let revoke = || Command::RevokeFeedToken { token: token(1) };
    let revoked = || Event::FeedTokenRevoked { token: token(1) };
    given::<Organisation>([created(), issued(1)]).when(revoke()).then([revoked()]);
    given::<Organisation>([created()]).when(revoke()).refused(Refusal::NoSuchFeedToken);
    given::<Organisation>([created(), issued(1), revoked()]).when(revoke()).refused(Refusal::NoSuchFeedToken);
}

#[test]
fn an_unknown_organisation_has_no_feed_tokens() {
    given::<Organisation>([]).when(issue(1)).refused(Refusal::Unknown);
    given::<Organisation>([]).when(Command::RevokeFeedToken { token: token(1) }).refused(Refusal::Unknown);
}
