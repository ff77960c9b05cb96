//! Lists: how many items one has, and what a query pays for them.

pub(super) use audit::schema::lists::{FIRST_DEFAULT, cost, within};
