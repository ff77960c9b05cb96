//! Changes of who operates the server.

use api_http::{auth, run_command::CommandRunner};
use async_graphql::{Context, Error, ID, Object, Result, SimpleObject};
use audit::operators::{Done, Operators, OperatorsError};
use domain::ids::PersonId;
use event_log::execute;

use crate::{
    error::{internal, invalid, log_failed, with_code},
    parts::part,
    types::Operator,
};

#[derive(Default)]
pub(super) struct OperatorMutation;

/// A person's token, which is shown only now.
#[derive(SimpleObject)]
pub(super) struct NewOperatorToken {
    operator: Operator,
    /// What the person logs in with. Keep it: it cannot be shown again.
    token: String,
}

#[Object]
impl OperatorMutation {
    /// Adds a person who operates the server. Name and e-mail address are sealed in the event log, and can be erased.
    async fn add_operator(&self, ctx: &Context<'_>, name: String, email: String) -> Result<NewOperatorToken> {
        let added = part::<Operators>(ctx).add(&name, &email, &context(ctx).await).await;
        let (person, token) = worked(ctx, added).await?;
        Ok(NewOperatorToken { operator: Operator::load(ctx, person).await?, token: token.text() })
    }

    /// Makes a new token for a person and ends the older one.
    async fn renew_operator_token(&self, ctx: &Context<'_>, id: ID) -> Result<NewOperatorToken> {
        let person: PersonId = id.parse().map_err(invalid)?;
        let token = worked(ctx, part::<Operators>(ctx).renew_token(person, &context(ctx).await).await).await?;
        Ok(NewOperatorToken { operator: Operator::load(ctx, person).await?, token: token.text() })
    }

    /// Ends a person's tokens. What the person did keeps its name.
    async fn remove_operator(&self, ctx: &Context<'_>, id: ID) -> Result<Operator> {
        let person: PersonId = id.parse().map_err(invalid)?;
        worked(ctx, part::<Operators>(ctx).remove(person, &context(ctx).await).await).await?;
        Operator::load(ctx, person).await
    }

    /// Ends a person's tokens, and makes everything that the log holds about the person unreadable, for ever.
    async fn erase_operator(&self, ctx: &Context<'_>, id: ID) -> Result<Operator> {
        let person: PersonId = id.parse().map_err(invalid)?;
        worked(ctx, part::<Operators>(ctx).erase(person, &context(ctx).await).await).await?;
        Operator::load(ctx, person).await
    }
}

async fn context(ctx: &Context<'_>) -> execute::Context {
    part::<auth::Operator>(ctx).context().await
}

/// What was done, once it is in force: no request that starts later is accepted with an ended token.
async fn worked<T>(ctx: &Context<'_>, done: Result<Done<T>, OperatorsError>) -> Result<T> {
    let Done { value, position } = done.map_err(failed)?;
    if let Some(position) = position {
        part::<CommandRunner>(ctx).in_force(position).await.map_err(|error| internal(&error))?;
    }
    Ok(value)
}

fn failed(error: OperatorsError) -> Error {
    match error {
        OperatorsError::Invalid(error) => invalid(error),
        OperatorsError::Refused(refusal) => with_code("refused", refusal),
        OperatorsError::Log(error) => log_failed(error),
        OperatorsError::Secrets(_) => internal(&error),
    }
}
