//! From the file that came out of the build to the file that clients get: rpms are signed, and every package is read
//! back, so that an index says what the file itself says.

use std::path::PathBuf;

use bytes::Bytes;
use domain::{
    config::PackageConfig,
    ids::ReleaseId,
    package::Format,
    release::{BuiltPackage, Command},
};
use tokio::task::spawn_blocking;

use super::{Pipeline, failure::Stop, job::JobFolder};
use crate::{
    blobs::BlobError,
    execute::Context,
    packaging::{ReadPackage, read_package},
};

impl Pipeline {
    pub(super) async fn make_ready(
        &self,
        id: ReleaseId,
        config: &PackageConfig,
        built: &BuiltPackage,
        job: &JobFolder,
        context: &Context,
    ) -> Result<(), Stop> {
        let unsigned = self.file_of(built, job).await?;
        let (file, key_fingerprint) = match config.format {
            Format::Deb => (unsigned, None),
            Format::Rpm => (self.sign(unsigned, job).await?, Some(self.signer.fingerprint())),
        };
        let ReadPackage { package, attached } = read(file.clone()).await?;
        if let Some(list) = attached {
            self.blobs.put_bytes(Bytes::from(list)).await?;
        }
        self.blobs.put_file(&file).await?;
        let ready = Command::RecordReady { config: config.file.clone(), package: Box::new(package), key_fingerprint };
        self.record(id, ready, context).await
    }

    /// The built file on the local disk; from the blob store if an earlier attempt built it.
    async fn file_of(&self, built: &BuiltPackage, job: &JobFolder) -> Result<PathBuf, BlobError> {
        let file = job.path(&format!("{}.built", built.sha256));
        self.blobs.download(built.sha256, &file).await?;
        Ok(file)
    }

    async fn sign(&self, unsigned: PathBuf, job: &JobFolder) -> Result<PathBuf, Stop> {
        let signed = job.path("signed.rpm");
        let (signer, now, output) = (self.signer.clone(), self.executor.now(), signed.clone());
        spawn_blocking(move || signer.sign_rpm(&unsigned, &output, now)).await.expect("signing does not panic")?;
        Ok(signed)
    }
}

async fn read(file: PathBuf) -> Result<ReadPackage, Stop> {
    let read = spawn_blocking(move || read_package(&file));
    Ok(read.await.expect("reading a package does not panic")?)
}
