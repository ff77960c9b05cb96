//! The kinds of access keys.

use std::{fmt, str::FromStr};

use super::NamedKind;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Opens the repository for any number of machines.
    Shared,
    /// Opens the repository for one machine.
    Machine,
    /// Machines enrol with it, and each receives its own key. It grants no other access.
    Enrolment,
}

/// The text is not a kind of key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a kind of access key: expected shared, machine or enrolment")]
pub struct InvalidKeyKind(String);

impl KeyKind {
    /// Its name in rows, JSON and GraphQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Machine => "machine",
            Self::Enrolment => "enrolment",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyKind {
    type Err = InvalidKeyKind;
    fn from_str(text: &str) -> Result<Self, InvalidKeyKind> {
        let found = [Self::Shared, Self::Machine, Self::Enrolment].into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| InvalidKeyKind(text.to_owned()))
    }
}

impl From<NamedKind> for KeyKind {
    fn from(kind: NamedKind) -> Self {
        match kind {
            NamedKind::Shared => Self::Shared,
            NamedKind::Enrolment => Self::Enrolment,
        }
    }
}
