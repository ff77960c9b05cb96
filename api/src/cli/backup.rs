//! `pkgdeploy backup` and `pkgdeploy restore`.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;
use commands::{blobs::Blobs, event_store};
use serde_json::json;

use super::{Outcome, progress::Progress};
use crate::{
    archive::{Archive, Format, HowBlobs, Manifest, Step, pack},
    backup::{self, Options, Restored, Sources, has_master_key, lacks},
    data_folder::DataFolder,
    settings::Settings,
};

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Folder of the backup, new or with an earlier one; or a new file whose name ends in .tar
    to: PathBuf,
    /// Copy the master key too: whoever has the backup then has every private key in it
    #[arg(long)]
    with_master_key: bool,
    /// Give blobs a second name instead of copying them, where the backup is on the same disk
    #[arg(long)]
    hard_links: bool,
    /// Print the manifest as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// Folder or tar file of the backup
    from: PathBuf,
    /// Print what was restored as one JSON object
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) async fn back_up(command: Backup, settings: &Settings) -> Outcome {
    let Backup { to, with_master_key, hard_links, json } = command;
    let data = DataFolder::existing(settings)?;
    let log = event_store::open_read_only(data.log()).await?;
    let blobs = Blobs::local(data.blobs())?;
    let sources = Sources { log: &*log, blobs: &blobs, data: &data };
    let blobs = if hard_links { HowBlobs::Linked } else { HowBlobs::Copied };
    let options = Options { with_master_key, blobs };
    let is_file = to.extension().is_some_and(|extension| extension == "tar") && !to.is_dir();
    let manifest =
        if is_file { into_file(&sources, &to, options).await? } else { into_folder(&sources, &to, options).await? };
    match json {
        true => println!("{}", serde_json::to_string(&manifest)?),
        false => println!("{}", said(&manifest, &to)),
    }
    lacks(&manifest).map_or(Ok(()), |missing| {
        let first = missing.first().map(ToString::to_string).unwrap_or_default();
        let count = missing.len();
        Err(format!("{count} blobs are lost or damaged here, and so not in the backup: {first} …; see `verify`").into())
    })
}

async fn into_folder(sources: &Sources<'_>, to: &Path, options: Options) -> Result<Manifest, backup::BackupError> {
    let progress = Progress::on_terminal();
    let watch = |step, done, total| progress.at(step, done, total);
    backup::backup(sources, to, options, Utc::now(), &watch).await
}

/// By way of a folder beside the data, in which blobs take no space.
async fn into_file(
    sources: &Sources<'_>,
    to: &Path,
    options: Options,
) -> Result<Manifest, Box<dyn std::error::Error + Send + Sync>> {
    if to.exists() {
        return Err(format!("{} is there already: a backup in a file is always a new file", to.display()).into());
    }
    let staged = tempfile::Builder::new().prefix("backup-").tempdir_in(sources.data.path())?;
    let options = Options { blobs: HowBlobs::Linked, ..options };
    let manifest = into_folder(sources, staged.path(), options).await?;
    let progress = Progress::on_terminal();
    progress.at(Step { words: "Writing the file", unit: "bytes" }, manifest.blobs.bytes + manifest.log.bytes, 0);
    let (from, to) = (staged.path().to_owned(), to.to_owned());
    tokio::task::spawn_blocking(move || pack(&from, &to)).await??;
    Ok(manifest)
}

fn said(manifest: &Manifest, to: &Path) -> String {
    let Manifest { log, blobs, files, .. } = manifest;
    let key = match has_master_key(manifest) {
        true => "The master key is in it: keep it as secret as the server itself.",
        false => {
            "The master key is not in it. Without that file a restored server can neither sign nor hand over a key: keep a \
             copy of it elsewhere, or back up with --with-master-key."
        }
    };
    format!(
        "{}\n{:>12} events, Merkle root {}\n{:>12} blobs, {} bytes\n{:>12} other files\n{key}",
        to.display(),
        log.events,
        log.merkle_root,
        blobs.count,
        blobs.bytes,
        files.len()
    )
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) async fn restore(command: Restore, settings: &Settings) -> Outcome {
    let Restore { from, json } = command;
    let archive = Archive::open(&from, Format::Backup)?;
    let data = DataFolder::open(settings)?;
    backup::check_empty(&data, &archive)?;
    let log = event_store::open(data.log()).await?;
    let progress = Progress::on_terminal();
    let watch = |step, done, total| progress.at(step, done, total);
    let restored = backup::restore(&archive, &data, &*log, &watch).await;
    log.close().await;
    drop(progress);
    let Restored { events, merkle_root, blobs, blob_bytes, missing_blobs } = restored?;
    match json {
        true => println!(
            "{}",
            json!({ "events": events, "merkle_root": merkle_root, "blobs": blobs, "blob_bytes": blob_bytes,
                    "missing_blobs": missing_blobs, "master_key": data.master_key().exists() })
        ),
        false => {
            println!("{}\n{events:>12} events, Merkle root {merkle_root}", data.path().display());
            println!("{blobs:>12} blobs, {blob_bytes} bytes");
            if !data.master_key().exists() {
                let place = data.master_key().display();
                println!("The master key was not in the backup: put it at {place}, or the server does not start.");
            }
        }
    }
    match missing_blobs {
        0 => Ok(()),
        lost => Err(format!("{lost} blobs were lost before the backup was made: `verify` names them").into()),
    }
}
