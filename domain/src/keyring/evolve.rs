//! How each event changes the keyring.

use std::mem;

use chrono::{DateTime, Utc};

use super::{Event, Holder, Key, Keyring, Machine, NamedKind, Successor, Window, WindowState};
use crate::{ids::AccessKeyId, names::MachineName};

pub(super) fn evolve(keyring: &mut Keyring, event: &Event) {
    match event {
        Event::AccessKeyIssued { key, name, kind, expires_at, enrols_max, .. } => {
            keyring.names.insert(name.clone(), *key);
            keyring.insert(*key, *expires_at, named(*kind, name, *enrols_max));
        }
        Event::AccessKeyRevoked { key } => keyring.revoke(*key),
        Event::Rolled { generation, keys } => {
            keyring.keys.clear();
            keyring.names.clear();
            keyring.machines.clear();
            keyring.begin(*generation, keys);
        }
        Event::GraceOpened { generation, until, successors } => keyring.open(*generation, *until, successors),
        Event::KeyRenewed { old, new, .. } => keyring.renew(*old, *new),
        Event::MachineMoved { key } => {
            if let Some(machine) = keyring.machine_of(*key) {
                keyring.crossed(&machine);
            }
        }
        Event::GraceClosed { generation, .. } => keyring.close(*generation),
        Event::SealedKeysDeleted { generation } => {
            keyring.forgettable.remove(generation);
        }
        Event::InstallerPublished { number, content, .. } => keyring.installer = Some((*number, *content)),
        Event::MachineEnrolled { enrolment, key, machine, replaces, .. } => {
            keyring.enrol(*enrolment, *key, machine, replaces);
        }
    }
}

fn named(kind: NamedKind, name: &super::AccessKeyName, enrols_max: Option<u32>) -> Holder {
    match kind {
        NamedKind::Shared => Holder::Shared(name.clone()),
        NamedKind::Enrolment => {
            Holder::Enrolment { name: name.clone(), enrols_max: enrols_max.unwrap_or(0), enrolled: 0 }
        }
    }
}

impl Keyring {
    /// A new key of the newest generation.
    fn insert(&mut self, key: AccessKeyId, expires_at: Option<DateTime<Utc>>, holder: Holder) {
        self.keys.insert(key, Key { generation: self.generation(), expires_at, holder, successor: None });
    }

    fn begin(&mut self, generation: u32, successors: &[Successor]) {
        self.rolls = generation.saturating_sub(1);
        for Successor { new, name, kind, expires_at, enrols_max, .. } in successors {
            self.names.insert(name.clone(), *new);
            self.insert(*new, *expires_at, named(*kind, name, *enrols_max));
        }
    }

    fn open(&mut self, generation: u32, until: DateTime<Utc>, successors: &[Successor]) {
        let shared = |(id, key): (&AccessKeyId, &Key)| matches!(key.holder, Holder::Shared(_)).then_some(*id);
        let older_shared = self.keys.iter().filter_map(shared).collect();
        for successor in successors {
            if let Some(old) = self.keys.get_mut(&successor.old) {
                old.successor = Some(successor.new);
            }
        }
        self.begin(generation, successors);
        for machine in self.machines.values_mut() {
            machine.window_state = WindowState::Waiting;
        }
        self.window = Some(Window {
            until,
            machines: u32::try_from(self.machines.len()).unwrap_or(u32::MAX),
            moved: 0,
            older_shared,
            sealed: successors.iter().map(|successor| successor.new).collect(),
        });
    }

    fn renew(&mut self, old: AccessKeyId, new: AccessKeyId) {
        let Some(name) = self.machine_of(old) else { return };
        if let Some(key) = self.keys.get_mut(&old) {
            key.successor = Some(new);
        }
        self.insert(new, None, Holder::Machine(name.clone()));
        if let Some(enrolled_by) = self.machines.get(&name).map(|machine| self.successor(machine.enrolled_by))
            && let Some(machine) = self.machines.get_mut(&name)
        {
            *machine = Machine { current: new, old: Some(old), enrolled_by, window_state: machine.window_state };
        }
        if let Some(window) = &mut self.window {
            window.sealed.push(new);
        }
    }

    fn close(&mut self, generation: u32) {
        self.keys.retain(|_, key| key.generation >= generation);
        self.names.retain(|_, key| self.keys.contains_key(key));
        self.machines.retain(|_, machine| self.keys.contains_key(&machine.current));
        for machine in self.machines.values_mut() {
            (machine.old, machine.window_state) = (None, WindowState::Outside);
        }
        let sealed = self.window.take().map(|window| window.sealed).unwrap_or_default();
        self.forgettable.insert(generation, sealed);
    }

    fn enrol(&mut self, enrolment: AccessKeyId, key: AccessKeyId, machine: &MachineName, replaces: &[AccessKeyId]) {
        for replaced in replaces {
            self.keys.remove(replaced);
        }
        let enrolled_by = self.successor(enrolment);
        if replaces.is_empty()
            && let Some(Key { holder: Holder::Enrolment { enrolled, .. }, .. }) = self.keys.get_mut(&enrolled_by)
        {
            *enrolled += 1;
        }
        self.insert(key, None, Holder::Machine(machine.clone()));
        let window_state = self.machines.get(machine).map_or(WindowState::Outside, |machine| machine.window_state);
        self.machines.insert(machine.clone(), Machine { current: key, old: None, enrolled_by, window_state });
        self.crossed(machine);
    }

    /// The machine needs its older key no more.
    fn crossed(&mut self, machine: &MachineName) {
        let Some(Machine { window_state: window_state @ WindowState::Waiting, .. }) = self.machines.get_mut(machine)
        else {
            return;
        };
        *window_state = WindowState::Moved;
        if let Some(window) = &mut self.window {
            window.moved += 1;
        }
    }

    fn revoke(&mut self, key: AccessKeyId) {
        match self.keys.remove(&key).map(|key| key.holder) {
            Some(Holder::Shared(name) | Holder::Enrolment { name, .. }) if self.names.get(&name) == Some(&key) => {
                self.names.remove(&name);
            }
            Some(Holder::Machine(name)) => self.revoke_machine(name, key),
            Some(Holder::Shared(_) | Holder::Enrolment { .. }) | None => {}
        }
    }

    /// The machine is removed with its last key.
    fn revoke_machine(&mut self, name: MachineName, key: AccessKeyId) {
        let Some(machine) = self.machines.get_mut(&name) else { return };
        if machine.old.is_some_and(|old| old == key) {
            machine.old = None;
        } else if let Some(old) = mem::take(&mut machine.old) {
            machine.current = old;
        } else {
            let window_state = machine.window_state;
            self.machines.remove(&name);
            if let Some(window) = &mut self.window {
                window.machines -= u32::from(window_state != WindowState::Outside);
                window.moved -= u32::from(window_state == WindowState::Moved);
            }
        }
    }

    /// The machine that this key belongs to, if any.
    pub(super) fn machine_of(&self, key: AccessKeyId) -> Option<MachineName> {
        match &self.keys.get(&key)?.holder {
            Holder::Machine(name) => Some(name.clone()),
            Holder::Shared(_) | Holder::Enrolment { .. } => None,
        }
    }
}
