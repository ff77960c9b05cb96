//! What the design says of each cell of the table, and why.

use super::client::{Knows, Manager};

pub(crate) const INTRODUCTION: &str = "\
# The rotation drill

Real clients at every state of a rotation of the signing key, and after a theft: Debian 12's apt, dnf and zypper, each with
every index and every rpm checked (`gpgcheck=1`, `repo_gpgcheck=1`, `pkg_gpgcheck=1`). A client knows the old key, the new
one, or both, or was set up by the installer before the rotation and is upgraded at each state (`apt-get upgrade`, `dnf
upgrade`, `zypper update`) and never touched otherwise. A dnf or zypper that knows the new key asks below `key/2/`, as installers write it that ship it.

This page is written by the story `rotation.rs` and compared with what clients do at each run of the tests.
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
                "`prepareNextKey`: machines get the new certificate ahead. The old key signs indexes and packages."
            }
            Self::Overlap => "`beginOverlap`: both keys sign indexes. An rpm holds one signature: the old key's.",
            Self::CutOver => {
                "`cutOver`: the new key alone signs indexes and new packages. Earlier rpms keep the old signature."
            }
            Self::Retired => {
                "`retireKey`, and a restart: the old key's private part is gone. Its certificate is still handed out, \
                 because earlier rpms bear its signature."
            }
            Self::Stolen => {
                "`declareCompromised` while the next key was announced: the new key signs every index, and every rpm is \
                 signed anew. The old certificate is handed out no more; a machine that still has it is none the worse \
                 for these packages, and has to lose it to be safe from the thief."
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
    // An rpm bears one signature; a deb bears none, and is vouched for by the index that names its digest.
    let fresh_by_new = matches!(state, State::CutOver | State::Retired | State::Stolen);
    let earlier_by_new = state == State::Stolen;
    let checks_packages = manager != Manager::Apt;
    let believes = |by_new: bool| !checks_packages || if by_new { knows.has_new() } else { knows.has_old() };
    let can_install_earlier = can_refresh && believes(earlier_by_new);
    let can_install_fresh = can_refresh && believes(fresh_by_new);
    let why = match (state, knows) {
        (_, Knows::Both) => "knows whoever signed",
        (_, Knows::Upgraded) => "the repository's own package brought whom to trust, in time",
        (State::Announced, Knows::Old) => "the old key signs everything",
        (State::Announced, Knows::New) => "the new key signs nothing yet",
        (State::Overlap, Knows::Old) => "the old key still signs every index",
        (State::Overlap, Knows::New) if checks_packages => {
            "the index bears the new key's signature too, and packages only the old one's"
        }
        (State::Overlap, Knows::New) => "the index bears the new key's signature too",
        (State::CutOver | State::Retired, Knows::Old) => "the old key signs no index any more",
        (State::CutOver | State::Retired, Knows::New) if checks_packages => {
            "earlier packages bear the old key's signature"
        }
        (State::CutOver | State::Retired, Knows::New) => "the new key signs every index; debs bear no signature",
        (State::Stolen, Knows::Old) => "nothing bears the stolen key's signature any more",
        (State::Stolen, Knows::New) => "the new key signed everything anew",
    };
    Expected { can_refresh, can_install_earlier, can_install_fresh, why }
}
