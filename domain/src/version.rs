//! Versions: how a git tag becomes the version of a deb and an rpm, and which of two versions is newer.

mod order;
mod release;
mod rules;

#[cfg(test)]
mod tests;

pub use self::{
    order::{compare_deb, compare_rpm_evr},
    release::ReleaseVersion,
    rules::{PACKAGE_VERSION_MAX_CHARS, valid_deb_version},
};

/// A version that breaks its grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {what}: expected {expected}")]
pub struct InvalidVersion {
    /// As much of the text as an error may repeat, on one line.
    text: String,
    what: &'static str,
    expected: &'static str,
}

impl InvalidVersion {
    fn new(text: &str, what: &'static str, expected: &'static str) -> Self {
        let text = text.chars().take(2 * PACKAGE_VERSION_MAX_CHARS).flat_map(char::escape_default).collect();
        Self { text, what, expected }
    }
}
