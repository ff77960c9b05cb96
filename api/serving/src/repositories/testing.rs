//! A server of package clients, for the tests of this crate: real repositories, which hold the packages that a test wants, and are
//! published with the files that it wants.

use std::sync::Arc;

use ::bytes::Bytes;
use api_http::{problem::Problem, public_url::PublicUrl};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use commands::{
    installers::PublishedInstallers,
    rolls::moves,
    signing_keys::{TrustedCertificate, TrustedCertificates},
};
use composition::testing::Core;
use domain::{
    fingerprint::Fingerprint,
    ids::{AccessKeyId, ProjectId, ReleaseId, RepositoryId},
    keyring::{self, EnrolmentLimits, Keyring, Replacement, Terms},
    names::MachineName,
    package::{DebFacts, Facts, Format, Package},
    recorded::{Position, RawEvent, Recorded},
    release::{self, Origin, Release},
    repository::{self, IndexFile, Repository, SignedIndex, Stored, YankPolicy},
    token::{Token, TokenKind, id_text},
};
use event_log::event_store::Filter;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use index::RENDERER;
use stores::key_usage::KeyUsage;
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::*;
use crate::installers::{CredentialsAddress, HandsOver, Installers};

/// The bytes of a package that is yanked.
pub(crate) const YANKED: &str = "yanked";
pub(crate) const NEWEST: &str = "20261122T100001Z";
pub(crate) const ARMORED: &str =
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxsFNBGTest\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";

/// What time it is, and when the repositories were published.
pub(crate) fn newest() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 10, 0, 1).single().expect("a time")
}

/// A key to `acme/debs`, issued at 2026-11-22T10:00:00Z.
pub(crate) fn key() -> Token {
    Token::new(TokenKind::AccessKey, Uuid::from_u128(0x019a_ab10_1000_7000_8000_0000_0000_0001), [7; 32])
}

/// A key to `acme/rpms`.
pub(crate) fn rpm_key() -> Token {
    Token::new(TokenKind::AccessKey, Uuid::from_u128(0x019a_ab10_1000_7000_8000_0000_0000_0011), [7; 32])
}

/// A key with which machines enrol in `acme/debs`.
pub(crate) fn enrolment_key() -> Token {
    Token::new(TokenKind::AccessKey, Uuid::from_u128(0x019a_ab10_1000_7000_8000_0000_0000_0002), [8; 32])
}

/// The key that every holder of a key is handed.
pub(crate) fn next_key() -> Token {
    Token::new(TokenKind::AccessKey, Uuid::from_u128(3), [9; 32])
}

fn certificates() -> [TrustedCertificate; 1] {
    let fingerprint = Fingerprint::recorded("0123456789ABCDEF0123456789ABCDEF01234567");
    [TrustedCertificate { epoch: 1, fingerprint, armored: ARMORED.to_owned(), binary: b"packets".to_vec() }]
}

/// A certificate to trust, of the key with this number.
pub(crate) fn trusted(epoch: u32) -> TrustedCertificate {
    let fingerprint = Fingerprint::recorded(format!("{epoch:X}123456789ABCDEF0123456789ABCDEF01234567"));
    TrustedCertificate { epoch, fingerprint, armored: ARMORED.to_owned(), binary: format!("packets {epoch}").into() }
}

/// Hands over [`next_key`], to machines with a name under the name's first bytes.
pub(crate) struct FakeHandover;

impl HandsOver for FakeHandover {
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

pub(crate) fn authorization(key: &Token) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", id_text(key.id()), key.text())))
}

/// The repository of that format: `acme/debs` or `acme/rpms`.
pub(crate) fn repository(format: Format) -> RepositoryId {
    RepositoryId::named(&"acme".parse().expect("a name"), &name_of(format).parse().expect("a name"))
}

fn name_of(format: Format) -> &'static str {
    match format {
        Format::Deb => "debs",
        Format::Rpm => "rpms",
    }
}

/// A server of package clients.
pub(crate) struct Served {
    pub(crate) core: Core,
    pub(crate) key_usage: KeyUsage,
    router: Router,
    _workers: [AbortOnDropHandle<()>; 2],
    _uses_folder: TempDir,
}

