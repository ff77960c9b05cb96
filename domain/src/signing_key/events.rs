//! The events of the service's signing keys.

use crate::{fingerprint::Fingerprint, ids::SecretId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What can have happened to the service's signing keys. A key is called by its full fingerprint, upper-case
/// hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first key was made; its private part is sealed under the stream's id. It has epoch 1.
    Generated {
        /// Full fingerprint, upper-case hexadecimal.
        fingerprint: Fingerprint,
        /// The public certificate, ASCII-armoured: all that is needed to check its signatures for ever.
        certificate: String,
        /// When clients stop believing it; never if there is none. It is in the certificate too, and is never extended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
    },
    /// The key that is to follow was made: machines get its certificate ahead of its first signature.
    NextAnnounced {
        /// The new key.
        fingerprint: Fingerprint,
        /// Which key of this service it is, counted from 1.
        epoch: u32,
        /// Its public certificate, ASCII-armoured.
        certificate: String,
        /// Where its private part is sealed.
        secret: SecretId,
        /// When clients stop believing it; never if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
    },
    /// The next key signs every index too, beside the present one.
    OverlapBegan {
        /// The next key.
        fingerprint: Fingerprint,
    },
    /// The next key is the present one: it alone signs indexes and packages. The one before is still trusted.
    CutOver {
        /// The key that signs from now on.
        fingerprint: Fingerprint,
        /// The key that signed until now.
        replaced: Fingerprint,
    },
    /// A replaced key is retired: its private part will be deleted. What it signed is still trusted.
    Retired {
        /// The old key.
        fingerprint: Fingerprint,
    },
    /// The sealed private part is deleted: it can no longer sign.
    Destroyed {
        /// The old key.
        fingerprint: Fingerprint,
    },
    /// The private part may be in other hands. Nothing that it signed is trusted any more: every index and every rpm
    /// is signed again.
    Compromised {
        /// The stolen key.
        fingerprint: Fingerprint,
        /// The key that signs from now on.
        replaced_by: Fingerprint,
    },
    /// The key that vouches for the transparency logs was made; its private part is sealed.
    LogKeyMade {
        /// What the logs' names begin with, for ever: `packages.example.org`.
        host: String,
        /// The public key, Ed25519, 64 lower-case hexadecimal digits.
        public_key: String,
    },
    /// A key in use will expire soon. Each warning is given once.
    ExpiryNear {
        /// The key.
        fingerprint: Fingerprint,
        /// At most so many days are left: 90, 30 or 7.
        days_left: u16,
    },
}
