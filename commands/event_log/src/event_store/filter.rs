//! A filter over the events of the whole log.

use std::collections::BTreeSet;

/// Lets events through by their stream's kind and by their name; the default lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of streams, such as `release`; none means all.
    pub stream_kinds: BTreeSet<String>,
    /// Names of events, such as `release.received`; none means all.
    pub event_names: BTreeSet<String>,
}

impl Filter {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only streams of these kinds.
    #[must_use]
    pub fn kinds<S: Into<String>>(kinds: impl IntoIterator<Item = S>) -> Self {
        Self { stream_kinds: kinds.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Only events of these names.
    #[must_use]
    pub fn names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self { event_names: names.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Whether nothing is held back.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.stream_kinds.is_empty() && self.event_names.is_empty()
    }
}
