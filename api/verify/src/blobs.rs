//! The third pass: every blob that an event names exists and has the right digest.

use std::collections::HashMap;

use domain::{digest::Sha256, error_chain::ErrorChain, event::BlobKind};
use formats::segmented_file::Manifest;
use futures::{StreamExt as _, stream};
use stores::blobs::Blobs;

use super::{Finding, Place, Stage, Watch};

/// How many blobs are hashed at the same time: one on each processor, and one that waits for the disk.
const AT_ONCE_MAX: usize = 4;

/// The result.
#[derive(Default)]
pub(super) struct BlobPass {
    pub(super) checked: u64,
    pub(super) bytes: u64,
    pub(super) findings: Vec<Finding>,
}

/// Hashes `named`, and the segments of the segmented files among them.
pub(super) async fn run(blobs: &Blobs, named: HashMap<Sha256, (Place, BlobKind)>, watch: &dyn Watch) -> BlobPass {
    let mut pass = BlobPass::default();
    let mut all: HashMap<Sha256, Place> = HashMap::new();
    for (digest, (place, kind)) in named {
        if kind == BlobKind::Segmented {
            for piece in pieces(blobs, digest).await {
                let first = all.entry(piece).or_insert_with(|| place.clone());
                if place < *first {
                    *first = place.clone();
                }
            }
        }
        all.insert(digest, place);
    }
    let total = all.len() as u64;
    let mut hashed = stream::iter(all)
        .map(|(digest, place)| async move { (digest, place, blobs.check(digest).await) })
        .buffer_unordered(AT_ONCE_MAX);
    while let Some((digest, place, size)) = hashed.next().await {
        pass.checked += 1;
        match size {
            Ok(bytes) => pass.bytes += bytes,
            // Whatever the reason: what cannot be read counts as lost until an operator checks it.
            Err(error) => {
                pass.findings.push(Finding::new(place, format!("it names blob {digest}: {}", ErrorChain(&error))));
            }
        }
        watch.at(Stage::Blobs, pass.checked, total);
    }
    pass
}

/// The segments of a segmented file. A blob that cannot be read, or is not a segmented file, has none: other passes report it.
async fn pieces(blobs: &Blobs, segmented_file: Sha256) -> Vec<Sha256> {
    let manifest = blobs.get(segmented_file).await.ok().and_then(|bytes| Manifest::parse(&bytes).ok());
    manifest.unwrap_or_default().blobs().collect()
}
