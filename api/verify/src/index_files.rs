//! Compressed index files: the recorded bytes have the recorded digest, and unpack to content with the signed digest.
//!
//! Nothing is compressed again, since another version of a library may produce other bytes (see decision 0019). A file is a list of
//! segments, most of which are unchanged since the previous version; hashing continues from the first difference.

use std::{
    collections::HashMap,
    io::{self, Read as _},
};

use bytes::Bytes;
use domain::{
    digest::Sha256,
    error_chain::ErrorChain,
    recorded::StreamId,
    repository::{IndexFile, SignedIndex, Stored},
};
use formats::segmented_file::{Manifest, Piece};
use sha2::Digest as _;
use stores::blobs::Blobs;

use super::{Finding, Place, Stage, VerifyError, Watch};

/// The maximum unpacked size of a segment. Segments of an index have some hundred KiB.
const PIECE_UNPACKED_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Unpacks the index files of `indexes`, which are in the log's order.
pub(super) async fn run(
    blobs: &Blobs,
    indexes: &[(Place, SignedIndex)],
    watch: &dyn Watch,
) -> Result<Vec<Finding>, VerifyError> {
    let mut findings = Vec::new();
    let mut chains: HashMap<(Option<StreamId>, String), Chain> = HashMap::new();
    for (done, (place, index)) in (1..).zip(indexes) {
        let text = match blobs.get(index.signed.sha256).await {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            // The pass over the blobs reports it.
            Err(_) => continue,
        };
        for file in &index.files {
            let wrong = match file.stored {
                Stored::Unserved => named(&text, file.sha256, &file.path),
                Stored::Blob => None,
                Stored::Segmented(segmented_file) => {
                    let stream = place.event.as_ref().map(|event| event.stream.clone());
                    let chain = chains.entry((stream, document(&file.path).to_owned())).or_default();
                    match chain.check(blobs, segmented_file, file).await? {
                        Ok(open) => named(&text, open, &format!("what {} unpacks to", file.path)),
                        Err(what) => Some(what),
                    }
                }
            };
            findings.extend(wrong.map(|what| Finding::new(place.clone(), what)));
        }
        watch.at(Stage::IndexFiles, done, indexes.len() as u64);
    }
    Ok(findings)
}

/// The path without a digest at the beginning of the file name: the same for every version.
fn document(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    match name.split_once('-') {
        Some((digest, document)) if digest.parse::<Sha256>().is_ok() => document,
        _ => path,
    }
}

fn named(text: &str, digest: Sha256, what: &str) -> Option<String> {
    let is_named = text.contains(&digest.to_string());
    (!is_named).then(|| format!("{what} has SHA-256 {digest}, which the signed text does not name"))
}

/// One index document of a repository, across its versions.
#[derive(Default)]
struct Chain {
    /// The hash state after each segment of the previous version.
    links: Vec<Link>,
}

#[derive(Clone)]
struct Link {
    piece: Piece,
    packed: sha2::Sha256,
    open: sha2::Sha256,
    size_bytes: u64,
}

impl Chain {
    /// The digest of the unpacked `file`, or what is wrong with it.
    async fn check(
        &mut self,
        blobs: &Blobs,
        segmented_file: Sha256,
        file: &IndexFile,
    ) -> Result<Result<Sha256, String>, VerifyError> {
        let path = &file.path;
        let manifest = match blobs.get(segmented_file).await {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(format!("{path}: {}", ErrorChain(&error)))),
        };
        let Manifest { pieces } = match Manifest::parse(&manifest) {
            Ok(manifest) => manifest,
            Err(error) => return Ok(Err(format!("{path} is blob {segmented_file}: {error}"))),
        };
        let same = self.links.iter().zip(&pieces).take_while(|(link, piece)| link.piece == **piece).count();
        self.links.truncate(same);
        for piece in pieces.into_iter().skip(same) {
            let packed = match &piece {
                Piece::Inline(bytes) => bytes.clone(),
                Piece::Blob { sha256, .. } => match blobs.get(*sha256).await {
                    Ok(bytes) => bytes,
                    Err(error) => return Ok(Err(format!("{path}: segment {sha256}: {}", ErrorChain(&error)))),
                },
            };
            let before = self.links.last().cloned();
            let is_zst = path.ends_with(".zst");
            let linked = tokio::task::spawn_blocking(move || link(before, piece, &packed, is_zst)).await?;
            match linked {
                Ok(link) => self.links.push(link),
                Err(error) => return Ok(Err(format!("{path} cannot be unpacked: {error}"))),
            }
        }
        let (packed, open, size_bytes) = match self.links.last() {
            Some(Link { packed, open, size_bytes, .. }) => (digest(packed), digest(open), *size_bytes),
            None => (Sha256::of(&[]), Sha256::of(&[]), 0),
        };
        if (packed, size_bytes) != (file.sha256, file.size_bytes) {
            return Ok(Err(format!(
                "{path} is recorded with {} bytes and SHA-256 {}, and its pieces have {size_bytes} and {packed}",
                file.size_bytes, file.sha256
            )));
        }
        Ok(Ok(open))
    }
}

fn link(before: Option<Link>, piece: Piece, packed: &Bytes, is_zst: bool) -> io::Result<Link> {
    let text = unpack(packed, is_zst)?;
    let start = || (sha2::Sha256::new(), sha2::Sha256::new(), 0);
    let (hash, open, size_bytes) = before.map_or_else(start, |link| (link.packed, link.open, link.size_bytes));
    Ok(Link {
        piece,
        packed: hash.chain_update(packed),
        open: open.chain_update(&text),
        size_bytes: size_bytes + packed.len() as u64,
    })
}

/// Unpacks a segment, which consists of complete members or frames.
fn unpack(packed: &[u8], is_zst: bool) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = match is_zst {
        true => zstd::Decoder::new(packed)?.take(PIECE_UNPACKED_MAX_BYTES).read_to_end(&mut text)?,
        false => flate2::read::MultiGzDecoder::new(packed).take(PIECE_UNPACKED_MAX_BYTES).read_to_end(&mut text)?,
    };
    match read as u64 {
        PIECE_UNPACKED_MAX_BYTES => Err(io::Error::other("it unpacks to more bytes than an index can have")),
        _ => Ok(text),
    }
}

fn digest(hasher: &sha2::Sha256) -> Sha256 {
    Sha256(hasher.clone().finalize().into())
}
