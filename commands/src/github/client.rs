//! One request to GitHub: what is sent, how long it may take, how much of the answer is read, and what the answer means.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use domain::project::ApiUrl;
use reqwest::{
    Client, Method, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER},
    redirect,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::{GithubError, RETRY_AFTER_MAX, address::Root};

/// Longest answer that is read. A page of a hundred tags takes 60 KB.
const ANSWER_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Items on one page; GitHub gives at most a hundred.
pub(crate) const PER_PAGE: usize = 100;
/// Most pages of one list: ten thousand tags. What has more is an error, never a part of the list.
pub const PAGES_MAX: usize = 100;
/// As much of GitHub's own words as an error repeats.
const MESSAGE_MAX_CHARS: usize = 300;
/// How often a question follows an answer that points elsewhere: a renamed repository points once.
const REDIRECTIONS_MAX: usize = 3;
/// How long to wait when GitHub does not say it. Source: GitHub, "Rate limits for the REST API".
const RETRY_AFTER_DEFAULT: Duration = Duration::from_mins(1);
/// The version of the API that the calls were written against.
const API_VERSION: &str = "2022-11-28";

/// How GitHub is reached.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// For one request, from the connection to the last byte.
    pub timeout: Duration,
    /// The proxy that all requests go through: `http://proxy:3128`.
    pub proxy: Option<String>,
}

impl HttpSettings {
    /// GitHub itself gives up after ten seconds.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { timeout: Self::TIMEOUT, proxy: None }
    }
}

/// Opens sessions with a GitHub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Github(Client);

impl Github {
    /// A client with these settings and nothing of the environment it runs in.
    ///
    /// # Errors
    /// The proxy is no address, or the machine's certificates cannot be read.
    pub fn new(settings: &HttpSettings) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .no_proxy()
            .user_agent(concat!("pkgdeploy/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(settings.timeout);
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy)?);
        }
        Ok(Self(builder.build()?))
    }

    /// What can be done at `api` with `token`, a personal access token or one of an app's installation.
    ///
    /// # Errors
    /// `TokenRefused` if the token cannot stand in a header, so that GitHub could never have made it.
    pub fn session(&self, api: &ApiUrl, token: Zeroizing<String>) -> Result<Session, GithubError> {
        let bearer = Zeroizing::new(format!("Bearer {}", token.trim()));
        let mut authorization = HeaderValue::from_str(&bearer).map_err(|_| GithubError::TokenRefused)?;
        authorization.set_sensitive(true);
        Ok(Session { http: self.0.clone(), root: Root::of(api)?, authorization, token })
    }
}

/// A GitHub and the token that opens it.
pub struct Session {
    http: Client,
    pub(super) root: Root,
    authorization: HeaderValue,
    token: Zeroizing<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("root", &self.root).finish_non_exhaustive()
    }
}

/// What is asked for.
pub(super) struct Call<'a> {
    /// In words, for errors: `webhook`.
    pub(super) what: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Value>,
    /// What no error may repeat, although it was sent.
    pub(super) hidden: Option<&'a str>,
}

