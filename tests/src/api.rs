//! The API as its users call it: operators over GraphQL, CI systems at the trigger, package clients at repositories.

use std::time::{Duration, Instant};

use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use crate::text;

/// A build and its signatures on a busy machine.
const RELEASE_LIMIT: Duration = Duration::from_secs(240);
/// How long one trigger call waits at the server's side.
const WAIT_SECONDS: u32 = 30;

/// Everything that a story asks of a release.
const RELEASE_FIELDS: &str = "id organisation tag version state step createdAt endedAt \
     logUrl failure { step code message } steps { step at detail } packages { config name format fileName sha256 }";

/// What a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Packages for apt.
    Deb,
    /// Packages for dnf, yum and zypper.
    Rpm,
}

/// An operator at one server.
#[derive(Debug, Clone)]
pub struct Team {
    http: Client,
    url: String,
    token: String,
}

/// A project and the token that releases it.
#[derive(Debug, Clone)]
pub struct MadeProject {
    /// Part of the trigger's address.
    pub id: String,
    /// Opens the trigger.
    pub api_token: String,
}

/// A repository and its first access key.
#[derive(Debug, Clone)]
pub struct MadeRepository {
    /// The address of its root.
    pub url: String,
    /// APT's name of the suite; empty for rpms.
    pub codename: String,
    /// Login.
    pub key_id: String,
    /// Password.
    pub key_secret: String,
    /// The line that makes a machine use it.
    pub install: String,
}

/// An answer of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// A release as GraphQL tells it.
#[derive(Debug, Clone)]
pub struct Release(pub Value);

impl Team {
    pub(crate) fn new(url: String, token: String) -> Self {
        Self { http: client(HeaderMap::new()), url, token }
    }

    /// The same, asking from `address`, as a proxy before the server says.
    #[must_use]
    pub fn from(&self, address: &str) -> Self {
        let address = HeaderValue::from_str(address).expect("an address");
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), address)]);
        Self { http: client(headers), ..self.clone() }
    }

    /// The operator token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A GraphQL document's data; errors fail the story.
    pub async fn graphql(&self, document: &str) -> Value {
        let answer = self.graphql_answer(document).await;
        assert!(answer.pointer("/errors/0").is_none(), "{document}\n{answer:#}");
        answer["data"].clone()
    }

    /// A GraphQL document's whole answer.
    pub async fn graphql_answer(&self, document: &str) -> Value {
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        let answer = send(request.json(&json!({ "query": document }))).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    /// Makes an organisation.
    pub async fn create_organisation(&self, name: &str) {
        self.graphql(&format!("mutation {{ createOrganisation(name: {}) {{ __typename }} }}", json!(name))).await;
    }

    /// Connects a project.
    pub async fn create_project(&self, organisation: &str, name: &str, source: &str) -> MadeProject {
        let document = format!(
            "mutation {{ createProject(organisation: {}, name: {}, source: {}) {{ project {{ id }} apiToken }} }}",
            json!(organisation),
            json!(name),
            json!(source)
        );
        let made = self.graphql(&document).await;
        MadeProject { id: text(&made, "/createProject/project/id"), api_token: text(&made, "/createProject/apiToken") }
    }

    /// Makes a repository.
    pub async fn create_repository(&self, organisation: &str, name: &str, format: Format) -> MadeRepository {
        let word = match format {
            Format::Deb => "DEB",
            Format::Rpm => "RPM",
        };
        let document = format!(
            "mutation {{ createRepository(organisation: {}, name: {}, format: {word}) \
             {{ repository {{ url codename }} accessKey {{ id secret }} installCommand }} }}",
            json!(organisation),
            json!(name)
        );
        let made = self.graphql(&document).await["createRepository"].clone();
        MadeRepository {
            url: text(&made, "/repository/url").trim_end_matches('/').to_owned(),
            codename: made.pointer("/repository/codename").and_then(Value::as_str).unwrap_or_default().to_owned(),
            key_id: text(&made, "/accessKey/id"),
            key_secret: text(&made, "/accessKey/secret"),
            install: text(&made, "/installCommand"),
        }
    }

    /// Asks for a tag's release and waits for its end, however it ends.
    pub async fn release(&self, project: &MadeProject, tag: &str) -> Release {
        let answer = self.trigger(project, &json!({ "tag": tag }).to_string(), WAIT_SECONDS).await;
        assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
        self.end_of(&text(&answer.json(), "/release")).await
    }

    /// The same; the story fails unless it is uploaded.
    pub async fn released(&self, project: &MadeProject, tag: &str) -> Release {
        let release = self.release(project, tag).await;
        assert_eq!(release.state(), "UPLOADED", "{:#}", release.0);
        release
    }

    /// Waits for a release's end.
    pub async fn end_of(&self, release: &str) -> Release {
        let deadline = Instant::now() + RELEASE_LIMIT;
        loop {
            let found = self.look_at(release).await;
            if found.state() != "RUNNING" {
                return found;
            }
            assert!(Instant::now() < deadline, "the release does not end: {:#}", found.0);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A release as it stands.
    pub async fn look_at(&self, release: &str) -> Release {
        let found = self.graphql(&format!("{{ release(id: {}) {{ {RELEASE_FIELDS} }} }}", json!(release))).await;
        Release(found["release"].clone())
    }

    /// `POST …/releases?wait=…` with the project's own token and any body.
    pub async fn trigger(&self, project: &MadeProject, body: &str, wait_seconds: u32) -> Answer {
        send(self.trigger_request(project, body, wait_seconds).bearer_auth(&project.api_token)).await
    }

    /// The trigger's request, without a token.
    pub fn trigger_request(&self, project: &MadeProject, body: &str, wait_seconds: u32) -> RequestBuilder {
        let address = format!("{}/api/v1/projects/{}/releases?wait={wait_seconds}", self.url, project.id);
        self.http.post(address).header("Content-Type", "application/json").body(body.to_owned())
    }

    /// `GET`s an address of the server as the operator.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token)).await
    }

    /// Uploads a package that was built elsewhere, and waits until it can be installed.
    pub async fn upload(&self, organisation: &str, repository: &str, file: &str, bytes: Vec<u8>) -> Answer {
        let address =
            format!("{}/api/v1/repositories/{organisation}/{repository}/packages/{file}?wait={WAIT_SECONDS}", self.url);
        send(self.http.put(address).bearer_auth(&self.token).body(bytes)).await
    }

    /// A request at the server, for what has no method of its own.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }
}

impl MadeRepository {
    /// `GET`s a file below the repository's root with its access key.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_as(path, Some((&self.key_id, &self.key_secret))).await
    }

    /// The same with another login, or none.
    pub async fn get_as(&self, path: &str, login: Option<(&str, &str)>) -> Answer {
        get_with_login(&format!("{}/{path}", self.url), login).await
    }
}

