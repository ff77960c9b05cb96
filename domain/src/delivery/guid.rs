//! The id that GitHub gives to a delivery: the text of `X-GitHub-Delivery`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Longest name of a delivery. GitHub's are UUIDs.
pub(crate) const DELIVERY_GUID_MAX_CHARS: usize = 64;

/// A delivery's name: a UUID at GitHub, any short text of letters, digits and hyphens from compatible servers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct DeliveryGuid(String);

/// The text names no delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a webhook delivery: expected 1 to {DELIVERY_GUID_MAX_CHARS} letters, digits and hyphens")]
pub struct InvalidDeliveryGuid;

impl DeliveryGuid {
    /// The name as it was sent, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeliveryGuid {
    type Err = InvalidDeliveryGuid;
    /// A UUID means the same in both cases.
    fn from_str(text: &str) -> Result<Self, InvalidDeliveryGuid> {
        let fits = (1..=DELIVERY_GUID_MAX_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidDeliveryGuid) }
    }
}

impl fmt::Display for DeliveryGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeliveryGuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
