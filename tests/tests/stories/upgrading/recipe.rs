//! How the data folder is made: a bit of everything that a server records, through its API.
//!
//! Nothing in it may end by itself later: a grace window is closed and a key has expired before the answers are recorded,
//! or has decades left. So the answers are the same on any day.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stories::{
    Answer, Format, MadeProject, MadeRepository, Project, Server, StartOptions, Team, Webhook, listed_packages, text,
};

use super::answers::Logins;

/// What the texts of the folder's server name: fixed, because installers and signed indexes hold it.
pub(super) const PUBLIC_URL: &str = "https://packages.example.com";
/// The tenants, the last without anything of its own.
pub(super) const ORGANISATIONS: [&str; 3] = ["acme", "globex", "initech"];

/// How long something that happens by itself may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
/// A log that has not grown for so long, and that every worker has read, has everything that follows from what was asked.
const QUIET_FOR: Duration = Duration::from_millis(1500);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Nothing that has this end ends while this test exists.
const FAR: &str = "2999-01-01T00:00:00Z";

/// A server after all that.
pub(super) struct Made {
    pub(super) server: Server,
    pub(super) team: Team,
    pub(super) repositories: Vec<Repository>,
    pub(super) releases: Vec<Release>,
    pub(super) logins: Logins,
}

/// A repository with its newest shared key.
pub(super) struct Repository {
    pub(super) organisation: &'static str,
    pub(super) name: &'static str,
    pub(super) format: Format,
    pub(super) made: MadeRepository,
}

/// A release, however it ended.
pub(super) struct Release {
    pub(super) project: &'static str,
    pub(super) tag: &'static str,
    pub(super) id: String,
}

/// How the folder's server is started.
pub(super) fn options() -> StartOptions {
    StartOptions { public_url: Some(PUBLIC_URL.to_owned()), ..StartOptions::default() }
}

/// A package of one file for one architecture in each format.
fn native(name: &str) -> Project {
    let config = |format: &str| {
        format!(
            "name: {name}\nformat: {format}\narchitecture: 64-bit\ndescription: |\n  Says hello.\n\n  At length.\n\
             license: MIT\nmaintainer: Ann <ann@example.com>\nafter_install: echo installed\ninstall:\n  copy:\n    \
             - source: greeting.txt\n      destination: /etc/{name}/greeting.txt\n"
        )
    };
    Project::new()
        .file(".pkgdeploy/config-deb.yml", &config("deb"))
        .file(".pkgdeploy/config-rpm.yml", &config("rpm"))
        .file("greeting.txt", "Hello.\n")
}

