//! A server's feed, as a replica reads it. Nothing in it is believed here but that blobs are what their names say.

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

/// How long a server may take to be reached.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// How long a server may take to begin its answer, beyond what it is asked to wait.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);
/// How long a server may say nothing in the middle of an answer, or while it waits.
const SILENT_MAX: Duration = Duration::from_secs(WAIT_MAX_SECONDS + 30);
/// Longest page: as long as a server makes it, and its last line and head.
pub(super) const PAGE_TEXT_MAX_BYTES: usize = PAGE_BYTES_MAX + LINE_MAX_BYTES + 2 * NOTE_MAX_BYTES;
/// Longest problem that is read.
const PROBLEM_MAX_BYTES: usize = 64 * 1024;
/// As much of a server's own words as an error repeats.
const DETAIL_MAX_CHARS: usize = 300;
/// Longest file of a token: the token, and blanks around it.
const TOKEN_FILE_MAX_BYTES: u64 = 4 * 1024;

/// Which feed is followed.
#[derive(Debug, Clone)]
pub struct FeedAddress {
    /// Where the server is.
    pub server: PublicUrl,
    /// Whose feed.
    pub organisation: OrganisationName,
    /// A file with the feed token; read whenever the server is reached anew.
    pub token_file: PathBuf,
    /// The proxy that it is reached through: `http://proxy:3128`.
    pub proxy: Option<String>,
}

/// A page of the log.
pub(super) struct FeedPage {
    pub(super) head: PageHead,
    pub(super) lines: Vec<String>,
}

/// Asks a server for its feed. The token is the one that the file held when it was opened.
pub(super) struct FeedClient {
    http: Client,
    server: String,
    organisation: OrganisationName,
    authorization: HeaderValue,
}

/// A client for feeds, with nothing of the environment that it runs in.
pub(super) fn http_client(proxy: Option<&str>) -> Result<Client, FeedError> {
    let mut builder = Client::builder()
        .no_proxy()
        .user_agent(concat!("pkgdeploy/", env!("CARGO_PKG_VERSION")))
        // The token goes nowhere but to the server that was named.
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

    /// What the log's signatures are checked with, as the server says.
    pub(super) async fn key(&self) -> Result<String, FeedError> {
        self.text("the log's key", "key", NOTE_MAX_BYTES, Duration::ZERO).await
    }

    /// The entries after the first `from`, as soon as there are some, or more events of signing keys than `signing_keys`, or when
    /// `wait_seconds` are over.
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

    /// The answer, which the server begins after it has waited for `waits` at most.
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

    /// The address is ours and holds no secret; it is said once, without the query.
    fn unreachable(&self, error: reqwest::Error) -> FeedError {
        FeedError::Unreachable { server: self.server.clone(), source: error.without_url() }
    }

    /// Writes the blob to `to`, which appears whole, and only if the bytes are those of `digest`, `limit_bytes` at most.
    async fn blob(&self, entry: u64, digest: Sha256, to: &Path, limit_bytes: u64) -> Result<bool, ReplicaError> {
        let answer = match self.get(&format!("blobs/{digest}?entry={entry}"), Duration::ZERO).await {
            Err(FeedError::Answered { code, .. }) if code == "blob_lost" => {
                tracing::warn!(
                    "the server has lost the blob {digest}, which entry {entry} names: it is missing here too"
                );
                return Ok(false);
            }
            answer => answer?,
        };
        let failed = || io("write", to);
        let folder = to.parent().ok_or_else(|| failed()(std::io::Error::other("it has no folder")))?;
        // tempfile makes files of mode 0600.
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

/// The first line, and the others without their newlines.
fn parts<H: DeserializeOwned>(what: &'static str, text: &str) -> Result<(H, Vec<String>), FeedError> {
    let not_understood = || FeedError::NotUnderstood(what);
    let (head, lines) = text.split_once('\n').ok_or_else(not_understood)?;
    let head = serde_json::from_str(head).map_err(|_| not_understood())?;
    Ok((head, lines.lines().map(str::to_owned).collect()))
}
