//! An operator, as GraphQL shows it.

use async_graphql::{Context, ID, Result, SimpleObject};
use chrono::{DateTime, Utc};
use commands::personal::Persons;
use domain::{ids::PersonId, personal::Field};
use projections::credentials::{Credentials, OperatorAccount};

use crate::{
    graphql::{
        error::{internal, not_found},
        parts::part,
    },
    operators::nameless,
};

/// A person who operates the server, or did.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct Operator {
    id: ID,
    /// What the person is called; `erased person …` after an erasure.
    name: String,
    /// Where the person gets mail; null after an erasure.
    email: Option<String>,
    /// Since when.
    registered_at: DateTime<Utc>,
    /// `active`, `removed` or `erased`.
    standing: String,
}

impl Operator {
    /// All present and former operators, in the order in which they were added; at most 1,000.
    pub(in crate::graphql) async fn all(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let operators = part::<Credentials>(ctx).operators().await.map_err(|error| internal(&error))?;
        Ok(operators.iter().map(|operator| Self::of(ctx, operator)).collect())
    }

    /// The operator with this id.
    pub(in crate::graphql) async fn load(ctx: &Context<'_>, person: PersonId) -> Result<Self> {
        let operator = part::<Credentials>(ctx).operator(person).await.map_err(|error| internal(&error))?;
        let operator = operator.ok_or_else(|| not_found("such operator"))?;
        Ok(Self::of(ctx, &operator))
    }

    fn of(ctx: &Context<'_>, operator: &OperatorAccount) -> Self {
        let OperatorAccount { person, name, email, registered_at, standing } = operator;
        let name = name.as_ref().and_then(|name| part::<Persons>(ctx).open(name, Field::Name));
        Self {
            id: person.to_string().into(),
            name: name.unwrap_or_else(|| nameless(*person)),
            email: email.as_ref().and_then(|email| part::<Persons>(ctx).open(email, Field::Email)),
            registered_at: *registered_at,
            standing: standing.as_str().to_owned(),
        }
    }
}
