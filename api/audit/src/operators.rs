//! Persons who operate the server: adding, listing, removing and erasing them, for the command line and GraphQL alike.

use std::{collections::BTreeMap, sync::Arc};

use api_http::tokens;
use chrono::{DateTime, Utc};
use domain::{
    account::{Account, Command, Event, Refusal},
    event,
    ids::{PersonId, TokenId},
    personal::{Field, InvalidText, Personal, email, name},
    recorded::Position,
    token::{Token, TokenKind},
};
use event_log::{
    event_store::{EventStore, Events, Filter, ReadError},
    execute::{Context, ExecuteError, Executor, LogError},
};
use stores::{personal::Persons, secrets::SecretsError};
use uuid::Uuid;

/// Changes who operates the server.
pub struct Operators {
    /// Records what changes.
    pub executor: Arc<Executor>,
    /// Seals and destroys.
    pub persons: Persons,
}

/// What was done, and when it works.
pub struct Done<T> {
    /// The result.
    pub value: T,
    /// The position of the last event, if there was one.
    pub position: Option<Position>,
}

/// Why nothing changed; or, for an erasure, why it is not at its end.
#[derive(Debug, thiserror::Error)]
pub enum OperatorsError {
    /// The name or the address is none.
    #[error(transparent)]
    Invalid(#[from] InvalidText),
    /// The rules say no.
    #[error(transparent)]
    Refused(Refusal),
    /// The log did not do its part.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The key of the person cannot be made or destroyed.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

impl From<ExecuteError<Refusal>> for OperatorsError {
    fn from(error: ExecuteError<Refusal>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => Self::Refused(refusal),
            ExecuteError::Log(error) => Self::Log(error),
        }
    }
}

impl Operators {
    /// Adds a person, and makes the token that is shown only now.
    ///
    /// # Errors
    /// See [`OperatorsError`].
    pub async fn add(
        &self,
        name_text: &str,
        email_text: &str,
        context: &Context,
    ) -> Result<Done<(PersonId, Token)>, OperatorsError> {
        let (name, email) = (name(name_text)?, email(email_text)?);
        let person = PersonId(Uuid::now_v7());
        // Before the event, so that what it holds can always be opened. A crash here leaves a key that opens nothing.
        self.persons.make_key(person).await?;
        let token = tokens::issue(TokenKind::Operator);
        let register = Command::Register {
            name: self.persons.seal(person, Field::Name, name).await?,
            email: self.persons.seal(person, Field::Email, email).await?,
            token: TokenId(token.id()),
            secret_sha256: token.secret_sha256(),
        };
        let done = self.executor.execute::<Account>(person.0, register, context).await?;
        Ok(Done { value: (person, token), position: done.position })
    }

    /// Makes a new token for a person, shown only now, and ends the older one.
    ///
    /// # Errors
    /// See [`OperatorsError`].
    pub async fn renew_token(&self, person: PersonId, context: &Context) -> Result<Done<Token>, OperatorsError> {
        let token = tokens::issue(TokenKind::Operator);
        let renew = Command::RenewTokenOfPerson { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
        let done = self.executor.execute::<Account>(person.0, renew, context).await?;
        Ok(Done { value: token, position: done.position })
    }

    /// Ends the person's tokens. What the person did keeps its name.
    ///
    /// # Errors
    /// See [`OperatorsError`].
    pub async fn remove(&self, person: PersonId, context: &Context) -> Result<Done<()>, OperatorsError> {
        let done = self.executor.execute::<Account>(person.0, Command::Remove, context).await?;
        Ok(Done { value: (), position: done.position })
    }

    /// Ends the person's tokens, and makes everything that the log holds about the person unreadable, for ever.
    ///
    /// The event is first. Should the process end before the key does, the next start destroys it; were the key first, a name
    /// would be lost and nothing would say why. When this returns, the key is gone; repeating it is harmless.
    ///
    /// # Errors
    /// See [`OperatorsError`].
    pub async fn erase(&self, person: PersonId, context: &Context) -> Result<Done<()>, OperatorsError> {
        let done = self.executor.execute::<Account>(person.0, Command::Erase, context).await?;
        self.persons.destroy(person).await?;
        Ok(Done { value: (), position: done.position })
    }
}

/// Shown in place of a name that can no longer be read.
#[must_use]
pub fn nameless(person: PersonId) -> String {
    let id = person.to_string();
    // The last characters: the first ones of such an id are a time.
    format!("erased person {}", &id[id.len() - 8..])
}

/// An operator, as the log has it.
pub struct Listed {
    /// Who.
    pub person: PersonId,
    /// The name, or that there is none any more.
    pub name: String,
    /// The e-mail address, if it can be read.
    pub email: Option<String>,
    /// Since when.
    pub registered_at: DateTime<Utc>,
    /// `active`, `removed` or `erased`.
    pub standing: &'static str,
}

/// Everybody who is or was an operator, read from the log itself: the server may be stopped, or behind.
///
/// # Errors
/// The log cannot be read.
pub async fn list(store: &dyn EventStore, persons: &Persons) -> Result<Vec<Listed>, ReadError> {
    let mut listed = BTreeMap::new();
    let mut events = Events::up_to(store, store.head().await?, Filter::kinds(["account"]));
    while let Some(recorded) = events.next().await? {
        let person = PersonId(recorded.stream.id());
        let Ok(event::Event::Account(event)) = event::decode(&recorded.event) else { continue };
        match event {
            Event::Registered { name, email } => {
                listed.insert(person, of(persons, &name, &email, recorded.metadata.recorded_at).await);
            }
            Event::Removed => stand(&mut listed, person, "removed"),
            Event::PersonErased => stand(&mut listed, person, "erased"),
            Event::TokenIssued { .. } | Event::TokenRevoked { .. } => {}
        }
    }
    Ok(listed.into_values().collect())
}

async fn of(persons: &Persons, name: &Personal, email: &Personal, registered_at: DateTime<Utc>) -> Listed {
    let person = name.person;
    Listed {
        person,
        name: persons.open(name, Field::Name).await.unwrap_or_else(|| nameless(person)),
        email: persons.open(email, Field::Email).await,
        registered_at,
        standing: "active",
    }
}

fn stand(listed: &mut BTreeMap<PersonId, Listed>, person: PersonId, standing: &'static str) {
    if let Some(listed) = listed.get_mut(&person) {
        listed.standing = standing;
    }
}
