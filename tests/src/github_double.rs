//! A double of GitHub's REST endpoints: as much of GitHub as pkgdeploy talks to, with faults to order. Not GitHub.
//!
//! It knows one repository, insists on the headers that GitHub insists on, and remembers every call.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::HeaderMap,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

/// What can be asked of GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GithubCall {
    /// `GET /repos/{owner}/{name}`
    Repository,
    /// `GET …/hooks`
    ListHooks,
    /// `POST …/hooks`
    CreateHook,
    /// `DELETE …/hooks/{id}`
    DeleteHook,
    /// `GET …/keys`
    ListKeys,
    /// `POST …/keys`
    CreateKey,
    /// `DELETE …/keys/{id}`
    DeleteKey,
    /// `GET …/tags`
    ListTags,
    /// `POST …/statuses/{commit}`
    CreateStatus,
}

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; this status is answered, with GitHub's sort of body.
    Status(u16),
    /// Nothing is done; 403 with `Retry-After`.
    RateLimited(u64),
    /// Nothing is done; 403 with the limit's own headers, which say that it ends this many seconds from now.
    LimitUsedUp(u64),
    /// Nothing is done and nothing is answered, for ever.
    Hang,
    /// Nothing is done; the connection is closed.
    Refuse,
    /// It is done; what is answered is no JSON.
    Garbage,
    /// It is done; the connection is closed before the answer.
    AnswerLost,
    /// Nothing is done; an answer without end.
    Endless,
    /// Nothing is done; the client is sent to another address.
    Redirect(String),
}

/// A webhook of the double's repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubleHook {
    /// Its number.
    pub id: u64,
    /// Where it delivers to.
    pub url: String,
    /// What it signs with.
    pub secret: String,
    /// What it is called for.
    pub events: Vec<String>,
}

/// A deploy key of the double's repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubleKey {
    /// Its number.
    pub id: u64,
    /// What it is called.
    pub title: String,
    /// `ssh-ed25519 AAAA…`
    pub key: String,
    /// Whether it may only read.
    pub read_only: bool,
}

/// A mark that was put beside a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubleStatus {
    /// The commit.
    pub commit: String,
    /// `pending`, `success`, `failure` or `error`.
    pub state: String,
    /// Whose mark it is.
    pub context: String,
    /// Where there is more to read.
    pub target_url: String,
    /// In words.
    pub description: String,
}

/// Everything the double knows.
#[derive(Debug, Default)]
pub struct Known {
    /// The repository's number.
    pub repository_id: u64,
    /// `owner/name`.
    pub full_name: String,
    /// What it was called before.
    pub former_name: Option<String>,
    /// Where it is cloned from over ssh.
    pub ssh_url: String,
    /// The only token that opens it.
    pub token: String,
    /// Its webhooks.
    pub hooks: Vec<DoubleHook>,
    /// Its deploy keys.
    pub keys: Vec<DoubleKey>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The marks beside its commits, in the order in which they came.
    pub statuses: Vec<DoubleStatus>,
    /// Every call that arrived.
    pub calls: Vec<GithubCall>,
    faults: VecDeque<(GithubCall, Fault)>,
    last_id: u64,
}

/// A running double. It ends when it is dropped.
#[derive(Debug)]
pub struct GithubDouble {
    known: Arc<Mutex<Known>>,
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl GithubDouble {
    /// Starts a double that knows one repository, `acme/shop` with the number 42, and one token.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its number");
        let known = Arc::new(Mutex::new(Known {
            repository_id: 42,
            full_name: "acme/shop".into(),
            ssh_url: "git@github.com:acme/shop.git".into(),
            token: "ghp_0123456789abcdefghijABCDEFGHIJ012345".into(),
            last_id: 1000,
            ..Known::default()
        }));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, known.clone()));
        Self { known, address, _serving: serving }
    }

    /// The root of its API, as that of a GitHub Enterprise.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}/api/v3", self.address)
    }

    /// What it knows now. May be changed.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    /// Lets the next `times` calls of this kind go wrong.
    pub fn fails(&self, call: GithubCall, fault: &Fault, times: usize) {
        self.known().faults.extend(std::iter::repeat_n((call, fault.clone()), times));
    }

    /// How many faults that were ordered have not come to pass.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.known().faults.len()
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, known: Arc<Mutex<Known>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let known = known.clone();
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(request, known.clone()));
            // An answer that is lost ends its connection: this is what it is for.
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The connection is closed without an answer.
#[derive(Debug)]
struct NoAnswer;

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer, on purpose")
    }
}

impl std::error::Error for NoAnswer {}

