//! Commands to change the service's signing keys, and why they are refused.

use crate::{fingerprint::Fingerprint, ids::SecretId};
use chrono::{DateTime, Utc};

use super::{Event, Key, LogKey, SigningKey, Standing};

/// How many days before its end a key is warned about.
pub const EXPIRY_WARNINGS_DAYS: [u16; 3] = [90, 30, 7];
/// Most keys that one service has in its life: a key a month for eighty years.
pub const EPOCHS_MAX: u32 = 1_000;

/// A command to change the service's signing keys.
#[derive(Debug, Clone)]
pub enum Command {
    /// Announce the first key, which was just made.
    Generate {
        /// Full fingerprint, upper-case hexadecimal.
        fingerprint: Fingerprint,
        /// The public certificate, ASCII-armoured.
        certificate: String,
        /// The certificate's own end.
        expires_at: Option<DateTime<Utc>>,
    },
    /// Announce the next key, which was just made and sealed.
    AnnounceNext(NewKey),
    /// Let the next key sign indexes beside the present one.
    BeginOverlap,
    /// Let the next key sign alone.
    CutOver,
    /// Retire a key that was replaced.
    Retire {
        /// The old key.
        fingerprint: Fingerprint,
    },
    /// Record that a key's private part is deleted.
    RecordDestroyed {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// Stop trusting everything that a key signed.
    DeclareCompromised {
        /// The stolen key.
        fingerprint: Fingerprint,
        /// A key made and sealed for this moment; needed if the present key is stolen and no next key exists.
        replacement: Option<NewKey>,
    },
    /// Announce the key of the transparency logs, which was just made and sealed.
    AnnounceLogKey(LogKey),
    /// Record that a key in use has few days left.
    RecordExpiryNear {
        /// The key.
        fingerprint: Fingerprint,
        /// One of [`EXPIRY_WARNINGS_DAYS`].
        days_left: u16,
    },
}

/// A key that was just made and sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Full fingerprint, upper-case hexadecimal.
    pub fingerprint: Fingerprint,
    /// The public certificate, ASCII-armoured.
    pub certificate: String,
    /// Where its private part is sealed.
    pub secret: SecretId,
    /// The certificate's own end.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why the signing keys stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A key is never replaced in place: signatures made with it must stay checkable.
    #[error("there is already a signing key with fingerprint {0}")]
    Exists(Fingerprint),
    /// The logs' key never changes: verifiers that pinned it would reject the log.
    #[error("the transparency logs already have a signing key, {0}")]
    LogKeyExists(String),
    /// The first key is made at the first start.
    #[error("the server has no signing key yet")]
    Unknown,
    /// No key has that fingerprint.
    #[error("there is no signing key with fingerprint {0}")]
    UnknownKey(Fingerprint),
    /// One rotation at a time.
    #[error("the next signing key is already announced, with fingerprint {0}: begin the overlap, then cut over")]
    NextExists(Fingerprint),
    /// One rotation at a time.
    #[error("the previous rotation is not finished: retire the signing key {0} first")]
    NotRetired(Fingerprint),
    /// Nothing to rotate to.
    #[error("there is no next signing key: prepare one first")]
    NoNext,
    /// Machines that know only the old key would suddenly refuse the repositories.
    #[error("the next signing key {0} does not sign yet: begin the overlap first")]
    NotOverlapping(Fingerprint),
    /// Without it nothing could be signed.
    #[error("the signing key {0} is in use or about to be: cut over to another one first")]
    InUse(Fingerprint),
    /// Only what is retired or stolen is deleted.
    #[error("the private part of the signing key {0} cannot be deleted: the key is neither retired nor compromised")]
    NotDone(Fingerprint),
    /// Without it nothing could be signed.
    #[error(
        "the compromised signing key is in use and there is no other one: a new key must replace it at the same time"
    )]
    NoReplacement,
    /// Warnings are sent only on these days before the end.
    #[error("{0} days before a signing key ends is not a time for a warning: expected 90, 30 or 7")]
    NotAWarning(u16),
    /// The limit is reached.
    #[error("a server can have at most {EPOCHS_MAX} signing keys, including retired ones")]
    TooMany,
}

pub(super) fn decide(keys: &SigningKey, command: Command) -> Result<Vec<Event>, Refusal> {
    if let Command::Generate { fingerprint, certificate, expires_at } = command {
        return match keys.keys.first() {
            None => Ok(vec![Event::Generated { fingerprint, certificate, expires_at }]),
            Some(first) if first.fingerprint == fingerprint => Ok(vec![]),
            Some(first) => Err(Refusal::Exists(first.fingerprint.clone())),
        };
    }
    if let Command::AnnounceLogKey(LogKey { host, public_key }) = command {
        return match &keys.log_key {
            None => Ok(vec![Event::LogKeyMade { host, public_key }]),
            Some(known) if known.public_key == public_key => Ok(vec![]),
            Some(known) => Err(Refusal::LogKeyExists(known.public_key.clone())),
        };
    }
    if keys.keys.is_empty() {
        return Err(Refusal::Unknown);
    }
    match command {
        // Answered above.
        Command::Generate { .. } | Command::AnnounceLogKey(_) => Ok(vec![]),
        Command::AnnounceNext(key) => announce_next(keys, key),
        Command::BeginOverlap => begin_overlap(keys),
        Command::CutOver => cut_over(keys),
        Command::Retire { fingerprint } => retire(keys.known(&fingerprint)?),
        Command::RecordDestroyed { fingerprint } => record_destroyed(keys.known(&fingerprint)?),
        Command::DeclareCompromised { fingerprint, replacement } => {
            declare_compromised(keys, keys.known(&fingerprint)?, replacement)
        }
        Command::RecordExpiryNear { fingerprint, days_left } => {
            record_expiry_near(keys.known(&fingerprint)?, days_left)
        }
    }
}