/// A server with `acme/debs` and `acme/rpms`, and with these files: packages of the release `hello@release/1.0` in `pool/`, and
/// the files of the one publication. Without `is_published` there is none.
pub(crate) async fn served(files: &[(Format, &'static str, &'static str)], is_published: bool) -> Served {
    let core = Core::open_at(newest).await;
    receive_release(&core).await;
    for format in [Format::Deb, Format::Rpm] {
        let name = name_of(format).parse().expect("a name");
        let create = repository::Command::Create { organisation: "acme".parse().expect("a name"), name, format };
        core.execute::<Repository>(repository(format).0, create).await;
    }
    issue(&core, Format::Deb, &key(), "people", Terms::Shared { expires_at: None }).await;
    issue(&core, Format::Rpm, &rpm_key(), "people", Terms::Shared { expires_at: None }).await;
    let limits = EnrolmentLimits { expires_at: newest() + TimeDelta::days(1), enrols_max: 10 };
    issue(&core, Format::Deb, &enrolment_key(), "machines", Terms::Enrolment(limits)).await;
    for format in [Format::Deb, Format::Rpm] {
        let mut index = Vec::new();
        for (_, path, text) in files.iter().filter(|(of, ..)| *of == format) {
            match path.strip_prefix("pool/") {
                Some(file_name) => add(&core, file_name, text).await,
                None => index.push(stored(&core, path, text).await),
            }
        }
        if is_published {
            publish(&core, format, index).await;
        }
    }
    open(core).await
}

async fn open(core: Core) -> Served {
    let folder = TempDir::new().expect("a folder");
    let (key_usage, counting) =
        KeyUsage::open(folder.path().join("uses.sqlite"), core.clock).await.expect("a file of uses");
    let (moves, recording) = moves(core.executor.clone());
    let authorizer = Authorizer {
        credentials: core.projected.credentials.clone(),
        repositories: core.projected.repositories.clone(),
        moves: Some(moves),
        clock: core.clock,
    };
    let public_url: PublicUrl = "https://packages.example.com".parse().expect("a URL");
    let trusted = TrustedCertificates::fixed([trusted(1)]);
    let state = RepositoriesState {
        installers: Installers::new(authorizer.clone(), trusted, PublishedInstallers::default(), public_url.clone()),
        credentials: CredentialsAddress::new(authorizer.clone(), Arc::new(FakeHandover)),
        files: Files {
            authorizer,
            key_usage: Some(key_usage.clone()),
            bytes: FileBytes::new(core.blobs.clone(), CACHE_MAX_BYTES),
            certificates: TrustedCertificates::fixed(certificates()),
            public_url,
        },
        certificates: TrustedCertificates::fixed(certificates()),
    };
    let workers = [tokio::spawn(counting), tokio::spawn(recording)].map(AbortOnDropHandle::new);
    Served { router: routes(state), core, key_usage, _workers: workers, _uses_folder: folder }
}

const RELEASE: ReleaseId = ReleaseId(Uuid::from_u128(7));

async fn receive_release(core: &Core) {
    let organisation = "acme".parse().expect("a name");
    let origin = Origin {
        project: ProjectId::named(&organisation, &"hello".parse().expect("a name")),
        organisation,
        tag: "release/1.0".parse().expect("a tag"),
        version: "1.0".parse().expect("a version"),
    };
    core.execute::<Release>(RELEASE.0, release::Command::Receive(origin)).await;
}

async fn issue(core: &Core, format: Format, key: &Token, name: &str, terms: Terms) {
    let issue = keyring::Command::IssueAccessKey {
        key: AccessKeyId(key.id()),
        name: name.parse().expect("a name"),
        secret_sha256: key.secret_sha256(),
        terms,
        now: newest(),
    };
    core.execute::<Keyring>(repository(format).0, issue).await;
}

