//! Names in the path of an address.

use std::collections::HashMap;

use axum::{
    extract::{FromRequestParts as _, Path},
    http::request::Parts,
};
use domain::names::OrganisationName;

use super::problem::Problem;

/// The organisation that a route calls `{organisation}`. `None` if the text cannot be the name of one.
///
/// # Errors
/// The path is not UTF-8.
pub async fn organisation_of_path<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<Option<OrganisationName>, Problem> {
    let names = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
    let names = names.map_err(|error| Problem::BadRequest(error.body_text()))?;
    Ok(names.get("organisation").and_then(|name| name.parse().ok()))
}
