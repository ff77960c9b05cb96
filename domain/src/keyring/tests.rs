use super::*;
use crate::testing::given;

fn key(n: usize) -> AccessKeyId {
    AccessKeyId(uuid::Uuid::from_u128(n as u128))
}

fn name(n: usize) -> AccessKeyName {
    format!("key-{n}").parse().expect("a name")
}

fn issued(n: usize) -> Event {
    Event::AccessKeyIssued { key: key(n), name: name(n), secret_sha256: Sha256::of(&n.to_be_bytes()) }
}

fn issue(n: usize) -> Command {
    Command::IssueAccessKey { key: key(n), name: name(n), secret_sha256: Sha256::of(&n.to_be_bytes()) }
}

#[test]
fn a_key_is_issued_once() {
    given::<Keyring>([]).when(issue(1)).then([issued(1)]);
    given::<Keyring>([issued(1)]).when(issue(1)).then_nothing();
}

#[test]
fn two_keys_never_share_a_name() {
    let same_name = Command::IssueAccessKey { key: key(2), name: name(1), secret_sha256: Sha256::of(b"2") };
    given::<Keyring>([issued(1)]).when(same_name).refused(Refusal::NameTaken(name(1)));
}

#[test]
fn a_revoked_key_is_gone_and_its_name_is_free() {
    let revoked = Event::AccessKeyRevoked { key: key(1) };
    given::<Keyring>([issued(1)]).when(Command::RevokeAccessKey { key: key(1) }).then([revoked.clone()]);
    given::<Keyring>([issued(1), revoked.clone()])
        .when(Command::RevokeAccessKey { key: key(1) })
        .refused(Refusal::Unknown);
    given::<Keyring>([issued(1), revoked]).when(issue(1)).then([issued(1)]);
}

#[test]
fn a_keyring_has_a_limit() {
    given::<Keyring>((0..ACCESS_KEYS_MAX).map(issued)).when(issue(ACCESS_KEYS_MAX)).refused(Refusal::TooMany);
}
