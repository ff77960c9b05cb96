//! Keyrings: the access keys of a repository. Each repository has one, with the repository's id.

mod causes;
mod commands;
mod decide;
mod events;
mod evolve;
mod key_history;
mod kind;
mod rolls;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub(crate) use self::commands::NAMED_KEYS_MAX;
pub use self::{
    causes::Causes,
    commands::{ACCESS_KEYS_MAX, Command, ENROLS_MAX, EnrolmentLimits, GRACE_MAX, Refusal, Replacement, Terms},
    events::{AccessKeyName, Event, NamedKind, Successor, WindowEnd},
    key_history::{End, Ended, KeyHistories, Life},
    kind::{InvalidKeyKind, KeyKind},
    rolls::NextKey,
    window::Window,
};
use crate::{
    aggregate::Aggregate, digest::Sha256, ids::AccessKeyId, names::MachineName, stream_kind::StreamKind,
    weight::of_entries,
};

/// The access keys of one repository.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Keyring {
    rolls: u32,
    keys: BTreeMap<AccessKeyId, Key>,
    names: BTreeMap<AccessKeyName, AccessKeyId>,
    machines: BTreeMap<MachineName, Machine>,
    window: Option<Window>,
    /// Keys sealed to be handed over in windows that have closed since, by generation.
    forgettable: BTreeMap<u32, Vec<AccessKeyId>>,
    /// The number and the content of the newest installer in the repository.
    installer: Option<(u32, Sha256)>,
}

/// A key that works, or would if it had not expired.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    generation: u32,
    expires_at: Option<DateTime<Utc>>,
    holder: Holder,
    successor: Option<AccessKeyId>,
}

/// Who has a key.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    /// Anyone who was shown it.
    Shared(AccessKeyName),
    /// An installer, to enrol machines.
    Enrolment { name: AccessKeyName, enrols_max: u32, enrolled: u32 },
    /// One machine.
    Machine(MachineName),
}

/// A machine with its own key.
#[derive(Debug, PartialEq, Eq)]
struct Machine {
    current: AccessKeyId,
    /// The key of an older generation that still works beside it.
    old: Option<AccessKeyId>,
    /// The enrolment key that let it in, or the one that followed it: none but that line lets it enrol again.
    enrolled_by: AccessKeyId,
    window_state: WindowState,
}

/// The state of a machine in a grace window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WindowState {
    /// There is no window, or it had no older key when the window opened.
    Outside,
    /// It has not used its new key.
    Waiting,
    /// It has.
    Moved,
}

impl Aggregate for Keyring {
    const KIND: StreamKind = StreamKind::Keyring;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        evolve::evolve(self, event);
    }

    fn weight_bytes(&self) -> usize {
        let lists = self.window.iter().map(|window| window.older_shared.len() + window.sealed.len());
        let forgettable = self.forgettable.values().map(Vec::len);
        size_of::<Self>()
            + of_entries::<AccessKeyId, Key>(self.keys.len(), 1)
            + of_entries::<AccessKeyName, AccessKeyId>(self.names.len(), 1)
            + of_entries::<MachineName, Machine>(self.machines.len(), 1)
            + lists.chain(forgettable).sum::<usize>() * size_of::<AccessKeyId>()
    }
}

impl Keyring {
    /// Which generation of keys is the newest, from 1.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.rolls + 1
    }

    /// The grace window that is open, if one is. Its time may be over.
    #[must_use]
    pub fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    /// How many people's keys and machines there are; a key and its successor count once.
    fn holders(&self) -> usize {
        self.names.len() + self.machines.len()
    }

    /// The key, unless it ended by `now`.
    fn live(&self, key: AccessKeyId, now: DateTime<Utc>) -> Option<&Key> {
        let found = self.keys.get(&key)?;
        let older = found.generation < self.generation();
        let over = older && self.window.as_ref().is_none_or(|window| window.until <= now);
        (!over && !found.is_expired(now)).then_some(found)
    }

    /// `key` after the one that it follows, if that still works: who ends a key does not mean to leave open the one that
    /// it replaces.
    fn line_of(&self, key: AccessKeyId) -> Vec<AccessKeyId> {
        let before = self.keys.iter().filter(|(_, other)| other.successor == Some(key)).map(|(id, _)| *id);
        before.chain([key]).collect()
    }

    /// The key that took over from `key`, or itself.
    fn successor(&self, key: AccessKeyId) -> AccessKeyId {
        let successor = self.keys.get(&key).and_then(|key| key.successor);
        successor.filter(|successor| self.keys.contains_key(successor)).unwrap_or(key)
    }
}

impl Machine {
    /// The older one first.
    fn keys(&self) -> Vec<AccessKeyId> {
        self.old.into_iter().chain([self.current]).collect()
    }
}

impl Key {
    fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}
