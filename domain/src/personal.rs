//! Personal data in events: sealed under a key of the person, so that it can be erased from a log that never changes.
//!
//! The domain only carries such values. Sealing and opening is the business of `commands/src/personal/`; when the key is
//! destroyed, they cannot be opened again.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::ids::PersonId;

/// Longest sealed text, in characters of base64: a text of [`TEXT_MAX_BYTES`], padded, with its nonce and its tag.
pub const SEALED_MAX_CHARS: usize = 512;
/// Longest text that is sealed.
pub const TEXT_MAX_BYTES: usize = 254;

/// A text about a person, encrypted with the person's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal {
    /// The person it is about, whose key encrypted it.
    pub person: PersonId,
    /// Nonce (24 bytes), ciphertext and tag of XChaCha20-Poly1305, in base64.
    pub sealed: String,
}

/// Which fact about a person a sealed text is: one kind cannot be passed off as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What the person is called.
    Name,
    /// Where the person gets mail.
    Email,
    /// The IP address that a request came from.
    Origin,
}

impl Field {
    /// The name that is bound into the encryption. It never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Origin => "origin",
        }
    }
}

/// The text is not a valid name or address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Not a name.
    #[error("the person's name is not valid: expected 1 to {TEXT_MAX_BYTES} bytes without control characters")]
    Name,
    /// Not an e-mail address.
    #[error(
        "the person's e-mail address is not valid: expected <name>@<domain>, at most {TEXT_MAX_BYTES} bytes, without spaces"
    )]
    Email,
}

/// The name of a person, without spaces around it.
///
/// # Errors
/// It is empty, too long, or holds control characters.
pub fn name(text: &str) -> Result<&str, InvalidText> {
    let text = text.trim();
    let is_one = (1..=TEXT_MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    is_one.then_some(text).ok_or(InvalidText::Name)
}

/// An e-mail address, as far as it can be checked without writing to it.
///
/// # Errors
/// It has no two sides, is too long, or holds spaces or control characters.
pub fn email(text: &str) -> Result<&str, InvalidText> {
    let text = text.trim();
    let has_sides = text.rsplit_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
    let is_one =
        text.len() <= TEXT_MAX_BYTES && has_sides && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    is_one.then_some(text).ok_or(InvalidText::Email)
}
