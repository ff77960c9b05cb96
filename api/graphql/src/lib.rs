//! The GraphQL API of dashboards and operators.

mod audit;
mod error;
mod lists;
mod mutation;
mod nesting;
mod parts;
mod query;
#[cfg(test)]
mod tests;
mod types;

use async_graphql::{EmptySubscription, MergedObject, Schema};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse, rejection::GraphQLRejection};
use axum::{
    Router,
    extract::{FromRef, State},
    routing::post,
};

pub use self::parts::GraphqlParts;
use api_http::{
    auth::{Authenticator, Operator},
    problem::Problem,
};

use self::{audit::AuditQuestions, mutation::Mutation, query::Questions};

/// Deepest nesting of a query.
const DEPTH_MAX: usize = 12;

/// Everything that can be asked.
#[derive(MergedObject, Default)]
pub struct Query(Questions, AuditQuestions);

/// The schema over the running server.
pub type ApiSchema = Schema<Query, Mutation, EmptySubscription>;

/// The schema that `POST /graphql` answers.
#[must_use]
pub fn schema(parts: GraphqlParts) -> ApiSchema {
    let schema = Schema::build(Query::default(), Mutation::default(), EmptySubscription);
    parts.put_into(schema).limit_depth(DEPTH_MAX).limit_complexity(::audit::schema::lists::COMPLEXITY_MAX).finish()
}

#[derive(Clone, FromRef)]
struct GraphqlState {
    schema: ApiSchema,
    authenticator: Authenticator,
}

/// `POST /graphql`.
pub fn routes(parts: GraphqlParts, authenticator: Authenticator) -> Router {
    Router::new().route("/graphql", post(execute)).with_state(GraphqlState { schema: schema(parts), authenticator })
}

async fn execute(
    State(schema): State<ApiSchema>,
    operator: Operator,
    request: Result<GraphQLRequest, GraphQLRejection>,
) -> Result<GraphQLResponse, Problem> {
    let request = request.map_err(|GraphQLRejection(error)| {
        Problem::BadRequest(format!(
            "the request body is not a GraphQL request: expected {{\"query\": \"…\"}} as application/json: {error}"
        ))
    })?;
    let request = request.into_inner();
    nesting::check(&request.query).map_err(|error| Problem::BadRequest(error.to_string()))?;
    Ok(schema.execute(request.data(operator)).await.into())
}
