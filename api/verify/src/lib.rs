//! Checks a log from its first event to its last, without any private key. Everything that can be checked is checked.
//!
//! It has four passes, the most important first:
//!
//! 1. [`log_pass`]: each event against those before it, the recorded signatures, the Merkle root of all events, and the signed
//!    states of the transparency logs.
//! 2. [`replay`]: every index is rendered again in scratch read models, and compared with the signed one.
//! 3. [`blobs`]: every blob that an event names is hashed, and every compressed index file unpacked.
//! 4. [`read_models`]: the scratch read models are compared with the live ones, row by row.

mod blobs;
mod error;
mod index_files;
mod log_pass;
mod read_models;
mod replay;
mod report;
mod signatures;
mod signed;
mod sources;
#[cfg(test)]
mod tests;
mod transparency;
mod watch;

use std::time::Instant;

use ::projections::runner::ReplayError;
use domain::recorded::Position;

pub use self::{
    error::VerifyError,
    report::{Finding, Place, Report},
    sources::Sources,
    watch::{Silent, Stage, Watch},
};
use stores::scratch::Scratch;

use self::{log_pass::Part, signed::SignedLogs};

/// The range of the log to check. Everything before it is read too, since later events depend on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// Signatures, blobs and index files of events before this position are not checked.
    pub from: Position,
    /// The last position to check. `None` means the log's end.
    pub until: Option<Position>,
}

/// Checks `span` of the log, and all that its events name.
///
/// # Errors
/// See [`VerifyError`]. Problems of the log itself are not errors but findings in the report.
pub async fn verify(sources: &Sources, span: Span, watch: &dyn Watch) -> Result<Report, VerifyError> {
    let started = Instant::now();
    // Before the head, so that the log includes all signed entries.
    let signed = SignedLogs::read(sources)?;
    let head = sources.log.head().await?;
    let until = span.until.map_or(head, |until| until.min(head));
    if let Some(asked) = span.until.filter(|asked| span.from > *asked) {
        return Err(VerifyError::Reversed { from: span.from, until: asked });
    }
    if span.from > until {
        return Err(VerifyError::Nothing { head, from: span.from });
    }
    let scratch = Scratch::new(&sources.scratch)
        .map_err(|source| VerifyError::Scratch { path: sources.scratch.clone(), source })?;
    let live = match &sources.read_models {
        Some(file) => Some(read_models::Snapshot::take(file, scratch.path()).await?),
        None => None,
    };
    let (live, no_read_models) = match live {
        Some(Ok(live)) => (Some(live), None),
        Some(Err(what)) => (None, Some(Finding::new(Place::at(until), what))),
        None => (None, None),
    };

    let log = log_pass::run(sources, Part { from: span.from, until, head }, signed, watch).await?;
    let projected = match log.is_damaged {
        false => replay::run(sources, until, until == head, live.as_ref(), scratch.path(), watch).await,
        true => Ok(replay::Projected::none("the log has events that cannot be read")),
    };
    let index_files = index_files::run(&sources.blobs, &log.indexes, watch).await?;
    let blobs = blobs::run(&sources.blobs, log.blobs, watch).await;
    let mut projected = match projected {
        // A blob that a projector could not read is reported by the pass over the blobs.
        Err(VerifyError::Replay(ReplayError::Trouble(why))) if !blobs.findings.is_empty() => {
            replay::Projected::none(&why)
        }
        projected => projected?,
    };
    if no_read_models.is_some() {
        projected.not_compared = Some("the live ones cannot be read".to_owned());
    }

    let mut report = Report {
        head: until,
        events: log.events,
        merkle_root: log.root,
        publications: log.indexes.len() as u64,
        signatures: log.signatures,
        blobs: blobs.checked,
        blob_bytes: blobs.bytes,
        compared_tables: projected.compared_tables,
        not_compared: projected.not_compared,
        projected_events_a_second: projected.events_a_second,
        elapsed: started.elapsed(),
        findings: Vec::new(),
        further_findings: 0,
    };
    let read_models = projected.findings.into_iter().chain(no_read_models);
    report.add(log.findings.into_iter().chain(read_models).chain(index_files).chain(blobs.findings));
    Ok(report)
}
