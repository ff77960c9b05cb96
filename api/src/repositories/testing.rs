//! Doubles for the tests of this crate: read models and blobs that hold what a test says.

use std::{
    collections::BTreeMap,
    io,
    ops::Range,
    sync::{Arc, Mutex},
};

use ::bytes::Bytes;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeZone as _, Utc};
use commands::{
    installers::PublishedInstallers,
    signing_keys::{TrustedCertificate, TrustedCertificates},
};
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
    names::{MachineName, OrganisationName, RepositoryName},
    package::Format,
    repository::{Point, Stored, YankReason},
    token::{Token, TokenKind, id_text},
};
use futures::{StreamExt as _, future::BoxFuture, stream};
use http_body_util::BodyExt as _;
use projections::credentials::{Pass, Standing};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{bytes::ByteStream, *};
use crate::{
    http::{problem::Problem, public_url::PublicUrl},
    installers::{HandsOver, Installers},
};

/// The bytes of a package that is yanked.
pub(crate) const YANKED: &str = "yanked";
pub(crate) const NEWEST: &str = "20261122T100001Z";
pub(crate) const ARMORED: &str =
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxsFNBGTest\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";

pub(crate) fn newest() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 10, 0, 1).single().expect("a time")
}

/// A key issued at 2026-11-22T10:00:00Z.
pub(crate) fn key() -> Token {
    Token::new(TokenKind::AccessKey, Uuid::from_u128(0x019a_ab10_1000_7000_8000_0000_0000_0001), [7; 32])
}

fn certificates() -> [TrustedCertificate; 1] {
    let fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567".to_owned();
    [TrustedCertificate { epoch: 1, fingerprint, armored: ARMORED.to_owned(), binary: b"packets".to_vec() }]
}

/// A certificate to trust, of the key with this number.
pub(crate) fn trusted(epoch: u32) -> TrustedCertificate {
    let fingerprint = format!("{epoch:X}123456789ABCDEF0123456789ABCDEF01234567");
    TrustedCertificate { epoch, fingerprint, armored: ARMORED.to_owned(), binary: format!("packets {epoch}").into() }
}

/// A key with which machines enrol.
pub(crate) fn enrolment_key() -> Token {
    Token::new(TokenKind::AccessKey, Uuid::from_u128(0x019a_ab10_1000_7000_8000_0000_0000_0002), [8; 32])
}

/// The key that every holder of a key is handed.
pub(crate) fn next_key() -> Token {
    Token::new(TokenKind::AccessKey, Uuid::from_u128(3), [9; 32])
}

/// Hands over [`next_key`], to machines with a name under the name's first bytes.
pub(crate) struct FakeHandOver;

impl HandsOver for FakeHandOver {
    fn next<'a>(
        &'a self,
        _: RepositoryId,
        _: &'a Token,
        machine: Option<MachineName>,
    ) -> BoxFuture<'a, Result<Token, Problem>> {
        let id = machine.map_or(3, |name| name.as_str().len() as u128 + 1_000);
        Box::pin(async move { Ok(next_key().under(Uuid::from_u128(id))) })
    }
}

pub(crate) fn repository(name: &str, format: Format) -> ServedRepository {
    let organisation: OrganisationName = "acme".parse().expect("a name");
    let name: RepositoryName = name.parse().expect("a name");
    let id = RepositoryId::named(&organisation, &name);
    ServedRepository { id, organisation, name, format, codename: "stable".to_owned() }
}

pub(crate) fn authorization(key: &Token) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", id_text(key.id()), key.text())))
}

/// Read models with two repositories, `acme/debs` and `acme/rpms`, which [`key`] opens.
pub(crate) struct FakeReads {
    pub(crate) files: BTreeMap<(Format, &'static str), Located>,
    pub(crate) published: bool,
    /// The repositories that `pass` was asked about.
    pub(crate) judged: Mutex<Vec<RepositoryId>>,
    /// The keys that seemed to be used for the first time.
    pub(crate) moved: Mutex<Vec<AccessKeyId>>,
    /// The keys that were used, and for which package.
    pub(crate) used: Mutex<Vec<(AccessKeyId, Option<Sha256>)>>,
}

impl FakeReads {
    fn format_of(id: RepositoryId) -> Option<Format> {
        [repository("debs", Format::Deb), repository("rpms", Format::Rpm)]
            .into_iter()
            .find(|repository| repository.id == id)
            .map(|repository| repository.format)
    }
}

impl RepositoryReads for FakeReads {
    fn find(&self, organisation: &OrganisationName, name: &RepositoryName) -> Option<Arc<ServedRepository>> {
        let format = Self::format_of(RepositoryId::named(organisation, name))?;
        Some(Arc::new(repository(name.as_str(), format)))
    }

