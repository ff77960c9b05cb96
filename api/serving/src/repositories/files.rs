//! `/apt/{organisation}/{repository}/{path}` and `/yum/…`: one file of a repository, now or at a point in its past.

use api_http::{
    conditional::Validators,
    file::{Asked, FileHead},
    problem::Problem,
    public_url::PublicUrl,
};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, Response, StatusCode},
};
use commands::signing_keys::TrustedCertificates;
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    package::Format,
    repository::{InvalidPoint, PointInTime},
    token::Token,
};
use index::Located;
use stores::key_usage::KeyUsage;

use super::{
    access::{Authorized, Authorizer},
    bytes::FileBytes,
    certificate::{PublicCertificate, Served},
    epoch, mirrorlist,
    path::{FilePath, decode_point},
};

/// Why a package should not have been published, for clients that download it from an earlier state.
const YANKED: HeaderName = HeaderName::from_static("x-pkgdeploy-yanked");

/// The files of repositories. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    /// Authorizes clients.
    pub authorizer: Authorizer,
    /// Counts key usage. `None` if it is not counted.
    pub key_usage: Option<KeyUsage>,
    /// The files' content.
    pub bytes: FileBytes,
    /// The certificates for clients.
    pub certificates: TrustedCertificates,
    /// The server's public URL.
    pub public_url: PublicUrl,
}

impl Files {
    /// Responds for `address`: the path after `/apt/` or `/yum/`, as in the request.
    pub(super) async fn answer(
        &self,
        format: Format,
        address: &str,
        asked: Asked<'_>,
    ) -> Result<Response<Body>, Problem> {
        let (organisation, repository, rest) = split(address);
        let Authorized { repository, key, .. } =
            self.authorizer.authorize_packages(organisation, repository, asked.headers)?;
        let repositories = &self.authorizer.repositories;
        if repository.format != format {
            let text =
                format!("this repository has {} packages: use the URL for that package format", repository.format);
            return Err(Problem::NotFound(text));
        }
        let (point, raw) = split_point(rest)?;
        let path = FilePath::decode(raw).map_err(|invalid| Problem::BadRequest(invalid.to_string()))?;
        let (epoch, name) = match format {
            Format::Rpm => epoch::split(path.as_str())?,
            Format::Deb => (None, path.as_str()),
        };
        match (format, name) {
            (Format::Rpm, "mirrorlist") => {
                self.used(&key, None);
                mirrorlist::answer(repositories, &self.public_url, &repository, &point, epoch).await
            }
            (Format::Rpm, "repodata/repomd.xml.key") => {
                answer_served(&public(&self.certificates)?.armored, asked).await
            }
            (_, name) => {
                let file = epoch::locate(repositories, repository.id, &point, epoch, name).await?;
                let Some(file) = file else { return Err(self.no_file(repository.id, &point, name).await?) };
                let is_get = *asked.method == Method::GET;
                let mut answer = self.answer_file(&file, asked).await?;
                let is_package = name.ends_with(".deb") || name.ends_with(".rpm");
                if let Some(reason) = repositories.yanked(repository.id, &file.sha256).filter(|_| is_package) {
                    answer.headers_mut().insert(YANKED, header_text(reason.as_str()));
                }
                if is_get {
                    // An unchanged file does not count as a download; any part of a package does.
                    let is_fetched = is_package && answer.status() != StatusCode::NOT_MODIFIED;
                    self.used(&key, is_fetched.then_some(file.sha256));
                }
                Ok(answer)
            }
        }
    }

    /// Records that the key was used to read an index or to download a package. Never waits.
    fn used(&self, key: &Token, package: Option<Sha256>) {
        if let Some(key_usage) = &self.key_usage {
            key_usage.used(AccessKeyId(key.id()), package, (self.authorizer.clock)());
        }
    }

    /// The problem for a file, or a version, that does not exist.
    async fn no_file(&self, repository: RepositoryId, point: &PointInTime, name: &str) -> Result<Problem, Problem> {
        Ok(match point {
            PointInTime::Newest => Problem::NotFound(format!("the repository has no file {name}")),
            point if self.authorizer.repositories.published_at(repository, point).await?.is_none() => no_point(point),
            point => Problem::NotFound(format!("the repository has no file {name} at the point in time {point}")),
        })
    }

    async fn answer_file(&self, file: &Located, asked: Asked<'_>) -> Result<Response<Body>, Problem> {
        let validators =
            Validators { etag: etag(&file.sha256), modified_at: Some(file.last_modified), size_bytes: file.size_bytes };
        let head = FileHead { validators, content_type: file.content_type, immutable: file.immutable };
        head.answer(asked, |range| self.bytes.body(file, range)).await
    }
}

/// A text as a header value: bytes that are not printable ASCII, and `%`, are escaped as in a URL.
fn header_text(words: &str) -> HeaderValue {
    let escaped = words.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'%' | 0..b' ' | 0x7f.. => text.push_str(&format!("%{byte:02X}")),
            _ => text.push(char::from(byte)),
        }
        text
    });
    HeaderValue::from_str(&escaped).expect("printable ASCII")
}

/// The problem for a version that does not exist.
pub(super) fn no_point(point: &PointInTime) -> Problem {
    Problem::NotFound(format!("the repository has no version for the point in time {point}: {}", point.absence()))
}

/// The current certificates.
pub(super) fn public(certificates: &TrustedCertificates) -> Result<PublicCertificate, Problem> {
    PublicCertificate::new(&certificates.now())
        .map_err(|error| Problem::internal("show the certificates")(error.into()))
}

/// Answers with bytes that are always in memory.
pub(super) async fn answer_served(served: &Served, asked: Asked<'_>) -> Result<Response<Body>, Problem> {
    let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(served.bytes.len());
    let open =
        async |range: std::ops::Range<u64>| Ok(Body::from(served.bytes.slice(within(range.start)..within(range.end))));
    served.head().answer(asked, open).await
}

/// A digest as a strong entity tag.
pub(super) fn etag(sha256: &Sha256) -> HeaderValue {
    let mut quoted = [b'"'; 66];
    hex::encode_to_slice(sha256.0, &mut quoted[1..65]).expect("a digest has 64 hexadecimal digits");
    HeaderValue::from_bytes(&quoted).expect("hexadecimal digits are ASCII")
}

/// Organisation, repository, and the rest without its slash.
pub(crate) fn split(address: &str) -> (&str, &str, &str) {
    let mut parts = address.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

/// `at/{point}/{path}` and `{path}`.
fn split_point(rest: &str) -> Result<(PointInTime, &str), Problem> {
    let Some(past) = rest.strip_prefix("at/") else { return Ok((PointInTime::Newest, rest)) };
    let (point, path) = past.split_once('/').unwrap_or((past, ""));
    // A tag may hold slashes, which are escaped here; a time holds `:` and `+`, which some clients escape.
    let point = decode_point(point).map_err(|invalid| Problem::BadRequest(invalid.to_string()))?;
    let point = point.parse().map_err(|invalid: InvalidPoint| Problem::NotFound(invalid.to_string()))?;
    Ok((point, path))
}

/// GET and HEAD are all that files know.
pub(crate) fn check_method(method: &Method) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) { Ok(()) } else { Err(Problem::MethodNotAllowed) }
}
