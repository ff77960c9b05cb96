//! Extracts the checkpoint that package clients store as part of APT's `Release` or YUM's `repomd.xml`.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::Outcome;

const FIELD: &str = "Log-Checkpoint:\n";
const COMMENT: &str = "<!-- log-checkpoint ";

/// The signed note in an index.
pub(crate) fn find(index: &str) -> Outcome<String> {
    if let Some((_, field)) = index.split_once(FIELD) {
        let lines = field.lines().map_while(|line| line.strip_prefix(' '));
        // An empty line of the note would have ended the paragraph.
        let lines = lines.map(|line| if line == "." { "" } else { line });
        return Ok(lines.flat_map(|line| [line, "\n"]).collect());
    }
    let (_, comment) = index.split_once(COMMENT).ok_or("the index contains no checkpoint of a transparency log")?;
    let encoded = comment.split(' ').next().unwrap_or_default();
    let note = BASE64_STANDARD.decode(encoded).map_err(|_| "the checkpoint in the index is not base64")?;
    Ok(String::from_utf8(note).map_err(|_| "the checkpoint in the index is not UTF-8 text")?)
}
