//! Shared by `backup` and `bundle create`: the target, which is a folder or a tar file.

#[cfg(test)]
mod tests;

use std::path::{Component, Path, PathBuf};

use archive::{Manifest, Step, backup::lacks, data_folder::DataFolder, pack};
use stores::scratch::Scratch;

use super::{BoxError, Outcome, progress::Progress};

const WRITING: Step = Step { words: "Writing the file", unit: "bytes" };

/// Whether `to` names a tar file. Any existing folder counts as a folder.
pub(super) fn is_file(to: &Path) -> bool {
    to.extension().is_some_and(|extension| extension == "tar") && !to.is_dir()
}

/// Refuses a target inside the data folder, where it could be cleaned up, or be lost together with the original.
pub(super) fn is_elsewhere(what: &str, data: &DataFolder, to: &Path) -> Outcome {
    let place = resolved(&std::path::absolute(to)?);
    match place.starts_with(data.path()) {
        false => Ok(()),
        true => {
            let (to, data) = (to.display(), data.path().display());
            Err(format!("{to} is inside the data folder {data}: choose a target for the {what} outside of it").into())
        }
    }
}

/// Resolves the links in `path`. Parts that do not exist stay as they are.
fn resolved(path: &Path) -> PathBuf {
    let mut place = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                place.pop();
            }
            part => place.push(part),
        }
        if let Ok(there) = place.canonicalize() {
            place = there;
        }
    }
    place
}

/// Lets `fill` write an archive into a temporary folder, and writes it to the new file `to`. The folder is in the data folder, where
/// blobs can be hard links. `what` names the archive in errors.
pub(super) async fn into_file<E: Into<BoxError>>(
    what: &str,
    data: &DataFolder,
    to: &Path,
    fill: impl AsyncFnOnce(PathBuf) -> Result<Manifest, E>,
) -> Result<Manifest, BoxError> {
    if to.exists() {
        return Err(
            format!("the file {} already exists: give the name of a new file for the {what}", to.display()).into()
        );
    }
    let staged = Scratch::new(data.path())?;
    let manifest = fill(staged.path().to_owned()).await.map_err(Into::into)?;
    let progress = Progress::on_terminal();
    progress.at(WRITING, manifest.blobs.bytes + manifest.log.bytes, 0);
    let (from, to) = (staged.path().to_owned(), to.to_owned());
    tokio::task::spawn_blocking(move || pack(&from, &to)).await??;
    Ok(manifest)
}

/// Fails if blobs could not be copied.
pub(super) fn is_whole(what: &str, manifest: &Manifest) -> Outcome {
    lacks(manifest).map_or(Ok(()), |missing| {
        let first = missing.first().map(ToString::to_string).unwrap_or_default();
        let count = missing.len();
        Err(format!("{count} blobs (stored files), such as {first}, are missing or damaged on this server and so not in the {what}: run `pkgdeploy verify` for details")
            .into())
    })
}
