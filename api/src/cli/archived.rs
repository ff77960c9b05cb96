//! What `backup` and `bundle create` have in common: a folder or a tar file that blobs are copied to.

use std::path::{Path, PathBuf};

use super::{BoxError, Outcome, progress::Progress};
use crate::{
    archive::{Manifest, Step, pack},
    backup::lacks,
    data_folder::DataFolder,
    scratch::Scratch,
};

const WRITING: Step = Step { words: "Writing the file", unit: "bytes" };

/// Whether `to` is meant as a file: a folder may have any name.
pub(super) fn is_file(to: &Path) -> bool {
    to.extension().is_some_and(|extension| extension == "tar") && !to.is_dir()
}

/// Writes what `fill` puts into a folder to the new file `to`. The folder is beside the data, where blobs take no space; `what`
/// is what it is called.
pub(super) async fn into_file<E: Into<BoxError>>(
    what: &str,
    data: &DataFolder,
    to: &Path,
    fill: impl AsyncFnOnce(PathBuf) -> Result<Manifest, E>,
) -> Result<Manifest, BoxError> {
    if to.exists() {
        return Err(format!("{} is there already: a {what} in a file is always a new file", to.display()).into());
    }
    let staged = Scratch::new(data.path())?;
    let manifest = fill(staged.path().to_owned()).await.map_err(Into::into)?;
    let progress = Progress::on_terminal();
    progress.at(WRITING, manifest.blobs.bytes + manifest.log.bytes, 0);
    let (from, to) = (staged.path().to_owned(), to.to_owned());
    tokio::task::spawn_blocking(move || pack(&from, &to)).await??;
    Ok(manifest)
}

/// Fails if there are blobs that could not be copied.
pub(super) fn is_whole(what: &str, manifest: &Manifest) -> Outcome {
    lacks(manifest).map_or(Ok(()), |missing| {
        let first = missing.first().map(ToString::to_string).unwrap_or_default();
        let count = missing.len();
        Err(format!("{count} blobs are lost or damaged here, and so not in the {what}: {first} …; see `verify`").into())
    })
}
