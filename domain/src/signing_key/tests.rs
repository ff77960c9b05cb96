use super::*;
use crate::testing::given;

fn generated() -> Event {
    Event::Generated { fingerprint: "AB".into(), certificate: "-----BEGIN".into(), expires_at: None }
}

fn generate(fingerprint: &str) -> Command {
    Command::Generate { fingerprint: fingerprint.into(), certificate: "-----BEGIN".into(), expires_at: None }
}

fn new(fingerprint: &str) -> NewKey {
    NewKey {
        fingerprint: fingerprint.into(),
        certificate: "-----BEGIN".into(),
        secret: SecretId(uuid::Uuid::from_u128(9)),
        expires_at: None,
    }
}

fn announced(fingerprint: &str, epoch: u32) -> Event {
    let NewKey { fingerprint, certificate, secret, expires_at } = new(fingerprint);
    Event::NextAnnounced { fingerprint, epoch, certificate, secret, expires_at }
}

fn overlap() -> Event {
    Event::OverlapBegan { fingerprint: "CD".into() }
}

fn cut_over() -> Event {
    Event::CutOver { fingerprint: "CD".into(), replaced: "AB".into() }
}

fn retired(fingerprint: &str) -> Event {
    Event::Retired { fingerprint: fingerprint.into() }
}

fn destroyed(fingerprint: &str) -> Event {
    Event::Destroyed { fingerprint: fingerprint.into() }
}

fn compromised(fingerprint: &str, replaced_by: &str) -> Event {
    Event::Compromised { fingerprint: fingerprint.into(), replaced_by: replaced_by.into() }
}

fn stolen(fingerprint: &str, replacement: Option<&str>) -> Command {
    Command::DeclareCompromised { fingerprint: fingerprint.into(), replacement: replacement.map(new) }
}

fn retire(fingerprint: &str) -> Command {
    Command::Retire { fingerprint: fingerprint.into() }
}

fn destroy(fingerprint: &str) -> Command {
    Command::RecordDestroyed { fingerprint: fingerprint.into() }
}

fn warn(days_left: u16) -> Command {
    Command::RecordExpiryNear { fingerprint: "AB".into(), days_left }
}

/// The fingerprints of the keys for which `is` holds.
fn those(keys: &SigningKey, is: fn(&Key) -> bool) -> Vec<&str> {
    keys.keys().iter().filter(|key| is(key)).map(|key| key.fingerprint.as_str()).collect()
}

#[test]
fn a_key_is_generated_once() {
    given::<SigningKey>([]).when(generate("AB")).then([generated()]);
    given::<SigningKey>([generated()]).when(generate("AB")).then_nothing();
}

#[test]
fn a_key_is_never_replaced_in_place() {
    given::<SigningKey>([generated()]).when(generate("CD")).refused(Refusal::Exists("AB".into()));
}

#[test]
fn a_rotation_goes_through_its_states_and_says_who_signs_and_who_is_trusted_in_each() {
    let keys = given::<SigningKey>([generated()]).when(Command::AnnounceNext(new("CD"))).then([announced("CD", 2)]);
    assert_eq!(those(&keys, Key::signs_indexes), ["AB"]);
    assert_eq!(those(&keys, Key::is_trusted), ["AB", "CD"]);

    let keys = given::<SigningKey>([generated(), announced("CD", 2)]).when(Command::BeginOverlap).then([overlap()]);
    assert_eq!(those(&keys, Key::signs_indexes), ["AB", "CD"]);
    assert_eq!(keys.current().map(|key| key.epoch), Some(1));

    let before = [generated(), announced("CD", 2), overlap()];
    let keys = given::<SigningKey>(before).when(Command::CutOver).then([cut_over()]);
    assert_eq!(those(&keys, Key::signs_indexes), ["CD"]);
    assert_eq!(those(&keys, Key::is_trusted), ["AB", "CD"]);

    let before = [generated(), announced("CD", 2), overlap(), cut_over()];
    let keys = given::<SigningKey>(before).when(retire("AB")).then([retired("AB")]);
    assert_eq!(those(&keys, Key::is_trusted), ["AB", "CD"], "packages still carry its signature");

    let before = [generated(), announced("CD", 2), overlap(), cut_over(), retired("AB")];
    let keys = given::<SigningKey>(before).when(destroy("AB")).then([destroyed("AB")]);
    assert!(keys.keys()[0].is_destroyed);
    assert_eq!(those(&keys, Key::is_trusted), ["AB", "CD"]);
}

