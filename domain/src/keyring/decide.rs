//! Decides which events follow from a command to a keyring.

use chrono::{DateTime, Utc};

use super::{
    ACCESS_KEYS_MAX, AccessKeyName, Command, ENROLS_MAX, Event, GRACE_MAX, Holder, Key, Keyring, NAMED_KEYS_MAX,
    NamedKind, Refusal, Terms, WindowEnd, WindowState,
};
use crate::{digest::Sha256, ids::AccessKeyId, names::MachineName};

pub(super) fn decide(keyring: &Keyring, command: Command) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::IssueAccessKey { key, name, secret_sha256, terms, now } => {
            issue(keyring, key, name, secret_sha256, &terms, now)
        }
        Command::RevokeAccessKey { key } => revoke(keyring, key),
        Command::Roll { replacements, .. } if keyring.has_all(&replacements) => Ok(vec![]),
        Command::Roll { replacements, now } => {
            let keys = keyring.successors(&replacements, now)?;
            let rolled = Event::Rolled { generation: keyring.generation() + 1, keys };
            Ok(keyring.closing(now).into_iter().chain([rolled]).collect())
        }
        Command::OpenGrace { replacements, .. } if keyring.has_all(&replacements) => Ok(vec![]),
        Command::OpenGrace { until, replacements, now } => {
            if let Some(window) = keyring.window.as_ref().filter(|window| now < window.until) {
                return Err(Refusal::WindowOpen(window.until));
            }
            if until <= now || until > now + GRACE_MAX {
                return Err(Refusal::WindowOutOfRange);
            }
            let successors = keyring.successors(&replacements, now)?;
            let opened = Event::GraceOpened { generation: keyring.generation() + 1, until, successors };
            Ok(keyring.closing(now).into_iter().chain([opened]).collect())
        }
        Command::CloseGrace { generation, because, now } => close(keyring, generation, because, now),
        Command::RenewKey { old, secret_sha256, now } => renew(keyring, old, secret_sha256, now),
        Command::RecordMoved { key } => Ok(moved(keyring, key).into_iter().collect()),
        Command::RecordSealedKeysDeleted { generation } => {
            let known = keyring.forgettable.contains_key(&generation);
            Ok(known.then_some(Event::SealedKeysDeleted { generation }).into_iter().collect())
        }
        Command::RecordInstaller { number, sha256, generation, content } => match keyring.installer {
            Some((_, same)) if same == content => Ok(vec![]),
            Some((newest, _)) if number <= newest => Err(Refusal::InstallerSuperseded),
            _ => Ok(vec![Event::InstallerPublished { number, sha256, generation, content }]),
        },
        Command::EnrolMachine { enrolment, key, machine, secret_sha256, now } => {
            enrol(keyring, enrolment, key, machine, secret_sha256, now)
        }
    }
}

impl Keyring {
    /// The event that a roll records first if a window is open.
    fn closing(&self, now: DateTime<Utc>) -> Option<Event> {
        let window = self.window.as_ref()?;
        let because = if window.until <= now { WindowEnd::TimeOver } else { WindowEnd::Cut };
        Some(Event::GraceClosed { generation: self.generation(), because })
    }
}

fn issue(
    keyring: &Keyring,
    key: AccessKeyId,
    name: AccessKeyName,
    secret_sha256: Sha256,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    if keyring.keys.contains_key(&key) {
        return Ok(vec![]);
    }
    let (kind, expires_at, enrols_max) = match terms {
        Terms::Shared { expires_at } => (NamedKind::Shared, *expires_at, None),
        Terms::Enrolment(limits) => (NamedKind::Enrolment, Some(limits.expires_at), Some(limits.enrols_max)),
    };
    if expires_at.is_some_and(|end| end <= now) {
        return Err(Refusal::AlreadyExpired);
    }
    if enrols_max.is_some_and(|enrols| !(1..=ENROLS_MAX).contains(&enrols)) {
        return Err(Refusal::EnrolsOutOfRange);
    }
    let taken_by = keyring.names.get(&name).copied();
    // A key that has expired is refused, so its name is free.
    let expired = taken_by.filter(|taken| keyring.live(*taken, now).is_none());
    if taken_by.is_some() && expired.is_none() {
        return Err(Refusal::NameTaken(name));
    }
    if expired.is_none() && keyring.names.len() >= NAMED_KEYS_MAX {
        return Err(Refusal::TooManyNamed);
    }
    if expired.is_none() && keyring.holders() >= ACCESS_KEYS_MAX {
        return Err(Refusal::TooMany);
    }
    let revoked = expired.map(|key| Event::AccessKeyRevoked { key });
    let issued = Event::AccessKeyIssued { key, name, secret_sha256, kind, expires_at, enrols_max };
    Ok(revoked.into_iter().chain([issued]).collect())
}