impl SigningKey {
    fn known(&self, fingerprint: &Fingerprint) -> Result<&Key, Refusal> {
        self.key(fingerprint).ok_or_else(|| Refusal::UnknownKey(fingerprint.clone()))
    }

    fn announced(&self, key: NewKey) -> Result<Event, Refusal> {
        let NewKey { fingerprint, certificate, secret, expires_at } = key;
        if self.key(&fingerprint).is_some() {
            return Err(Refusal::Exists(fingerprint));
        }
        let epoch = self.keys.last().map_or(1, |last| last.epoch + 1);
        if epoch > EPOCHS_MAX {
            return Err(Refusal::TooMany);
        }
        Ok(Event::NextAnnounced { fingerprint, epoch, certificate, secret, expires_at })
    }
}

fn announce_next(keys: &SigningKey, key: NewKey) -> Result<Vec<Event>, Refusal> {
    match (keys.next(), keys.replaced()) {
        (Some(next), _) if next.fingerprint == key.fingerprint => Ok(vec![]),
        (Some(next), _) => Err(Refusal::NextExists(next.fingerprint.clone())),
        (None, Some(replaced)) => Err(Refusal::NotRetired(replaced.fingerprint.clone())),
        (None, None) => Ok(vec![keys.announced(key)?]),
    }
}

fn begin_overlap(keys: &SigningKey) -> Result<Vec<Event>, Refusal> {
    let next = keys.next().ok_or(Refusal::NoNext)?;
    match next.standing {
        Standing::Overlapping => Ok(vec![]),
        _ => Ok(vec![Event::OverlapBegan { fingerprint: next.fingerprint.clone() }]),
    }
}

fn cut_over(keys: &SigningKey) -> Result<Vec<Event>, Refusal> {
    let (next, current) = (keys.next().ok_or(Refusal::NoNext)?, keys.current().ok_or(Refusal::Unknown)?);
    match next.standing {
        Standing::Overlapping => {
            Ok(vec![Event::CutOver { fingerprint: next.fingerprint.clone(), replaced: current.fingerprint.clone() }])
        }
        _ => Err(Refusal::NotOverlapping(next.fingerprint.clone())),
    }
}

fn retire(key: &Key) -> Result<Vec<Event>, Refusal> {
    match key.standing {
        Standing::Replaced => Ok(vec![Event::Retired { fingerprint: key.fingerprint.clone() }]),
        Standing::Retired | Standing::Compromised => Ok(vec![]),
        Standing::Next | Standing::Overlapping | Standing::Current => Err(Refusal::InUse(key.fingerprint.clone())),
    }
}

fn record_destroyed(key: &Key) -> Result<Vec<Event>, Refusal> {
    match key.standing {
        _ if key.is_destroyed => Ok(vec![]),
        Standing::Retired | Standing::Compromised => {
            Ok(vec![Event::Destroyed { fingerprint: key.fingerprint.clone() }])
        }
        _ => Err(Refusal::NotDone(key.fingerprint.clone())),
    }
}

/// The next key takes over at once if the present one is stolen: machines know it already. Otherwise a new key does.
fn declare_compromised(keys: &SigningKey, key: &Key, replacement: Option<NewKey>) -> Result<Vec<Event>, Refusal> {
    let fingerprint = key.fingerprint.clone();
    let compromised = |replaced_by: Fingerprint| Event::Compromised { fingerprint: fingerprint.clone(), replaced_by };
    match key.standing {
        Standing::Compromised => Ok(vec![]),
        Standing::Current => match (keys.next(), replacement) {
            (Some(next), _) => Ok(vec![compromised(next.fingerprint.clone())]),
            (None, Some(new)) => {
                let replaced_by = new.fingerprint.clone();
                Ok(vec![keys.announced(new)?, compromised(replaced_by)])
            }
            (None, None) => Err(Refusal::NoReplacement),
        },
        Standing::Next | Standing::Overlapping | Standing::Replaced | Standing::Retired => {
            let current = keys.current().ok_or(Refusal::Unknown)?;
            Ok(vec![compromised(current.fingerprint.clone())])
        }
    }
}

fn record_expiry_near(key: &Key, days_left: u16) -> Result<Vec<Event>, Refusal> {
    if !EXPIRY_WARNINGS_DAYS.contains(&days_left) {
        return Err(Refusal::NotAWarning(days_left));
    }
    let warned = key.warned_days.is_some_and(|warned| warned <= days_left);
    if warned || matches!(key.standing, Standing::Retired | Standing::Compromised) {
        return Ok(vec![]);
    }
    Ok(vec![Event::ExpiryNear { fingerprint: key.fingerprint.clone(), days_left }])
}
