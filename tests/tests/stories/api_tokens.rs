//! A project's API tokens: what each may do, how they are rolled, and tokens for CI jobs that store no secret.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use stories::{Answer, CiIssuer, Format, MadeProject, Project, Server, StartOptions, Team, text};

/// The limits of the API, as `docs/reference/http.md` and the GraphQL schema tell them.
const TOKENS_MAX: usize = 20;
const REQUESTS_AT_ONCE_MAX: usize = 30;
const EXPIRES_AFTER: Duration = Duration::from_secs(3);

/// A project, and a GraphQL call about it.
struct Owned {
    team: Team,
    project: MadeProject,
}

impl Owned {
    /// A mutation that makes a token; the token and its id.
    async fn makes(&self, mutation: &str, arguments: &str) -> (String, String) {
        let document =
            format!("mutation {{ {mutation}(project: {:?}, {arguments}) {{ id apiToken }} }}", self.project.id);
        let made = self.team.graphql(&document).await;
        (text(&made, &format!("/{mutation}/apiToken")), text(&made, &format!("/{mutation}/id")))
    }

    /// The words of a refused mutation.
    async fn is_refused(&self, mutation: &str, arguments: &str) -> String {
        let document =
            format!("mutation {{ {mutation}(project: {:?}, {arguments}) {{ __typename }} }}", self.project.id);
        text(&self.team.graphql_answer(&document).await, "/errors/0/message")
    }

    async fn changes(&self, mutation: &str, token: &str) {
        let document = format!("mutation {{ {mutation}(project: {:?}, token: {token:?}) {{ id }} }}", self.project.id);
        self.team.graphql(&document).await;
    }

    /// What asking for a release with this token is answered. 400 means that the token was good: the body is not.
    async fn asks(&self, token: &str) -> Answer {
        Answer::to(self.team.trigger_request(&self.project, "no JSON", 0).bearer_auth(token)).await
    }

    async fn may_release(&self, token: &str) -> bool {
        let answer = self.asks(token).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{}: {}", answer.status, answer.text());
        answer.status == StatusCode::BAD_REQUEST
    }

