//! Fingerprints of OpenPGP keys.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The full fingerprint of an OpenPGP key, in upper-case hexadecimal: 40 digits for version 4, 64 for version 6.
///
/// Source: RFC 9580, section 5.5.4. Cheap to clone: a state holds one for each package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Arc<str>);

/// The text is not a full fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a key's full fingerprint: expected 40 or 64 hexadecimal digits")]
pub struct InvalidFingerprint(String);

/// Lengths of the two versions, in digits.
const LENGTHS: [usize; 2] = [40, 64];

impl Fingerprint {
    /// A fingerprint that was checked when it was recorded, or that was computed from a key.
    #[must_use]
    pub fn recorded(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads what people write: in groups, in lower case too.
impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let is_full = LENGTHS.contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_full {
            Ok(Self(digits.into()))
        } else {
            Err(InvalidFingerprint(text.chars().take(SHOWN_CHARS).collect()))
        }
    }
}

/// Characters of a wrong fingerprint that its error shows.
const SHOWN_CHARS: usize = 100;

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// As it was recorded: an old event is never refused.
impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::recorded(String::deserialize(deserializer)?))
    }
}

/// Tests use short ones.
#[cfg(any(test, feature = "testing"))]
impl From<&str> for Fingerprint {
    fn from(text: &str) -> Self {
        Self::recorded(text)
    }
}