/// Adds a package to `acme/debs`. If it is to be yanked, it stays in the publication.
async fn add(core: &Core, file_name: &str, text: &'static str) {
    let IndexFile { sha256, size_bytes, .. } = stored(core, file_name, text).await;
    let facts = DebFacts {
        package: format!("p{}", &sha256.to_string()[..8]),
        version: "1.0".into(),
        architecture: "all".into(),
        control: "Package: p".into(),
    };
    let package = Package { file_name: file_name.to_owned(), sha256, size_bytes, facts: Facts::Deb(facts) };
    let id = repository(Format::Deb);
    let (package, release) = (Box::new(package), Some(RELEASE));
    core.execute::<Repository>(id.0, repository::Command::AddPackage { package, release, key_fingerprint: None }).await;
    if text == YANKED {
        core.execute::<Repository>(id.0, repository::Command::SetYankPolicy { policy: YankPolicy::Keep }).await;
        let reason = "löscht Post, 100 %".parse().expect("a reason");
        core.execute::<Repository>(id.0, repository::Command::YankPackage { sha256, reason }).await;
    }
}

async fn stored(core: &Core, path: &str, text: &'static str) -> IndexFile {
    let sha256 = core.blobs.put_bytes(Bytes::from_static(text.as_bytes())).await.expect("stored");
    IndexFile { path: path.to_owned(), sha256, size_bytes: text.len() as u64, stored: Stored::Blob }
}

/// Publishes these files. Of a renderer that is newer than this one, the projection takes what is recorded.
async fn publish(core: &Core, format: Format, signatures: Vec<IndexFile>) {
    let id = repository(format);
    let covers = core.executor.inspect::<Repository, _>(id.0, |_, revision| revision).await.expect("a log");
    let index = SignedIndex {
        covers,
        published_at: newest(),
        signed: stored(core, "signed", "what was signed").await,
        signatures,
        files: Vec::new(),
        key_fingerprint: core.signing_keys.now().current.fingerprint(),
        renderer: RENDERER + 1,
        stated: Box::default(),
        co_signers: Vec::new(),
    };
    core.execute::<Repository>(id.0, repository::Command::RecordIndexSigned(index)).await;
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

    /// GET with the good key of the repository in the path, and more headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let key = if path.contains("/rpms") { rpm_key() } else { key() };
        let mut request = Request::get(path).header(header::AUTHORIZATION, authorization(&key));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// The key of a machine of `acme/debs` that was renewed in a grace window, and never used.
    pub(crate) async fn renewed_machine_key(&self) -> Token {
        let id = repository(Format::Deb).0;
        let machine = Token::new(TokenKind::AccessKey, Uuid::from_u128(20), [2; 32]);
        let enrol = keyring::Command::EnrolMachine {
            enrolment: AccessKeyId(enrolment_key().id()),
            key: AccessKeyId(machine.id()),
            machine: "web-1".parse().expect("a name"),
            secret_sha256: machine.secret_sha256(),
            now: newest(),
        };
        self.core.execute::<Keyring>(id, enrol).await;
        let old = self.core.executor.inspect::<Keyring, _>(id, |ring, _| ring.to_renew(newest())).await;
        let replacements = old.expect("a log").into_iter().map(|old| Replacement {
            old,
            new: AccessKeyId(Uuid::new_v4()),
            secret_sha256: next_key().secret_sha256(),
        });
        let (until, replacements) = (newest() + TimeDelta::days(1), replacements.collect());
        self.core.execute::<Keyring>(id, keyring::Command::OpenGrace { until, replacements, now: newest() }).await;
        let old = AccessKeyId(machine.id());
        let generation = self.core.executor.inspect::<Keyring, _>(id, |ring, _| ring.generation()).await;
        let renewed = Token::new(TokenKind::AccessKey, old.renewed(generation.expect("a log")).0, [3; 32]);
        let renew = keyring::Command::RenewKey { old, secret_sha256: renewed.secret_sha256(), now: newest() };
        self.core.execute::<Keyring>(id, renew).await;
        renewed
    }

    /// The name of the newest event.
    pub(crate) async fn newest_event(&self) -> String {
        self.events().await.pop().expect("an event").event.name
    }

    async fn events(&self) -> Vec<Recorded<RawEvent>> {
        self.core.store.read_all(Position(0), &Filter::all(), u32::MAX).await.expect("a log").events
    }

    /// The position of the event that published the repository of that format.
    pub(crate) async fn published_by(&self, format: Format) -> Position {
        let events = self.events().await;
        let signed = events
            .iter()
            .find(|event| event.stream.id() == repository(format).0 && event.event.name == "repository.index_signed");
        signed.expect("it is published").position
    }
}
