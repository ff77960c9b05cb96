//! The access keys of one repository: machines enrol, are cut off, and move to new keys window after window.

use chrono::TimeDelta;
use domain::{
    event::Event,
    ids::{AccessKeyId, RepositoryId},
    keyring::{self, AccessKeyName, ENROLS_MAX, NamedKind, Successor, WindowEnd},
    recorded::Actor,
};

use super::{log::Log, now};

/// Every so many machines one is cut off.
const CUT_OFF_EVERY: usize = 50;

/// The life of a repository's keyring, one event after the other.
pub(super) struct Machines {
    repository: RepositoryId,
    operator: Actor,
    wanted: usize,
    enrolled: usize,
    enrolment: AccessKeyId,
    keys: Vec<AccessKeyId>,
    generation: u32,
    stage: Stage,
}

enum Stage {
    Enrol,
    Renew(usize),
    Moved(usize),
    Close,
}

impl Machines {
    /// Issues the key that lets machines in.
    pub(super) fn begin(log: &mut Log, repository: RepositoryId, wanted: usize, operator: &Actor) -> Self {
        let enrolment = AccessKeyId(log.id());
        let issued = keyring::Event::AccessKeyIssued {
            key: enrolment,
            name: name(),
            secret_sha256: log.digest(),
            kind: NamedKind::Enrolment,
            expires_at: Some(now() + TimeDelta::days(3650)),
            enrols_max: Some(ENROLS_MAX),
        };
        log.push("keyring", repository.0, vec![issued.into()], operator, None);
        let operator = operator.clone();
        Self { repository, operator, wanted, enrolled: 0, enrolment, keys: vec![], generation: 1, stage: Stage::Enrol }
    }

    /// The newest key of each machine.
    pub(super) fn keys(&self) -> impl Iterator<Item = AccessKeyId> {
        self.keys.iter().copied()
    }

    /// The next `events` events.
    pub(super) fn live_on(&mut self, log: &mut Log, events: usize) {
        for _ in 0..events {
            let (event, actor) = self.next(log);
            log.push("keyring", self.repository.0, vec![Event::from(event)], &actor, None);
        }
    }

    fn next(&mut self, log: &mut Log) -> (keyring::Event, Actor) {
        match self.stage {
            Stage::Enrol if self.enrolled % CUT_OFF_EVERY == CUT_OFF_EVERY - 1 => {
                self.enrolled += 1;
                let key = self.keys.pop().expect("a machine has enrolled just now");
                (keyring::Event::AccessKeyRevoked { key }, self.operator.clone())
            }
            Stage::Enrol if self.enrolled < self.wanted => self.enrol(log),
            Stage::Enrol => self.open(log),
            Stage::Renew(n) if n < self.keys.len() => {
                self.stage = Stage::Moved(n);
                let old = self.keys[n];
                self.keys[n] = old.renewed(self.generation);
                let renewed = keyring::Event::KeyRenewed { old, new: self.keys[n], secret_sha256: log.digest() };
                (renewed, Actor::AccessKey { key: old })
            }
            Stage::Renew(_) => {
                self.stage = Stage::Close;
                let because = WindowEnd::EveryoneMoved;
                (keyring::Event::GraceClosed { generation: self.generation, because }, worker("grace"))
            }
            Stage::Moved(n) => {
                self.stage = Stage::Renew(n + 1);
                (keyring::Event::MachineMoved { key: self.keys[n] }, worker("moves"))
            }
            Stage::Close => {
                self.stage = Stage::Enrol;
                (keyring::Event::SealedKeysDeleted { generation: self.generation }, worker("grace"))
            }
        }
    }

    fn enrol(&mut self, log: &mut Log) -> (keyring::Event, Actor) {
        let key = AccessKeyId(log.id());
        self.keys.push(key);
        self.enrolled += 1;
        let enrolled = keyring::Event::MachineEnrolled {
            enrolment: self.enrolment,
            key,
            machine: format!("machine-{}", self.enrolled).parse().expect("a name"),
            secret_sha256: log.digest(),
            replaces: vec![],
        };
        (enrolled, Actor::AccessKey { key: self.enrolment })
    }

    fn open(&mut self, log: &mut Log) -> (keyring::Event, Actor) {
        self.generation += 1;
        self.stage = Stage::Renew(0);
        let old = std::mem::replace(&mut self.enrolment, AccessKeyId(log.id()));
        let successor = Successor {
            old,
            new: self.enrolment,
            name: name(),
            kind: NamedKind::Enrolment,
            secret_sha256: log.digest(),
            expires_at: Some(now() + TimeDelta::days(3650)),
            enrols_max: Some(ENROLS_MAX),
        };
        let until = now() + TimeDelta::days(30);
        let opened = keyring::Event::GraceOpened { generation: self.generation, until, successors: vec![successor] };
        (opened, self.operator.clone())
    }
}

fn name() -> AccessKeyName {
    "machines".parse().expect("a name")
}

fn worker(name: &str) -> Actor {
    Actor::Worker { name: name.to_owned() }
}
