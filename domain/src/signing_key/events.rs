//! The facts of a signing key.

use serde::{Deserialize, Serialize};

/// What can have happened to a signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was made; its private part is sealed under the key's id.
    Generated {
        /// Full fingerprint, upper-case hexadecimal.
        fingerprint: String,
        /// The public certificate, ASCII-armoured: all that is needed to check its signatures for ever.
        certificate: String,
    },
}
