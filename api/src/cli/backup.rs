//! `pkgdeploy backup` and `pkgdeploy restore`.

use std::path::{Path, PathBuf};

use archive::{
    Archive, Format, HowBlobs, Manifest,
    backup::{self, DamagedBlobs, Options, Restored, Sources, Unfinished, has_master_key},
    data_folder::DataFolder,
};
use chrono::Utc;
use clap::Args;
use event_log::event_store;
use serde_json::json;
use stores::blobs::Blobs;

use super::{
    Outcome,
    archived::{into_file, is_elsewhere, is_file, is_whole},
    progress::Progress,
};
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Folder for the backup, new or with an earlier backup; or a new file whose name ends in .tar
    to: PathBuf,
    /// Copy the master key too: anyone who has the backup then has every private key
    #[arg(long)]
    with_master_key: bool,
    /// Hard-link blobs instead of copying them, if the backup is on the same disk
    #[arg(long)]
    hard_links: bool,
    /// Read all blobs of the earlier backup, and replace damaged ones; takes as long as reading them
    #[arg(long)]
    check: bool,
    /// Print the manifest as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// Folder or tar file of the backup
    from: PathBuf,
    /// Skip blobs that are missing or damaged in the backup, and list them; the command then fails at the end
    #[arg(long)]
    without_damaged: bool,
    /// Print what was restored as one JSON object
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) async fn back_up(command: Backup, settings: &Settings) -> Outcome {
    let Backup { to, with_master_key, hard_links, check, json } = command;
    let data = DataFolder::existing(&settings.locations())?;
    is_elsewhere("backup", &data, &to)?;
    let log = event_store::open_read_only(data.log()).await?;
    let blobs = Blobs::local(data.blobs())?;
    let sources = Sources { log: &*log, blobs: &blobs, data: &data };
    let blobs = if hard_links { HowBlobs::Linked } else { HowBlobs::Copied };
    let options = Options { with_master_key, blobs, is_checked: check };
    let manifest = match is_file(&to) {
        true => {
            let options = Options { blobs: HowBlobs::Linked, ..options };
            into_file("backup", &data, &to, async |folder| into_folder(&sources, &folder, options).await).await?
        }
        false => into_folder(&sources, &to, options).await?,
    };
    match json {
        true => println!("{}", serde_json::to_string(&manifest)?),
        false => println!("{}", said(&manifest, &to)),
    }
    is_whole("backup", &manifest)
}

async fn into_folder(sources: &Sources<'_>, to: &Path, options: Options) -> Result<Manifest, backup::BackupError> {
    let progress = Progress::on_terminal();
    let watch = |step, done, total| progress.at(step, done, total);
    backup::backup(sources, to, options, Utc::now(), &watch).await
}

fn said(manifest: &Manifest, to: &Path) -> String {
    let Manifest { log, blobs, files, .. } = manifest;
    let key = match has_master_key(manifest) {
        true => "The backup contains the master key: protect it like the server itself.",
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
    let Restore { from, without_damaged, json } = command;
    let archive = Archive::open(&from, Format::Backup)?;
    let data = DataFolder::to_restore(&settings.locations())?;
    let unfinished = Unfinished::begin(&data, &archive)?;
    let log = event_store::open(data.log()).await?;
    let progress = Progress::on_terminal();
    let watch = |step, done, total| progress.at(step, done, total);
    let damaged = if without_damaged { DamagedBlobs::LeftOut } else { DamagedBlobs::Refused };
    let restored = backup::restore(&archive, &data, &*log, unfinished, damaged, &watch).await;
    log.close().await;
    drop(progress);
    let restored = restored?;
    match json {
        true => println!("{}", in_json(&restored, &data)),
        false => println!("{}", in_words(&restored, &data)),
    }
    is_all(&restored)
}

fn in_json(restored: &Restored, data: &DataFolder) -> serde_json::Value {
    let Restored { events, merkle_root, blobs, blob_bytes, missing_blobs, damaged_blobs } = restored;
    json!({ "events": events, "merkle_root": merkle_root, "blobs": blobs, "blob_bytes": blob_bytes,
            "missing_blobs": missing_blobs, "damaged_blobs": damaged_blobs, "master_key": data.master_key().exists() })
}

fn in_words(restored: &Restored, data: &DataFolder) -> String {
    let Restored { events, merkle_root, blobs, blob_bytes, damaged_blobs, .. } = restored;
    let mut words = format!(
        "{}\n{events:>12} events, Merkle root {merkle_root}\n{blobs:>12} blobs, {blob_bytes} bytes",
        data.path().display()
    );
    for digest in damaged_blobs {
        words += &format!("\n{:>12} {digest}", "left out");
    }
    if !data.master_key().exists() {
        let place = data.master_key().display();
        words +=
            &format!("\nThe backup does not contain the master key: put it at {place} before you start the server.");
    }
    words
}

/// Fails if blobs are missing.
fn is_all(restored: &Restored) -> Outcome {
    let Restored { missing_blobs, damaged_blobs, .. } = restored;
    let mut lacks = Vec::new();
    if *missing_blobs > 0 {
        lacks.push(format!("{missing_blobs} blobs were lost before the backup was made"));
    }
    if !damaged_blobs.is_empty() {
        lacks.push(format!("{} blobs are missing or damaged in the backup and were skipped", damaged_blobs.len()));
    }
    match lacks.is_empty() {
        true => Ok(()),
        false => Err(format!("{}: run `pkgdeploy verify` to list their events", lacks.join(", and ")).into()),
    }
}
