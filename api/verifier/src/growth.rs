//! Checks whether the log of one checkpoint continues that of another. Only a proven fork is reported as a fork.

use serde_json::Value;

use crate::{
    Outcome,
    note::Checkpoint,
    number, path,
    tree::{self, Growth},
};

/// Checks that `newer` continues `older`. Equal states need no proof.
///
/// # Errors
/// It does not, or the proof does not belong to these checkpoints.
pub(crate) fn check(older: &Checkpoint, newer: &Checkpoint, proof: Option<&Value>) -> Outcome<()> {
    let (from, to) = (older.size, newer.size);
    if to < from {
        return Err(
            format!("the newer checkpoint has {to} entries, fewer than the older one's {from}: swap them").into()
        );
    }
    let fork =
        format!("{} with {to} entries does not continue the one with {from} entries: it is a fork", newer.origin);
    if from == to && older.root != newer.root {
        return Err(fork.into());
    }
    let Some(proof) = proof else {
        return if older == newer {
            Ok(())
        } else {
            Err("a proof from the older checkpoint is needed: --proof".into())
        };
    };
    is_for(proof, older, newer)?;
    match tree::growth((from, older.root), (to, newer.root), &path(proof)?) {
        Growth::Continued => Ok(()),
        Growth::Forked => Err(fork.into()),
        Growth::Unproven => Err(format!(
            "the proof does not lead to the root of {to} entries: it is damaged, or the newer log is a fork: request it again"
        )
        .into()),
    }
}

fn is_for(proof: &Value, older: &Checkpoint, newer: &Checkpoint) -> Outcome<()> {
    if let Some(log) = proof["log"].as_str().filter(|log| *log != newer.origin) {
        return Err(format!("the proof belongs to {log}, but the checkpoints to {}", newer.origin).into());
    }
    let (from, to) = (number(proof, "from")?, number(proof, "to")?);
    if (from, to) != (older.size, newer.size) {
        return Err(format!(
            "the proof is from {from} to {to} entries, and the checkpoints have {older} and {newer}: ask for \
             …/proof/consistency?from={older}&to={newer}",
            older = older.size,
            newer = newer.size
        )
        .into());
    }
    Ok(())
}
