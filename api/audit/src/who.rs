//! Decrypts operators' names and IP addresses for display. They are encrypted everywhere else.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, hash_map};

use domain::{
    ids::TokenId,
    personal::Field,
    recorded::{Actor, Metadata, RawEvent, Recorded},
    token::id_text,
};
use projections::credentials::{OperatorAccount, OperatorStanding};
use stores::personal::Persons;

use super::{AuditError, Auditor, Entry};
use crate::operators::nameless;

/// Replaces an address whose person was erased.
const ERASED: &str = "erased";
/// Replaces an address if the persons' keys are not available.
const SEALED: &str = "sealed";
/// Replaces an address that the person's key cannot open, since it was not sealed for this command.
const UNREADABLE: &str = "unreadable";

impl Auditor {
    /// The events with names and addresses.
    pub(super) async fn entries<'a>(
        &self,
        events: impl IntoIterator<Item = &'a Recorded<RawEvent>> + Send,
    ) -> Result<Vec<Entry>, AuditError> {
        let events: Vec<_> = events.into_iter().collect();
        let mut operators = self.operators();
        for recorded in &events {
            operators.meet(self, &recorded.metadata.actor).await?;
        }
        let mut entries = Vec::with_capacity(events.len());
        for recorded in events {
            entries.push(Entry::of(recorded, &operators).await);
        }
        Ok(entries)
    }

    /// The owner of this operator token, for display. `None` for the server's first account and for other tokens.
    pub(super) async fn holder(&self, token: TokenId) -> Result<Option<String>, AuditError> {
        let mut operators = self.operators();
        let actor = Actor::Operator { token };
        operators.meet(self, &actor).await?;
        if operators.account(&actor).is_none() {
            return Ok(None);
        }
        Ok(Some(operators.describe(&actor).await))
    }

    fn operators(&self) -> Operators<'_> {
        Operators { persons: self.persons.as_ref(), accounts: HashMap::new() }
    }

    /// An actor for display.
    pub(super) async fn words(&self, actor: &Actor) -> Result<String, AuditError> {
        let mut operators = self.operators();
        operators.meet(self, actor).await?;
        Ok(operators.describe(actor).await)
    }
}

/// The operators among the actors of some events.
pub(super) struct Operators<'a> {
    persons: Option<&'a Persons>,
    /// The person of each token. `None` for the server's first account, which belongs to no person.
    accounts: HashMap<TokenId, Option<OperatorAccount>>,
}

impl Operators<'_> {
    async fn meet(&mut self, auditor: &Auditor, actor: &Actor) -> Result<(), AuditError> {
        if let Actor::Operator { token } = actor
            && let hash_map::Entry::Vacant(unknown) = self.accounts.entry(*token)
        {
            unknown.insert(auditor.credentials.operator_of(*token).await?);
        }
        Ok(())
    }

    /// The person whose token caused it.
    pub(super) fn account(&self, actor: &Actor) -> Option<&OperatorAccount> {
        let Actor::Operator { token } = actor else { return None };
        self.accounts.get(token)?.as_ref()
    }

    /// An actor for display. This is the only place that formats actors.
    pub(super) async fn describe(&self, actor: &Actor) -> String {
        match actor {
            Actor::Operator { token } => match self.account(actor) {
                None => format!("the operator, token {}", id_text(token.0)),
                Some(account) => {
                    self.name(account).await.unwrap_or_else(|| format!("an operator, token {}", id_text(token.0)))
                }
            },
            Actor::ApiToken { token } => format!("API token {}", id_text(token.0)),
            Actor::AccessKey { key } => format!("access key {}", id_text(key.0)),
            Actor::Worker { name } => format!("the server ({name})"),
            Actor::GithubWebhook => "GitHub's webhook".to_owned(),
            Actor::CiJob { repository_id } => format!("a CI job of GitHub repository {repository_id}"),
            Actor::CommandLine => "the server's command line".to_owned(),
        }
    }

    /// A person's name, prefixed so that it cannot be confused with a part of the server. `None` if the key is not available.
    async fn name(&self, account: &OperatorAccount) -> Option<String> {
        let OperatorAccount { person, name, standing, .. } = account;
        let sealed = name.as_ref().filter(|_| *standing != OperatorStanding::Erased);
        let Some(sealed) = sealed else { return Some(nameless(*person)) };
        let name = self.persons?.open(sealed, Field::Name).await;
        Some(name.map_or_else(|| nameless(*person), |name| format!("operator {name}")))
    }

    /// The IP address of the command, or a word for why it is not shown. `None` if none was recorded.
    pub(super) async fn origin(&self, metadata: &Metadata) -> Option<String> {
        let origin = metadata.origin.as_ref()?;
        let account = self.account(&metadata.actor).filter(|account| account.person == origin.person);
        if account.is_some_and(|account| account.standing == OperatorStanding::Erased) {
            return Some(ERASED.to_owned());
        }
        let Some(persons) = self.persons else { return Some(SEALED.to_owned()) };
        if let Some(address) = persons.open_origin(origin, metadata.command_id).await {
            return Some(address);
        }
        Some(if persons.has_key(origin.person).await { UNREADABLE } else { ERASED }.to_owned())
    }
}
