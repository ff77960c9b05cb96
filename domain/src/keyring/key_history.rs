//! The history of every key of a keyring: from when until when it gave access, and why it ended.
//!
//! The keyring itself forgets keys that have ended; an auditor does not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Event, KeyKind, Successor};
use crate::ids::AccessKeyId;

/// All keys of one repository, living and ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHistories {
    generation: u32,
    window_until: Option<DateTime<Utc>>,
    keys: BTreeMap<AccessKeyId, Life>,
}

/// What is known of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The key's name, or its machine's.
    pub name: String,
    /// What it is for.
    pub kind: KeyKind,
    /// Of which generation it is.
    pub generation: u32,
    /// Since when it exists.
    pub issued_at: DateTime<Utc>,
    /// When it ends by itself, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// The key it took over from.
    pub follows: Option<AccessKeyId>,
    /// The key that followed it.
    pub successor: Option<AccessKeyId>,
    /// The enrolment key that its machine showed, if it enrolled with one.
    pub enrolled_with: Option<AccessKeyId>,
    /// When its machine was first seen with it, if it got it in a grace window.
    pub moved_at: Option<DateTime<Utc>>,
    /// When and why it was ended by a command. Time alone may end it before: see [`KeyHistories::end`].
    ended: Option<End>,
}

/// When a key ended, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// From this moment on it gives no access.
    pub at: DateTime<Utc>,
    /// Why.
    pub because: Ended,
}

/// Why a key ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was revoked.
    Revoked,
    /// A roll without a grace window ended every key.
    Rolled,
    /// The grace window in which it still worked closed.
    WindowClosed,
    /// Its machine enrolled again and got another.
    Replaced,
    /// Its own time was over.
    Expired,
}

impl Ended {
    /// Its name in rows, JSON and GraphQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Rolled => "rolled",
            Self::WindowClosed => "window_closed",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
        }
    }
}

impl Default for KeyHistories {
    fn default() -> Self {
        Self { generation: 1, window_until: None, keys: BTreeMap::new() }
    }
}

impl KeyHistories {
    /// Folds in one more event, recorded at `at`.
    pub fn evolve(&mut self, event: &Event, at: DateTime<Utc>) {
        match event {
            Event::AccessKeyIssued { key, name, kind, expires_at, .. } => {
                self.begin(*key, Life { expires_at: *expires_at, ..self.life(name.as_str(), (*kind).into(), at) });
            }
            Event::AccessKeyRevoked { key } => self.finish(*key, End { at, because: Ended::Revoked }),
            Event::Rolled { generation, keys } => {
                self.finish_older(*generation, End { at, because: Ended::Rolled });
                self.window_until = None;
                self.next_generation(*generation, keys, at);
            }
            Event::GraceOpened { generation, until, successors } => {
                self.next_generation(*generation, successors, at);
                self.window_until = Some(*until);
            }
            Event::KeyRenewed { old, new, .. } => {
                let name = self.keys.get(old).map(|life| life.name.clone()).unwrap_or_default();
                self.begin(*new, Life { follows: Some(*old), ..self.life(&name, KeyKind::Machine, at) });
            }
            Event::MachineMoved { key } => {
                if let Some(life) = self.keys.get_mut(key) {
                    life.moved_at = Some(at);
                }
            }
            Event::GraceClosed { generation, .. } => {
                // Its time may have been over before its end was recorded.
                let at = self.window_until.take().map_or(at, |until| until.min(at));
                self.finish_older(*generation, End { at, because: Ended::WindowClosed });
            }
            Event::MachineEnrolled { enrolment, key, machine, replaces, .. } => {
                for replaced in replaces {
                    self.finish(*replaced, End { at, because: Ended::Replaced });
                }
                let life = self.life(machine.as_str(), KeyKind::Machine, at);
                let follows = replaces.last().copied();
                self.begin(*key, Life { enrolled_with: Some(*enrolment), follows, ..life });
            }
            Event::SealedKeysDeleted { .. } | Event::InstallerPublished { .. } => {}
        }
    }

    /// The keys that were valid at `at`, by the events folded so far.
    ///
    /// Later events do not change the answer, except for what was known then of each key's end.
    pub fn entrants(&self, at: DateTime<Utc>) -> impl Iterator<Item = (AccessKeyId, &Life)> {
        let works = move |(_, life): &(&AccessKeyId, &Life)| {
            life.issued_at <= at && self.end_of(life).is_none_or(|end| at < end.at)
        };
        self.keys.iter().filter(works).map(|(key, life)| (*key, life))
    }

    /// What is known of `key`.
    #[must_use]
    pub fn get(&self, key: AccessKeyId) -> Option<&Life> {
        self.keys.get(&key)
    }

    /// When `key` ended or will end, and why; none if nothing ends it yet.
    #[must_use]
    pub fn end(&self, key: AccessKeyId) -> Option<End> {
        self.end_of(self.keys.get(&key)?)
    }

    /// Which generation is the newest, from 1.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    fn end_of(&self, life: &Life) -> Option<End> {
        let expires = life.expires_at.map(|at| End { at, because: Ended::Expired });
        let closes = self.window_until.filter(|_| life.generation < self.generation);
        let closes = closes.map(|at| End { at, because: Ended::WindowClosed });
        [life.ended, expires, closes].into_iter().flatten().min_by_key(|end| end.at)
    }

    /// A new key of the newest generation.
    fn life(&self, name: &str, kind: KeyKind, at: DateTime<Utc>) -> Life {
        Life {
            name: name.to_owned(),
            kind,
            generation: self.generation,
            issued_at: at,
            expires_at: None,
            follows: None,
            successor: None,
            enrolled_with: None,
            moved_at: None,
            ended: None,
        }
    }

    fn begin(&mut self, key: AccessKeyId, life: Life) {
        if let Some(before) = life.follows.and_then(|before| self.keys.get_mut(&before)) {
            before.successor = Some(key);
        }
        self.keys.insert(key, life);
    }

    fn next_generation(&mut self, generation: u32, successors: &[Successor], at: DateTime<Utc>) {
        self.generation = generation;
        for Successor { old, new, name, kind, expires_at, .. } in successors {
            let life = self.life(name.as_str(), (*kind).into(), at);
            self.begin(*new, Life { follows: Some(*old), expires_at: *expires_at, ..life });
        }
    }

    fn finish(&mut self, key: AccessKeyId, end: End) {
        if let Some(life) = self.keys.get_mut(&key) {
            life.finish(end);
        }
    }

    fn finish_older(&mut self, generation: u32, end: End) {
        for life in self.keys.values_mut().filter(|life| life.generation < generation) {
            life.finish(end);
        }
    }
}

impl Life {
    /// The earliest end counts: a window whose end is recorded late ended its keys before they were revoked.
    fn finish(&mut self, end: End) {
        if self.ended.is_none_or(|known| end.at < known.at) {
            self.ended = Some(end);
        }
    }
}