type Answer = Response<http_body_util::combinators::BoxBody<Bytes, Infallible>>;

async fn answer(request: Request<Incoming>, known: Arc<Mutex<Known>>) -> Result<Answer, NoAnswer> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| NoAnswer)?.to_bytes();
    let path = head.uri.path().trim_start_matches("/api/v3").trim_start_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let Some((call, rest)) = known_call(&head.method, &parts) else { return Ok(said(404, "Not Found")) };
    let fault = {
        let mut known = lock(&known);
        known.calls.push(call);
        if let Some(refusal) = known.refuses(&head.headers) {
            return Ok(refusal);
        }
        let next = known.faults.iter().position(|(failing, _)| *failing == call);
        next.and_then(|index| known.faults.remove(index)).map(|(_, fault)| fault)
    };
    match fault {
        Some(Fault::Status(422)) => return Ok(invalid("Hook already exists on this repository")),
        Some(Fault::Status(status)) => return Ok(said(status, "On purpose")),
        Some(Fault::RateLimited(seconds)) => return Ok(limited(&[("retry-after", seconds.to_string())])),
        Some(Fault::LimitUsedUp(seconds)) => {
            let reset = (std::time::SystemTime::now() + std::time::Duration::from_secs(seconds))
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs());
            return Ok(limited(&[("x-ratelimit-remaining", "0".into()), ("x-ratelimit-reset", reset.to_string())]));
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Refuse) => return Err(NoAnswer),
        Some(Fault::Endless) => return Ok(endless()),
        Some(Fault::Redirect(address)) => {
            let moved = Response::builder().status(301).header("location", address);
            return Ok(moved.body(full(String::new())).expect("a response"));
        }
        Some(Fault::Garbage | Fault::AnswerLost) | None => {}
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    let done = lock(&known).perform(call, &parts, rest, query, &body);
    match fault {
        Some(Fault::AnswerLost) => Err(NoAnswer),
        Some(Fault::Garbage) => Ok(Response::new(full("<html>busy</html>".to_owned()))),
        _ => Ok(done),
    }
}

/// The call, and the part of its path that comes last.
fn known_call<'a>(method: &Method, parts: &[&'a str]) -> Option<(GithubCall, &'a str)> {
    let (["repos", _, _, rest @ ..] | ["repositories", _, rest @ ..]) = parts else { return None };
    let call = match (method.as_str(), rest) {
        ("GET", []) => (GithubCall::Repository, ""),
        ("GET", ["hooks"]) => (GithubCall::ListHooks, ""),
        ("POST", ["hooks"]) => (GithubCall::CreateHook, ""),
        ("DELETE", ["hooks", id]) => (GithubCall::DeleteHook, *id),
        ("GET", ["keys"]) => (GithubCall::ListKeys, ""),
        ("POST", ["keys"]) => (GithubCall::CreateKey, ""),
        ("DELETE", ["keys", id]) => (GithubCall::DeleteKey, *id),
        ("GET", ["tags"]) => (GithubCall::ListTags, ""),
        ("POST", ["statuses", commit]) => (GithubCall::CreateStatus, *commit),
        _ => return None,
    };
    Some(call)
}

impl Known {
    /// Lets no call go wrong any more.
    pub fn forget_faults(&mut self) {
        self.faults.clear();
    }