#[test]
fn every_step_may_be_asked_for_twice() {
    given::<SigningKey>([generated(), announced("CD", 2)]).when(Command::AnnounceNext(new("CD"))).then_nothing();
    given::<SigningKey>([generated(), announced("CD", 2), overlap()]).when(Command::BeginOverlap).then_nothing();
    let done = || [generated(), announced("CD", 2), overlap(), cut_over(), retired("AB"), destroyed("AB")];
    given::<SigningKey>(done()).when(retire("AB")).then_nothing();
    given::<SigningKey>(done()).when(destroy("AB")).then_nothing();
}

#[test]
fn no_step_is_taken_before_the_one_it_stands_on() {
    given::<SigningKey>([]).when(Command::AnnounceNext(new("CD"))).refused(Refusal::Unknown);
    given::<SigningKey>([generated()]).when(Command::BeginOverlap).refused(Refusal::NoNext);
    given::<SigningKey>([generated()]).when(Command::CutOver).refused(Refusal::NoNext);
    let not_overlapping = Refusal::NotOverlapping("CD".into());
    given::<SigningKey>([generated(), announced("CD", 2)]).when(Command::CutOver).refused(not_overlapping);
    given::<SigningKey>([generated()]).when(retire("EF")).refused(Refusal::UnknownKey("EF".into()));
    for events in [vec![generated()], vec![generated(), announced("CD", 2), overlap()]] {
        given::<SigningKey>(events).when(retire("AB")).refused(Refusal::InUse("AB".into()));
    }
    given::<SigningKey>([generated(), announced("CD", 2)]).when(retire("CD")).refused(Refusal::InUse("CD".into()));
    let replaced = || [generated(), announced("CD", 2), overlap(), cut_over()];
    given::<SigningKey>(replaced()).when(destroy("AB")).refused(Refusal::NotDone("AB".into()));
    given::<SigningKey>(replaced()).when(destroy("CD")).refused(Refusal::NotDone("CD".into()));
}

#[test]
fn one_rotation_at_a_time() {
    let waiting = [generated(), announced("CD", 2)];
    given::<SigningKey>(waiting).when(Command::AnnounceNext(new("EF"))).refused(Refusal::NextExists("CD".into()));
    let replaced = [generated(), announced("CD", 2), overlap(), cut_over()];
    given::<SigningKey>(replaced).when(Command::AnnounceNext(new("EF"))).refused(Refusal::NotRetired("AB".into()));
    let retired = [generated(), announced("CD", 2), overlap(), cut_over(), retired("AB")];
    given::<SigningKey>(retired).when(Command::AnnounceNext(new("EF"))).then([announced("EF", 3)]);
}

#[test]
fn a_stolen_key_is_followed_at_once_by_the_key_that_machines_know_already() {
    for before in [vec![generated(), announced("CD", 2)], vec![generated(), announced("CD", 2), overlap()]] {
        let keys = given::<SigningKey>(before).when(stolen("AB", Some("EF"))).then([compromised("AB", "CD")]);
        assert_eq!(those(&keys, Key::is_trusted), ["CD"]);
        assert_eq!(those(&keys, Key::signs_indexes), ["CD"]);
    }
}

#[test]
fn a_stolen_key_without_a_next_one_is_followed_by_a_key_made_for_it() {
    let keys = given::<SigningKey>([generated()])
        .when(stolen("AB", Some("CD")))
        .then([announced("CD", 2), compromised("AB", "CD")]);
    assert_eq!(keys.current().map(|key| key.fingerprint.as_str()), Some("CD"));
    assert_eq!(those(&keys, Key::is_trusted), ["CD"]);
    given::<SigningKey>([generated()]).when(stolen("AB", None)).refused(Refusal::NoReplacement);
}

