//! The events that are entries of a log, by their positions in the event log.
//!
//! Not the length-prefixed bundles of C2SP tlog-tiles, whose entries have at most 64 KiB: an event may have a megabyte.

#[cfg(test)]
mod tests;

use api_http::problem::Problem;
use domain::{
    canonical,
    checkpoint::LogName,
    error_chain::ErrorChain,
    recorded::{Position, RawEvent, Recorded},
};
use event_log::event_store::{EventStore, Filter, PAGE_EVENTS_MAX};
use projections::transparency::Transparency;

use super::RETRY_AFTER_SECONDS;

/// The first `width` entries of the bundle `index`, one line each. `None` if the log has fewer.
pub(super) async fn lines(
    store: &dyn EventStore,
    transparency: &Transparency,
    log: LogName,
    index: u64,
    width: usize,
) -> Result<Option<String>, Problem> {
    let Some(positions) = transparency.entries(log, index).await? else { return Ok(None) };
    let Some(mut left) = positions.get(..width) else { return Ok(None) };
    let mut lines = String::new();
    while !left.is_empty() {
        let events = first_of(store, left).await?;
        for event in &events {
            lines.push_str(&canonical::line(event));
            lines.push('\n');
        }
        left = left.get(events.len()..).unwrap_or_default();
    }
    Ok(Some(lines))
}

/// The events at the first of `positions`: as many as one read of the event log returns, and at least one.
///
/// # Errors
/// The event log cannot be read, or has nothing at the first position.
pub async fn first_of(store: &dyn EventStore, positions: &[Position]) -> Result<Vec<Recorded<RawEvent>>, Problem> {
    let Some(first) = positions.first() else { return Ok(Vec::new()) };
    let page = store.read_all(Position(first.0.saturating_sub(1)), &Filter::all(), span(positions)).await;
    let page = page.map_err(|error| {
        tracing::error!(error = %ErrorChain(&error), "cannot read the event at position {first}");
        unavailable("the event log cannot be read at the moment")
    })?;
    let mut wanted = positions.iter().peekable();
    let found: Vec<_> = page.events.into_iter().filter(|event| wanted.next_if_eq(&&event.position).is_some()).collect();
    if found.is_empty() {
        tracing::error!("the transparency log has an event at position {first}, but the event log does not");
        return Err(unavailable(
            "the event log lacks an event that the transparency log has: the server's log says which",
        ));
    }
    Ok(found)
}

fn unavailable(what: &'static str) -> Problem {
    Problem::Unavailable { what, retry_after_seconds: RETRY_AFTER_SECONDS }
}

/// How many events to read for these: not many more than are wanted, for those of others may lie between them.
fn span(positions: &[Position]) -> u32 {
    let Some(first) = positions.first() else { return 0 };
    let spans = (1..).zip(positions).map(|(wanted, position)| (wanted, position.0.saturating_sub(first.0) + 1));
    let dense = spans.take_while(|(wanted, span)| *span <= 2 * wanted).map(|(_, span)| span).last().unwrap_or(1);
    u32::try_from(dense).unwrap_or(u32::MAX).min(PAGE_EVENTS_MAX)
}
