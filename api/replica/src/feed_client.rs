//! The client of a server's feed. It only checks the digests of blobs; other checks are made in `trust.rs`.

mod error;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use domain::{
    canonical::LINE_MAX_BYTES,
    checkpoint::NOTE_MAX_BYTES,
    digest::Sha256,
    names::OrganisationName,
    token::{Token, TokenKind},
};
use formats::packaging::PACKAGE_MAX_BYTES;
use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use reqwest::{
    Client, Response, StatusCode,
    header::{AUTHORIZATION, HeaderValue},
    redirect,
};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::Digest as _;
use tokio::{io::AsyncWriteExt as _, time::timeout};
use zeroize::Zeroizing;

pub use self::error::FeedError;
use api_http::public_url::PublicUrl;
use archive::io;

use super::{ReplicaError, blob_fetcher::BlobSource, bundle::SIGNING_KEYS_MAX_BYTES};
use crate::feed::wire::{PAGE_BYTES_MAX, PageHead, SigningKeysHead, WAIT_MAX_SECONDS};

/// The connect time-out.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// How long a server may take to begin its response, beyond the requested wait.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);
/// How long a server may pause within a response, or while it waits.
const SILENT_MAX: Duration = Duration::from_secs(WAIT_MAX_SECONDS + 30);
/// The maximum size of a page: its entries, its last line and its header.
pub(super) const PAGE_TEXT_MAX_BYTES: usize = PAGE_BYTES_MAX + LINE_MAX_BYTES + 2 * NOTE_MAX_BYTES;
/// The maximum size of an error response.
const PROBLEM_MAX_BYTES: usize = 64 * 1024;
/// How much of a server's error message is repeated.
const DETAIL_MAX_CHARS: usize = 300;
/// The maximum size of a token file: the token with whitespace around it.
const TOKEN_FILE_MAX_BYTES: u64 = 4 * 1024;

/// The feed to follow.
#[derive(Debug, Clone)]
pub struct FeedAddress {
    /// The server's URL.
    pub server: PublicUrl,
    /// The organisation.
    pub organisation: OrganisationName,
    /// The file with the feed token. It is read again for each new connection.
    pub token_file: PathBuf,
    /// The proxy to use: `http://proxy:3128`.
    pub proxy: Option<String>,
}

/// A page of the log.
pub(super) struct FeedPage {
    pub(super) head: PageHead,
    pub(super) lines: Vec<String>,
}

/// Requests a server's feed. The token is the one in the file when the client was created.
pub(super) struct FeedClient {
    http: Client,
    server: String,
    organisation: OrganisationName,
    authorization: HeaderValue,
}

/// An HTTP client that ignores the environment's proxy settings.
pub(super) fn http_client(proxy: Option<&str>) -> Result<Client, FeedError> {
    let mut builder = Client::builder()
        .no_proxy()
        .user_agent(concat!("pkgdeploy/", env!("CARGO_PKG_VERSION")))
        // The token is sent only to the configured server.
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECTED_WITHIN)
        .read_timeout(SILENT_MAX);
    if let Some(proxy) = proxy {
        builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(FeedError::Client)?);
    }
    builder.build().map_err(FeedError::Client)
}

impl FeedClient {
    pub(super) fn new(http: Client, address: &FeedAddress) -> Result<Self, FeedError> {
        let FeedAddress { server, organisation, token_file, .. } = address;
        let authorization = authorization(token_file)?;
        let (server, organisation) = (server.as_str().to_owned(), organisation.clone());
        Ok(Self { http, server, organisation, authorization })
    }

    /// The key of the log's signatures, as the server claims.
    pub(super) async fn key(&self) -> Result<String, FeedError> {
        self.text("the log's key", "key", NOTE_MAX_BYTES, Duration::ZERO).await
    }

    /// The entries after the first `from`: as soon as there are some, or more events of signing keys than `signing_keys`, or after
    /// `wait_seconds`.
    pub(super) async fn page(&self, from: u64, signing_keys: u64, wait_seconds: u64) -> Result<FeedPage, FeedError> {
        const WHAT: &str = "entries";
        let path = format!("log?from={from}&signing_keys={signing_keys}&wait={wait_seconds}");
        let text = self.text(WHAT, &path, PAGE_TEXT_MAX_BYTES, Duration::from_secs(wait_seconds)).await?;
        let (head, lines) = parts::<PageHead>(WHAT, &text)?;
        match head.from == from {
            true => Ok(FeedPage { head, lines }),
            false => Err(FeedError::NotUnderstood(WHAT)),
        }
    }

    /// The events of the signing keys as lines, and the signed note about them.
    pub(super) async fn signing_keys(&self) -> Result<(Vec<String>, String), FeedError> {
        const WHAT: &str = "signing keys";
        let limit = usize::try_from(SIGNING_KEYS_MAX_BYTES).unwrap_or(usize::MAX);
        let text = self.text(WHAT, "signing-keys", limit, Duration::ZERO).await?;
        let (head, lines) = parts::<SigningKeysHead>(WHAT, &text)?;
        Ok((lines, head.note))
    }

    async fn text(
        &self,
        what: &'static str,
        path: &str,
        limit_bytes: usize,
        waits: Duration,
    ) -> Result<String, FeedError> {
        let answer = self.get(path, waits).await?;
        let bytes = self.read(what, answer, limit_bytes).await?;
        String::from_utf8(bytes).map_err(|_| FeedError::NotUnderstood(what))
    }

