use super::*;
use crate::testing::given;

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
