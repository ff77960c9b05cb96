//! The third pass: every blob that an event names is there, and is what its name says.

use std::collections::HashMap;

use commands::blobs::{BlobError, Blobs};
use domain::{digest::Sha256, event::BlobKind};
use futures::{StreamExt as _, stream};
use projections::rope::Manifest;

use super::{Finding, Place, Stage, VerifyError, Watch};

/// How many blobs are hashed at the same time: one on each processor, and one that waits for the disk.
const AT_ONCE_MAX: usize = 4;

/// What came of it.
#[derive(Default)]
pub(super) struct BlobPass {
    pub(super) checked: u64,
    pub(super) bytes: u64,
    pub(super) findings: Vec<Finding>,
}

/// Hashes `named`, and the pieces of the ropes among them.
pub(super) async fn run(
    blobs: &Blobs,
    named: HashMap<Sha256, (Place, BlobKind)>,
    watch: &dyn Watch,
) -> Result<BlobPass, VerifyError> {
    let mut pass = BlobPass::default();
    let mut all: HashMap<Sha256, Place> = HashMap::new();
    for (digest, (place, kind)) in named {
        if kind == BlobKind::Rope {
            for piece in pieces(blobs, digest).await? {
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
            Err(error @ (BlobError::NotFound { .. } | BlobError::Corrupt { .. })) => {
                pass.findings.push(Finding::new(place, format!("it names blob {digest}: {error}")));
            }
            Err(error) => return Err(error.into()),
        }
        watch.at(Stage::Blobs, pass.checked, total);
    }
    Ok(pass)
}

/// The blobs that a rope is made of. What is no rope names none: the pass over the index files says so.
async fn pieces(blobs: &Blobs, rope: Sha256) -> Result<Vec<Sha256>, VerifyError> {
    let manifest = match blobs.get(rope).await {
        Ok(bytes) => Manifest::parse(&bytes).unwrap_or_default(),
        Err(BlobError::NotFound { .. } | BlobError::Corrupt { .. }) => Manifest::default(),
        Err(error) => return Err(error.into()),
    };
    Ok(manifest.blobs().collect())
}