    fn pass(&self, repository: RepositoryId, id: AccessKeyId, presented: &Sha256) -> Option<Pass> {
        self.judged.lock().expect("no panic").push(repository);
        Self::format_of(repository)?;
        let (known, kind) = [(key(), KeyKind::Shared), (enrolment_key(), KeyKind::Enrolment)]
            .into_iter()
            .find(|(known, _)| known.id() == id.0)?;
        let standing = Standing::NeverUsed;
        (known.secret_sha256() == *presented).then_some(Pass { kind, standing })
    }

    fn used(&self, key: AccessKeyId, package: Option<Sha256>) {
        self.used.lock().expect("no panic").push((key, package));
    }

    fn moved(&self, _: RepositoryId, key: AccessKeyId) {
        self.moved.lock().expect("no panic").push(key);
    }

    fn published_at<'a>(
        &'a self,
        _: RepositoryId,
        point: &'a Point,
    ) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, Problem>> {
        Box::pin(async move { Ok((self.published && exists(point)).then(newest)) })
    }

    fn yanked(&self, _: RepositoryId, sha256: &Sha256) -> Option<YankReason> {
        (*sha256 == Sha256::of(YANKED.as_bytes())).then(|| "löscht Post, 100 %".parse().expect("a reason"))
    }

    fn locate<'a>(
        &'a self,
        repository: RepositoryId,
        point: &'a Point,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<Located>, Problem>> {
        let file = Self::format_of(repository)
            .filter(|_| exists(point))
            .and_then(|format| self.files.iter().find(|((of, name), _)| *of == format && *name == path))
            .map(|(_, file)| Located { immutable: file.immutable || *point == Point::At(newest()), ..*file });
        Box::pin(async move { Ok(file) })
    }
}

/// The one publication is from [`newest`], by the event at position 7.
fn exists(point: &Point) -> bool {
    match point {
        Point::Newest => true,
        Point::At(time) => *time >= newest(),
        Point::Position(position) => position.0 >= 7,
        Point::Tag(project, tag) => (project.as_str(), tag.as_str()) == ("hello", "release/1.0"),
        Point::Release(_) | Point::Snapshot(_) => false,
    }
}

/// Blobs in memory.
#[derive(Default)]
pub(crate) struct FakeBlobs(pub(crate) BTreeMap<Sha256, Bytes>);

impl BlobReads for FakeBlobs {
    fn open(&self, sha256: Sha256, range: Range<u64>) -> BoxFuture<'_, io::Result<ByteStream>> {
        Box::pin(async move {
            let blob = self.0.get(&sha256).ok_or(io::ErrorKind::NotFound)?;
            let part = blob.slice(range.start as usize..range.end as usize);
            Ok(stream::iter([Ok(part)]).boxed())
        })
    }

    fn pieces(&self, _: Sha256) -> BoxFuture<'_, io::Result<Arc<[Piece]>>> {
        Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
    }
}

/// A server of package clients with a file or two.
pub(crate) struct Served {
    pub(crate) router: Router,
    pub(crate) reads: Arc<FakeReads>,
}

pub(crate) fn served(files: &[(Format, &'static str, &'static str)], published: bool) -> Served {
    let mut blobs = FakeBlobs::default();
    let mut located = BTreeMap::new();
    for (format, path, text) in files {
        let (sha256, size_bytes) = (Sha256::of(text.as_bytes()), text.len() as u64);
        blobs.0.insert(sha256, Bytes::from_static(text.as_bytes()));
        let immutable = path.starts_with("pool/");
        let file = Located {
            sha256,
            size_bytes,
            stored: Stored::Blob,
            last_modified: newest(),
            immutable,
            content_type: "text/plain; charset=utf-8",
        };
        located.insert((*format, *path), file);
    }
    let reads = Arc::new(FakeReads {
        files: located,
        published,
        judged: Mutex::default(),
        moved: Mutex::default(),
        used: Mutex::default(),
    });
    let public_url: PublicUrl = "https://packages.example.com".parse().expect("a URL");
    let trusted = TrustedCertificates::fixed([trusted(1)]);
    let routes = RepositoryRoutes {
        reads: reads.clone(),
        blobs: Arc::new(blobs),
        certificates: TrustedCertificates::fixed(certificates()),
        hand_over: Arc::new(FakeHandOver),
        installers: Installers::new(trusted, PublishedInstallers::default(), public_url.clone()),
        public_url,
    };
    Served { router: routes.router(), reads }
}

/// An answer, read to its end.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

impl Served {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.expect("infallible").into_parts();
        let body = body.collect().await.expect("the whole body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// GET with the good key and more headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path).header(header::AUTHORIZATION, authorization(&key()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }
}
