//! Checkpoints in signed notes. Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::{Outcome, tree::Hash};

pub(crate) const ED25519: u8 = 1;
const COSIGNATURE: u8 = 4;

/// The state of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

impl Checkpoint {
    fn parse(text: &str) -> Outcome<Self> {
        let wrong = || "not a checkpoint of a transparency log: expected the log's name, its size and its root in base64, each on a line";
        let mut lines = text.lines();
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or_else(wrong);
        let (origin, size, root) = (line()?, line()?, line()?);
        let root = BASE64_STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or_else(wrong)?;
        Ok(Self { origin: origin.to_owned(), size: size.parse().map_err(|_| wrong())?, root })
    }
}

/// A key that is pinned.
pub(crate) struct Key {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Key {
    /// `<name>+<id>+<base64>`.
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let wrong = || "not the public key of a transparency log: expected <name>+<8 hexadecimal digits>+<base64 of an Ed25519 key>";
        let [name, id, key] = text.trim_end().splitn(3, '+').collect::<Vec<_>>()[..] else {
            return Err(wrong().into());
        };
        let key = BASE64_STANDARD.decode(key).map_err(|_| wrong())?;
        let Some((&ED25519, public)) = key.split_first() else { return Err(wrong().into()) };
        let public: &[u8; 32] = public.try_into().map_err(|_| wrong())?;
        let named = key_id(name, ED25519, public);
        if hex::encode(named) != id {
            return Err("the public key of the transparency log is damaged: its digits are those of another key".into());
        }
        Ok(Self { name: name.to_owned(), id: named, key: VerifyingKey::from_bytes(public)? })
    }

    /// The checkpoint in a note with a good signature of this key, and is of the log that the key is named after.
    pub(crate) fn verify(&self, note: &str) -> Outcome<Checkpoint> {
        let (text, signatures) = parts(note)?;
        let mut ours = signatures.iter().filter(|(name, bytes)| *name == self.name && bytes.starts_with(&self.id));
        let is_good = ours.any(|(_, bytes)| {
            let signature: Result<[u8; 64], _> = bytes[4..].try_into();
            signature.is_ok_and(|bytes| self.key.verify_strict(text.as_bytes(), &Signature::from_bytes(&bytes)).is_ok())
        });
        if !is_good {
            return Err(format!(
                "the checkpoint has no valid signature of the pinned key {}+{}",
                self.name,
                hex::encode(self.id)
            )
            .into());
        }
        let checkpoint = Checkpoint::parse(text)?;
        if checkpoint.origin != self.name {
            return Err(format!(
                "the checkpoint is one of {}, and the pinned key is that of {}",
                checkpoint.origin, self.name
            )
            .into());
        }
        Ok(checkpoint)
    }
}

/// What a signer may be called: readers of a note find a name's end by the space behind it, and a key's by the plus.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    match text.is_empty()
        || text.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '+')
    {
        true => Err("expected a name without spaces, line breaks, control characters and plus signs"),
        false => Ok(text.to_owned()),
    }
}

/// The text of a note, and its signatures: names and bytes.
type Parts<'a> = (&'a str, Vec<(&'a str, Vec<u8>)>);

fn parts(note: &str) -> Outcome<Parts<'_>> {
    let wrong = || "not a signed note: expected a text, an empty line, and lines like \"— name base64\"";
    let end = note.rfind("\n\n").ok_or_else(wrong)?;
    let signatures = note[end + 2..].lines().map(|line| {
        let (name, bytes) = line.strip_prefix("— ").and_then(|line| line.split_once(' ')).ok_or_else(wrong)?;
        let bytes = BASE64_STANDARD.decode(bytes).map_err(|_| wrong())?;
        if bytes.len() > 4 { Ok((name, bytes)) } else { Err(wrong().into()) }
    });
    Ok((&note[..=end], signatures.collect::<Outcome<_>>()?))
}

pub(crate) fn key_id(name: &str, algorithm: u8, public: &[u8; 32]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', algorithm]).chain_update(public).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The signature line of `witness` for the checkpoint of `note` at the time `second`.
pub(crate) fn cosignature(name: &str, witness: &SigningKey, note: &str, second: u64) -> Outcome<String> {
    let (text, _) = parts(note)?;
    let signature = witness.sign(format!("cosignature/v1\ntime {second}\n{text}").as_bytes());
    let id = key_id(name, COSIGNATURE, witness.verifying_key().as_bytes());
    let bytes = [&id[..], &second.to_be_bytes(), &signature.to_bytes()].concat();
    Ok(format!("— {name} {}\n", BASE64_STANDARD.encode(bytes)))
}
