//! An operator, as GraphQL shows it.

use async_graphql::{Context, ID, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{ids::PersonId, personal::Field};
use projections::credentials::OperatorAccount;

use crate::{
    app::App,
    graphql::error::{internal, not_found},
    operators::nameless,
};

/// A person who operates the server, or did.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct Operator {
    id: ID,
    /// What the person is called; `erased person …` once nobody can read it any more.
    name: String,
    /// Where the person gets mail; null once nobody can read it any more.
    email: Option<String>,
    /// Since when.
    registered_at: DateTime<Utc>,
    /// `active`, `removed` or `erased`.
    standing: String,
}

impl Operator {
    /// Everybody who is or was an operator, in the order in which they came; at most 1,000.
    pub(in crate::graphql) async fn all(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let app = ctx.data_unchecked::<App>();
        let operators = app.credentials.operators().await.map_err(|error| internal(&error))?;
        Ok(operators.iter().map(|operator| Self::of(app, operator)).collect())
    }

    /// The operator with this id.
    pub(in crate::graphql) async fn load(ctx: &Context<'_>, person: PersonId) -> Result<Self> {
        let app = ctx.data_unchecked::<App>();
        let operator = app.credentials.operator(person).await.map_err(|error| internal(&error))?;
        let operator = operator.ok_or_else(|| not_found("such operator"))?;
        Ok(Self::of(app, &operator))
    }

    fn of(app: &App, operator: &OperatorAccount) -> Self {
        let OperatorAccount { person, name, email, registered_at, standing } = operator;
        let name = name.as_ref().and_then(|name| app.persons.open(name, Field::Name));
        Self {
            id: person.to_string().into(),
            name: name.unwrap_or_else(|| nameless(*person)),
            email: email.as_ref().and_then(|email| app.persons.open(email, Field::Email)),
            registered_at: *registered_at,
            standing: standing.as_str().to_owned(),
        }
    }
}
