//! A project at GitHub: its webhook, its deploy key, its marks, and what becomes of them when GitHub fails.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stories::{
    Answer, DoubleHook, Fault, Format, GithubCall, GithubDouble, MadeProject, Project, Server, Sshd, StartOptions,
    Team, text,
};

/// The time-outs and waits of the settings, in miniature.
const QUICK: &str = "timeout_milliseconds = 700\nretry_first_milliseconds = 20\nretry_max_milliseconds = 200\n\
                     reconcile_every_seconds = 3600\n";
/// Builds run in between.
const SOON: Duration = Duration::from_secs(120);

/// A project that is connected to the double.
struct Connected {
    double: GithubDouble,
    server: Server,
    team: Team,
    project: MadeProject,
}

impl Connected {
    /// Connects a repository that has one tag already.
    async fn new(source: &str, known_hosts: &[String], tag_from_before: &str) -> Self {
        let double = GithubDouble::start().await;
        double.known().tags = vec![tag_from_before.to_owned()];
        let source_settings = format!("known_hosts = {}\n", json!(known_hosts));
        let server = Server::start_with(&StartOptions {
            tables: format!("[github]\n{QUICK}"),
            source: source_settings,
            ..StartOptions::default()
        });
        let team = server.operator();
        team.create_organisation("acme").await;
        team.create_repository("acme", "debian", Format::Deb).await;
        let project = team.create_project("acme", "shop", source).await;
        let (api, token) = (double.api_url(), double.known().token.clone());
        let id = json!(project.id);
        team.graphql(&format!(
            "mutation {{ chooseTrigger(project: {id}, trigger: GITHUB_WEBHOOK) {{ id }} \
             connectGithub(project: {id}, fullName: \"acme/shop\", token: {}, apiUrl: {}) {{ __typename }} }}",
            json!(token),
            json!(api)
        ))
        .await;
        let connected = Self { double, server, team, project };
        connected.until("a webhook", |double| double.known().hooks.len() == 1).await;
        connected
    }

