//! Lists: how many items one has, and what a query pays for them.

use async_graphql::{Error, Result};

use super::error::with_code;

/// Most fields that a query may ask for, each item of a list counted.
pub const COMPLEXITY_MAX: usize = 50_000;

/// How many items a list has if the query does not say.
pub const FIRST_DEFAULT: u32 = 20;

/// `first`, if it is no more than one answer may have, and something at all.
///
/// # Errors
/// It is neither.
pub fn within(first: u32, max: u32) -> Result<u32> {
    let refused = || -> Error { with_code("invalid", format!("first: expected 1 to {max}")) };
    (1..=max).contains(&first).then_some(first).ok_or_else(refused)
}

/// What a list of `first` items counts, each of which counts `each`: the limit of a query and a little more at most, so that sums
/// and products of these never wrap around.
#[must_use]
pub fn cost(first: u32, each: usize) -> usize {
    usize::try_from(first).unwrap_or(usize::MAX).saturating_mul(each).min(COMPLEXITY_MAX + 1)
}
