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
    path::{Path, PathBuf},
    sync::Arc,
};

use api_http::{problem::Problem, public_url::PublicUrl, server};
use axum::{
    extract::Request,
    http::{HeaderValue, Uri, header},
    middleware::map_request,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use commands::{
    installers::PublishedInstallers,
    signing_keys::{TrustedCertificate, TrustedCertificates},
};
use composition::{Projected, Scope};
use domain::{
    digest::Sha256,
    event::{Event, encode},
    fingerprint::Fingerprint,
    ids::{AccessKeyId, CommandId, EventId, RepositoryId},
    keyring::{self, ACCESS_KEYS_MAX},
    names::{MachineName, OrganisationName, RepositoryName},
    package::Format,
    recorded::{Actor, Metadata, Position, RawEvent, Recorded, Revision, StreamId},
    repository::{self, IndexFile, SignedIndex, Stored},
    token::{Token, TokenKind, id_text},
};
use futures::{FutureExt as _, future::BoxFuture};
use ports::log_reader::{Filter, LogReader, Page, ReadError};
use serving::{
    installers::{CredentialsAddress, HandsOver, Installers},
    repositories::{self, Authorizer, CACHE_MAX_BYTES, FileBytes, Files, RepositoriesState},
};
use stores::blobs::Blobs;
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
    let blobs = Blobs::local(folder.path().join("blobs"))?;
    let file = fs::read(root.join("InRelease"))?;
    let size_bytes = file.len() as u64;
    let sha256 = blobs.put_bytes(file.into()).await?;
    let file = IndexFile { path: "dists/stable/InRelease".into(), sha256, size_bytes, stored: Stored::Blob };
    let authorizer = project(folder.path(), &blobs, Log { users: users.len(), file }).await?;
    let public_url: PublicUrl = format!("http://127.0.0.1:{port}").parse()?;
    let trusted = TrustedCertificates::fixed([certificate()]);
    let published = PublishedInstallers::default();
    let routes = repositories::routes(RepositoriesState {
        installers: Installers::new(authorizer.clone(), trusted.clone(), published, public_url.clone()),
        credentials: CredentialsAddress::new(authorizer.clone(), Arc::new(NoHandover)),
        files: Files {
            authorizer,
            key_usage: None,
            bytes: FileBytes::new(blobs, CACHE_MAX_BYTES),
            certificates: trusted.clone(),
            public_url,
        },
        certificates: trusted,
    });
    let known = Arc::new(translations(&users));
    let router = axum::Router::new()
        .fallback_service(routes)
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

/// Projects repositories with one file each, and who may read it.
async fn project(folder: &Path, blobs: &Blobs, log: Log) -> Result<Authorizer, Box<dyn Error + Send + Sync>> {
    let end = log.end();
    let read_models = folder.join("read_models.sqlite");
    let opened = Projected::open(read_models, Arc::new(log), blobs, Scope::PackageClients).await?;
    let (Projected { credentials, repositories, .. }, runner, progress) = opened;
    tokio::spawn(async move { drop(runner.run().await) });
    progress.wait_for(end).await?;
    Ok(Authorizer { credentials, repositories, moves: None, clock: Utc::now })
}

/// A log that is made as it is read: two events for each repository, which create and publish it, then an enrolment for each user.
struct Log {
    users: usize,
    /// What every repository holds.
    file: IndexFile,
}

impl Log {
    fn repositories(&self) -> usize {
        self.users.div_ceil(ACCESS_KEYS_MAX)
    }

    fn end(&self) -> Position {
        Position((self.repositories() * 2 + self.users) as u64)
    }

    /// The event at that position, counted from 0.
    fn event(&self, position: usize) -> Recorded<RawEvent> {
        let of_repositories = self.repositories() * 2;
        let (kind, number, revision, event) = match position.checked_sub(of_repositories) {
            Some(user) => ("keyring", user / ACCESS_KEYS_MAX, user % ACCESS_KEYS_MAX + 1, enrolled(user).into()),
            None if position.is_multiple_of(2) => ("repository", position / 2, 1, created(position / 2).into()),
            None => ("repository", position / 2, 2, Event::from(self.published())),
        };
        let (organisation, repository) = names(&repository_of(number * ACCESS_KEYS_MAX));
        Recorded {
            position: Position(position as u64 + 1),
            stream: StreamId::new(
                kind.parse().expect("a kind of stream"),
                RepositoryId::named(&organisation, &repository).0,
            ),
            revision: Revision(revision as u64),
            event_id: EventId(Uuid::from_u128(position as u128)),
            metadata: Metadata {
                recorded_at: DateTime::UNIX_EPOCH,
                actor: Actor::CommandLine,
                command_id: CommandId(Uuid::from_u128(position as u128)),
                causation: None,
                origin: None,
            },
            event: encode(&event),
        }
    }

    /// By a renderer that is newer than this one: the projection takes what is recorded.
    fn published(&self) -> repository::Event {
        repository::Event::IndexSigned(SignedIndex {
            covers: Revision(1),
            published_at: DateTime::UNIX_EPOCH,
            signed: self.file.clone(),
            signatures: Vec::new(),
            files: Vec::new(),
            key_fingerprint: Fingerprint::recorded("0".repeat(40)),
            renderer: index::RENDERER + 1,
            stated: Box::default(),
            co_signers: Vec::new(),
        })
    }
}

impl LogReader for Log {
    fn read_all<'a>(&'a self, after: Position, _: &'a Filter, limit: u32) -> BoxFuture<'a, Result<Page, ReadError>> {
        let head = self.end();
        let end = (after.0 + u64::from(limit)).min(head.0);
        let events = (after.0..end).map(|position| self.event(position as usize)).collect();
        async move { Ok(Page { events, next: Position(end), head }) }.boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        let end = self.end();
        async move { Ok(end) }.boxed()
    }

    fn hint(&self) -> watch::Receiver<Position> {
        watch::Sender::new(self.end()).subscribe()
    }
}

fn created(number: usize) -> repository::Event {
    let (organisation, name) = names(&repository_of(number * ACCESS_KEYS_MAX));
    repository::Event::Created {
        origin: organisation.to_string(),
        label: name.to_string(),
        codename: "stable".into(),
        organisation,
        name,
        format: Format::Deb,
    }
}

fn enrolled(n: usize) -> keyring::Event {
    keyring::Event::MachineEnrolled {
        enrolment: AccessKeyId(Uuid::nil()),
        key: AccessKeyId(key(n).id()),
        machine: format!("machine-{n}").parse().expect("a name"),
        secret_sha256: key(n).secret_sha256(),
        replaces: Vec::new(),
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

/// No request of this benchmark uses it.
fn certificate() -> TrustedCertificate {
    let armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxsFN\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
    TrustedCertificate {
        epoch: 1,
        fingerprint: Fingerprint::recorded("0".repeat(40)),
        armored: armored.into(),
        binary: Vec::new(),
    }
}

/// No request of this benchmark asks for the next key.
struct NoHandover;

impl HandsOver for NoHandover {
    fn next<'a>(
        &'a self,
        _repository: RepositoryId,
        _key: &'a Token,
        _machine: Option<MachineName>,
    ) -> BoxFuture<'a, Result<Token, Problem>> {
        async { Err(Problem::NeedsAccessKey) }.boxed()
    }
}
