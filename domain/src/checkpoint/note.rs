//! Signed notes: a text, a blank line, and a line for each signature. Source: C2SP signed-note.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{NOTE_MAX_BYTES, ORIGIN_MAX_BYTES};
use crate::digest::Sha256;

/// The key id of a signature: the beginning of the digest of the key and its name.
pub(crate) const KEY_ID_BYTES: usize = 4;
/// Most signatures that are read.
const SIGNATURES_MAX: usize = 100;
const ED25519: u8 = 1;
const ED25519_KEY_BYTES: usize = 32;

/// A text with signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What is signed, its last newline included.
    pub text: String,
    /// By whom.
    pub signatures: Vec<NoteSignature>,
}

/// One line below the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: String,
    /// Which of the keys of that name.
    pub key_id: [u8; KEY_ID_BYTES],
    /// The signature itself, in the form that its algorithm has.
    pub signature: Vec<u8>,
}

/// The text is not a signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signed note: expected a text, an empty line, and lines like \"— name base64\"")]
pub struct InvalidNote;

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for NoteSignature { name, key_id, signature } in &self.signatures {
            writeln!(f, "— {name} {}", BASE64_STANDARD.encode([&key_id[..], signature].concat()))?;
        }
        Ok(())
    }
}

impl FromStr for Note {
    type Err = InvalidNote;

    fn from_str(note: &str) -> Result<Self, InvalidNote> {
        let is_clean = |text: &str| !text.contains(|c: char| c.is_control() && c != '\n');
        if note.len() > NOTE_MAX_BYTES || !is_clean(note) || !note.ends_with('\n') {
            return Err(InvalidNote);
        }
        let end = note.rfind("\n\n").ok_or(InvalidNote)?;
        let (text, below) = (&note[..=end], &note[end + 2..]);
        let signatures = below.lines().map(signature).collect::<Option<Vec<_>>>().ok_or(InvalidNote)?;
        if signatures.is_empty() || signatures.len() > SIGNATURES_MAX {
            return Err(InvalidNote);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

fn signature(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    let (key_id, signature) = bytes.split_first_chunk()?;
    let is_sound = is_name(name) && !signature.is_empty();
    is_sound.then(|| NoteSignature { name: name.to_owned(), key_id: *key_id, signature: signature.to_owned() })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= ORIGIN_MAX_BYTES && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

/// What a client pins: a key's name and the key, Ed25519.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    /// The key's name.
    pub name: String,
    /// The public key.
    pub key: [u8; ED25519_KEY_BYTES],
}

/// The text is not a verifier's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the public key of a transparency log: expected <name>+<8 hexadecimal digits>+<base64 of an Ed25519 key>")]
pub struct InvalidVerifierKey;

impl VerifierKey {
    /// How signatures of this key say whose they are.
    #[must_use]
    pub fn key_id(&self) -> [u8; KEY_ID_BYTES] {
        let Sha256(digest) = Sha256::of_parts(&[self.name.as_bytes(), b"\n", &[ED25519], &self.key]);
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        id
    }

    /// The signatures of `note` that say to be this key's.
    pub fn signatures_in<'a>(&'a self, note: &'a Note) -> impl Iterator<Item = &'a NoteSignature> {
        note.signatures.iter().filter(|signature| signature.name == self.name && signature.key_id == self.key_id())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode([&[ED25519], &self.key[..]].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.key_id()))
    }
}

impl FromStr for VerifierKey {
    type Err = InvalidVerifierKey;

    fn from_str(text: &str) -> Result<Self, InvalidVerifierKey> {
        let (name, rest) = text.split_once('+').ok_or(InvalidVerifierKey)?;
        let (_, key) = rest.split_once('+').ok_or(InvalidVerifierKey)?;
        let key = BASE64_STANDARD.decode(key).map_err(|_| InvalidVerifierKey)?;
        let key = key.strip_prefix(&[ED25519]).and_then(|key| key.try_into().ok()).ok_or(InvalidVerifierKey)?;
        let parsed = Self { name: name.to_owned(), key };
        if is_name(name) && parsed.to_string() == text { Ok(parsed) } else { Err(InvalidVerifierKey) }
    }
}
