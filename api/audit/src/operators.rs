//! The server's operators: adding, listing, removing and erasing them, for the command line and GraphQL.

use std::{collections::BTreeMap, sync::Arc};

use api_http::tokens;
use chrono::{DateTime, Utc};
use domain::{
    account::{Account, Command, Event, Refusal},
    event,
    ids::{PersonId, TokenId},
    personal::{Field, InvalidText, Personal, email, name},
    recorded::Position,
    stream_kind::StreamKind,
    token::{Token, TokenKind},
};
use event_log::{
    event_store::{EventStore, Events, Filter, ReadError},
    execute::{Context, ExecuteError, Executor, LogError},
};
use stores::{personal::Persons, secrets::SecretsError};
use uuid::Uuid;

/// Changes the server's operators.
pub struct Operators {
    /// Records the events.
    pub executor: Arc<Executor>,
    /// Seals personal data, and destroys its keys.
    pub persons: Persons,
}

/// The result of a change, and the position from which it is visible.
pub struct Done<T> {
    /// The result.
    pub value: T,
    /// The position of the last event, if any was recorded.
    pub position: Option<Position>,
}

/// Why nothing changed, or why an erasure is not complete.
#[derive(Debug, thiserror::Error)]
pub enum OperatorsError {
    /// The name or the e-mail address is not valid.
    #[error(transparent)]
    Invalid(#[from] InvalidText),
    /// The command was refused.
    #[error(transparent)]
    Refused(Refusal),
    /// The event log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The person's key cannot be created or destroyed.
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
    /// Adds a person, and returns the person's token, which cannot be shown again.
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
        // Before the event, so that its sealed data can always be opened. A crash here leaves an unused key.
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

    /// Creates a new token for a person, which cannot be shown again, and revokes the old one.
    ///
    /// # Errors
    /// See [`OperatorsError`].
    pub async fn renew_token(&self, person: PersonId, context: &Context) -> Result<Done<Token>, OperatorsError> {
        let token = tokens::issue(TokenKind::Operator);
        let renew = Command::RenewTokenOfPerson { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
        let done = self.executor.execute::<Account>(person.0, renew, context).await?;
        Ok(Done { value: token, position: done.position })
    }

    /// Revokes the person's tokens. The person's name stays in the log.
    ///
    /// # Errors
    /// See [`OperatorsError`].
    pub async fn remove(&self, person: PersonId, context: &Context) -> Result<Done<()>, OperatorsError> {
        let done = self.executor.execute::<Account>(person.0, Command::Remove, context).await?;
        Ok(Done { value: (), position: done.position })
    }

    /// Revokes the person's tokens, and permanently erases the personal data in the log.
    ///
    /// The event is recorded first. If the process ends before the key is destroyed, the next start destroys it. In the other order, a
    /// name could be lost without a record of why. When this returns, the key is destroyed. Repeating it is harmless.
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
    // The last characters, since the first ones of such an id are a timestamp.
    format!("erased person {}", &id[id.len() - 8..])
}

/// An operator, as the log has it.
pub struct Listed {
    /// The person's id.
    pub person: PersonId,
    /// The name, or the text that replaces an erased name.
    pub name: String,
    /// The e-mail address, if it can be read.
    pub email: Option<String>,
    /// When the person was added.
    pub registered_at: DateTime<Utc>,
    /// `active`, `removed` or `erased`.
    pub standing: &'static str,
}

/// All current and former operators, read from the log itself: the read models may be missing or behind.
///
/// # Errors
/// The log cannot be read.
pub async fn list(store: &dyn EventStore, persons: &Persons) -> Result<Vec<Listed>, ReadError> {
    let mut listed = BTreeMap::new();
    let mut events = Events::up_to(store, store.head().await?, Filter::kinds([StreamKind::Account]));
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
