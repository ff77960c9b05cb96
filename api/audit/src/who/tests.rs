use std::sync::Arc;

use chrono::DateTime;
use domain::{
    ids::{CommandId, PersonId},
    personal::Personal,
};
use stores::secrets::Secrets;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

const ADDRESS: &str = "192.0.2.7";

/// Ann, whose token wanted something.
struct Ann {
    persons: Persons,
    account: OperatorAccount,
    command: Metadata,
    _folder: TempDir,
}

impl Ann {
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let secrets = Secrets::open(&folder.path().join("secrets"), &folder.path().join("master.key"));
        let persons = Persons::new(Arc::new(secrets.expect("a secret store")));
        let (person, command_id) = (PersonId(Uuid::from_u128(1)), CommandId(Uuid::from_u128(2)));
        persons.make_key(person).await.expect("a key");
        let account = OperatorAccount {
            person,
            name: Some(persons.seal(person, Field::Name, "Ann Example").await.expect("sealed")),
            email: None,
            registered_at: DateTime::UNIX_EPOCH,
            standing: OperatorStanding::Active,
        };
        let origin = persons.seal_origin(person, command_id, ADDRESS.parse().expect("an address")).await;
        let actor = Actor::Operator { token: TokenId(Uuid::from_u128(3)) };
        let command = Metadata { recorded_at: DateTime::UNIX_EPOCH, actor, command_id, causation: None, origin };
        Self { persons, account, command, _folder: folder }
    }

    /// In words who did it, and from where, with the keys of `persons` at hand.
    async fn shown(&self, persons: Option<&Persons>) -> (String, Option<String>) {
        let Actor::Operator { token } = self.command.actor else { panic!("Ann acts with a token") };
        let operators = Operators { persons, accounts: HashMap::from([(token, Some(self.account.clone()))]) };
        (operators.describe(&self.command.actor).await, operators.origin(&self.command).await)
    }
}

fn says(by: &str, origin: &str) -> (String, Option<String>) {
    (by.to_owned(), Some(origin.to_owned()))
}

#[tokio::test]
async fn an_operator_is_shown_by_name_with_the_address_of_the_request() {
    let mut ann = Ann::new().await;
    assert_eq!(ann.shown(Some(&ann.persons)).await, says("operator Ann Example", ADDRESS));
    ann.account.standing = OperatorStanding::Removed;
    assert_eq!(ann.shown(Some(&ann.persons)).await, says("operator Ann Example", ADDRESS));
    ann.command.origin = None;
    assert_eq!(ann.shown(Some(&ann.persons)).await.1, None);
}

#[tokio::test]
async fn an_address_is_shown_for_its_own_command_alone() {
    let mut ann = Ann::new().await;
    ann.command.command_id = CommandId(Uuid::from_u128(9));
    assert_eq!(ann.shown(Some(&ann.persons)).await, says("operator Ann Example", UNREADABLE));
}

#[tokio::test]
async fn an_erased_person_has_neither_name_nor_address() {
    let mut ann = Ann::new().await;
    let erased = || says("erased person 00000001", ERASED);
    // The key is gone, and the read models do not know it yet.
    ann.persons.destroy(ann.account.person).await.expect("destroyed");
    assert_eq!(ann.shown(Some(&ann.persons)).await, erased());
    ann.account = OperatorAccount { standing: OperatorStanding::Erased, name: None, ..ann.account };
    assert_eq!(ann.shown(Some(&ann.persons)).await, erased());
    assert_eq!(ann.shown(None).await, erased());
}

#[tokio::test]
async fn without_keys_at_hand_an_operator_is_a_token_and_the_address_stays_sealed() {
    let ann = Ann::new().await;
    let token = format!("an operator, token {}", id_text(Uuid::from_u128(3)));
    assert_eq!(ann.shown(None).await, says(&token, SEALED));
}

#[tokio::test]
async fn whoever_is_no_person_is_named_by_what_it_shows() {
    let operators = Operators { persons: None, accounts: HashMap::new() };
    let id = Uuid::from_u128(7);
    for (actor, words) in [
        (Actor::Operator { token: TokenId(id) }, format!("the operator, token {}", id_text(id))),
        (Actor::ApiToken { token: TokenId(id) }, format!("API token {}", id_text(id))),
        (Actor::Worker { name: "signing".to_owned() }, "the server (signing)".to_owned()),
    ] {
        assert_eq!(operators.describe(&actor).await, words);
    }
}

#[tokio::test]
async fn an_origin_that_is_another_persons_says_nothing_of_the_tokens_owner() {
    let mut ann = Ann::new().await;
    let other = PersonId(Uuid::from_u128(8));
    ann.command.origin = ann.command.origin.take().map(|origin| Personal { person: other, ..origin });
    ann.persons.make_key(other).await.expect("a key");
    ann.account.standing = OperatorStanding::Erased;
    assert_eq!(ann.shown(Some(&ann.persons)).await.1.as_deref(), Some(UNREADABLE));
}
