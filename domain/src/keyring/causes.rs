//! Which event of a keyring led to another one: when it is recorded, and afterwards for readers of an older log.

use std::collections::BTreeMap;

use super::{Event, WindowEnd};
use crate::ids::{AccessKeyId, EventId};

/// The events of one keyring that may cause others. It holds what the newest window needs, however long the
/// keyring's story is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Causes {
    opened: Option<EventId>,
    /// Renewals of machines that have not used their new key.
    renewed: BTreeMap<AccessKeyId, EventId>,
    /// The newest event after which the window waits for fewer keys.
    awaits_less: Option<EventId>,
    /// The ends of windows whose sealed keys are still there, by generation.
    closed: BTreeMap<u32, EventId>,
}

impl Causes {
    /// Takes in the next event of the keyring.
    pub fn take(&mut self, id: EventId, event: &Event) {
        match event {
            Event::GraceOpened { .. } => self.begin(Some(id)),
            Event::Rolled { .. } => self.begin(None),
            Event::KeyRenewed { new, .. } => {
                self.renewed.insert(*new, id);
            }
            Event::MachineMoved { key } => {
                self.renewed.remove(key);
                self.awaits_less = Some(id);
            }
            Event::AccessKeyRevoked { .. } => self.awaits_less = Some(id),
            Event::MachineEnrolled { replaces, .. } if !replaces.is_empty() => self.awaits_less = Some(id),
            Event::GraceClosed { generation, .. } => {
                self.begin(None);
                self.closed.insert(*generation, id);
            }
            Event::SealedKeysDeleted { generation } => {
                self.closed.remove(generation);
            }
            Event::AccessKeyIssued { .. } | Event::MachineEnrolled { .. } | Event::InstallerPublished { .. } => {}
        }
    }

    /// The event that led to `event`, which comes next; none if a command of a person did, or time alone.
    ///
    /// Closing a window early is a person's command too: what it names is the window's opening, without which there is no cut.
    #[must_use]
    pub fn of(&self, event: &Event) -> Option<EventId> {
        match event {
            Event::KeyRenewed { .. } => self.opened,
            Event::MachineMoved { key } => self.renewed.get(key).copied(),
            Event::GraceClosed { because: WindowEnd::EveryoneMoved, .. } => self.awaits_less.or(self.opened),
            Event::GraceClosed { because: WindowEnd::TimeOver | WindowEnd::Cut, .. } => self.opened,
            Event::SealedKeysDeleted { generation } => self.closed.get(generation).copied(),
            Event::AccessKeyIssued { .. }
            | Event::AccessKeyRevoked { .. }
            | Event::Rolled { .. }
            | Event::GraceOpened { .. }
            | Event::MachineEnrolled { .. }
            | Event::InstallerPublished { .. } => None,
        }
    }

    fn begin(&mut self, opened: Option<EventId>) {
        (self.opened, self.awaits_less) = (opened, None);
        self.renewed.clear();
    }
}
