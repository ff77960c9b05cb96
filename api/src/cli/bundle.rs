//! `pkgdeploy bundle`.

use std::path::{Path, PathBuf};

use archive::{
    HowBlobs, Manifest,
    bundle::{self, BundleError, Options, Sources},
    data_folder::DataFolder,
};
use chrono::Utc;
use clap::{Args, Subcommand};
use domain::{names::OrganisationName, recorded::Position};
use event_log::event_store;
use stores::blobs::Blobs;

use super::{
    Outcome,
    archived::{into_file, is_elsewhere, is_file, is_whole},
    progress::Progress,
};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write everything that a replica of one organisation's repositories needs (the server may be running)
    ///
    /// A bundle contains the events of the organisation's repositories and access keys, every package and index that they name, and
    /// the proofs of its transparency log. It has no secrets, only digests of keys. An earlier bundle in the folder is updated.
    Create(Create),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Folder for the bundle, new or with an earlier bundle; or a new file whose name ends in .tar
    to: PathBuf,
    /// Organisation whose repositories to copy
    #[arg(long, value_name = "NAME")]
    organisation: OrganisationName,
    /// Last position of the event log to include [default: the log's last]
    #[arg(long, value_name = "POSITION")]
    until: Option<u64>,
    /// Print the manifest as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: Command, settings: &Settings) -> Outcome {
    match command {
        Command::Create(command) => create(command, settings).await,
    }
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
async fn create(command: Create, settings: &Settings) -> Outcome {
    let Create { to, organisation, until, json } = command;
    let data = DataFolder::existing(&settings.locations())?;
    is_elsewhere("bundle", &data, &to)?;
    let log = event_store::open_read_only(data.log()).await?;
    let blobs = Blobs::local(data.blobs())?;
    let sources = Sources { log: &log, blobs: &blobs, data: &data };
    let options = Options { organisation, until: until.map(Position), blobs: HowBlobs::Copied };
    let manifest = match is_file(&to) {
        true => {
            let options = Options { blobs: HowBlobs::Linked, ..options };
            into_file("bundle", &data, &to, async |folder| into_folder(&sources, &folder, options).await).await?
        }
        false => into_folder(&sources, &to, options).await?,
    };
    let Manifest { log, blobs, .. } = &manifest;
    match json {
        true => println!("{}", serde_json::to_string(&manifest)?),
        false => println!(
            "{}\n{:>12} entries, Merkle root {}\n{:>12} blobs, {} bytes",
            to.display(),
            log.events,
            log.merkle_root,
            blobs.count,
            blobs.bytes
        ),
    }
    is_whole("bundle", &manifest)
}

async fn into_folder(sources: &Sources<'_>, to: &Path, options: Options) -> Result<Manifest, BundleError> {
    let progress = Progress::on_terminal();
    let watch = |step, done, total| progress.at(step, done, total);
    bundle::create(sources, to, options, Utc::now(), &watch).await
}