    async fn reads(&self, token: &str, release: &str) -> StatusCode {
        let request = self.team.request(Method::GET, &format!("/api/v1/releases/{release}"));
        Answer::to(request.bearer_auth(token)).await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scopes_say_until_it_is_rolled_revoked_or_over() {
    let code = Project::small("web").tag("v1.0.0");
    let server = Server::start();
    let team = server.operator();
    team.create_organisation("acme").await;
    let project = team.create_project("acme", "web", &code.source()).await;
    let release = team.release(&project, "v1.0.0").await.id();
    let apt = team.create_repository("acme", "debian", Format::Deb).await;
    let owned = Owned { team, project };
    let first = owned.project.api_token.clone();
    assert!(owned.may_release(&first).await && owned.reads(&first, &release).await == StatusCode::OK);

    let (reader, _) = owned.makes("issueApiToken", "name: \"dashboard\", scopes: [READ]").await;
    let (releaser, releaser_id) = owned.makes("issueApiToken", "name: \"ci\", scopes: [RELEASE]").await;
    assert!(!owned.may_release(&reader).await && owned.may_release(&releaser).await);
    assert_eq!(owned.reads(&reader, &release).await, StatusCode::OK);
    assert_eq!(owned.reads(&releaser, &release).await, StatusCode::UNAUTHORIZED);
    assert!(owned.is_refused("issueApiToken", "name: \"ci\"").await.contains("exists already"));
    assert!(owned.is_refused("issueApiToken", "name: \"x\", scopes: []").await.contains("scopes"));
    assert!(owned.is_refused("rollApiToken", "token: \"nonsense\"").await.contains("the id of a token"));

    expires(&owned).await;
    rolls(&owned, &first, (&releaser, &releaser_id)).await;
    assert_eq!(apt.get("nothing").await.status, StatusCode::NOT_FOUND, "access to repositories is untouched");
    has_limits(&owned).await;
}

async fn expires(owned: &Owned) {
    assert!(
        owned
            .is_refused("issueApiToken", "name: \"x\", expiresAt: \"2020-01-01T00:00:00Z\"")
            .await
            .contains("a time in the future")
    );
    let at = rfc3339_after(EXPIRES_AFTER);
    let (short, _) = owned.makes("issueApiToken", &format!("name: \"short\", expiresAt: {at:?}")).await;
    assert!(owned.may_release(&short).await);
    let deadline = Instant::now() + Duration::from_secs(60);
    while owned.may_release(&short).await {
        assert!(Instant::now() < deadline, "a token works beyond its expiry");
        // Not more often than a token may ask.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn rolls(owned: &Owned, first: &str, (releaser, releaser_id): (&str, &str)) {
    let (second, second_id) = owned.makes("rollApiToken", "").await;
    assert!(!owned.may_release(first).await && owned.may_release(&second).await, "dead at once");
    assert!(owned.may_release(releaser).await, "other tokens live on");

    let (third, _) = owned.makes("rollApiToken", "graceSeconds: 3600").await;
    assert!(owned.may_release(&second).await && owned.may_release(&third).await, "both work");
    owned.changes("closeApiTokenGrace", &second_id).await;
    assert!(!owned.may_release(&second).await && owned.may_release(&third).await, "closed early");
    let far = (31 * 24 * 3_600).to_string();
    assert!(owned.is_refused("rollApiToken", &format!("graceSeconds: {far}")).await.contains("at most 30 days"));

    owned.changes("revokeApiToken", releaser_id).await;
    assert!(!owned.may_release(releaser).await);
}

async fn has_limits(owned: &Owned) {
    // `default` and `dashboard` are there; `short` is over.
    for n in 2..TOKENS_MAX {
        owned.makes("issueApiToken", &format!("name: \"t{n}\"")).await;
    }
    assert!(owned.is_refused("issueApiToken", "name: \"one-more\"").await.contains("at most 20"));
    let (busy, _) = owned.makes("rollApiToken", "").await;
    let mut asked = 0;
    let refused = loop {
        let answer = owned.asks(&busy).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
        asked += 1;
        assert!(asked < 10 * REQUESTS_AT_ONCE_MAX, "a token may ask for ever");
    };
    assert!(asked >= REQUESTS_AT_ONCE_MAX, "{asked}");
    let wait: u32 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ci_job_gets_a_token_for_a_proof_of_its_identity_once() {
    let issuer = CiIssuer::start().await;
    let options = StartOptions { tables: format!("[oidc]\nissuer = {:?}\n", issuer.url()), ..StartOptions::default() };
    let mut server = Server::start_with(&options);
    let team = server.operator();
    team.create_organisation("acme").await;
    let code = Project::small("web").tag("v1.0.0");
    let project = team.create_project("acme", "web", &code.source()).await;
    let audience = server.url();
    let good = |jti: &str| issuer.claims(&audience, "refs/tags/v1.0.0", jti);
    let show = async |project: &str, proof: &str| {
        let body = json!({ "project": project, "token": proof }).to_string();
        Answer::to(team.request(Method::POST, "/api/v1/oidc/exchange").body(body)).await
    };

    let untrusted = show(&project.id, &issuer.sign(&good("j-0"))).await;
    assert_eq!((untrusted.status, untrusted.code()), (StatusCode::UNAUTHORIZED, "needs_ci_proof".to_owned()));
    let trust = format!(
        "mutation {{ trustGithubActions(project: {:?}, repositoryId: \"7\", ownerId: \"8\", refPattern: \"refs/tags/v*\") \
         {{ githubActions {{ repositoryId refPattern }} }} }}",
        project.id
    );
    team.graphql(&trust).await;

    let proof = issuer.sign(&good("j-1"));
    let exchanged = show(&project.id, &proof).await;
    assert_eq!(exchanged.status, StatusCode::OK, "{}", exchanged.text());
    let token = text(&exchanged.json(), "/token");
    let owned = Owned { team: team.clone(), project: MadeProject { api_token: token.clone(), ..project.clone() } };
    assert!(owned.may_release(&token).await);
    let release = team.release(&owned.project, "v1.0.0").await;
    assert_eq!(owned.reads(&token, &release.id()).await, StatusCode::UNAUTHORIZED, "it may only release");

    let other = team.create_project("acme", "other", &code.source()).await;
    team.graphql(&trust.replace(&project.id, &other.id)).await;
    server.restart();
    for (why, project, proof) in [
        ("the same proof again", &project.id, proof.clone()),
        ("the same proof for another project", &other.id, proof.clone()),
        ("another repository", &project.id, issuer.sign(&with(good("j-2"), "repository_id", "9"))),
        ("another owner", &project.id, issuer.sign(&with(good("j-3"), "repository_owner_id", "9"))),
        ("a branch", &project.id, issuer.sign(&with(good("j-4"), "ref", "refs/heads/v1"))),
        ("another audience", &project.id, issuer.sign(&with(good("j-5"), "aud", "https://github.com/acme"))),
        ("another issuer", &project.id, CiIssuer::start().await.sign(&good("j-6"))),
        ("no proof", &project.id, "nonsense".to_owned()),
        ("an unknown project", &"01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e".to_owned(), issuer.sign(&good("j-7"))),
    ] {
        let refused = show(project, &proof).await;
        assert_eq!((refused.status, &refused.body), (untrusted.status, &untrusted.body), "{why}");
    }
    assert!(owned.may_release(&token).await, "a restart ends no token");
    let long = " ".repeat(16 * 1024 + 1);
    for (body, status) in [("{", 400), ("{}", 422), (r#"{"project": "x", "token": "y"}"#, 422), (&long, 413)] {
        let request = team.request(Method::POST, "/api/v1/oidc/exchange").body(body.to_owned());
        assert_eq!(Answer::to(request).await.status.as_u16(), status, "{body}");
    }
    let secret = token.rsplit('_').next().expect("a secret").to_owned();
    assert!(!server.log().contains(&secret) && !server.log().contains(&proof), "no secret is logged");
}

fn with(mut claims: serde_json::Value, claim: &str, value: &str) -> serde_json::Value {
    claims[claim] = json!(value);
    claims
}

/// So much later, as GraphQL takes it.
fn rfc3339_after(wait: Duration) -> String {
    let seconds = i64::try_from(
        (std::time::SystemTime::now() + wait).duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs(),
    )
    .expect("a time");
    let date =
        std::process::Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"]).output();
    String::from_utf8(date.expect("date runs").stdout).expect("text").trim().to_owned()
}