/// Follows the recipe from its first to its last line.
pub(super) async fn make() -> Made {
    let hello = Project::small_in_both_formats("hello")
        .tag("v1.0.0")
        .file("greeting.txt", "Hello, World.\n")
        .tag("v1.1.0")
        .file("greeting.txt", "Hello again.\n")
        .tag("v2.0.0-rc1");
    let web = Project::small("web").tag("v1.0.0").tag("v1.0.1");
    let widget = native("widget")
        .tag("v1.0.0")
        .file(".pkgdeploy/config-deb.yml", "name: widget\nformat: flatpak\n")
        .tag("v1.0.1")
        .file(".pkgdeploy/config-deb.yml", "name: widget\nformat: deb\n")
        .tag("v1.1.0");

    let mut made = Made::begin().await;
    let ann = made.add_persons().await;
    for organisation in ORGANISATIONS {
        ann.create_organisation(organisation).await;
    }
    for (organisation, name, format) in [
        ("acme", "debian", Format::Deb),
        ("acme", "enterprise-linux", Format::Rpm),
        ("globex", "tools", Format::Deb),
        ("globex", "tools-rpm", Format::Rpm),
    ] {
        made.add_repository(organisation, name, format).await;
    }
    let greeter = made.team.create_project("acme", "hello", &hello.source()).await;
    let maker = ann.create_project("globex", "widget", &widget.source()).await;
    let hook = made.connect_webhook(&web).await;

    made.release("acme", "hello", &greeter, "v1.0.0").await;
    made.release("globex", "widget", &maker, "v1.0.0").await;
    made.release("globex", "widget", &maker, "v1.0.1").await;
    made.take_snapshot("acme", "debian", "before-1.1", "newest").await;
    made.roll_api_tokens(&greeter, &maker).await;
    made.roll_access_keys().await;

    made.signing_keys("prepareNextKey").await;
    made.release("acme", "hello", &greeter, "v1.1.0").await;
    made.copy_package("globex", "tools", "widget", "acme", "debian").await;
    made.signing_keys("beginOverlap").await;
    made.deliver(&hook, "v1.0.0").await;
    made.copy_package("globex", "tools-rpm", "widget", "acme", "enterprise-linux").await;
    made.signing_keys("cutOver").await;
    made.release("globex", "widget", &maker, "v1.1.0").await;
    made.yank_packages().await;
    made.take_snapshot("acme", "debian", "golden", "hello@v1.0.0").await;
    made.take_snapshot("globex", "tools-rpm", "weekly", "newest").await;
    made.take_snapshot("globex", "tools-rpm", "removed", "newest").await;
    made.change("removeSnapshot(organisation: \"globex\", repository: \"tools-rpm\", name: \"removed\")").await;

    let stolen = made.fingerprint(1).await;
    made.signing_keys(&format!("declareCompromised(fingerprint: \"{stolen}\", confirm: \"{stolen}\")")).await;
    made.signing_keys("prepareNextKey").await;
    made.signing_keys("beginOverlap").await;
    made.signing_keys("cutOver").await;
    let replaced = made.fingerprint(2).await;
    made.signing_keys(&format!("retireKey(fingerprint: \"{replaced}\")")).await;
    made.signing_keys("prepareNextKey").await;
    made.deliver(&hook, "v1.0.1").await;
    made.signing_keys("beginOverlap").await;
    made.release("acme", "hello", &greeter, "v2.0.0-rc1").await;
    // Or each start looks for its tags, in a repository that is gone then, and records that there is none.
    made.change(&format!("disconnectGithub(project: \"{}\")", hook.project)).await;
    made.issue_feed_tokens().await;
    made.is_quiet().await;
    made
}

impl Made {
    async fn begin() -> Self {
        let server = Server::start_with(&options());
        let team = server.operator();
        let logins = Logins::from([
            ("operator".to_owned(), team.token().to_owned()),
            ("nobody".to_owned(), "0191d2a0-0000-7000-8000-000000000000:pkd_key_unknown".to_owned()),
        ]);
        Self { server, team, repositories: Vec::new(), releases: Vec::new(), logins }
    }

    /// One who stays, one who leaves, and one who is erased.
    async fn add_persons(&mut self) -> Team {
        let mut ids = Vec::new();
        for name in ["Ann", "Bob", "Carol"] {
            let email = format!("{}@example.com", name.to_lowercase());
            let added = self
                .change_for(&format!("addOperator(name: \"{name}\", email: \"{email}\")"), "{ operator { id } token }")
                .await;
            self.logins.insert(name.to_lowercase(), text(&added, "/token"));
            ids.push(text(&added, "/operator/id"));
        }
        let ann = self.server.team(&self.logins["ann"]);
        self.change(&format!("removeOperator(id: \"{}\")", ids[1])).await;
        ann.graphql(&format!("mutation {{ eraseOperator(id: \"{}\") {{ __typename }} }}", ids[2])).await;
        ann
    }

    async fn add_repository(&mut self, organisation: &'static str, name: &'static str, format: Format) {
        let made = self.team.create_repository(organisation, name, format).await;
        // Asked where the server listens, and not at its public address.
        let url = made.url.replace(PUBLIC_URL, &self.server.url());
        self.repositories.push(Repository { organisation, name, format, made: MadeRepository { url, ..made } });
        self.is_quiet().await;
    }

    async fn connect_webhook(&self, web: &Project) -> Webhook {
        let created = self
            .change_for(
                &format!(
                    "createProject(organisation: \"acme\", name: \"web\", source: {}, trigger: GITHUB_WEBHOOK)",
                    json!(web.source())
                ),
                "{ project { id } }",
            )
            .await;
        let hook = Webhook::connect(&self.team, &text(&created, "/project/id"), 7).await;
        self.change(&format!(
            "trustGithubActions(project: \"{}\", repositoryId: \"7\", ownerId: \"1\", refPattern: \"refs/tags/v*\")",
            hook.project
        ))
        .await;
        assert_eq!(hook.deliver("ping", "p-1", &hook.payload(&json!({ "zen": "Hm." }))).await.status, StatusCode::OK);
        hook
    }

