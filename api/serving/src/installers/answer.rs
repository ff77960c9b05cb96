//! `/install/{organisation}/{repository}`: the holder of an access key gets it back as an installer.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use api_http::{problem::Problem, public_url::PublicUrl};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, header},
    response::IntoResponse as _,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use commands::{
    installers::{Holds, InstallerOf, InstallerPackageError, PublishedInstallers, pack},
    signing_keys::TrustedCertificates,
};
use domain::{error_chain::ErrorChain, keyring::KeyKind, package::Format, token::Token};
use tokio::{sync::Semaphore, task::spawn_blocking};
use uuid::Uuid;

use super::{
    script::{self, About, Brings},
    snippets,
};
use crate::repositories::{Authorized, Authorizer, ServedRepository, split};

/// How many packages are built at the same time. Each takes some milliseconds of CPU time.
const PACKING_MAX: usize = 2;
/// All responses contain a key.
const NEVER_KEPT: (header::HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
const SCRIPT: &str = "text/x-shellscript; charset=utf-8";
/// RFC 9512.
const YAML: &str = "application/yaml; charset=utf-8";
const CLOUD_CONFIG: &str = "text/cloud-config; charset=utf-8";
const DEB: &str = "application/vnd.debian.binary-package";
const RPM: &str = "application/x-rpm";

/// Writes installers. Cheap to clone.
#[derive(Clone)]
pub struct Installers {
    authorizer: Authorizer,
    trusted: TrustedCertificates,
    published: PublishedInstallers,
    public_url: PublicUrl,
    packing: Arc<Semaphore>,
}

/// A package file in memory.
struct PackageFile {
    /// Its file name, as the format's tools would name it.
    name: String,
    bytes: Bytes,
}

impl Installers {
    /// Creates installers with these certificates.
    #[must_use]
    pub fn new(
        authorizer: Authorizer,
        trusted: TrustedCertificates,
        published: PublishedInstallers,
        public_url: PublicUrl,
    ) -> Self {
        Self { authorizer, trusted, published, public_url, packing: Arc::new(Semaphore::new(PACKING_MAX)) }
    }

    /// Responds for `address`, the path after `/install/`, with the credentials in the request.
    ///
    /// # Errors
    /// `NeedsAccessKey`; `NotFound` for a file that is not an installer of this repository.
    pub async fn answer(&self, address: &str, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
        let (organisation, repository, file) = split(address);
        let Authorized { repository, key, pass } = self.authorizer.authorize(organisation, repository, headers)?;
        let ServedRepository { organisation, name, format, codename, .. } = &repository;
        let about = About { organisation, repository: name, format: *format, codename };
        let brings = match pass.kind {
            KeyKind::Enrolment => Brings::EnrolmentKey(&key),
            KeyKind::Shared | KeyKind::Machine => Brings::Key(&key),
        };
        let script = script::write(about, brings, &self.trusted.now(), &self.public_url)
            .map_err(|error| Problem::internal("write the installer")(error.into()))?;
        match (file, format) {
            ("", _) => Ok(text(SCRIPT, script)),
            ("cloud-init.yaml", _) => Ok(text(CLOUD_CONFIG, snippets::cloud_init(organisation, name, &script))),
            ("ansible.yml", _) => Ok(text(YAML, snippets::ansible(organisation, name, &script))),
            ("installer.deb", Format::Deb) => self.package(&repository, &key, script, DEB).await,
            ("installer.rpm", Format::Rpm) => self.package(&repository, &key, script, RPM).await,
            (_, format) => Err(Problem::NotFound(format!(
                "this repository's installers are the script, installer.{format}, cloud-init.yaml and ansible.yml"
            ))),
        }
    }

    async fn package(
        &self,
        repository: &ServedRepository,
        key: &Token,
        script: String,
        content_type: &'static str,
    ) -> Result<Response<Body>, Problem> {
        let _turn = self.packing.acquire().await.map_err(|error| Problem::internal("wait")(error.into()))?;
        let (number, issued_at) = (self.published.newest(repository.id), issued_at(key.id()));
        let of = InstallerOf {
            repository: repository.id,
            organisation: repository.organisation.clone(),
            name: repository.name.clone(),
            format: repository.format,
            codename: repository.codename.clone(),
            dated: DateTime::<Utc>::from_timestamp(issued_at, 0).unwrap_or_default(),
        };
        let packing = spawn_blocking(move || packed(&of, number, issued_at, &script));
        let package = packing.await.map_err(|error| Problem::internal("write the installer")(error.into()))?;
        let package = package.map_err(|error| match error {
            InstallerPackageError::Name(_) => {
                Problem::Unprocessable { code: "installer_name_too_long", detail: ErrorChain(&error).to_string() }
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

/// Packs the script in a temporary folder that only this user can read.
fn packed(of: &InstallerOf, number: u32, issued_at: i64, script: &str) -> Result<PackageFile, InstallerPackageError> {
    let folder = tempfile::tempdir()?;
    let written = pack(of, number, Holds::Key { issued_at }, script, folder.path())?;
    let name = written.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(PackageFile { name, bytes: std::fs::read(&written.path)?.into() })
}

impl PackageFile {
    /// `Content-Disposition`: the name that `curl -OJ` and browsers save it under.
    fn disposition(&self) -> HeaderValue {
        let text = format!("attachment; filename=\"{}\"", self.name);
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
    }
}

/// The seconds since the epoch in the key's id. Ids of another version than 7 count as the oldest.
fn issued_at(key: Uuid) -> i64 {
    key.get_timestamp().and_then(|time| i64::try_from(time.to_unix().0).ok()).unwrap_or(0)
}

fn text(content_type: &'static str, text: String) -> Response<Body> {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(content_type)), NEVER_KEPT], text).into_response()
}
