//! Setup build and Building: a sandbox, the commands, the package file and the log that tells how it went.

use std::path::Path;

use building::BuiltTree;
use domain::{
    config::{self, PackageConfig, script_text},
    digest::Sha256,
    ids::ReleaseId,
    package::Format,
    release::{BuiltPackage, Command, Origin, Step},
};
use event_log::execute::Context;
use formats::packaging::{ScriptTexts, Spec, WrittenPackage, write_package};
use tokio::sync::oneshot;

use super::{
    Pipeline,
    check_out::CheckedOut,
    failure::{Stop, blocking},
    job::{JobFolder, live_log},
};

impl Pipeline {
    /// Builds the `index`-th package.
    pub(super) async fn build(
        &self,
        id: ReleaseId,
        index: usize,
        config: &PackageConfig,
        checkout: &CheckedOut,
        job: &JobFolder,
        context: &Context,
    ) -> Result<(), Stop> {
        let log = live_log(&self.jobs, id, index);
        let built = self.build_logged(id, config, checkout, job, &log, context).await;
        // Failed or not, the log is kept: it is what the owner of a failed release reads first.
        let kept = self.keep_log(&log).await;
        let WrittenPackage { path, size_bytes, sha256 } = match (built, &kept) {
            (Ok(written), _) => written,
            (Err(stop), log) => return Err(stop.with_log(log.as_ref().ok().copied())),
        };
        let log = kept?;
        self.blobs.put_file(&path).await?;
        let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let moved = tokio::fs::rename(&path, job.built(sha256)).await;
        moved.map_err(|error| Stop::machine(Step::Building, &error))?;
        let built = BuiltPackage { file_name, sha256, size_bytes, log };
        self.record(id, Command::RecordBuilt { config: config.file.clone(), built }, context).await
    }

    async fn build_logged(
        &self,
        id: ReleaseId,
        config: &PackageConfig,
        checkout: &CheckedOut,
        job: &JobFolder,
        log: &Path,
        context: &Context,
    ) -> Result<WrittenPackage, Stop> {
        let (texts, folder) = (config.scripts.clone(), checkout.folder.clone());
        let scripts = blocking(Step::Building, move || script_texts(&texts, &folder)).await?;
        let origin = self.running(id).await?.origin;
        let tree = self.build_tree(id, config, checkout, &origin, log, context).await?;
        let folder = job.path("package");
        let (config, source_date) = (config.clone(), checkout.pinned.committed_at.timestamp());
        let version = match config.format {
            Format::Deb => origin.version.deb_version().to_owned(),
            Format::Rpm => origin.version.rpm_version().to_owned(),
        };
        blocking(Step::Building, move || {
            std::fs::create_dir_all(&folder).map_err(|error| Stop::machine(Step::Building, &error))?;
            let tree = &tree.tree;
            let spec = Spec { config: &config, version: &version, source_date, scripts: &scripts, tree };
            Ok(write_package(&spec, &folder)?)
        })
        .await
    }

    async fn build_tree(
        &self,
        id: ReleaseId,
        config: &PackageConfig,
        checkout: &CheckedOut,
        origin: &Origin,
        log: &Path,
        context: &Context,
    ) -> Result<BuiltTree, Stop> {
        let job = building::Job {
            config,
            checkout: &checkout.folder,
            commit: &checkout.pinned.commit,
            tag: &origin.tag,
            version: origin.version.as_str(),
            source_date: checkout.pinned.committed_at,
            log,
        };
        let root = self.builder.root(&config.distribution)?.to_string();
        let set_up = Command::RecordSetup { config: config.file.clone(), root };
        let (ended, end) = oneshot::channel();
        let recording = async { drop(ended.send(self.record(id, set_up, context).await)) };
        let built = self.builder.build(&job, recording).await?;
        end.await.unwrap_or(Ok(()))?;
        Ok(built)
    }

    async fn keep_log(&self, log: &Path) -> Result<Sha256, Stop> {
        let written = tokio::fs::try_exists(log).await.unwrap_or(false);
        let (digest, _) = if written {
            self.blobs.put_file(log).await?
        } else {
            (self.blobs.put_bytes(bytes::Bytes::new()).await?, 0)
        };
        Ok(digest)
    }
}

/// The six sections as shell text, `file:` commands included.
fn script_texts(scripts: &config::Scripts, checkout: &Path) -> Result<ScriptTexts, Stop> {
    let text = |commands: &[config::Command]| -> Result<Option<String>, Stop> {
        if commands.is_empty() {
            return Ok(None);
        }
        let read = |file: &str| -> Result<String, Stop> {
            building::read_command_file(checkout, Path::new(file)).map_err(Stop::from)
        };
        script_text(commands, read).map(Some)
    };
    Ok(ScriptTexts {
        before_install: text(&scripts.before_install)?,
        after_install: text(&scripts.after_install)?,
        before_upgrade: text(&scripts.before_upgrade)?,
        after_upgrade: text(&scripts.after_upgrade)?,
        before_uninstall: text(&scripts.before_uninstall)?,
        after_uninstall: text(&scripts.after_uninstall)?,
    })
}
