//! A witness: cosigns a log's checkpoint if it continues the one it cosigned before, and no other. Source: C2SP tlog-witness.

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
    /// File with the witness's own Ed25519 key: 32 bytes, as `head -c 32 /dev/urandom` makes them
    #[arg(long)]
    witness_key: PathBuf,
    /// What the witness is called in its signatures
    #[arg(long, value_parser = note::name)]
    name: String,
    /// File that keeps the checkpoint cosigned last; made the first time
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
        growth::check(&before, &now, proof.as_ref())
            .map_err(|error| format!("refused, what was cosigned last stays the older checkpoint: {error}"))?;
    }
    let secret = fs::read(&arguments.witness_key)
        .map_err(|error| format!("cannot read {}: {error}", arguments.witness_key.display()))?;
    let secret: [u8; 32] = secret.try_into().map_err(|_| "the witness's key must have 32 bytes")?;
    let second = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let line = note::cosignature(&arguments.name, &SigningKey::from_bytes(&secret), &note, second)?;
    keep(&arguments.state, &note)?;
    Ok(format!("{note}{line}"))
}

/// Whole or not at all, and on disk.
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