/// A machine that is cut off loses both of the keys it may have in a grace window.
fn revoke(keyring: &Keyring, key: AccessKeyId) -> Result<Vec<Event>, Refusal> {
    if !keyring.keys.contains_key(&key) {
        return Err(Refusal::Unknown);
    }
    let machine = keyring.machine_of(key).and_then(|name| keyring.machines.get(&name));
    let keys = machine.map_or_else(|| keyring.line_of(key), super::Machine::keys);
    Ok(keys.into_iter().map(|key| Event::AccessKeyRevoked { key }).collect())
}

/// A reason that is not true (any more) changes nothing: the sender's state may be old.
fn close(keyring: &Keyring, generation: u32, because: WindowEnd, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let window = keyring.window.as_ref().filter(|_| generation == keyring.generation());
    let holds = match (because, window) {
        (WindowEnd::Cut, None) => return Err(Refusal::NoWindow),
        (WindowEnd::Cut, Some(_)) => true,
        (WindowEnd::TimeOver, window) => window.is_some_and(|window| window.until <= now),
        (WindowEnd::EveryoneMoved, _) => keyring.everyone_moved(now),
    };
    Ok(holds.then_some(Event::GraceClosed { generation, because }).into_iter().collect())
}

fn renew(
    keyring: &Keyring,
    old: AccessKeyId,
    secret_sha256: Sha256,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let key = keyring.live(old, now).ok_or(Refusal::Unknown)?;
    let new = old.renewed(keyring.generation());
    match key {
        Key { successor: Some(successor), .. } if *successor == new => Ok(vec![]),
        Key { holder: Holder::Machine(_), successor: None, generation, .. } if *generation < keyring.generation() => {
            Ok(vec![Event::KeyRenewed { old, new, secret_sha256 }])
        }
        _ => Err(Refusal::NotRenewable),
    }
}

fn moved(keyring: &Keyring, key: AccessKeyId) -> Option<Event> {
    let machine = keyring.machines.get(&keyring.machine_of(key)?)?;
    let first = machine.current == key
        && machine.window_state == WindowState::Waiting
        && keyring.keys.get(&key)?.generation == keyring.generation();
    first.then_some(Event::MachineMoved { key })
}

fn enrol(
    keyring: &Keyring,
    enrolment: AccessKeyId,
    key: AccessKeyId,
    machine: MachineName,
    secret_sha256: Sha256,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    if keyring.keys.contains_key(&key) {
        return Ok(vec![]);
    }
    let presented = keyring.live(enrolment, now).ok_or(Refusal::Unknown)?;
    if !matches!(presented.holder, Holder::Enrolment { .. }) {
        return Err(Refusal::NotEnrolling);
    }
    // What is enrolled with a key and with the one that follows it is counted together.
    let successor = keyring.successor(enrolment);
    let counted = keyring.keys.get(&successor).unwrap_or(presented);
    if let Some(known) = keyring.machines.get(&machine) {
        // As long as it has a key, its name is its own: another line of enrolment keys never takes it over, whatever
        // became of the one that let it in.
        if keyring.successor(known.enrolled_by) != successor {
            return Err(Refusal::MachineNameTaken(machine));
        }
        let replaces = known.keys();
        return Ok(vec![Event::MachineEnrolled { enrolment, key, machine, secret_sha256, replaces }]);
    }
    if !counted.is_of_use() {
        return Err(Refusal::UsedUp);
    }
    if keyring.holders() >= ACCESS_KEYS_MAX {
        return Err(Refusal::TooMany);
    }
    Ok(vec![Event::MachineEnrolled { enrolment, key, machine, secret_sha256, replaces: vec![] }])
}
