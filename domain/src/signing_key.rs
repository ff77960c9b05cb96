//! The service's signing keys, which sign packages and indexes, and their rotation.
//!
//! One key at a time is current. A rotation makes the next one known ahead, lets both sign indexes for a while, cuts
//! over, and retires the old one; a stolen key is dropped at once from any state. Private parts are sealed in the secret
//! store.

mod commands;
mod events;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use self::{
    commands::{Command, EPOCHS_MAX, EXPIRY_WARNINGS_DAYS, NewKey, Refusal},
    events::Event,
};
use crate::{aggregate::Aggregate, fingerprint::Fingerprint, ids::SecretId, stream_kind::StreamKind};

/// Every key that the service ever had, oldest first; none before the first start.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SigningKey {
    keys: Vec<Key>,
    log_key: Option<LogKey>,
}

/// The key that vouches for the transparency logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    /// What the logs' names begin with, for ever: `packages.example.org`.
    pub host: String,
    /// The public key, Ed25519, 64 lower-case hexadecimal digits.
    pub public_key: String,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Full fingerprint, upper-case hexadecimal.
    pub fingerprint: Fingerprint,
    /// Which key of this service it is, counted from 1.
    pub epoch: u32,
    /// The public certificate, ASCII-armoured.
    pub certificate: String,
    /// Where its private part is sealed; none for the first key, which is sealed under the stream's id.
    pub secret: Option<SecretId>,
    /// When clients stop believing it.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its state in a rotation.
    pub standing: Standing,
    /// Its private part is deleted.
    pub is_destroyed: bool,
    /// The latest warning of its end.
    pub warned_days: Option<u16>,
}

/// The state of a key in a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Made and sent ahead; signs nothing yet.
    Next,
    /// Signs indexes beside the current one.
    Overlapping,
    /// Signs everything.
    Current,
    /// Signed everything until the cut-over; signs no more.
    Replaced,
    /// Done with; what it signed is still trusted.
    Retired,
    /// In wrong hands; nothing it signed is trusted.
    Compromised,
}

impl Key {
    /// Whether machines should trust what it signed.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.standing != Standing::Compromised
    }

    /// Whether every index must bear its signature.
    #[must_use]
    pub fn signs_indexes(&self) -> bool {
        matches!(self.standing, Standing::Current | Standing::Overlapping)
    }
}

impl SigningKey {
    /// All keys, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key of the transparency logs; none before it was made.
    #[must_use]
    pub fn log_key(&self) -> Option<&LogKey> {
        self.log_key.as_ref()
    }

    /// The key with this fingerprint.
    #[must_use]
    pub fn key(&self, fingerprint: &Fingerprint) -> Option<&Key> {
        self.keys.iter().find(|key| key.fingerprint == *fingerprint)
    }

    /// The key that signs; none before the first start.
    #[must_use]
    pub fn current(&self) -> Option<&Key> {
        self.standing(&[Standing::Current])
    }

    /// The key that is to follow.
    #[must_use]
    pub fn next(&self) -> Option<&Key> {
        self.standing(&[Standing::Next, Standing::Overlapping])
    }

    /// The key that was replaced and is not retired.
    #[must_use]
    pub fn replaced(&self) -> Option<&Key> {
        self.standing(&[Standing::Replaced])
    }

    fn standing(&self, any_of: &[Standing]) -> Option<&Key> {
        self.keys.iter().find(|key| any_of.contains(&key.standing))
    }

    fn with(&mut self, fingerprint: &Fingerprint, change: impl FnOnce(&mut Key)) {
        if let Some(key) = self.keys.iter_mut().find(|key| key.fingerprint == *fingerprint) {
            change(key);
        }
    }

    fn stand(&mut self, fingerprint: &Fingerprint, standing: Standing) {
        self.with(fingerprint, |key| key.standing = standing);
    }
}

impl Aggregate for SigningKey {
    const KIND: StreamKind = StreamKind::SigningKey;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        let made = |fingerprint: &Fingerprint, epoch, certificate: &String, secret, expires_at, standing| Key {
            fingerprint: fingerprint.clone(),
            epoch,
            certificate: certificate.clone(),
            secret,
            expires_at,
            standing,
            is_destroyed: false,
            warned_days: None,
        };
        match event {
            Event::Generated { fingerprint, certificate, expires_at } => {
                self.keys.push(made(fingerprint, 1, certificate, None, *expires_at, Standing::Current));
            }
            Event::NextAnnounced { fingerprint, epoch, certificate, secret, expires_at } => {
                self.keys.push(made(fingerprint, *epoch, certificate, Some(*secret), *expires_at, Standing::Next));
            }
            Event::OverlapBegan { fingerprint } => self.stand(fingerprint, Standing::Overlapping),
            Event::CutOver { fingerprint, replaced } => {
                self.stand(replaced, Standing::Replaced);
                self.stand(fingerprint, Standing::Current);
            }
            Event::Retired { fingerprint } => self.stand(fingerprint, Standing::Retired),
            Event::Destroyed { fingerprint } => self.with(fingerprint, |key| key.is_destroyed = true),
            Event::Compromised { fingerprint, replaced_by } => {
                self.stand(fingerprint, Standing::Compromised);
                self.stand(replaced_by, Standing::Current);
            }
            Event::LogKeyMade { host, public_key } => {
                self.log_key = Some(LogKey { host: host.clone(), public_key: public_key.clone() });
            }
            Event::ExpiryNear { fingerprint, days_left } => {
                self.with(fingerprint, |key| key.warned_days = Some(*days_left));
            }
        }
    }
}
