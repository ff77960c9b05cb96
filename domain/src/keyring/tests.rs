mod causes;
mod grace;
mod installers;
mod issuing;
mod key_history;
mod machines;
mod rolls;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::{digest::Sha256, testing::given};

fn key(n: usize) -> AccessKeyId {
    AccessKeyId(uuid::Uuid::from_u128(n as u128))
}

fn name(n: usize) -> AccessKeyName {
    format!("key-{n}").parse().expect("a name")
}

fn machine(n: usize) -> MachineName {
    format!("machine-{n}").parse().expect("a name")
}

fn secret(n: usize) -> Sha256 {
    Sha256::of(&n.to_be_bytes())
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn tomorrow() -> DateTime<Utc> {
    now() + TimeDelta::days(1)
}

fn shared(n: usize) -> Event {
    Event::AccessKeyIssued {
        key: key(n),
        name: name(n),
        secret_sha256: secret(n),
        kind: NamedKind::Shared,
        expires_at: None,
        enrols_max: None,
    }
}

fn enrolment(n: usize, enrols_max: u32) -> Event {
    Event::AccessKeyIssued {
        key: key(n),
        name: name(n),
        secret_sha256: secret(n),
        kind: NamedKind::Enrolment,
        expires_at: Some(tomorrow()),
        enrols_max: Some(enrols_max),
    }
}

fn issue(n: usize) -> Command {
    let terms = Terms::Shared { expires_at: None };
    Command::IssueAccessKey { key: key(n), name: name(n), secret_sha256: secret(n), terms, now: now() }
}

fn enrolled(enrolment: usize, n: usize, replaces: impl IntoIterator<Item = usize>) -> Event {
    Event::MachineEnrolled {
        enrolment: key(enrolment),
        key: key(n),
        machine: machine(n % 100),
        secret_sha256: secret(n),
        replaces: replaces.into_iter().map(key).collect(),
    }
}

/// Keys whose numbers end alike are of the same machine.
fn enrol(enrolment: usize, n: usize) -> Command {
    let machine = machine(n % 100);
    Command::EnrolMachine { enrolment: key(enrolment), key: key(n), machine, secret_sha256: secret(n), now: now() }
}

fn revoked(n: usize) -> Event {
    Event::AccessKeyRevoked { key: key(n) }
}

fn replacement(old: usize, new: usize) -> Replacement {
    Replacement { old: key(old), new: key(new), secret_sha256: secret(new) }
}

fn successor(old: usize, new: usize) -> Successor {
    Successor {
        old: key(old),
        new: key(new),
        name: name(old),
        kind: NamedKind::Shared,
        secret_sha256: secret(new),
        expires_at: None,
        enrols_max: None,
    }
}

fn enrolment_successor(old: usize, new: usize, enrols_max: u32) -> Successor {
    Successor {
        kind: NamedKind::Enrolment,
        expires_at: Some(tomorrow()),
        enrols_max: Some(enrols_max),
        ..successor(old, new)
    }
}

fn opened(generation: u32, successors: impl IntoIterator<Item = Successor>) -> Event {
    Event::GraceOpened { generation, until: tomorrow(), successors: successors.into_iter().collect() }
}

fn closed(generation: u32, because: WindowEnd) -> Event {
    Event::GraceClosed { generation, because }
}

fn close(because: WindowEnd) -> Command {
    Command::CloseGrace { generation: 2, because, now: now() }
}

fn renewed(n: usize) -> Event {
    Event::KeyRenewed { old: key(n), new: key(n).renewed(2), secret_sha256: secret(n) }
}

fn moved(n: usize) -> Event {
    Event::MachineMoved { key: key(n).renewed(2) }
}
