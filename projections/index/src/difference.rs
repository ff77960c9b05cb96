//! Finds where a rendered list differs from the signed one: the first byte, and its line.

#[cfg(test)]
mod tests;

use std::io::Read as _;

use domain::{
    ids::RepositoryId,
    repository::{IndexFile, SignedIndex, Stored},
};
use formats::segmented_file::{Manifest, Piece};

use super::Repositories;

/// The compression that every list is stored in.
const SUFFIX: &str = ".gz";
/// Longest part of a line that is shown, in characters.
const SHOWN_MAX_CHARS: usize = 200;

impl Repositories {
    /// The first byte, of the lists that `index` has stored, that is rendered in another way; none if there is no such
    /// byte, or what was stored cannot be had.
    pub(super) async fn first_difference(&self, id: RepositoryId, index: &SignedIndex) -> Option<String> {
        for file in index.files.iter().filter(|file| file.path.ends_with(SUFFIX)) {
            let rendered = {
                let renderer = self.renderers.loaded(id).await?;
                renderer.as_ref()?.text_of(file, index.covers)
            };
            let Some(rendered) = rendered else { continue };
            let Some(packed) = self.packed(file).await else { continue };
            // One byte more than the rendered text, to notice a longer text.
            let mut signed = Vec::new();
            let unpacked = flate2::read::MultiGzDecoder::new(packed.as_slice());
            unpacked.take(rendered.len() as u64 + 1).read_to_end(&mut signed).ok()?;
            if let Some(difference) = difference(&signed, &rendered) {
                let path = file.path.trim_end_matches(SUFFIX);
                return Some(format!("the first byte of {path} that differs is {difference}"));
            }
        }
        None
    }

    /// The bytes of a compressed file, if the store has all of them.
    async fn packed(&self, file: &IndexFile) -> Option<Vec<u8>> {
        let Stored::Segmented(manifest) = file.stored else { return None };
        let manifest = Manifest::parse(&self.blobs.get(manifest).await.ok()?).ok()?;
        let mut packed = Vec::new();
        for piece in manifest.pieces {
            match piece {
                Piece::Inline(bytes) => packed.extend(bytes),
                Piece::Blob { sha256, .. } => packed.extend(self.blobs.get(sha256).await.ok()?),
            }
        }
        Some(packed)
    }
}

/// `17, in line 2, signed as "Size: 5" and rendered as "size: 5"`. Bytes count from 0, lines from 1.
fn difference(signed: &[u8], rendered: &[u8]) -> Option<String> {
    let same = signed.iter().zip(rendered).take_while(|(signed, rendered)| signed == rendered).count();
    if same == signed.len() && same == rendered.len() {
        return None;
    }
    let line = signed[..same].iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = signed[..same].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let (signed, rendered) = (shown(&signed[start..]), shown(&rendered[start..]));
    Some(format!("{same}, in line {line}, signed as {signed:?} and rendered as {rendered:?}"))
}

fn shown(text: &[u8]) -> String {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).chars().take(SHOWN_MAX_CHARS).collect()
}
