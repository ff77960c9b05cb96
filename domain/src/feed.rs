//! What leaves a server for its replicas: an organisation's transparency log, entry by entry, in which only what a replica
//! needs can be read.
//!
//! An entry that is withheld is there as its leaf hash. So the lines are enough to compute the root of the whole log, and
//! compare it with the signed checkpoint, and still sees nothing of projects, releases and their tokens.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{
    canonical::{self, InvalidLine},
    digest::Sha256,
    merkle::leaf_hash,
    recorded::{Position, RawEvent, Recorded, StreamId},
    stream_kind::StreamKind,
};

/// One entry of an organisation's log, as a replica gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The event itself.
    Shown(Recorded<RawEvent>),
    /// Something else happened; this is its leaf hash.
    Withheld(Sha256),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithheldLine {
    withheld: Sha256,
}

/// Whether replicas see the events of `stream`: repositories and who may enter them. Digests of access keys are among them;
/// a key is 256 random bits, so it cannot be found by its digest.
#[must_use]
pub fn is_shown(stream: &StreamId) -> bool {
    matches!(stream.kind(), Some(StreamKind::Repository | StreamKind::Keyring))
}

/// The line of `event` in a feed, without its newline.
#[must_use]
pub fn line(event: &Recorded<RawEvent>) -> String {
    let line = canonical::line(event);
    if is_shown(&event.stream) { line } else { withheld(leaf_hash(line.as_bytes())) }
}

/// The line of an entry that is withheld.
#[must_use]
pub fn withheld(leaf: Sha256) -> String {
    format!("{{\"withheld\":\"{leaf}\"}}")
}

/// The entry in a feed's line, and its leaf hash. `position` is the event's in the log that it is read into.
///
/// # Errors
/// It is neither a canonical line of what is shown nor one that withholds.
pub fn parse(text: &str, position: Position) -> Result<(Entry, Sha256), InvalidLine> {
    if let Ok(WithheldLine { withheld: leaf }) = serde_json::from_str(text) {
        return if withheld(leaf) == text { Ok((Entry::Withheld(leaf), leaf)) } else { Err(InvalidLine::NotCanonical) };
    }
    let event = canonical::parse(text, position)?;
    match is_shown(&event.stream) {
        true => Ok((Entry::Shown(event), leaf_hash(text.as_bytes()))),
        false => Err(InvalidLine::NotCanonical),
    }
}

/// What the key of the log called `origin` signs about the events of the signing keys, whose canonical lines these are. It can
/// never be taken for a checkpoint, whose second line is a number.
#[must_use]
pub fn signing_keys_text(origin: &str, lines: &[String]) -> String {
    let digest = Sha256::of(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes());
    format!("{origin} signing keys\n{digest} {}\n", lines.len())
}
