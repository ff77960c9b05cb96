//! What goes wrong on request.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// What becomes of one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with `UNAVAILABLE`; nothing is recorded.
    Unavailable,
    /// All connections of the node break before it is recorded.
    DroppedConnection,
    /// It is recorded; all connections of the node break before the answer.
    LostAcknowledgement,
    /// It is recorded, and never answered.
    Hang,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    next: Mutex<VecDeque<Fault>>,
    is_slow: AtomicBool,
    appends: AtomicU64,
}

impl Faults {
    pub(crate) fn push(&self, fault: Fault) {
        self.next.lock().expect("no test panicked in here").push_back(fault);
    }

    /// What happens to the append that asks.
    pub(crate) fn take(&self) -> Option<Fault> {
        self.next.lock().expect("no test panicked in here").pop_front()
    }

    pub(crate) fn be_slow(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    /// Whether this append takes its time: one of `every`, once they are to be slow.
    pub(crate) fn is_slow(&self, every: u64) -> bool {
        self.appends.fetch_add(1, Ordering::Relaxed).is_multiple_of(every) && self.is_slow.load(Ordering::Relaxed)
    }
}
