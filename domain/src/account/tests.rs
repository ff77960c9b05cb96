use super::*;
use crate::{ids::PersonId, personal::Personal, testing::given};

fn token(n: u128) -> TokenId {
    TokenId(uuid::Uuid::from_u128(n))
}

fn issued(n: u128) -> Event {
    Event::TokenIssued { token: token(n), secret_sha256: Sha256::of(&n.to_be_bytes()) }
}

fn renew(n: u128) -> Command {
    Command::RenewToken { token: token(n), secret_sha256: Sha256::of(&n.to_be_bytes()) }
}

#[test]
fn the_first_token_is_issued() {
    let account = given::<Account>([]).when(renew(1)).then([issued(1)]);
    assert!(account.has_token());
}

#[test]
fn a_new_token_ends_every_older_one() {
    given::<Account>([issued(1)]).when(renew(2)).then([Event::TokenRevoked { token: token(1) }, issued(2)]);
}

fn sealed(text: &str) -> Personal {
    Personal { person: PersonId(uuid::Uuid::from_u128(9)), sealed: text.to_owned() }
}

fn registered() -> Event {
    Event::Registered { name: sealed("name"), email: sealed("email") }
}

fn register(n: u128) -> Command {
    let (token, secret_sha256) = (token(n), Sha256::of(&n.to_be_bytes()));
    Command::Register { name: sealed("name"), email: sealed("email"), token, secret_sha256 }
}

fn renew_of_person(n: u128) -> Command {
    Command::RenewTokenOfPerson { token: token(n), secret_sha256: Sha256::of(&n.to_be_bytes()) }
}

fn revoked(n: u128) -> Event {
    Event::TokenRevoked { token: token(n) }
}

#[test]
fn a_person_gets_an_account_with_a_token() {
    given::<Account>([]).when(register(1)).then([registered(), issued(1)]);
}

#[test]
fn an_account_is_never_given_to_another_person() {
    given::<Account>([registered(), issued(1)]).when(register(2)).refused(Refusal::Taken);
    given::<Account>([issued(1)]).when(register(2)).refused(Refusal::Taken);
    given::<Account>([registered(), issued(1), revoked(1), Event::PersonErased])
        .when(register(2))
        .refused(Refusal::Taken);
}

#[test]
fn a_removed_operator_has_no_token_and_gets_no_new_one() {
    given::<Account>([registered(), issued(1)]).when(Command::Remove).then([revoked(1), Event::Removed]);
    given::<Account>([registered(), issued(1), revoked(1), Event::Removed])
        .when(renew_of_person(2))
        .refused(Refusal::Gone);
    given::<Account>([registered(), issued(1), revoked(1), Event::Removed]).when(Command::Remove).then([]);
}

#[test]
fn an_erasure_ends_the_tokens_too_and_is_recorded_once() {
    let erased =
        given::<Account>([registered(), issued(1)]).when(Command::Erase).then([revoked(1), Event::PersonErased]);
    assert!(erased.is_erased());
    given::<Account>([registered(), issued(1), revoked(1), Event::Removed])
        .when(Command::Erase)
        .then([Event::PersonErased]);
    given::<Account>([registered(), Event::PersonErased]).when(Command::Erase).then([]);
}

#[test]
fn only_a_person_can_be_removed_or_erased_or_gets_a_new_token_by_name() {
    for command in [Command::Remove, Command::Erase, renew_of_person(2)] {
        given::<Account>([issued(1)]).when(command).refused(Refusal::Unknown);
    }
}