    /// What GitHub insists on before it looks at anything.
    fn refuses(&self, headers: &HeaderMap) -> Option<Answer> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if text("user-agent").is_empty() || text("x-github-api-version").is_empty() {
            return Some(said(403, "Request forbidden by administrative rules."));
        }
        (text("authorization") != format!("Bearer {}", self.token)).then(|| said(401, "Bad credentials"))
    }

    fn perform(&mut self, call: GithubCall, parts: &[&str], last: &str, query: &str, body: &Value) -> Answer {
        let named = match parts {
            ["repos", owner, name, ..] => format!("{owner}/{name}"),
            _ => self.full_name.clone(),
        };
        if self.former_name.as_ref() == Some(&named) {
            let address = format!("/api/v3/repositories/{}", self.repository_id);
            let moved = Response::builder().status(301).header("location", address);
            return moved.body(full(String::new())).expect("a response");
        }
        if named != self.full_name {
            return said(404, "Not Found");
        }
        match call {
            GithubCall::Repository => json_answer(200, &self.repository()),
            GithubCall::ListHooks => json_answer(200, &page(self.hooks.iter().map(hook_json), query)),
            GithubCall::CreateHook => self.create_hook(body),
            GithubCall::DeleteHook => gone(&mut self.hooks, |hook| hook.id.to_string() == last),
            GithubCall::ListKeys => json_answer(200, &page(self.keys.iter().map(key_json), query)),
            GithubCall::CreateKey => self.create_key(body),
            GithubCall::DeleteKey => gone(&mut self.keys, |key| key.id.to_string() == last),
            GithubCall::ListTags => {
                let tags = self.tags.iter().map(|name| json!({ "name": name, "commit": { "sha": "0".repeat(40) } }));
                json_answer(200, &page(tags, query))
            }
            GithubCall::CreateStatus => {
                self.statuses.push(DoubleStatus {
                    commit: last.to_owned(),
                    state: text(body, "/state"),
                    context: text(body, "/context"),
                    target_url: text(body, "/target_url"),
                    description: text(body, "/description"),
                });
                json_answer(201, &json!({ "state": text(body, "/state") }))
            }
        }
    }

    fn repository(&self) -> Value {
        json!({
            "id": self.repository_id,
            "full_name": self.full_name,
            "ssh_url": self.ssh_url,
            "clone_url": format!("https://github.com/{}.git", self.full_name),
        })
    }

    fn create_hook(&mut self, body: &Value) -> Answer {
        let url = text(body, "/config/url");
        if url.is_empty() || text(body, "/config/content_type") != "json" {
            return invalid("url is missing or content_type is not json");
        }
        if self.hooks.iter().any(|hook| hook.url == url) {
            return invalid("Hook already exists on this repository");
        }
        let events = body["events"].as_array().cloned().unwrap_or_default();
        let events = events.iter().filter_map(|event| event.as_str().map(str::to_owned)).collect();
        self.last_id += 1;
        self.hooks.push(DoubleHook { id: self.last_id, url, secret: text(body, "/config/secret"), events });
        json_answer(201, &hook_json(self.hooks.last().expect("it was just added")))
    }

    fn create_key(&mut self, body: &Value) -> Answer {
        let key = text(body, "/key");
        if !key.starts_with("ssh-") || self.keys.iter().any(|known| known.key == key) {
            return invalid("key is already in use");
        }
        self.last_id += 1;
        let read_only = body["read_only"] == true;
        self.keys.push(DoubleKey { id: self.last_id, title: text(body, "/title"), key, read_only });
        json_answer(201, &key_json(self.keys.last().expect("it was just added")))
    }
}

/// GitHub shows stars where the secret was.
fn hook_json(hook: &DoubleHook) -> Value {
    let config = json!({ "url": hook.url, "content_type": "json", "secret": "********", "insecure_ssl": "0" });
    json!({ "id": hook.id, "name": "web", "active": true, "events": hook.events, "config": config })
}

fn key_json(key: &DoubleKey) -> Value {
    json!({ "id": key.id, "title": key.title, "key": key.key, "read_only": key.read_only, "verified": true })
}

fn page(items: impl Iterator<Item = Value>, query: &str) -> Value {
    let number = |name: &str, default| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let (page, per_page): (usize, usize) = (number("page", 1), number("per_page", 30).min(100));
    items.skip((page - 1) * per_page).take(per_page).collect()
}

fn gone<T>(items: &mut Vec<T>, is_meant: impl Fn(&T) -> bool) -> Answer {
    let before = items.len();
    items.retain(|item| !is_meant(item));
    if items.len() < before {
        Response::builder().status(204).body(full(String::new())).expect("a response")
    } else {
        said(404, "Not Found")
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn invalid(message: &str) -> Answer {
    json_answer(422, &json!({ "message": "Validation Failed", "errors": [{ "code": "custom", "message": message }] }))
}

fn said(status: u16, message: &str) -> Answer {
    json_answer(status, &json!({ "message": message }))
}

fn limited(headers: &[(&str, String)]) -> Answer {
    let mut answer = said(403, "API rate limit exceeded");
    for (name, value) in headers {
        let name: hyper::header::HeaderName = name.parse().expect("a header");
        answer.headers_mut().insert(name, value.parse().expect("a value"));
    }
    answer
}

fn json_answer(status: u16, body: &Value) -> Answer {
    let status = StatusCode::from_u16(status).expect("a status");
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(full(body.to_string()))
        .expect("a response")
}

fn full(text: String) -> http_body_util::combinators::BoxBody<Bytes, Infallible> {
    Full::new(Bytes::from(text)).boxed()
}

/// Spaces without end: valid JSON so far.
fn endless() -> Answer {
    let piece = || Ok(hyper::body::Frame::data(Bytes::from_static(&[b' '; 64 * 1024])));
    let body = http_body_util::StreamBody::new(futures::stream::repeat_with(piece));
    Response::new(BodyExt::boxed(body))
}
