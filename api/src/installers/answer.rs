//! `/install/{organisation}/{repository}`: whoever holds an access key gets it back as an installer.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, header},
    response::IntoResponse as _,
};
use domain::package::Format;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    package::{self, InstallerPackageError},
    script,
};
use crate::{
    http::{problem::Problem, public_url::PublicUrl},
    repositories::{Entered, PublicCertificate, RepositoryReads, enter, split},
};

/// Packages written at the same time: each takes a processor for some milliseconds.
const PACKING_MAX: usize = 2;
/// The script and the packages hold a key.
const NEVER_KEPT: (header::HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// Writes installers.
#[derive(Debug, Clone)]
pub struct Installers {
    packing: Arc<Semaphore>,
}

impl Default for Installers {
    fn default() -> Self {
        Self { packing: Arc::new(Semaphore::new(PACKING_MAX)) }
    }
}

impl Installers {
    /// Answers for `address`, what follows `/install/`, with the credentials that the request shows.
    ///
    /// # Errors
    /// `NeedsAccessKey`; `NotFound` for a file that is no installer of this repository.
    pub async fn answer(
        &self,
        reads: &dyn RepositoryReads,
        certificate: &PublicCertificate,
        public_url: &PublicUrl,
        address: &str,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Problem> {
        let (organisation, repository, file) = split(address);
        let entered = enter(reads, organisation, repository, headers)?;
        let script = script::write(&entered, certificate, public_url)
            .map_err(|error| Problem::internal("write the installer")(error.into()))?;
        match (file, entered.repository.format) {
            ("", _) => Ok(script_response(script)),
            ("installer.deb", Format::Deb) => {
                self.package(entered, script, "application/vnd.debian.binary-package").await
            }
            ("installer.rpm", Format::Rpm) => self.package(entered, script, "application/x-rpm").await,
            (_, format) => {
                Err(Problem::NotFound(format!("this repository's installers are the script and installer.{format}")))
            }
        }
    }

    async fn package(
        &self,
        entered: Entered,
        script: String,
        content_type: &'static str,
    ) -> Result<Response<Body>, Problem> {
        let _turn = self.packing.acquire().await.map_err(|error| Problem::internal("wait")(error.into()))?;
        let Entered { repository, key } = entered;
        let packing = spawn_blocking(move || package::pack(&repository, key.id(), &script, repository.format));
        let package = packing.await.map_err(|error| Problem::internal("write the installer")(error.into()))?;
        let package = package.map_err(|error| match error {
            InstallerPackageError::Name(_) => {
                Problem::Unprocessable { code: "installer_name_too_long", detail: error.to_string() }
            }
            InstallerPackageError::Write(_) | InstallerPackageError::Disk(_) => {
                Problem::internal("write the installer")(error.into())
            }
        })?;
        let disposition = (header::CONTENT_DISPOSITION, package.disposition());
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Ok(([content_type, disposition, NEVER_KEPT], package.bytes).into_response())
    }
}

fn script_response(script: String) -> Response<Body> {
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("text/x-shellscript; charset=utf-8"));
    ([content_type, NEVER_KEPT], script).into_response()
}

#[cfg(test)]
mod tests;
