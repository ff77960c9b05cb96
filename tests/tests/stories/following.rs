//! A replica that follows its server serves what the server serves, a moment later, and says when it cannot.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::json;
use stories::{Answer, FollowingReplica, Format, Machine, Server, Team, text};

use crate::{
    replicas::{addresses, answers_at, are_equal, hold_no_secret},
    sample::{APT, ORGANISATION, Sample},
};

/// How long something that happens by itself may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// The id of a new feed token, and the token.
async fn feed_token(team: &Team, organisation: &str) -> (String, String) {
    let (organisation, name) = (json!(organisation), json!("attic"));
    let document =
        format!("mutation {{ issueFeedToken(organisation: {organisation}, name: {name}) {{ id feedToken }} }}");
    let made = team.graphql(&document).await;
    (text(&made, "/issueFeedToken/id"), text(&made, "/issueFeedToken/feedToken"))
}

/// How many entries the organisation's log has at the server.
async fn entries(team: &Team, organisation: &str) -> u64 {
    let checkpoint = team.get(&format!("/log/{organisation}/checkpoint")).await.text();
    checkpoint.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or_else(|| panic!("{checkpoint}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_follows_serves_the_same_bytes_and_what_is_new_a_moment_later() {
    let mut sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let (token_id, token) = feed_token(&sample.team, ORGANISATION).await;
    let mut replica = FollowingReplica::of(&sample.server, ORGANISATION, &token);

    // Under the server's own address, every answer is the same to the byte.
    replica.start(&["--public-url", &sample.server.url()]);
    replica.until_it_shows(entries(&sample.team, ORGANISATION).await).await;
    let addresses = addresses(&sample).await;
    let served = answers_at(&sample.server.url(), &sample, &addresses).await;
    assert!(served.len() > 20, "only {} addresses: {addresses:?}", served.len());
    are_equal(&served, &answers_at(&replica.url(), &sample, &addresses).await);
    assert!(replica.stop().success(), "SIGTERM ends it cleanly: {}", replica.log());

    // It goes on where it was. What is published now is there without anybody doing anything.
    replica.start(&[]);
    let (here, debian) = (replica.repository(&sample.apt), Machine::new());
    debian.ok(&here.install);
    debian.ok("apt-get update && apt-get install -y noticeboard=1.0.0");
    sample.released("v1.1.0").await;
    replica.until_it_shows(entries(&sample.team, ORGANISATION).await).await;
    debian.ok("apt-get update && apt-get install -y noticeboard=1.1.0");
    let sources = debian.ok("cat /etc/apt/sources.list.d/*");
    assert!(sources.contains(&replica.url()) && !sources.contains(&sample.server.url()), "{sources}");

    // A roll ends the key here, too.
    let roll = format!(
        "mutation {{ rollAccessKeys(organisation: \"{ORGANISATION}\", repository: \"{APT}\") \
         {{ accessKeys {{ accessKey {{ id secret }} }} }} }}"
    );
    let rolled = sample.team.graphql(&roll).await;
    let key = |name: &str| text(&rolled, &format!("/rollAccessKeys/accessKeys/0/accessKey/{name}"));
    replica.until_it_shows(entries(&sample.team, ORGANISATION).await).await;
    // The server knows that it has arrived.
    let asked = format!("{{ organisation(name: \"{ORGANISATION}\") {{ feedTokens {{ id name seenAt behind }} }} }}");
    let tokens = sample.team.graphql(&asked).await;
    let seen = &tokens["organisation"]["feedTokens"][0];
    assert_eq!((text(seen, "/id"), text(seen, "/name")), (token_id.clone(), "attic".to_owned()));
    assert!(seen["seenAt"].is_string() && seen["behind"].is_u64(), "{tokens:#}");
    let release = format!("dists/{}/InRelease", here.codename);
    assert_eq!(here.get(&release).await.status, StatusCode::UNAUTHORIZED);
    let with_new_key = here.get_as(&release, Some((&key("id"), &key("secret")))).await;
    assert_eq!(with_new_key.status, StatusCode::OK);

    // Without its server it serves on, and says so; it follows again when the server is back.
    sample.server.kill();
    let says = |text: &'static str| {
        move |status, body: &serde_json::Value| {
            status == 200 && body["feed"]["trouble"].as_str().is_some_and(|trouble| trouble.contains(text))
        }
    };
    replica.until("the server is lost", says("cannot reach the server")).await;
    let new_key = (key("id"), key("secret"));
    assert_eq!(here.get_as(&release, Some((&new_key.0, &new_key.1))).await.status, StatusCode::OK);
    sample.server.restart();
    replica.until("the server is back", |_, body| body["feed"]["trouble"].is_null()).await;

    let revoke =
        format!("mutation {{ revokeFeedToken(organisation: \"{ORGANISATION}\", token: \"{token_id}\") {{ name }} }}");
    sample.team.graphql(&revoke).await;
    let audited = sample.server.command(&["audit", "token", &token_id]);
    let story = String::from_utf8_lossy(&audited.stdout).into_owned();
    assert!(["feed", "attic", "revoked"].iter().all(|word| story.contains(word)), "{story}");
    replica.until("the token was revoked", says("refuses the feed token")).await;
    let (_, other) = feed_token(&sample.team, ORGANISATION).await;
    std::fs::write(replica.token_file(), &other).expect("the token is written");
    replica.until("another token is in its file", |_, body| body["feed"]["trouble"].is_null()).await;

    let secrets = [sample.team.token(), &sample.project.api_token, &sample.apt.key_secret, &new_key.1, &token, &other];
    hold_no_secret(&secrets.map(|secret| secret.to_owned()), &sample.server.data(), [&replica.data()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_lost_its_server_for_too_long_serves_nobody() {
    let mut server = Server::start();
    let team = server.operator();
    team.create_organisation("acme").await;
    team.create_organisation("rival").await;
    let apt = team.create_repository("acme", "debian", Format::Deb).await;
    let (_, rivals) = feed_token(&team, "rival").await;
    let (_, token) = feed_token(&team, "acme").await;

    // Whom the server does not know, or of whom it says that he is another's, gets nothing.
    for stranger in [rivals.as_str(), "pkd_feed_nobody"] {
        let refused = FollowingReplica::of(&server, "acme", stranger);
        let ended = refused.fails(&[]);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains("feed token") && !said.contains(stranger), "{said}");
        assert!(!refused.has("replica.json"), "nothing was taken in");
    }

    let mut replica = FollowingReplica::of(&server, "acme", &token);
    replica.start(&["--refuse-after", "10"]);
    let here = replica.repository(&apt);
    replica.until_it_shows(entries(&team, "acme").await).await;
    assert_eq!(here.get("nothing").await.status, StatusCode::NOT_FOUND, "the key opens it");

    // The certificate of the next signing key is no entry of the log, and comes all the same.
    let http = Client::builder().no_proxy().build().expect("an HTTP client");
    let certificates = async |url: &str| Answer::to(http.get(format!("{url}/pkgdeploy_gpg.asc"))).await;
    let before = certificates(&server.url()).await;
    team.graphql("mutation { prepareNextKey { __typename } }").await;
    let after = certificates(&server.url()).await;
    assert_ne!(after.body, before.body);
    let deadline = Instant::now() + LIMIT;
    while certificates(&replica.url()).await.body != after.body {
        assert!(Instant::now() < deadline, "the next certificate does not come: {}", replica.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    server.kill();
    replica.until("it gives up", |status, body| status == 503 && body["status"] == "server_lost").await;
    let refused = here.get("nothing").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(replica.stop().success());
    replica.start(&["--refuse-after", "10"]);
    assert_eq!(here.get("nothing").await.status, StatusCode::SERVICE_UNAVAILABLE, "a restart forgives nothing");

    server.restart();
    let deadline = Instant::now() + LIMIT;
    while here.get("nothing").await.status != StatusCode::NOT_FOUND {
        assert!(Instant::now() < deadline, "it does not serve again: {}", replica.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Without a source, the command is refused before it sends a request.
    let wrong = replica.fails(&["--refuse-after", "4"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("4 is not in 5.."), "{wrong:?}");
}