#[test]
fn a_stolen_key_that_does_not_sign_leaves_the_current_one_in_place() {
    for before in [vec![generated(), announced("CD", 2)], vec![generated(), announced("CD", 2), overlap()]] {
        let keys = given::<SigningKey>(before).when(stolen("CD", None)).then([compromised("CD", "AB")]);
        assert_eq!(those(&keys, Key::signs_indexes), ["AB"]);
        assert_eq!(keys.next(), None);
    }
    for last in [cut_over(), retired("AB")] {
        let mut before = vec![generated(), announced("CD", 2), overlap(), cut_over()];
        before.extend((last != cut_over()).then_some(last));
        let keys = given::<SigningKey>(before).when(stolen("AB", None)).then([compromised("AB", "CD")]);
        assert_eq!(those(&keys, Key::is_trusted), ["CD"]);
    }
}

#[test]
fn a_key_is_stolen_once_and_its_private_part_is_deleted_like_a_retired_one() {
    let before = || [generated(), announced("CD", 2), compromised("AB", "CD")];
    given::<SigningKey>(before()).when(stolen("AB", None)).then_nothing();
    given::<SigningKey>(before()).when(destroy("AB")).then([destroyed("AB")]);
    given::<SigningKey>(before()).when(Command::AnnounceNext(new("EF"))).then([announced("EF", 3)]);
}

#[test]
fn a_new_key_is_really_new() {
    let before = || [generated(), announced("CD", 2), compromised("AB", "CD")];
    given::<SigningKey>(before()).when(Command::AnnounceNext(new("AB"))).refused(Refusal::Exists("AB".into()));
    given::<SigningKey>(before()).when(stolen("CD", Some("AB"))).refused(Refusal::Exists("AB".into()));
}

#[test]
fn each_warning_of_a_keys_end_is_given_once_and_never_after_a_later_one() {
    let warned = |days_left| Event::ExpiryNear { fingerprint: "AB".into(), days_left };
    given::<SigningKey>([generated()]).when(warn(90)).then([warned(90)]);
    given::<SigningKey>([generated(), warned(90)]).when(warn(90)).then_nothing();
    given::<SigningKey>([generated(), warned(90)]).when(warn(30)).then([warned(30)]);
    given::<SigningKey>([generated(), warned(30)]).when(warn(90)).then_nothing();
    given::<SigningKey>([generated()]).when(warn(60)).refused(Refusal::NotAWarning(60));
    let stolen = [generated(), announced("CD", 2), compromised("AB", "CD")];
    given::<SigningKey>(stolen).when(warn(7)).then_nothing();
}

#[test]
fn a_service_has_so_many_keys_and_no_more() {
    let last = Event::NextAnnounced {
        fingerprint: "CD".into(),
        epoch: EPOCHS_MAX,
        certificate: String::new(),
        secret: SecretId(uuid::Uuid::from_u128(9)),
        expires_at: None,
    };
    let before = [generated(), last, compromised("AB", "CD")];
    given::<SigningKey>(before).when(Command::AnnounceNext(new("EF"))).refused(Refusal::TooMany);
}

#[test]
fn the_logs_key_is_announced_once_and_never_changes() {
    let key = |public_key: &str| LogKey { host: "packages.example.org".into(), public_key: public_key.into() };
    let made = Event::LogKeyMade { host: "packages.example.org".into(), public_key: "01".into() };
    let keys = given::<SigningKey>([]).when(Command::AnnounceLogKey(key("01"))).then([made.clone()]);
    assert_eq!(keys.log_key(), Some(&key("01")));
    given::<SigningKey>([made.clone()]).when(Command::AnnounceLogKey(key("01"))).then_nothing();
    given::<SigningKey>([made]).when(Command::AnnounceLogKey(key("02"))).refused(Refusal::LogKeyExists("01".into()));
}
