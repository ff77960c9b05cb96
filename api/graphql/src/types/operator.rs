//! An operator, as GraphQL shows it.

use async_graphql::{Context, ID, Result, SimpleObject};
use audit::operators::nameless;
use chrono::{DateTime, Utc};
use domain::{
    ids::PersonId,
    personal::{Field, Personal},
};
use projections::credentials::{Credentials, OperatorAccount};
use stores::personal::Persons;

use crate::{
    error::{internal, not_found},
    parts::part,
};

/// A person who operates the server, or did.
#[derive(Debug, SimpleObject)]
pub(crate) struct Operator {
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
    pub(crate) async fn all(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let operators = part::<Credentials>(ctx).operators().await.map_err(|error| internal(&error))?;
        let mut shown = Vec::with_capacity(operators.len());
        for operator in &operators {
            shown.push(Self::of(ctx, operator).await);
        }
        Ok(shown)
    }

    /// The operator with this id.
    pub(crate) async fn load(ctx: &Context<'_>, person: PersonId) -> Result<Self> {
        let operator = part::<Credentials>(ctx).operator(person).await.map_err(|error| internal(&error))?;
        let operator = operator.ok_or_else(|| not_found("such operator"))?;
        Ok(Self::of(ctx, &operator).await)
    }

    async fn of(ctx: &Context<'_>, operator: &OperatorAccount) -> Self {
        let OperatorAccount { person, name, email, registered_at, standing } = operator;
        Self {
            id: person.to_string().into(),
            name: opened(ctx, name.as_ref(), Field::Name).await.unwrap_or_else(|| nameless(*person)),
            email: opened(ctx, email.as_ref(), Field::Email).await,
            registered_at: *registered_at,
            standing: standing.as_str().to_owned(),
        }
    }
}

async fn opened(ctx: &Context<'_>, text: Option<&Personal>, field: Field) -> Option<String> {
    part::<Persons>(ctx).open(text?, field).await
}
