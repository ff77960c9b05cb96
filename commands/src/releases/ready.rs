//! From the file that came out of the build to the file that clients get.

use std::path::PathBuf;

use domain::{
    config::PackageConfig,
    ids::ReleaseId,
    release::{BuiltPackage, Command},
};
use event_log::execute::Context;
use stores::blobs::BlobError;

use super::{Pipeline, failure::Stop, job::JobFolder};
use crate::packages::finish;

impl Pipeline {
    pub(super) async fn make_ready(
        &self,
        id: ReleaseId,
        config: &PackageConfig,
        built: &BuiltPackage,
        job: &JobFolder,
        context: &Context,
    ) -> Result<(), Stop> {
        let finished = finish(self.file_of(built, job).await?, self.keys.now().current.clone()).await?;
        finished.store(&self.blobs).await?;
        let (package, key_fingerprint) = (Box::new(finished.package), finished.key_fingerprint);
        self.record(id, Command::RecordReady { config: config.file.clone(), package, key_fingerprint }, context).await
    }

    /// The built file on the local disk: where the build left it, or from the blob store if an earlier attempt built it.
    async fn file_of(&self, built: &BuiltPackage, job: &JobFolder) -> Result<PathBuf, BlobError> {
        let file = job.built(built.sha256);
        if !tokio::fs::try_exists(&file).await.unwrap_or(false) {
            self.blobs.download(built.sha256, &file).await?;
        }
        Ok(file)
    }
}
