//! A witness: cosigns a log's checkpoint only if it continues the last cosigned one. Source: C2SP tlog-witness.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::Args;
use ed25519_dalek::SigningKey;

use crate::{
    Outcome, growth, json,
    note::{self, Key},
    read,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File with the log's pinned key
    #[arg(long)]
    key: PathBuf,
    /// File with the witness's Ed25519 key: 32 random bytes, as from `head -c 32 /dev/urandom`
    #[arg(long)]
    witness_key: PathBuf,
    /// Name of the witness in its signatures
    #[arg(long, value_parser = note::name)]
    name: String,
    /// File with the last cosigned checkpoint; created the first time
    #[arg(long)]
    state: PathBuf,
    /// File with the proof from that checkpoint to this one; not needed the first time
    #[arg(long)]
    proof: Option<PathBuf>,
    /// File with the checkpoint
    checkpoint: PathBuf,
}

/// The checkpoint with one more signature. What was cosigned is on disk before it is returned.
pub(crate) fn cosign(arguments: &Arguments) -> Outcome<String> {
    let key = Key::parse(&read(&arguments.key)?)?;
    let note = read(&arguments.checkpoint)?;
    let now = key.verify(&note)?;
    if arguments.state.exists() {
        let before = key.verify(&read(&arguments.state)?)?;
        let proof = arguments.proof.as_ref().map(json).transpose()?;
        growth::check(&before, &now, proof.as_ref()).map_err(|error| {
            format!("refused to cosign the checkpoint, and the last cosigned one stays the older one: {error}")
        })?;
    }
    let secret = fs::read(&arguments.witness_key)
        .map_err(|error| format!("cannot read {}: {error}", arguments.witness_key.display()))?;
    let secret: [u8; 32] =
        secret.try_into().map_err(|_| "the file of the witness's key is not valid: expected 32 bytes")?;
    let second = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let line = note::cosignature(&arguments.name, &SigningKey::from_bytes(&secret), &note, second)?;
    keep(&arguments.state, &note)?;
    Ok(format!("{note}{line}"))
}

/// Writes a file atomically, and flushes it to disk.
fn keep(state: &Path, note: &str) -> Outcome<()> {
    let new = state.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(note.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, state)?;
    let folder = state.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
