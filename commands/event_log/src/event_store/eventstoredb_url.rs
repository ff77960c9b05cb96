//! The connection string of an EventStoreDB or KurrentDB, which may hold a password.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

/// `esdb://…` or `esdb+discover://…`. Never shows its password or its parameters, however it is printed.
///
/// Only its form is checked here; the client says at opening what it does not understand.
#[derive(Clone, PartialEq, Eq)]
pub struct EventStoreDbUrl(String);

/// What a connection string begins with: nodes by name, or a name that resolves to all nodes.
pub(super) const SCHEMES: [&str; 2] = ["esdb://", "esdb+discover://"];

/// The forms that a connection string may have.
pub const EVENTSTOREDB_URL_EXPECTED: &str =
    "esdb://[<user>:<password>@]<host>[:<port>][,<host>…][?tls=false] or esdb+discover://<host>[:<port>]";

impl EventStoreDbUrl {
    /// The connection string as it was given, with its password.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Scheme, user with password, nodes, parameters.
    fn parts(&self) -> (&str, Option<&str>, &str, &str) {
        let begin = self.0.find("://").map_or(0, |colon| colon + 3);
        let (scheme, rest) = self.0.split_at(begin);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, parameters) = rest.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, nodes)) => (scheme, Some(user), nodes, parameters),
            None => (scheme, None, authority, parameters),
        }
    }
}

impl FromStr for EventStoreDbUrl {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let url = Self(text.to_owned());
        let (scheme, _, nodes, _) = url.parts();
        if SCHEMES.contains(&scheme) && !nodes.is_empty() { Ok(url) } else { Err(()) }
    }
}

impl fmt::Display for EventStoreDbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, user, nodes, _) = self.parts();
        f.write_str(scheme)?;
        if let Some(user) = user {
            write!(f, "{}@", user.split(':').next().unwrap_or_default())?;
        }
        f.write_str(nodes)
    }
}

impl fmt::Debug for EventStoreDbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