impl Session {
    /// Makes one call and reads its answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, GithubError> {
        let what = call.what;
        let bytes = self.bytes(call).await?;
        serde_json::from_slice(&bytes).map_err(|_| GithubError::NotUnderstood(what))
    }

    /// Makes one call whose answer is its status.
    pub(super) async fn tell(&self, call: Call<'_>) -> Result<(), GithubError> {
        self.bytes(call).await.map(drop)
    }

    /// All items of a list, page by page.
    pub(super) async fn list<T: DeserializeOwned>(&self, what: &'static str, url: Url) -> Result<Vec<T>, GithubError> {
        let mut items = Vec::new();
        for page in 1..=PAGES_MAX {
            let mut url = url.clone();
            url.query_pairs_mut().append_pair("per_page", &PER_PAGE.to_string()).append_pair("page", &page.to_string());
            let found: Vec<T> = self.call(Call { what, method: Method::GET, url, body: None, hidden: None }).await?;
            let is_last = found.len() < PER_PAGE;
            items.extend(found);
            if is_last {
                return Ok(items);
            }
        }
        Err(GithubError::TooLong(what))
    }

    async fn bytes(&self, mut call: Call<'_>) -> Result<Vec<u8>, GithubError> {
        for _ in 0..=REDIRECTIONS_MAX {
            let response = self.send(&call).await?;
            let status = response.status();
            if status.is_redirection() {
                call.url = self.followed(&call, response.headers()).ok_or(GithubError::Moved)?;
                continue;
            }
            let headers = response.headers().clone();
            let bytes = read(response, call.what).await;
            if status.is_success() {
                return bytes;
            }
            // What cannot be read explains nothing; the status alone does.
            return Err(self.failure(&call, status, &headers, &bytes.unwrap_or_default()));
        }
        Err(GithubError::Moved)
    }

    async fn send(&self, call: &Call<'_>) -> Result<Response, GithubError> {
        let mut request = self
            .http
            .request(call.method.clone(), call.url.clone())
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", API_VERSION)
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        request.send().await.map_err(broken)
    }

    /// Where a GET request is repeated after a redirect. Changes are not repeated, and the token is not sent to another host.
    fn followed(&self, call: &Call<'_>, headers: &HeaderMap) -> Option<Url> {
        let location = headers.get(LOCATION)?.to_str().ok()?;
        let url = call.url.join(location).ok()?;
        (call.method == Method::GET && self.root.is_at(&url)).then_some(url)
    }

    fn failure(&self, call: &Call<'_>, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> GithubError {
        match status.as_u16() {
            401 => GithubError::TokenRefused,
            403 | 429 => match rate_limit(status, headers) {
                Some(retry_after) => GithubError::RateLimited { retry_after },
                None => GithubError::Forbidden(self.message(call, body)),
            },
            404 | 410 => GithubError::NotFound(call.what),
            status @ 500.. => GithubError::Failing(status),
            status => GithubError::Refused { status, message: self.message(call, body) },
        }
    }

    /// GitHub's own words, without what must stay hidden.
    pub(super) fn message(&self, call: &Call<'_>, body: &[u8]) -> String {
        #[derive(Default, Deserialize)]
        struct Complaint {
            #[serde(default)]
            message: String,
            #[serde(default)]
            errors: Vec<Value>,
        }
        let complaint: Complaint = serde_json::from_slice(body).unwrap_or_default();
        let details = complaint.errors.iter().filter_map(|error| error.get("message")?.as_str());
        let words: Vec<&str> = [complaint.message.as_str()].into_iter().chain(details).collect();
        let mut text: String = words.join("; ").chars().filter(|letter| !letter.is_control()).collect();
        for hidden in [Some(self.token.trim()), call.hidden].into_iter().flatten().filter(|text| !text.is_empty()) {
            text = text.replace(hidden, "[hidden]");
        }
        text.chars().take(MESSAGE_MAX_CHARS).collect()
    }
}

async fn read(mut response: Response, what: &'static str) -> Result<Vec<u8>, GithubError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(GithubError::TooLong(what));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn broken(error: reqwest::Error) -> GithubError {
    if error.is_timeout() { GithubError::Timeout } else { GithubError::Unreachable(error.without_url()) }
}

/// How long GitHub wants to be left alone, if this is why it refuses.
fn rate_limit(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let reset = || {
        // By GitHub's clock, not by ours.
        let date = headers.get(DATE)?.to_str().ok()?;
        let now = DateTime::parse_from_rfc2822(date).map_or_else(|_| Utc::now(), |date| date.to_utc());
        let seconds = number("x-ratelimit-reset")?.saturating_sub(u64::try_from(now.timestamp()).ok()?);
        Some(Duration::from_secs(seconds))
    };
    let asked = number(RETRY_AFTER.as_str()).map(Duration::from_secs);
    let used_up = number("x-ratelimit-remaining") == Some(0);
    let wait = match asked {
        Some(wait) => Some(wait),
        None if used_up => Some(reset().unwrap_or(RETRY_AFTER_DEFAULT)),
        None if status == StatusCode::TOO_MANY_REQUESTS => Some(RETRY_AFTER_DEFAULT),
        None => None,
    };
    wait.map(|wait| wait.min(RETRY_AFTER_MAX))
}
