//! Requests, and what a server answered to each, as lines of a file: sorted, one request a line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
    str::FromStr,
};

use aws_lc_rs::digest;
use futures::{StreamExt as _, stream};
use reqwest::{Client, Method};
use stories::Answer;

/// Credentials by the name that requests use: `<user>:<password>` for HTTP Basic, anything else is a bearer token.
pub(super) type Logins = BTreeMap<String, String>;
/// Every request, with its answer.
pub(super) type Answers = BTreeMap<Request, Answered>;

const ASKED_AT_ONCE: usize = 8;
/// Headers that say when or to whom an answer was given, and not what it is.
const OF_ONE_ANSWER: [&str; 2] = ["date", "x-request-id"];
/// The media type of answers whose words are for people: only their `code` is for programs.
const PROBLEM: &str = "application/problem+json";
/// More differences than this are not shown.
const SHOWN_MAX: usize = 40;

/// What is asked, and with whose credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// Below the server's address, with a slash at its front.
    pub(super) path: String,
    /// `GET` or `HEAD`.
    pub(super) method: String,
    /// A name in [`Logins`], or nothing.
    pub(super) login: String,
    /// One header, as `name: value`, or nothing.
    pub(super) header: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    status: u16,
    /// `sha256=<digest of the body>`; `code=<code>` of a problem, whose words may be improved.
    body: String,
    /// `name: value`, sorted.
    headers: Vec<String>,
}

impl Request {
    pub(super) fn get(path: impl Into<String>, login: &str) -> Self {
        Self { path: path.into(), method: "GET".to_owned(), login: login.to_owned(), header: String::new() }
    }

    pub(super) fn with(self, header: &str) -> Self {
        Self { header: header.to_owned(), ..self }
    }

    pub(super) fn head(self) -> Self {
        Self { method: "HEAD".to_owned(), ..self }
    }

    async fn send(&self, client: &Client, url: &str, logins: &Logins) -> Answered {
        let method: Method = self.method.parse().expect("a method");
        let mut request = client.request(method, format!("{url}{}", self.path));
        if let Some((name, value)) = self.header.split_once(": ") {
            request = request.header(name, value);
        }
        if !self.login.is_empty() {
            let secret = logins.get(&self.login).unwrap_or_else(|| panic!("no login is called {}", self.login));
            request = match secret.split_once(':') {
                Some((user, password)) => request.basic_auth(user, Some(password)),
                None => request.bearer_auth(secret),
            };
        }
        Answered::of(&self.method, &Answer::to(request).await)
    }
}

impl Answered {
    fn of(method: &str, answer: &Answer) -> Self {
        let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
        let body = match content_type {
            Some(PROBLEM) if method != "HEAD" => format!("code={}", answer.code()),
            _ => format!("sha256={}", hex::encode(digest::digest(&digest::SHA256, &answer.body))),
        };
        // The length of a whole body is in its digest, and a problem's depends on its words.
        let says_nothing = |name: &str| {
            OF_ONE_ANSWER.contains(&name)
                || name == "content-length" && (method != "HEAD" || content_type == Some(PROBLEM))
        };
        let headers = answer.headers.iter().filter(|(name, _)| !says_nothing(name.as_str()));
        let headers = headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        let mut headers: Vec<String> = headers.collect();
        headers.sort();
        Self { status: answer.status.as_u16(), body, headers }
    }

    fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.status != now.status {
            found.push(format!("status {} is now {}", self.status, now.status));
        }
        if self.body != now.body {
            found.push(format!("{} is now {}", self.body, now.body));
        }
        let gone = self.headers.iter().filter(|header| !now.headers.contains(header));
        found.extend(gone.map(|header| format!("without the header {header}")));
        let new = now.headers.iter().filter(|header| !self.headers.contains(header));
        found.extend(new.map(|header| format!("with the header {header}")));
        found
    }
}

/// Sends every request to the server at `url`.
pub(super) async fn ask<'a>(url: &str, requests: impl IntoIterator<Item = &'a Request>, logins: &Logins) -> Answers {
    let client = Client::builder().no_proxy().build().expect("an HTTP client");
    let requests: BTreeSet<&Request> = requests.into_iter().collect();
    let answers = stream::iter(requests).map(|request| {
        let client = &client;
        async move { (request.clone(), request.send(client, url, logins).await) }
    });
    answers.buffer_unordered(ASKED_AT_ONCE).collect().await
}

/// Every answer that is not the same, in words; empty if all are.
pub(super) fn differences(before: &Answers, now: &Answers) -> String {
    let mut all = Vec::new();
    for (request, answered) in before {
        match now.get(request) {
            Some(now) => all.extend(answered.differences(now).iter().map(|what| format!("{request}: {what}"))),
            None => all.push(format!("{request}: was not asked")),
        }
    }
    let mut text = String::new();
    for line in all.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "{line}");
    }
    if !all.is_empty() {
        let _ = writeln!(text, "{} differences in {} answers", all.len(), before.len());
    }
    text
}

/// The lines of a file of answers.
pub(super) fn written(answers: &Answers) -> String {
    answers.iter().fold(String::new(), |mut text, (request, Answered { status, body, headers })| {
        let _ = write!(text, "{request}\t{status}\t{body}");
        for header in headers {
            let _ = write!(text, "\t{header}");
        }
        text + "\n"
    })
}

/// Reads what [`written`] wrote.
pub(super) fn read(text: &str) -> Answers {
    text.lines()
        .map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_else(|| panic!("a field is missing: {line}"));
            let request = [next(), next(), next()].join("\t").parse().expect("a request");
            let status = next().parse().expect("a status");
            let body = next().to_owned();
            (request, Answered { status, body, headers: fields.map(str::to_owned).collect() })
        })
        .collect()
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |text: &'_ str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        write!(f, "{} {}\t{}\t{}", self.method, self.path, or_none(&self.login), or_none(&self.header))
    }
}

impl FromStr for Request {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split('\t').collect();
        let [asked, login, header] = fields[..] else { return Err(format!("not three fields: {text}")) };
        let (method, path) = asked.split_once(' ').ok_or_else(|| format!("no path: {text}"))?;
        let some = |text: &str| if text == "-" { String::new() } else { text.to_owned() };
        Ok(Self { path: path.to_owned(), method: method.to_owned(), login: some(login), header: some(header) })
    }
}
