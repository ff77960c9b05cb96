//! Checks what the key of a transparency log signed: the number of entries with their Merkle root, and the events of the signing keys.

use domain::{
    aggregate::Aggregate as _,
    canonical,
    checkpoint::{Checkpoint, Note, VerifierKey},
    error_chain::ErrorChain,
    feed,
    ids::SigningKeyId,
    names::OrganisationName,
    recorded::{Position, RawEvent, Recorded, StreamId},
    signing_key::SigningKey,
};
use signing::log_signer::is_signed_by;

/// A signature is missing or not valid.
#[derive(Debug, thiserror::Error)]
#[error("the server or bundle that the replica reads from cannot be trusted: {what}")]
pub struct Untrusted {
    what: String,
}

impl Untrusted {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// Parses the key in `text`, which must be that of the organisation's log.
///
/// # Errors
/// It is not a key, or belongs to another log.
pub(super) fn key(text: &str, organisation: &OrganisationName) -> Result<VerifierKey, Untrusted> {
    let key: VerifierKey =
        text.trim_end().parse().map_err(|error| Untrusted::new(format!("the log's key: {error}")))?;
    match key.name.ends_with(&format!("/log/{organisation}")) {
        true => Ok(key),
        false => Err(Untrusted::new(format!("the log's key belongs to {}, not to {organisation}'s log", key.name))),
    }
}

/// Parses the checkpoint in a note, and checks that `key` signed it.
///
/// # Errors
/// It is not a valid checkpoint, or belongs to another log.
pub(super) fn checkpoint(note: &str, key: &VerifierKey) -> Result<Checkpoint, Untrusted> {
    let text = signed(note, key, "the checkpoint")?;
    let checkpoint: Checkpoint = text.parse().map_err(|error| Untrusted::new(format!("the checkpoint: {error}")))?;
    match checkpoint.origin == key.name {
        true => Ok(checkpoint),
        false => Err(Untrusted::new(format!("the checkpoint belongs to another log, {}", checkpoint.origin))),
    }
}

/// Parses the events of the signing keys, and checks that `key` signed the note about them.
///
/// # Errors
/// The signature is not valid, or the lines are not such events.
pub(super) fn signing_keys(
    lines: &[String],
    note: &str,
    key: &VerifierKey,
) -> Result<Vec<Recorded<RawEvent>>, Untrusted> {
    let text = signed(note, key, "the note on the signing keys")?;
    if text != feed::signing_keys_text(&key.name, lines) {
        return Err(Untrusted::new("the signed note on the signing keys is about other keys than those received"));
    }
    let stream = StreamId::new(SigningKey::KIND, SigningKeyId::service().0);
    let event = |(number, line): (u64, &String)| {
        let event = canonical::parse(line, Position(number))
            .map_err(|error| format!("event {number} of the signing keys: {}", ErrorChain(&error)));
        let event = event.map_err(Untrusted::new)?;
        match event.stream == stream && event.revision.0 == number {
            true => Ok(event),
            false => Err(Untrusted::new(format!("event {number} of the signing keys is out of order"))),
        }
    };
    (1..).zip(lines).map(event).collect()
}

fn signed(note: &str, key: &VerifierKey, what: &str) -> Result<String, Untrusted> {
    let note: Note = note.parse().map_err(|error| Untrusted::new(format!("{what}: {error}")))?;
    match is_signed_by(&note, key) {
        true => Ok(note.text),
        false => Err(Untrusted::new(format!("{what} is not signed with the log's key {key}"))),
    }
}
