//! What leaves a server for its replicas: an organisation's transparency log, entry by entry, in which only what a replica
//! needs can be read.
//!
//! An entry that is withheld is there as its leaf hash. So the lines are enough to compute the root of the whole log, and
//! compare it with the signed checkpoint, and still sees nothing of projects, releases and their tokens.

use serde::{Deserialize, Serialize};

use crate::{
    canonical::{self, InvalidLine},
    digest::Sha256,
    merkle::leaf_hash,
    recorded::{Position, RawEvent, Recorded, StreamId},
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
    matches!(stream.kind(), "repository" | "keyring")
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{
        checkpoint::Checkpoint,
        ids::{CommandId, EventId},
        recorded::{Actor, Metadata, Revision},
    };

    fn event(kind: &str) -> Recorded<RawEvent> {
        Recorded {
            position: Position(7),
            stream: StreamId::new(kind, Uuid::from_u128(1)),
            revision: Revision(2),
            event_id: EventId(Uuid::from_u128(3)),
            metadata: Metadata {
                recorded_at: DateTime::from_timestamp_micros(1_795_000_000_123_456).expect("a time"),
                actor: Actor::Worker { name: "releases".to_owned() },
                command_id: CommandId(Uuid::from_u128(4)),
                causation: None,
                origin: None,
            },
            event: RawEvent { name: format!("{kind}.happened"), schema_version: 1, payload: "{}".to_owned() },
        }
    }

    #[test]
    fn repositories_and_keyrings_are_shown_and_everything_else_is_a_hash() {
        for kind in ["repository", "keyring"] {
            let shown = event(kind);
            let line = line(&shown);
            assert_eq!(line, canonical::line(&shown));
            assert_eq!(parse(&line, Position(7)).expect("an entry"), (Entry::Shown(shown), leaf_hash(line.as_bytes())));
        }
        for kind in ["project", "release", "delivery", "organisation", "something-new", "account", "signing-key"] {
            let hidden = event(kind);
            let leaf = leaf_hash(canonical::line(&hidden).as_bytes());
            assert_eq!(line(&hidden), format!("{{\"withheld\":\"{leaf}\"}}"));
            assert_eq!(parse(&line(&hidden), Position(7)).expect("an entry"), (Entry::Withheld(leaf), leaf));
            // A replica must not accept events that it should not have.
            assert!(parse(&canonical::line(&hidden), Position(7)).is_err());
        }
    }

    #[test]
    fn a_line_in_other_bytes_is_refused() {
        let leaf = Sha256::of(b"x");
        for bad in [
            String::new(),
            "{}".to_owned(),
            format!("{{\"withheld\": \"{leaf}\"}}"),
            format!("{{\"withheld\":\"{}\"}}", leaf.to_string().to_uppercase()),
            format!("{{\"withheld\":\"{leaf}\",\"more\":1}}"),
        ] {
            assert!(parse(&bad, Position(1)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_signed_about_keys_is_no_checkpoint_and_says_which_lines() {
        let of = |lines: &[&str]| {
            signing_keys_text("host/log/acme", &lines.iter().map(|&it| it.to_owned()).collect::<Vec<_>>())
        };
        assert!(of(&["a", "b"]).parse::<Checkpoint>().is_err());
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
        assert_ne!(of(&["a"]), of(&["a", "b"]));
    }
}