    async fn until(&self, what: &str, is_so: impl Fn(&GithubDouble) -> bool) {
        let deadline = Instant::now() + SOON;
        while !is_so(&self.double) {
            let log = self.server.log();
            assert!(Instant::now() < deadline, "{what} does not come: {:#?}\n{log}", self.double.known());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn hook(&self) -> DoubleHook {
        self.double.known().hooks.last().expect("a webhook").clone()
    }

    /// The releases of a tag, newest first.
    async fn releases(&self, tag: &str) -> Vec<String> {
        let document = "{ releases(organisation: \"acme\", project: \"shop\", first: 50) { id tag } }";
        let found = self.team.graphql(document).await;
        let all = found["releases"].as_array().cloned().unwrap_or_default();
        all.iter().filter(|release| release["tag"] == tag).map(|release| text(release, "/id")).collect()
    }

    /// The only release of a tag, once there is one.
    async fn release(&self, tag: &str) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            match &self.releases(tag).await[..] {
                [one] => return one.clone(),
                [] => assert!(Instant::now() < deadline, "{tag} is not released\n{}", self.server.log()),
                several => panic!("{tag} has several releases: {several:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn reconcile(&self) -> Vec<String> {
        let document = format!("mutation {{ reconcileTags(project: {}) {{ tag release }} }}", json!(self.project.id));
        let found = self.team.graphql(&document).await;
        let found = found["reconcileTags"].as_array().cloned().unwrap_or_default();
        found.iter().map(|release| text(release, "/tag")).collect()
    }

    /// What the double shows at the commit of a release, in the order in which it came.
    fn marks(&self, release: &str) -> Vec<String> {
        let address = format!("{}/releases/{release}", self.server.url());
        let statuses = self.double.known().statuses.clone();
        let mine = statuses.into_iter().filter(|status| status.target_url == address && status.context == "pkgdeploy");
        mine.map(|status| status.state).collect()
    }

    /// The answer of the API trigger, which is not this project's: 409 for a good token, 401 for a dead one.
    async fn try_token(&self, api_token: &str) -> StatusCode {
        let path = format!("/api/v1/projects/{}/releases", self.project.id);
        let request = self.team.request(Method::POST, &path).bearer_auth(api_token);
        Answer::to(request.json(&json!({ "tag": "v1.0.0" }))).await.status
    }

    async fn roll(&self) -> String {
        let document = format!("mutation {{ rollApiToken(project: {}) {{ apiToken }} }}", json!(self.project.id));
        text(&self.team.graphql(&document).await, "/rollApiToken/apiToken")
    }

    /// What the project says of the steps that fail.
    async fn failing(&self) -> Value {
        let document =
            "{ project(organisation: \"acme\", name: \"shop\") { github { failing { step code message } } } }";
        self.team.graphql(document).await["project"]["github"]["failing"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_at_github_is_released_by_its_tags_and_says_so_there() {
    let shop = Project::small("shop").tag("v0.9.0");
    let sshd = Sshd::start(shop.path());
    let world = Connected::new(&sshd.url(), &[sshd.known_host()], "v0.9.0").await;
    world.until("a deploy key", |double| double.known().keys.len() == 1).await;
    let key = world.double.known().keys[0].clone();
    assert!(key.read_only && key.key.starts_with("ssh-ed25519 "), "{key:?}");
    sshd.allow_only(&key.key);
    assert!(world.reconcile().await.is_empty(), "a tag from before");

    // Delivered: code over ssh, with the key that GitHub was given.
    let shop = shop.tag("v1.0.0");
    let answer = world.hook().tell_of_tag(42, "v1.0.0", "11111111-0000-4000-8000-000000000001").await;
    assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    let release = world.release("v1.0.0").await;
    assert_eq!(world.team.end_of(&release).await.state(), "UPLOADED", "{}", sshd.log());
    // A release that ends before its first status is reported is reported once, with its end.
    let ends = |marks: &[String], end: &str| marks == ["pending", end] || marks == [end];
    world.until("a good mark", |_| ends(&world.marks(&release), "success")).await;

    // A tag that cannot be built.
    let shop = shop.file(".pkgdeploy/config.yml", "name: shop\nformat: tarball\n").tag("v1.0.1");
    world.hook().tell_of_tag(42, "v1.0.1", "11111111-0000-4000-8000-000000000002").await;
    let failed = world.release("v1.0.1").await;
    assert_eq!(world.team.end_of(&failed).await.state(), "FAILED");
    world.until("a bad mark", |_| ends(&world.marks(&failed), "failure")).await;

    // No delivery reported this one. The failed one is not tried again.
    let config = "name: shop\nformat: deb\narchitecture: all\ninstall:\n  copy:\n    - source: greeting.txt\n      \
                  destination: /usr/share/shop/greeting.txt\n";
    let _shop = shop.file(".pkgdeploy/config.yml", config).tag("v1.1.0");
    world.double.known().tags.extend(["v1.0.0", "v1.0.1", "v1.1.0"].map(str::to_owned));
    assert_eq!(world.reconcile().await, ["v1.1.0"]);
    assert!(world.reconcile().await.is_empty(), "once");
    let missed = world.release("v1.1.0").await;
    assert_eq!(world.team.end_of(&missed).await.state(), "UPLOADED");
    assert_eq!(world.releases("v1.0.1").await.len(), 1);
    assert!(world.releases("v0.9.0").await.is_empty(), "a tag from before");

    // The private half of the key, and the token, are in no file but sealed.
    let token = world.double.known().token.clone();
    let data = world.server.data();
    let found = stories::run_host(&format!(
        "grep -rlE 'OPENSSH PRIVATE KEY|{token}' {} {}/../server.log || true",
        data.display(),
        data.display()
    ));
    assert_eq!(found.text, "", "a secret lies in clear");
}

/// Each call of a roll, with each way in which it can fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_roll_ends_in_the_right_state_whatever_github_does() {
    let shop = Project::small("shop").tag("v1.0.0");
    let mut world = Connected::new(&shop.source(), &[], "v1.0.0").await;
    let mut api_token = world.project.api_token.clone();
    assert_eq!(world.try_token(&api_token).await, StatusCode::CONFLICT);
    let faults = [
        (Fault::Status(502), 2),
        (Fault::Status(403), 2),
        (Fault::RateLimited(0), 2),
        (Fault::Hang, 1),
        (Fault::Refuse, 2),
        (Fault::AnswerLost, 2),
        (Fault::Garbage, 2),
    ];
    let calls = [
        GithubCall::Repository,
        GithubCall::ListTags,
        GithubCall::ListHooks,
        GithubCall::CreateHook,
        GithubCall::DeleteHook,
    ];
    let mut number = 0_u32;
    for call in calls {
        for (fault, times) in &faults {
            number += 1;
            let case = format!("{call:?} {fault:?}");
            let (old_token, old_hook) = (api_token, world.hook());
            world.double.fails(call, fault, *times);
            api_token = world.roll().await;
            // At once, whatever GitHub does.
            assert_eq!(world.try_token(&old_token).await, StatusCode::UNAUTHORIZED, "{case}");
            assert_eq!(world.try_token(&api_token).await, StatusCode::CONFLICT, "{case}");
            let delivery = format!("22222222-0000-4000-8000-0000000{number:05}");
            assert_eq!(old_hook.ping(42, &delivery).await.status, StatusCode::UNAUTHORIZED, "{case}");
            if *fault == Fault::AnswerLost {
                world.until(&format!("the fault of {case}"), |double| double.faults_left() < *times).await;
                world.server.kill();
                world.server.restart();
            }
            world
                .until(&case, |double| {
                    let known = double.known();
                    known.hooks.len() == 1 && known.hooks[0].secret != old_hook.secret
                })
                .await;
            // The hook may be right before the tags are looked at.
            world.until(&format!("the fault of {case}"), |double| double.faults_left() < *times).await;
            world.double.known().forget_faults();
            let answer = world.hook().ping(42, &delivery).await;
            assert!(answer.status.is_success(), "{case}: {} {}", answer.status, answer.text());
        }
    }
    // The failure was reported, and its end is reported, too.
    let deadline = Instant::now() + SOON;
    while world.failing().await != json!([]) {
        assert!(Instant::now() < deadline, "{:#}", world.failing().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.double.known().hooks.len(), 1);
    assert!(world.releases("v1.0.0").await.is_empty(), "a tag from before is not released by a roll");
    assert_eq!(world.double.known().keys.len(), 0, "a source that is not fetched over ssh needs no key");
}
