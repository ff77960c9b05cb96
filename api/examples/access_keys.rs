//! Serves one file to the holders of any number of access keys: our side of "what does checking a key cost?".
//!
//! `access_keys` reads `BENCH_ROOT` (a folder with the file `InRelease`), `BENCH_PORT` and `BENCH_KEYS` (a file with one
//! `user:password` a line). Each user is a machine that enrolled, by an event that the real projection folds; the real routes
//! answer. Between the benchmark and them stands only a translation, because our keys are not chosen by their users:
//! the header of a user becomes that of the user's access key, or of a forged one where the password is wrong.

use std::{
    collections::HashMap,
    error::Error,
    fs, io,
    net::Ipv4Addr,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use api::{
    http::{problem::Problem, public_url::PublicUrl, server},
    installers::{HandsOver, Installers},
    repositories::{BlobReads, Located, Piece, RepositoryReads, RepositoryRoutes, ServedRepository, bytes::ByteStream},
};
use axum::{
    extract::Request,
    http::{HeaderValue, Uri, header},
    middleware::map_request,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use commands::{
    installers::PublishedInstallers,
    signing_keys::{TrustedCertificate, TrustedCertificates},
};
use domain::{
    digest::Sha256,
    event::{Event, encode},
    ids::{AccessKeyId, CommandId, EventId, RepositoryId},
    keyring::{self, ACCESS_KEYS_MAX},
    names::{MachineName, OrganisationName, RepositoryName},
    package::Format,
    recorded::{Actor, Metadata, Position, RawEvent, Recorded, Revision, StreamId},
    repository::{Point, Stored, YankReason},
    token::{Token, TokenKind, id_text},
};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use projections::{
    credentials::{CREDENTIALS, Credentials, Pass, credentials},
    feed::{Feed, FeedError, Page},
    projector::Projector,
    read_models::ReadModels,
    runner::Runner,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const ORGANISATION: &str = "bench";

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    // As the server has it: a span for each request is part of what a request costs.
    tracing_subscriber::fmt().with_env_filter("info").with_writer(io::stderr).init();
    let root = PathBuf::from(std::env::var("BENCH_ROOT")?);
    let port: u16 = std::env::var("BENCH_PORT")?.parse()?;
    let users = fs::read_to_string(std::env::var("BENCH_KEYS")?)?;
    let users = users.lines().map(|line| line.split_once(':').ok_or("expected user:password"));
    let users: Vec<(&str, &str)> = users.collect::<Result<_, _>>()?;

    let folder = tempfile::tempdir()?;
    let credentials = project(folder.path(), users.len()).await?;
    let file = Bytes::from(fs::read(root.join("InRelease"))?);
    let public_url: PublicUrl = format!("http://127.0.0.1:{port}").parse()?;
    let trusted = TrustedCertificates::fixed([certificate()]);
    let routes = RepositoryRoutes {
        reads: Arc::new(OneFile { credentials, sha256: Sha256::of(&file), size_bytes: file.len() as u64 }),
        blobs: Arc::new(OneBlob(file)),
        installers: Installers::new(trusted.clone(), PublishedInstallers::default(), public_url.clone()),
        certificates: trusted,
        hand_over: Arc::new(Nobody),
        public_url,
    };
    let known = Arc::new(translations(&users));
    let router = routes.router();
    let router = axum::Router::new()
        .fallback_service(router)
        .layer(map_request(move |request: Request| std::future::ready(translate(request, &known))));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    server::serve(listener, router, server::Limits::default(), CancellationToken::new()).await;
    Ok(())
}

/// The access key of the n-th user.
fn key(n: usize) -> Token {
    Token::new(TokenKind::AccessKey, Uuid::from_u128(n as u128 + 1), Sha256::of(&n.to_be_bytes()).0)
}

/// As many keys as one repository can have are in one.
fn repository_of(n: usize) -> String {
    format!("r{}", n / ACCESS_KEYS_MAX)
}

fn names(repository: &str) -> (OrganisationName, RepositoryName) {
    (ORGANISATION.parse().expect("a name"), repository.parse().expect("a name"))
}

/// Enrols each user, and folds the events.
async fn project(folder: &Path, users: usize) -> Result<Credentials, Box<dyn Error + Send + Sync>> {
    let read_models = ReadModels::open(folder.join("read_models.sqlite")).await?;
    let (credentials, projector) = credentials(read_models.readers.clone());
    let projectors: Vec<Box<dyn Projector>> = vec![Box::new(projector)];
    let (runner, progress) = Runner::open(read_models.writer, Arc::new(Enrolments(users)), projectors).await?;
    tokio::spawn(async move { drop(runner.run().await) });
    progress.wait_for_projector(CREDENTIALS, Position(users as u64)).await?;
    Ok(credentials)
}

/// A log of this many enrolments, made as it is read.
struct Enrolments(usize);

impl Feed for Enrolments {
    fn read_all(&self, after: Position, limit: u32) -> BoxFuture<'_, Result<Page, FeedError>> {
        let end = (after.0 as usize + limit as usize).min(self.0);
        let events = (after.0 as usize..end).map(enrolled).collect();
        let (next, head) = (Position(end as u64), Position(self.0 as u64));
        async move { Ok(Page { events, next, head }) }.boxed()
    }

    fn hint(&self) -> watch::Receiver<Position> {
        watch::Sender::new(Position(self.0 as u64)).subscribe()
    }
}

fn enrolled(n: usize) -> Recorded<RawEvent> {
    let (organisation, repository) = names(&repository_of(n));
    let event = keyring::Event::MachineEnrolled {
        enrolment: AccessKeyId(Uuid::nil()),
        key: AccessKeyId(key(n).id()),
        machine: format!("machine-{n}").parse().expect("a name"),
        secret_sha256: key(n).secret_sha256(),
        replaces: Vec::new(),
    };
    Recorded {
        position: Position(n as u64 + 1),
        stream: StreamId::new("keyring", RepositoryId::named(&organisation, &repository).0),
        revision: Revision((n % ACCESS_KEYS_MAX) as u64 + 1),
        event_id: EventId(Uuid::from_u128(n as u128)),
        metadata: Metadata {
            recorded_at: DateTime::UNIX_EPOCH,
            actor: Actor::CommandLine,
            command_id: CommandId(Uuid::from_u128(n as u128)),
            causation: None,
            origin: None,
        },
        event: encode(&Event::from(event)),
    }
}

/// What a user's header becomes.
struct Translation {
    authorization: HeaderValue,
    address: Uri,
}

fn translations(users: &[(&str, &str)]) -> HashMap<String, Translation> {
    let header = |login: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{login}:{password}")));
    let known = users.iter().enumerate().flat_map(|(n, (user, password))| {
        let translation = |secret: &Token| Translation {
            authorization: HeaderValue::from_str(&header(&id_text(secret.id()), &secret.text())).expect("ASCII"),
            address: Uri::try_from(format!("/apt/{ORGANISATION}/{}/dists/stable/InRelease", repository_of(n)))
                .expect("an address"),
        };
        // The benchmark asks with a wrong password for the last user alone.
        let forged = Token::new(TokenKind::AccessKey, key(n).id(), [0; 32]);
        let wrong = (n + 1 == users.len()).then(|| (header(user, "secrex"), translation(&forged)));
        [(header(user, password), translation(&key(n)))].into_iter().chain(wrong)
    });
    known.collect()
}

fn translate(mut request: Request, known: &HashMap<String, Translation>) -> Request {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(Translation { authorization, address }) = shown.and_then(|shown| known.get(shown)) {
        request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        *request.uri_mut() = address.clone();
    }
    request
}

/// Repositories that hold one file each.
struct OneFile {
    credentials: Credentials,
    sha256: Sha256,
    size_bytes: u64,
}

impl RepositoryReads for OneFile {
    fn find(&self, organisation: &OrganisationName, name: &RepositoryName) -> Option<Arc<ServedRepository>> {
        let id = RepositoryId::named(organisation, name);
        let (organisation, name) = (organisation.clone(), name.clone());
        Some(Arc::new(ServedRepository { id, organisation, name, format: Format::Deb, codename: "stable".into() }))
    }

    fn pass(&self, repository: RepositoryId, key: AccessKeyId, presented: &Sha256) -> Option<Pass> {
        self.credentials.pass(repository, key, presented, Utc::now())
    }

    fn used(&self, _key: AccessKeyId, _package: Option<Sha256>) {}

    fn moved(&self, _repository: RepositoryId, _key: AccessKeyId) {}

    fn published_at<'a>(
        &'a self,
        _repository: RepositoryId,
        _point: &'a Point,
    ) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, Problem>> {
        async { Ok(Some(DateTime::UNIX_EPOCH)) }.boxed()
    }

    fn yanked(&self, _repository: RepositoryId, _sha256: &Sha256) -> Option<YankReason> {
        None
    }

    fn locate<'a>(
        &'a self,
        _repository: RepositoryId,
        _point: &'a Point,
        _path: &'a str,
    ) -> BoxFuture<'a, Result<Option<Located>, Problem>> {
        let Self { sha256, size_bytes, .. } = *self;
        let (last_modified, content_type) = (DateTime::UNIX_EPOCH, "text/plain; charset=utf-8");
        let located =
            Located { sha256, size_bytes, stored: Stored::Blob, last_modified, immutable: false, content_type };
        async move { Ok(Some(located)) }.boxed()
    }
}

struct OneBlob(Bytes);

impl BlobReads for OneBlob {
    fn open(&self, _sha256: Sha256, range: Range<u64>) -> BoxFuture<'_, io::Result<ByteStream>> {
        let part = self.0.slice(range.start as usize..range.end as usize);
        async move { Ok(stream::iter([Ok(part)]).boxed()) }.boxed()
    }

    fn pieces(&self, _manifest: Sha256) -> BoxFuture<'_, io::Result<Arc<[Piece]>>> {
        async { Err(io::ErrorKind::NotFound.into()) }.boxed()
    }
}

/// Nobody asks for one here.
fn certificate() -> TrustedCertificate {
    let armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxsFN\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
    TrustedCertificate { epoch: 1, fingerprint: "0".repeat(40), armored: armored.into(), binary: Vec::new() }
}

/// Nobody asks for that either.
struct Nobody;

impl HandsOver for Nobody {
    fn next<'a>(
        &'a self,
        _repository: RepositoryId,
        _key: &'a Token,
        _machine: Option<MachineName>,
    ) -> BoxFuture<'a, Result<Token, Problem>> {
        async { Err(Problem::NeedsAccessKey) }.boxed()
    }
}
