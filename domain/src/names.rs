//! Names people choose, each refused unless it can stand in a URL, a file name and a package's control file.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Longest organisation, project and repository name: it is a path segment and a DNS-like label.
pub const SLUG_MAX_CHARS: usize = 63;
/// Longest package name. rpm and dpkg set none, but the name becomes part of a file name.
pub const PACKAGE_NAME_MAX_CHARS: usize = 128;

/// Longest machine name: a host name's label has at most 63 characters, and some tools add one more.
pub const MACHINE_NAME_MAX_CHARS: usize = 64;

/// Longest name of a git tag: git keeps a tag in a file of that name, below `refs/tags`.
pub const TAG_NAME_MAX_BYTES: usize = 255;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_a_lower_case_label() {
        for good in ["a", "acme", "acme-2", "2go"] {
            assert!(good.parse::<OrganisationName>().is_ok(), "{good}");
        }
        let long = "a".repeat(SLUG_MAX_CHARS + 1);
        for bad in ["", "-a", "a-", "Acme", "a b", "a/b", "..", "ä", long.as_str()] {
            assert!(bad.parse::<OrganisationName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_package_name_follows_debian_policy() {
        assert!("libstdc++6".parse::<PackageName>().is_ok());
        let long = "a".repeat(PACKAGE_NAME_MAX_CHARS + 1);
        for bad in ["a", "-ab", "Ab", "a_b", "a b", "a\nb", long.as_str()] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_machine_may_be_called_by_its_host_name() {
        let long = "a".repeat(MACHINE_NAME_MAX_CHARS);
        for good in ["web-1", "Web_1.example.com", "7", long.as_str()] {
            assert!(good.parse::<MachineName>().is_ok(), "{good}");
        }
        let longer = format!("{long}a");
        for bad in ["", "a b", "a/b", "a\nb", "ä", "a\"", longer.as_str()] {
            assert!(bad.parse::<MachineName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_snapshots_name_is_no_other_point() {
        let long = "a".repeat(SNAPSHOT_NAME_MAX_CHARS);
        for good in ["golden", "before-the-fix", "v1.2", "a", "release-20261122", long.as_str()] {
            assert!(good.parse::<SnapshotName>().is_ok(), "{good}");
        }
        let (longer, id) = (format!("{long}a"), "abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e");
        let other_points = ["42", "20261122T100001Z", "20261122t100001z", id, "newest", "on", "enable", "false"];
        for bad in ["", "A", "a_b", "a/b", "a b", ".a", "a.", "-a", "a-", "ä", &longer].iter().chain(&other_points) {
            assert!(bad.parse::<SnapshotName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tag_name_cannot_be_an_option_or_leave_its_folder() {
        assert!("release/v1.2.3-rc1".parse::<TagName>().is_ok());
        for bad in ["", "--upload-pack=x", "a..b", "a b", "a:b", "a\0b", "/a", "a/", "x.lock", ".a", "@"] {
            assert!(bad.parse::<TagName>().is_err(), "{bad}");
        }
    }
}