    /// The response, which the server begins after at most `waits`.
    async fn get(&self, path: &str, waits: Duration) -> Result<Response, FeedError> {
        let address = format!("{}/feed/{}/{path}", self.server, self.organisation);
        let request = self.http.get(address).header(AUTHORIZATION, self.authorization.clone());
        let limit = waits + ANSWERED_WITHIN;
        let silent = |_| FeedError::Silent { server: self.server.clone(), limit_seconds: limit.as_secs() };
        let answer = timeout(limit, request.send()).await.map_err(silent)?.map_err(|error| self.unreachable(error))?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            StatusCode::UNAUTHORIZED => {
                let (server, organisation) = (self.server.clone(), self.organisation.clone());
                Err(FeedError::TokenRefused { server, organisation })
            }
            status => Err(self.problem(status, answer).await),
        }
    }

    async fn problem(&self, status: StatusCode, answer: Response) -> FeedError {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Said {
            code: String,
            detail: String,
        }
        let bytes = self.read("a problem", answer, PROBLEM_MAX_BYTES).await.unwrap_or_default();
        let Said { code, detail } = serde_json::from_slice(&bytes).unwrap_or_default();
        let detail = detail.chars().filter(|c| !c.is_control()).take(DETAIL_MAX_CHARS).collect();
        FeedError::Answered { status, code, detail }
    }

    async fn read(&self, what: &'static str, answer: Response, limit_bytes: usize) -> Result<Vec<u8>, FeedError> {
        let (mut bytes, mut pieces) = (Vec::new(), answer.bytes_stream());
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.map_err(|error| self.unreachable(error))?);
            if bytes.len() > limit_bytes {
                return Err(FeedError::TooLong { what, limit_bytes: limit_bytes as u64 });
            }
        }
        Ok(bytes)
    }

    /// Removes the URL from the error: messages name the server already.
    fn unreachable(&self, error: reqwest::Error) -> FeedError {
        FeedError::Unreachable { server: self.server.clone(), source: error.without_url() }
    }

    /// Writes the blob to `to` atomically, if it has this digest and at most `limit_bytes`.
    async fn blob(&self, entry: u64, digest: Sha256, to: &Path, limit_bytes: u64) -> Result<bool, ReplicaError> {
        let answer = match self.get(&format!("blobs/{digest}?entry={entry}"), Duration::ZERO).await {
            Err(FeedError::Answered { code, .. }) if code == "blob_lost" => {
                tracing::warn!("the server has lost the blob {digest} of entry {entry}, so it is missing here too");
                return Ok(false);
            }
            answer => answer?,
        };
        let failed = || io("write", to);
        let folder = to.parent().ok_or_else(|| failed()(std::io::Error::other("the path has no parent folder")))?;
        // tempfile creates files with mode 0600.
        let unfinished = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(folder).map_err(failed())?;
        let (file, path) = unfinished.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut pieces: BoxStream<'_, reqwest::Result<Bytes>> = answer.bytes_stream().boxed();
        let (mut hasher, mut size_bytes) = (sha2::Sha256::new(), 0);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| self.unreachable(error))?;
            size_bytes += piece.len() as u64;
            if size_bytes > limit_bytes {
                return Err(FeedError::TooLong { what: "a blob", limit_bytes }.into());
            }
            hasher.update(&piece);
            file.write_all(&piece).await.map_err(failed())?;
        }
        file.flush().await.map_err(failed())?;
        let found = Sha256(hasher.finalize().into());
        if found != digest {
            return Err(FeedError::OtherBytes { expected: digest, found }.into());
        }
        path.persist(to).map_err(|refused| failed()(refused.error))?;
        Ok(true)
    }
}

impl BlobSource for FeedClient {
    fn fetch<'a>(&'a self, entry: u64, digest: Sha256, to: &'a Path) -> BoxFuture<'a, Result<bool, ReplicaError>> {
        Box::pin(self.blob(entry, digest, to, PACKAGE_MAX_BYTES))
    }
}

fn authorization(token_file: &Path) -> Result<HeaderValue, FeedError> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::new());
    let read =
        std::fs::File::open(token_file).and_then(|file| file.take(TOKEN_FILE_MAX_BYTES).read_to_string(&mut text));
    read.map_err(|source| FeedError::TokenFile { path: token_file.to_owned(), source })?;
    let is_feed_token = Token::parse(text.trim()).is_ok_and(|token| token.kind() == TokenKind::Feed);
    let bearer = Zeroizing::new(format!("Bearer {}", text.trim()));
    let header = HeaderValue::from_str(&bearer).ok().filter(|_| is_feed_token);
    let mut header = header.ok_or_else(|| FeedError::NoToken { path: token_file.to_owned() })?;
    header.set_sensitive(true);
    Ok(header)
}

/// The header line, and the other lines without their newlines.
fn parts<H: DeserializeOwned>(what: &'static str, text: &str) -> Result<(H, Vec<String>), FeedError> {
    let not_understood = || FeedError::NotUnderstood(what);
    let (head, lines) = text.split_once('\n').ok_or_else(not_understood)?;
    let head = serde_json::from_str(head).map_err(|_| not_understood())?;
    Ok((head, lines.lines().map(str::to_owned).collect()))
}
