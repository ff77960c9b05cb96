//! Verifies signatures of a transparency log's key.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use domain::checkpoint::{Note, VerifierKey};

/// Whether `key` has signed the note.
#[must_use]
pub fn is_signed_by(note: &Note, key: &VerifierKey) -> bool {
    let public = UnparsedPublicKey::new(&ED25519, key.key);
    key.signatures_in(note).any(|signature| public.verify(note.text.as_bytes(), &signature.signature).is_ok())
}
