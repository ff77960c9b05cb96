//! Yanked packages: hidden or marked in the present, and unchanged in the past.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Longest reason: it goes into a header of every answer with the package.
pub const YANK_REASON_MAX_CHARS: usize = 200;

/// What a yank does to the present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YankPolicy {
    /// The next publication is without the package.
    #[default]
    Hide,
    /// The package stays, and its file is answered with a warning.
    Keep,
}

impl YankPolicy {
    /// The name in rows: `hide`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hide => "hide",
            Self::Keep => "keep",
        }
    }
}

impl FromStr for YankPolicy {
    type Err = InvalidYankPolicy;
    fn from_str(text: &str) -> Result<Self, InvalidYankPolicy> {
        let found = [Self::Hide, Self::Keep].into_iter().find(|policy| policy.as_str() == text);
        found.ok_or(InvalidYankPolicy)
    }
}

/// The text is not a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a policy for yanked packages: expected hide or keep")]
pub struct InvalidYankPolicy;

/// Why a package was yanked, in one line of free text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct YankReason(String);

/// The text is not a valid reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the reason is not valid: expected one line of 1 to {YANK_REASON_MAX_CHARS} characters, without blanks at its ends"
)]
pub struct InvalidYankReason;

impl YankReason {
    /// The reason as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for YankReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for YankReason {
    type Err = InvalidYankReason;
    fn from_str(text: &str) -> Result<Self, InvalidYankReason> {
        let is_good = text == text.trim()
            && (1..=YANK_REASON_MAX_CHARS).contains(&text.chars().count())
            && !text.chars().any(char::is_control);
        if is_good { Ok(Self(text.to_owned())) } else { Err(InvalidYankReason) }
    }
}

impl<'de> Deserialize<'de> for YankReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// That a package is yanked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Yank {
    pub(super) reason: YankReason,
    pub(super) policy: YankPolicy,
}
