//! Lists: the number of items, and their cost in a query.

use async_graphql::{Error, Result};

use super::error::with_code;

/// The maximum number of fields of a query, counting each item of a list.
pub const COMPLEXITY_MAX: usize = 50_000;

/// The default number of items of a list.
pub const FIRST_DEFAULT: u32 = 20;

/// Checks that `first` is between 1 and the maximum.
///
/// # Errors
/// It is out of range.
pub fn within(first: u32, max: u32) -> Result<u32> {
    let refused = || -> Error { with_code("invalid", format!("first: expected 1 to {max}")) };
    (1..=max).contains(&first).then_some(first).ok_or_else(refused)
}

/// The cost of a list of `first` items that cost `each`. It is capped just above the limit of a query, so that sums and products of
/// costs never overflow.
#[must_use]
pub fn cost(first: u32, each: usize) -> usize {
    usize::try_from(first).unwrap_or(usize::MAX).saturating_mul(each).min(COMPLEXITY_MAX + 1)
}
