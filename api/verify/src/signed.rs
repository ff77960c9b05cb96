//! The last signed states of the transparency logs: the event log must still begin with their entries. This detects events that were
//! deleted from the log's end, together with the read models.

use std::{fmt, path::Path};

use domain::{
    checkpoint::{LogName, LogState},
    digest::Sha256,
    recorded::Position,
};
use signing::log_signer::signed_states;

use super::{Finding, Place, Sources, VerifyError, transparency::TenantLogs};

/// The last signed states, read before the log's head, so that the log must have all their entries.
#[derive(Default)]
pub(super) struct SignedLogs {
    server: Option<LogState>,
    organisations: Vec<(LogName, LogState)>,
    /// The root of the first events of the log, as many as in the server's signed state.
    server_root: Option<Sha256>,
}

impl SignedLogs {
    pub(super) fn read(sources: &Sources) -> Result<Self, VerifyError> {
        let Some(folder) = &sources.signed_logs else { return Ok(Self::default()) };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| VerifyError::Signed { path, source }
        };
        let states = signed_states(folder).map_err(failed(folder))?;
        let (server, organisations): (Vec<_>, Vec<_>) =
            states.into_iter().partition(|(log, _)| *log == LogName::Server);
        let server = server.first().map(|(_, state)| *state);
        Ok(Self { server, organisations, server_root: None })
    }

    /// Records the number of events so far, and their root.
    pub(super) fn passed(&mut self, size: u64, root: impl FnOnce() -> Sha256) {
        if self.server.is_some_and(|state| state.size == size) {
            self.server_root = Some(root());
        }
    }

    /// The signed states that contradict the log, which was read up to `last` (its end if `is_whole`).
    pub(super) fn findings(&self, tenants: &TenantLogs, last: Position, is_whole: bool) -> Vec<Finding> {
        let server = self.server.map(|state| (LogName::Server, state, self.server_root, last));
        let organisations = self.organisations.iter().map(|(log, state)| {
            let (root, position) = tenants.state(*log, state.size).unzip();
            (*log, *state, root, position.unwrap_or(last))
        });
        let all = server.into_iter().chain(organisations);
        all.filter_map(|(log, LogState { size, root }, actual, position)| {
            let name = Named(log);
            let what = match actual {
                Some(actual) if actual == root => return None,
                Some(actual) => format!(
                    "the server signed {size} entries of {name} with root {root}, and the events up to here give {actual}: \
                     one of them is not the one that was recorded"
                ),
                None if is_whole => format!(
                    "the server signed {size} entries of {name}, but the log has fewer: events after this position are missing"
                ),
                None => return None,
            };
            Some(Finding::new(Place::at(position), what))
        })
        .collect()
    }
}

struct Named(LogName);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            LogName::Server => f.write_str("its transparency log"),
            LogName::Organisation(id) => write!(f, "the transparency log of organisation {id}"),
        }
    }
}
