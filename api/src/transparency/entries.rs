//! The entries below a tile of leaves: canonical lines of events.
//!
//! Not the length-prefixed bundles of C2SP tlog-tiles, whose entries have at most 64 KiB: an event may have a megabyte.

use commands::event_store::{EventStore, Filter};
use domain::{canonical, checkpoint::LogName, recorded::Position};

use super::RETRY_AFTER_SECONDS;
use crate::{app::App, http::problem::Problem};

/// The first `width` entries of the bundle `index`, a line each; none if the log has fewer.
pub(super) async fn lines(app: &App, log: LogName, index: u64, width: usize) -> Result<Option<String>, Problem> {
    let Some(positions) = app.transparency.entries(log, index).await? else { return Ok(None) };
    let Some(positions) = positions.get(..width) else { return Ok(None) };
    let mut lines = String::new();
    for position in positions {
        lines.push_str(&line(app.executor.store().as_ref(), *position).await?);
        lines.push('\n');
    }
    Ok(Some(lines))
}

async fn line(store: &dyn EventStore, position: Position) -> Result<String, Problem> {
    let page = store.read_all(Position(position.0.saturating_sub(1)), &Filter::all(), 1).await;
    let page = page.map_err(|error| {
        tracing::error!(error = %commands::causes::Causes(&error), "cannot read the event at position {position}");
        Problem::Unavailable {
            what: "the event log cannot be read at the moment",
            retry_after_seconds: RETRY_AFTER_SECONDS,
        }
    })?;
    let event = page.events.iter().find(|event| event.position == position);
    event.map(canonical::line).ok_or_else(|| {
        tracing::error!("there is no event at position {position}, which the transparency log has");
        Problem::Unavailable {
            what: "the event log does not have what the transparency log has",
            retry_after_seconds: RETRY_AFTER_SECONDS,
        }
    })
}
