//! What the key of a transparency log vouches for: so many entries with that root, and those events of the signing keys.

use domain::{
    aggregate::Aggregate as _,
    canonical,
    checkpoint::{Checkpoint, Note, VerifierKey},
    feed,
    ids::SigningKeyId,
    names::OrganisationName,
    recorded::{Position, RawEvent, Recorded, StreamId},
    signing_key::SigningKey,
};
use signing::log_signer::is_signed_by;

/// Nobody vouches for what is offered.
#[derive(Debug, thiserror::Error)]
#[error("{what}: do not believe where it comes from")]
pub struct Untrusted {
    what: String,
}

impl Untrusted {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// The key in `text`, which must be that of the organisation's log.
///
/// # Errors
/// It is no key, or another log's.
pub(super) fn key(text: &str, organisation: &OrganisationName) -> Result<VerifierKey, Untrusted> {
    let key: VerifierKey =
        text.trim_end().parse().map_err(|error| Untrusted::new(format!("the log's key: {error}")))?;
    match key.name.ends_with(&format!("/log/{organisation}")) {
        true => Ok(key),
        false => Err(Untrusted::new(format!("the log's key is that of {}, and not of {organisation}'s log", key.name))),
    }
}

/// The checkpoint in a note that `key` signed.
///
/// # Errors
/// It is none, or of another log.
pub(super) fn checkpoint(note: &str, key: &VerifierKey) -> Result<Checkpoint, Untrusted> {
    let text = signed(note, key, "the checkpoint")?;
    let checkpoint: Checkpoint = text.parse().map_err(|error| Untrusted::new(format!("the checkpoint: {error}")))?;
    match checkpoint.origin == key.name {
        true => Ok(checkpoint),
        false => Err(Untrusted::new(format!("the checkpoint is one of {}", checkpoint.origin))),
    }
}

/// The events of the signing keys whose lines these are, if `key` has signed the note about them.
///
/// # Errors
/// It has not, or they are no such events.
pub(super) fn signing_keys(
    lines: &[String],
    note: &str,
    key: &VerifierKey,
) -> Result<Vec<Recorded<RawEvent>>, Untrusted> {
    let text = signed(note, key, "the note on the signing keys")?;
    if text != feed::signing_keys_text(&key.name, lines) {
        return Err(Untrusted::new("the note on the signing keys is about other keys"));
    }
    let stream = StreamId::new(SigningKey::KIND, SigningKeyId::service().0);
    let event = |(number, line): (u64, &String)| {
        let event = canonical::parse(line, Position(number)).map_err(|error| format!("signing key {number}: {error}"));
        let event = event.map_err(Untrusted::new)?;
        match event.stream == stream && event.revision.0 == number {
            true => Ok(event),
            false => Err(Untrusted::new(format!("signing key {number} is out of its place"))),
        }
    };
    (1..).zip(lines).map(event).collect()
}

fn signed(note: &str, key: &VerifierKey, what: &str) -> Result<String, Untrusted> {
    let note: Note = note.parse().map_err(|error| Untrusted::new(format!("{what}: {error}")))?;
    match is_signed_by(&note, key) {
        true => Ok(note.text),
        false => Err(Untrusted::new(format!("{what} is not signed by the log's key {key}"))),
    }
}
