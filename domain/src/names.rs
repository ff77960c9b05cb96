//! Names people choose, each refused unless it can stand in a URL, a file name and a package's control file.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Longest organisation, project and repository name: it is a path segment and a DNS-like label.
pub(crate) const SLUG_MAX_CHARS: usize = 63;
/// Longest package name. rpm and dpkg set none, but the name becomes part of a file name.
pub(crate) const PACKAGE_NAME_MAX_CHARS: usize = 128;

/// Longest machine name: a host name's label has at most 63 characters, and some tools add one more.
pub(crate) const MACHINE_NAME_MAX_CHARS: usize = 64;

/// Longest name of a git tag: git keeps a tag in a file of that name, below `refs/tags`.
pub(crate) const TAG_NAME_MAX_BYTES: usize = 255;

/// Longest name of a snapshot: a segment of a URL that people type.
pub const SNAPSHOT_NAME_MAX_CHARS: usize = 64;
/// What `at/…` and `apt -S` take for something else than a name. Source: `StringToBool` in apt's `strutl.cc`.
const NO_SNAPSHOT_NAMES: [&str; 11] =
    ["newest", "no", "yes", "false", "true", "without", "with", "off", "on", "disable", "enable"];

/// A name that breaks its grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {what}: expected {expected}")]
pub struct InvalidName {
    text: String,
    what: &'static str,
    expected: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $valid:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    let text = text.chars().take(2 * PACKAGE_NAME_MAX_CHARS).collect();
                    Err(InvalidName { text, what: $what, expected: $expected })
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

names! {
    /// An organisation's name; unique on a server.
    OrganisationName, "an organisation name",
        "1 to 63 lower-case letters, digits and hyphens, a letter or digit first and last", slug;
    /// A project's name; unique in its organisation.
    ProjectName, "a project name",
        "1 to 63 lower-case letters, digits and hyphens, a letter or digit first and last", slug;
    /// A repository's name; unique in its organisation.
    RepositoryName, "a repository name",
        "1 to 63 lower-case letters, digits and hyphens, a letter or digit first and last", slug;
    /// What people call a feed token; unique in its organisation.
    FeedTokenName, "a feed token's name",
        "1 to 63 lower-case letters, digits and hyphens, a letter or digit first and last", slug;
    /// A package's name, by Debian Policy 5.6.1, which rpm accepts too.
    PackageName, "a package name",
        "2 to 128 characters of a-z 0-9 . + -, a letter or digit first", package_name;
    /// A git tag's name, short form: `v1.2.3`, not `refs/tags/v1.2.3`. Source: git-check-ref-format(1).
    TagName, "a tag name",
        "1 to 255 characters that git-check-ref-format(1) allows, such as v1.2.3", tag_name;
    /// A user or group of the machine a package is installed on. Source: useradd(8), Debian's default pattern.
    UserName, "a user or group name",
        "1 to 32 characters of a-z 0-9 _ -, a letter or _ first", user_name;
    /// What a machine calls itself when it enrols; unique in its repository.
    MachineName, "a machine name", "1 to 64 characters of A-Z a-z 0-9 . _ -", machine_name;
    /// What a snapshot of a repository is called. Never mistaken for a time, a position or an id, which stand where it does.
    SnapshotName, "a snapshot's name",
        "1 to 64 characters of a-z 0-9 . -, a letter first, a letter or digit last, no id, and not \
         newest, on, off, yes, no, true, false, with, without, enable or disable, which mean something else",
        snapshot_name;
}

impl PackageName {
    /// What a repository's installer is called, and no other package in it.
    ///
    /// # Errors
    /// If the names are too long for it.
    pub fn of_installer(organisation: &OrganisationName, repository: &RepositoryName) -> Result<Self, InvalidName> {
        format!("pkgdeploy-{organisation}-{repository}").parse()
    }
}

fn slug(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=SLUG_MAX_CHARS).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn package_name(text: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (2..=PACKAGE_NAME_MAX_CHARS).contains(&text.len())
        && text.starts_with(first)
        && text.chars().all(|c| first(c) || matches!(c, '.' | '+' | '-'))
}

fn machine_name(text: &str) -> bool {
    (1..=MACHINE_NAME_MAX_CHARS).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn snapshot_name(text: &str) -> bool {
    let last = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=SNAPSHOT_NAME_MAX_CHARS).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(last)
        && text.chars().all(|c| last(c) || matches!(c, '.' | '-'))
        && !NO_SNAPSHOT_NAMES.contains(&text)
        && uuid::Uuid::try_parse(text).is_err()
}

fn tag_name(text: &str) -> bool {
    let forbidden = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\' | '\u{7f}');
    (1..=TAG_NAME_MAX_BYTES).contains(&text.len())
        && !text.contains(forbidden)
        && !text.contains("..")
        && !text.contains("@{")
        && text != "@"
        && !text.starts_with('-')
        && !text.ends_with('.')
        && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}

fn user_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}