    /// GitHub reports a tag, twice.
    async fn deliver(&mut self, hook: &Webhook, tag: &'static str) {
        for expected in [StatusCode::ACCEPTED, StatusCode::OK] {
            let answer = hook.deliver("create", &tag.replace('.', "-"), &hook.created(tag)).await;
            assert_eq!(answer.status, expected, "{}", answer.text());
        }
        let deadline = Instant::now() + LIMIT;
        loop {
            let asked = "{ releases(organisation: \"acme\", project: \"web\", first: 9) { id tag state } }";
            let found = self.team.graphql(asked).await;
            let releases = found["releases"].as_array().cloned().unwrap_or_default();
            if let Some(release) = releases.iter().find(|one| one["tag"] == tag && one["state"] == "UPLOADED") {
                self.releases.push(Release { project: "web", tag, id: text(release, "/id") });
                return self.is_quiet().await;
            }
            assert!(Instant::now() < deadline, "{tag} is not released: {found:#}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn release(
        &mut self,
        organisation: &'static str,
        project: &'static str,
        made: &MadeProject,
        tag: &'static str,
    ) {
        let token = self.logins.get(&format!("{organisation}/{project}")).unwrap_or(&made.api_token).clone();
        let now = MadeProject { api_token: token, ..made.clone() };
        let release = self.team.release(&now, tag).await;
        let expected = if tag == "v1.0.1" { "FAILED" } else { "UPLOADED" };
        assert_eq!(release.state(), expected, "{:#}", release.0);
        self.releases.push(Release { project, tag, id: release.id() });
        self.is_quiet().await;
    }

    /// A package that was built elsewhere: here, by another organisation.
    async fn copy_package(&self, organisation: &str, from: &str, package: &str, to: &str, repository: &str) {
        let found = self.repositories.iter().find(|one| (one.organisation, one.name) == (organisation, from));
        let source = found.expect("the recipe makes it before");
        let paths = listed_packages(source.format, &source.made).await;
        let is_it = |path: &&String| path.rsplit('/').next().is_some_and(|file| file.starts_with(package));
        let path = paths.iter().find(is_it).unwrap_or_else(|| panic!("no {package} in {paths:?}"));
        let file = path.rsplit('/').next().expect("a file's name");
        let bytes = source.made.get(path).await.body;
        let answer = self.team.upload(to, repository, file, bytes).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        self.is_quiet().await;
    }

    async fn roll_api_tokens(&mut self, greeter: &MadeProject, maker: &MadeProject) {
        let project = |made: &MadeProject| json!(made.id);
        let new = "{ id apiToken }";
        let reader = self
            .change_for(&format!("issueApiToken(project: {}, name: \"reader\", scopes: [READ])", project(greeter)), new)
            .await;
        self.logins.insert("acme/hello reader".to_owned(), text(&reader, "/apiToken"));
        let leaver =
            self.change_for(&format!("issueApiToken(project: {}, name: \"leaver\")", project(greeter)), new).await;
        self.logins.insert("acme/hello revoked".to_owned(), text(&leaver, "/apiToken"));
        let leaver = text(&leaver, "/id");
        self.change(&format!("revokeApiToken(project: {}, token: \"{leaver}\")", project(greeter))).await;
        for (made, name, grace) in [(greeter, "acme/hello", 3600), (maker, "globex/widget", 0)] {
            let old = id_of(&made.api_token);
            let asked = format!("rollApiToken(project: {}, token: \"{old}\", graceSeconds: {grace})", project(made));
            let rolled = self.change_for(&asked, new).await;
            self.logins.insert(name.to_owned(), text(&rolled, "/apiToken"));
            self.logins.insert(format!("{name} rolled"), made.api_token.clone());
            if grace > 0 {
                self.change(&format!("closeApiTokenGrace(project: {}, token: \"{old}\")", project(made))).await;
            }
        }
    }

    /// Machines that enrol, renew and are cut off; windows that are closed, by hand and by time; keys that end.
    async fn roll_access_keys(&mut self) {
        let fleet = self.issue_key(0, "fleet", &format!(", kind: ENROLMENT, enrolsMax: 9, expiresAt: \"{FAR}\"")).await;
        self.logins.insert("acme/debian enrolment rolled".to_owned(), fleet.clone());
        let mut machines = Vec::new();
        for machine in ["web-1", "web-2", "web-3"] {
            machines.push(self.credentials(0, &fleet, &format!("?machine={machine}")).await);
        }
        let until = (chrono::Utc::now() + chrono::TimeDelta::seconds(3)).to_rfc3339();
        let short = self.issue_key(0, "short", &format!(", kind: ENROLMENT, expiresAt: \"{until}\"")).await;
        self.logins.insert("acme/debian expired".to_owned(), short);
        let revoked = self.issue_key(0, "leaver", "").await;
        self.logins.insert("acme/debian revoked".to_owned(), revoked.clone());
        self.revoke_key(0, &revoked).await;

        self.roll(0, 3600).await;
        for (machine, old) in ["web-1", "web-2"].into_iter().zip(&machines) {
            let renewed = self.credentials(0, old, "").await;
            self.logins.insert(format!("acme/debian {machine} rolled"), old.clone());
            self.logins.insert(format!("acme/debian {machine}"), renewed);
        }
        self.revoke_key(0, &machines[1]).await;
        self.change("closeGrace(organisation: \"acme\", repository: \"debian\")").await;
        self.roll(1, 0).await;
        self.roll(2, 1).await;
        let tools = "{ repository(organisation: \"globex\", name: \"tools\") { keyring { grace { isOpen } } } }";
        let deadline = Instant::now() + LIMIT;
        while self.team.graphql(tools).await["repository"]["keyring"]["grace"]["isOpen"] != false {
            assert!(Instant::now() < deadline, "the window ends");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        let fleet = self.issue_key(3, "fleet", &format!(", kind: ENROLMENT, expiresAt: \"{FAR}\"")).await;
        let machine = self.credentials(3, &fleet, "?machine=build-1").await;
        self.logins.insert("globex/tools-rpm enrolment".to_owned(), fleet);
        self.logins.insert("globex/tools-rpm build-1".to_owned(), machine);
        for repository in &self.repositories {
            let MadeRepository { key_id, key_secret, .. } = &repository.made;
            self.logins.insert(repository.login(), format!("{key_id}:{key_secret}"));
        }
        self.is_quiet().await;
    }

    /// Rolls a repository's keys, and remembers the old one.
    async fn roll(&mut self, repository: usize, grace_seconds: u32) {
        let which = self.repositories[repository].named();
        let asked = format!("rollAccessKeys({which}, graceSeconds: {grace_seconds})");
        let rolled = self.change_for(&asked, "{ accessKeys { name kind accessKey { id secret } } }").await;
        let keys = rolled["accessKeys"].as_array().cloned().unwrap_or_default();
        let login = self.repositories[repository].login();
        let MadeRepository { key_id, key_secret, .. } = &mut self.repositories[repository].made;
        self.logins.insert(format!("{login} rolled"), format!("{key_id}:{key_secret}"));
        for key in keys {
            let (id, secret) = (text(&key, "/accessKey/id"), text(&key, "/accessKey/secret"));
            match key["name"].as_str() {
                Some("default") => (*key_id, *key_secret) = (id, secret),
                _ => drop(self.logins.insert(format!("{login} {}", text(&key, "/name")), format!("{id}:{secret}"))),
            }
        }
    }

    async fn issue_key(&self, repository: usize, name: &str, more: &str) -> String {
        let which = self.repositories[repository].named();
        let asked = format!("issueAccessKey({which}, name: \"{name}\"{more})");
        let issued = self.change_for(&asked, "{ accessKey { id secret } }").await;
        format!("{}:{}", text(&issued, "/accessKey/id"), text(&issued, "/accessKey/secret"))
    }

    async fn revoke_key(&self, repository: usize, key: &str) {
        let (which, (id, _)) = (self.repositories[repository].named(), key.split_once(':').expect("a login"));
        self.change(&format!("revokeAccessKey({which}, key: \"{id}\")")).await;
    }

    /// What the holder of `key` is given.
    async fn credentials(&self, repository: usize, key: &str, query: &str) -> String {
        let Repository { organisation, name, .. } = self.repositories[repository];
        let (id, secret) = key.split_once(':').expect("a login");
        let path = format!("/install/{organisation}/{name}/credentials{query}");
        let answer = Answer::to(self.team.request(Method::GET, &path).basic_auth(id, Some(secret))).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let text = answer.text();
        let value = |word: &str| text.lines().find_map(|line| line.strip_prefix(word)).expect("a line").to_owned();
        format!("{}:{}", value("login "), value("password "))
    }

    async fn yank_packages(&self) {
        let keep = "setYankPolicy(organisation: \"acme\", repository: \"enterprise-linux\", policy: KEEP)";
        self.change(keep).await;
        for (repository, version, is_restored) in [(0, "1.1.0", false), (1, "1.0.0", false), (0, "1.0.0", true)] {
            let which = self.repositories[repository].named();
            let sha256 = self.digest(repository, "hello", version).await;
            self.change(&format!("yankPackage({which}, sha256: \"{sha256}\", reason: \"it deletes märchen, 100 %\")"))
                .await;
            self.is_quiet().await;
            if is_restored {
                self.change(&format!("restorePackage({which}, sha256: \"{sha256}\")")).await;
                self.is_quiet().await;
            }
        }
    }

    async fn digest(&self, repository: usize, package: &str, version: &str) -> String {
        let Repository { organisation, name, .. } = self.repositories[repository];
        let asked = format!(
            "{{ repository(organisation: \"{organisation}\", name: \"{name}\") {{ packages {{ name version sha256 }} }} }}"
        );
        let found = self.team.graphql(&asked).await;
        let packages = found["repository"]["packages"].as_array().cloned().unwrap_or_default();
        let is_it = |one: &&Value| {
            one["name"] == package && one["version"].as_str().is_some_and(|found| found.starts_with(version))
        };
        text(packages.iter().find(is_it).unwrap_or_else(|| panic!("no {package} {version}: {found:#}")), "/sha256")
    }

    async fn take_snapshot(&self, organisation: &str, repository: &str, name: &str, at: &str) {
        let which = format!("organisation: \"{organisation}\", repository: \"{repository}\"");
        self.change(&format!("takeSnapshot({which}, name: \"{name}\", at: \"{at}\")")).await;
    }

    async fn issue_feed_tokens(&mut self) {
        for (organisation, name) in [("acme", "berlin"), ("acme", "closed"), ("globex", "berlin")] {
            let asked = format!("issueFeedToken(organisation: \"{organisation}\", name: \"{name}\")");
            let issued = self.change_for(&asked, "{ id feedToken }").await;
            self.logins.insert(format!("feed {organisation} {name}"), text(&issued, "/feedToken"));
            if name == "closed" {
                let id = text(&issued, "/id");
                self.change(&format!("revokeFeedToken(organisation: \"{organisation}\", token: \"{id}\")")).await;
            }
        }
    }

    async fn signing_keys(&self, step: &str) {
        self.change(step).await;
        self.is_quiet().await;
    }

    async fn fingerprint(&self, epoch: usize) -> String {
        let keys = self.team.graphql("{ signingKeys { fingerprint } }").await;
        text(&keys, &format!("/signingKeys/{}/fingerprint", epoch - 1))
    }

    async fn change(&self, mutation: &str) {
        self.change_for(mutation, "{ __typename }").await;
    }

    async fn change_for(&self, mutation: &str, answer: &str) -> Value {
        let (field, _) = mutation.split_once('(').unwrap_or((mutation, ""));
        self.team.graphql(&format!("mutation {{ {mutation} {answer} }}")).await[field].clone()
    }

    /// Waits until nothing follows any more.
    pub(super) async fn is_quiet(&self) {
        let log = self.server.event_log().await;
        let (mut position, mut since) = (log.position().await, Instant::now());
        let deadline = Instant::now() + LIMIT;
        while since.elapsed() < QUIET_FOR {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = log.position().await;
            if now != position || !self.workers_have_read_all().await {
                (position, since) = (now, Instant::now());
            }
            assert!(Instant::now() < deadline, "the log grows and grows");
        }
        log.close().await;
    }

    async fn workers_have_read_all(&self) -> bool {
        let metrics = reqwest::get(format!("{}/metrics", self.server.url())).await.expect("metrics");
        let metrics = metrics.text().await.expect("a text");
        let mut lags = metrics.lines().filter(|line| line.starts_with("pkgdeploy_worker_lag_events{"));
        lags.all(|line| line.ends_with(" 0"))
    }
}

impl Repository {
    /// The name of its shared key's login.
    pub(super) fn login(&self) -> String {
        format!("{}/{}", self.organisation, self.name)
    }

    fn named(&self) -> String {
        format!("organisation: \"{}\", repository: \"{}\"", self.organisation, self.name)
    }
}

/// A token begins with what kind it is, then comes its id, then its secret.
fn id_of(token: &str) -> String {
    token.split('_').nth(2).expect("a token has an id").to_owned()
}
