//! `pkgdeploy-verify`: checks a server's transparency log offline, with a pinned key and files.
//!
//! It shares no code with the server except the crate for hashing, so that it does not repeat the server's bugs.

mod evidence;
mod growth;
mod note;
#[cfg(test)]
mod tests;
mod tree;
mod witness;

use std::{error::Error, fs, io::BufRead as _, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use serde_json::Value;

use crate::{note::Checkpoint, tree::Hash};

/// Check a pkgdeploy server's transparency log, offline
///
/// Checkpoints, keys and proofs are files downloaded from the server's URLs below /log/<organisation>. Every command exits with 0 if
/// the check passes. Otherwise it prints what is wrong.
#[derive(Debug, Parser)]
#[command(name = "pkgdeploy-verify", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a checkpoint's signature, and print the log's size and root
    Checkpoint {
        /// File with the log's pinned key, downloaded from …/key
        #[arg(long)]
        key: PathBuf,
        /// File with the checkpoint
        checkpoint: PathBuf,
    },
    /// Check that one or more events are in the log of a checkpoint
    Inclusion {
        /// File with the log's pinned key
        #[arg(long)]
        key: PathBuf,
        /// File with the checkpoint
        #[arg(long)]
        checkpoint: PathBuf,
        /// File with one or more proofs, downloaded from …/proof/event/<id>?size=<entries>
        #[arg(long)]
        proof: PathBuf,
        /// File with the event's line, as in …/tile/entries/… and exports; one line for each proof
        event: PathBuf,
    },
    /// Check that the log of a newer checkpoint continues that of an older one
    Consistency {
        /// File with the log's pinned key
        #[arg(long)]
        key: PathBuf,
        /// File with the proof, downloaded from …/proof/consistency
        #[arg(long)]
        proof: PathBuf,
        /// File with the older checkpoint
        older: PathBuf,
        /// File with the newer checkpoint
        newer: PathBuf,
    },
    /// Check that lines of events, exactly those of a checkpoint's log in its order, have its root
    Log {
        /// File with the log's pinned key
        #[arg(long)]
        key: PathBuf,
        /// File with the checkpoint
        #[arg(long)]
        checkpoint: PathBuf,
        /// File with one line per event
        lines: PathBuf,
    },
    /// Print the checkpoint in a machine's copy of an APT `InRelease` or `Release`, or in a `repomd.xml`
    Evidence {
        /// The file, as in /var/lib/apt/lists or dnf's cache
        file: PathBuf,
    },
    /// Cosign a checkpoint if it continues the last cosigned one
    Witness(witness::Arguments),
}

/// Any error, in words for a person.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

#[expect(clippy::print_stderr, reason = "a command's last words")]
fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pkgdeploy-verify: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn run(command: Command) -> Outcome<()> {
    match command {
        Command::Checkpoint { key, checkpoint } => {
            let Checkpoint { origin, size, root } = signed(&key, &checkpoint)?;
            println!("{origin}: {size} entries, root {}", hex::encode(root));
        }
        Command::Inclusion { key, checkpoint, proof, event } => {
            inclusion(&signed(&key, &checkpoint)?, &read(&proof)?, &read(&event)?)?;
        }
        Command::Consistency { key, proof, older, newer } => {
            let (older, newer) = (signed(&key, &older)?, signed(&key, &newer)?);
            growth::check(&older, &newer, Some(&json(&proof)?))?;
            println!("{} grew from {} to {} entries", newer.origin, older.size, newer.size);
        }
        Command::Log { key, checkpoint, lines } => log(&signed(&key, &checkpoint)?, &lines)?,
        Command::Evidence { file } => print!("{}", evidence::find(&read(&file)?)?),
        Command::Witness(arguments) => print!("{}", witness::cosign(&arguments)?),
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn inclusion(checkpoint: &Checkpoint, proofs: &str, events: &str) -> Outcome<()> {
    let mut lines = events.strip_suffix('\n').unwrap_or(events).split('\n');
    let mut entries = Vec::new();
    for proof in serde_json::Deserializer::from_str(proofs).into_iter::<Value>() {
        let proof = proof.map_err(|error| format!("proof {} is not valid JSON: {error}", entries.len() + 1))?;
        let line = lines.next().ok_or("there are more proofs than lines of events")?;
        let entry = number(&proof, "entry")?;
        if number(&proof, "size")? != checkpoint.size {
            return Err(format!(
                "the proof of entry {entry} is for another log size than the checkpoint's: request it with ?size="
            )
            .into());
        }
        let leaf = tree::leaf(line.as_bytes());
        if !tree::is_included(leaf, entry, checkpoint.size, &path(&proof)?, checkpoint.root) {
            return Err(format!("the event is not entry {entry} of the log of this checkpoint").into());
        }
        entries.push(entry);
    }
    if entries.is_empty() || lines.next().is_some() {
        return Err(format!("there are more lines of events than proofs: {}", entries.len()).into());
    }
    match entries[..] {
        [entry] => println!("entry {entry} of {}", checkpoint.origin),
        _ => println!("{} entries of {}", entries.len(), checkpoint.origin),
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn log(checkpoint: &Checkpoint, lines: &PathBuf) -> Outcome<()> {
    let file = fs::File::open(lines).map_err(|error| format!("cannot read {}: {error}", lines.display()))?;
    let (mut tree, size) = (tree::Growing::default(), checkpoint.size);
    // Reads bytes: a carriage return is part of the line, and changes the root.
    for line in std::io::BufReader::new(file).split(b'\n') {
        let line = line.map_err(|error| format!("cannot read {}: {error}", lines.display()))?;
        if tree.size() == size {
            return Err(format!(
                "line {} is one too many: the checkpoint is of {size} entries, and vouches for no line after them. Check \
                 those alone (head -n {size}), or all with a newer checkpoint",
                size + 1
            )
            .into());
        }
        tree.add(tree::leaf(&line));
    }
    if tree.size() < size {
        return Err(format!("there are only {} lines, and the checkpoint is of {size} entries", tree.size()).into());
    }
    if tree.root() != checkpoint.root {
        return Err(
            "the lines give another Merkle root than the checkpoint's: they are not the log's lines, or not in its order".into(),
        );
    }
    println!("the {size} lines are those of {}", checkpoint.origin);
    Ok(())
}

/// A checkpoint with a good signature of the pinned key.
fn signed(key: &PathBuf, checkpoint: &PathBuf) -> Outcome<Checkpoint> {
    note::Key::parse(&read(key)?)?.verify(&read(checkpoint)?)
}

pub(crate) fn read(file: &PathBuf) -> Outcome<String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()).into())
}

fn json(file: &PathBuf) -> Outcome<Value> {
    serde_json::from_str(&read(file)?)
        .map_err(|error| format!("the file {} is not valid JSON: {error}", file.display()).into())
}

pub(crate) fn number(proof: &Value, field: &str) -> Outcome<u64> {
    proof[field].as_u64().ok_or_else(|| format!("the proof has no number {field}").into())
}

pub(crate) fn path(proof: &Value) -> Outcome<Vec<Hash>> {
    let wrong = || "the proof has no valid path: expected hashes in hexadecimal digits";
    let hashes = proof["path"].as_array().ok_or_else(wrong)?.iter().map(|hash| {
        let mut bytes = Hash::default();
        hex::decode_to_slice(hash.as_str().unwrap_or_default(), &mut bytes).map_err(|_| wrong())?;
        Ok(bytes)
    });
    hashes.collect()
}
