//! What the design says of each cell of the table, and why.

use super::client::{Knows, Manager};

pub(crate) const INTRODUCTION: &str = "\
# The rotation drill

What real clients do at each state of a rotation of the signing key, and after a theft: apt, dnf and zypper of
Debian 12, which check every index and every rpm (`gpgcheck=1`, `repo_gpgcheck=1`, `pkg_gpgcheck=1`). A client knows the
old key, the new one, or both, or was set up by the installer before the rotation and is upgraded at each state
(`apt-get upgrade`, `dnf upgrade`, `zypper update`) and not changed otherwise. A dnf or zypper that knows the new key
uses addresses below `key/2/`, as installers with the new key configure it.

The story `rotation.rs` writes this page, and every run of the tests compares it with what clients do.
`–`: not tried, because the refresh before it was refused.
";

/// A state of the rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Announced,
    Overlap,
    CutOver,
    Retired,
    Stolen,
}

impl State {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Announced => "The next key is announced",
            Self::Overlap => "Overlap",
            Self::CutOver => "Cut over",
            Self::Retired => "Retired",
            Self::Stolen => "The old key was stolen",
        }
    }

    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Announced => {
                "`prepareNextKey`: machines get the new certificate in advance. The old key signs indexes and packages."
            }
            Self::Overlap => "`beginOverlap`: both keys sign indexes. An rpm has one signature: the old key's.",
            Self::CutOver => {
                "`cutOver`: the new key alone signs indexes and new packages. Earlier rpms keep the old signature."
            }
            Self::Retired => {
                "`retireKey`, and a restart: the old key's private part is gone. Its certificate is still published, \
                 because earlier rpms have its signature."
            }
            Self::Stolen => {
                "`declareCompromised` while the next key was announced: the new key signs every index, and every rpm is \
                 signed again. The old certificate is no longer published. A machine that still has it can install \
                 these packages, but is safe from the thief only without it."
            }
        }
    }
}

/// What a client can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) can_refresh: bool,
    pub(crate) can_install_earlier: bool,
    pub(crate) can_install_fresh: bool,
    pub(crate) why: &'static str,
}

/// Derived from who signs what, not from what was seen.
pub(crate) fn expected(state: State, manager: Manager, knows: Knows) -> Expected {
    let index_by_old = matches!(state, State::Announced | State::Overlap);
    let index_by_new = state != State::Announced;
    let can_refresh = (knows.has_old() && index_by_old) || (knows.has_new() && index_by_new);
    // An rpm has one signature; a deb has none, and is verified by the index that names its digest.
    let fresh_by_new = matches!(state, State::CutOver | State::Retired | State::Stolen);
    let earlier_by_new = state == State::Stolen;
    let checks_packages = manager != Manager::Apt;
    let believes = |by_new: bool| !checks_packages || if by_new { knows.has_new() } else { knows.has_old() };
    let can_install_earlier = can_refresh && believes(earlier_by_new);
    let can_install_fresh = can_refresh && believes(fresh_by_new);
    let why = match (state, knows) {
        (_, Knows::Both) => "knows every key that signed",
        (_, Knows::Upgraded) => "the repository's own package brought the certificates in time",
        (State::Announced, Knows::Old) => "the old key signs everything",
        (State::Announced, Knows::New) => "the new key signs nothing yet",
        (State::Overlap, Knows::Old) => "the old key still signs every index",
        (State::Overlap, Knows::New) if checks_packages => {
            "the index has the new key's signature too, but packages only the old one's"
        }
        (State::Overlap, Knows::New) => "the index has the new key's signature too",
        (State::CutOver | State::Retired, Knows::Old) => "the old key no longer signs indexes",
        (State::CutOver | State::Retired, Knows::New) if checks_packages => {
            "earlier packages have the old key's signature"
        }
        (State::CutOver | State::Retired, Knows::New) => "the new key signs every index; debs have no signature",
        (State::Stolen, Knows::Old) => "nothing has the stolen key's signature any more",
        (State::Stolen, Knows::New) => "the new key signed everything again",
    };
    Expected { can_refresh, can_install_earlier, can_install_fresh, why }
}