/// `GET`s an address with HTTP Basic.
pub(crate) async fn get_with_login(address: &str, login: Option<(&str, &str)>) -> Answer {
    let request = Client::builder().no_proxy().build().expect("an HTTP client").get(address);
    send(match login {
        Some((user, password)) => request.basic_auth(user, Some(password)),
        None => request,
    })
    .await
}

impl Answer {
    /// Sends a request and reads the whole answer.
    pub async fn to(request: RequestBuilder) -> Self {
        send(request).await
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, which it must be.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} is not valid JSON: {}", self.status, self.text()))
    }

    /// The stable word of a problem.
    #[must_use]
    pub fn code(&self) -> String {
        text(&self.json(), "/code")
    }
}

/// How often a request is sent whose body was refused before all of it was sent.
const CUT_BODIES_MAX: u32 = 10;

fn client(headers: HeaderMap) -> Client {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(120)).default_headers(headers);
    client.build().expect("an HTTP client")
}

async fn send(request: RequestBuilder) -> Answer {
    let mut request = request;
    let mut cut = 0;
    let response = loop {
        let again = request.try_clone();
        match (request.send().await, again) {
            // Who refuses a body by its length does not wait for its end, and the answer may be lost with the connection.
            (Err(error), Some(again)) if cut < CUT_BODIES_MAX && format!("{error:?}").contains("BodyWrite") => {
                (request, cut) = (again, cut + 1);
            }
            (answer, _) => break answer.expect("the server answers"),
        }
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.expect("the server answers in full").to_vec();
    Answer { status, headers, body }
}

impl Release {
    /// RUNNING, UPLOADED, FAILED or CANCELLED.
    #[must_use]
    pub fn state(&self) -> &str {
        self.0["state"].as_str().unwrap_or_default()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> String {
        text(&self.0, "/id")
    }

    /// The step at which it failed and why, in the stable words.
    #[must_use]
    pub fn failure(&self) -> (String, String) {
        (text(&self.0, "/failure/step"), text(&self.0, "/failure/code"))
    }

    /// What it tells people about its failure.
    #[must_use]
    pub fn message(&self) -> String {
        text(&self.0, "/failure/message")
    }

    /// The file's name of each package that was made, and its SHA-256.
    #[must_use]
    pub fn packages(&self) -> Vec<(String, String)> {
        let packages = self.0["packages"].as_array().cloned().unwrap_or_default();
        let made = packages.iter().filter(|one| !one["fileName"].is_null());
        made.map(|one| (text(one, "/fileName"), text(one, "/sha256"))).collect()
    }
}
