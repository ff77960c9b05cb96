//! A server that dies between any two facts goes on from the last one.

use serde_json::{Value, json};
use stories::{Format, MadeRepository, Project, Release, Server, Team, crawl, packages_index};

/// The facts of one release in the order in which they come; the server dies the moment each is in the log.
const MOMENTS: [&str; 11] = [
    "release.received",
    "release.build_slot_granted",
    "release.code_checked_out",
    "release.config_validated",
    "release.build_set_up",
    "release.package_built",
    "release.package_ready",
    "repository.package_added",
    "release.package_uploaded",
    "repository.index_signed",
    "release.uploaded",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_release_survives_kill_9_at_every_step_and_is_published_exactly_once() {
    let tags = (0..=MOMENTS.len()).map(|number| format!("v1.0.{number}"));
    let project = tags.clone().fold(Project::small_in_both_formats("phoenix"), |project, tag| project.tag(&tag));
    let mut server = Server::start();
    let team = server.operator();
    team.create_organisation("acme").await;
    let made = team.create_project("acme", "phoenix", &project.source()).await;
    let apt = team.create_repository("acme", "debian", Format::Deb).await;
    let yum = team.create_repository("acme", "el", Format::Rpm).await;

    let mut published = Vec::new();
    for (moment, tag) in MOMENTS.iter().zip(tags) {
        let log = server.event_log().await;
        let before = log.position().await;
        let (trigger, body) = (team.clone(), json!({ "tag": tag }).to_string());
        let request = trigger.trigger_request(&made, &body, 0).bearer_auth(&made.api_token);
        // The answer may be lost with the server.
        let asked = tokio::spawn(request.send());
        log.wait_for(moment, before).await;
        server.kill();
        log.close().await;
        let _ = asked.await;
        server.restart();

        let release = team.end_of(&release_of(&team, &tag).await).await;
        assert_eq!(release.state(), "UPLOADED", "killed at {moment}: {:#}", release.0);
        published.push(tag[1..].to_owned());
        assert_eq!(versions(&apt).await, published, "killed at {moment}");
    }

    let last: Release = team.released(&made, &format!("v1.0.{}", MOMENTS.len())).await;
    published.push(last.0["version"].as_str().expect("a version").to_owned());
    assert_eq!(versions(&apt).await, published);
    let rpms = crawl(Format::Rpm, &yum).await;
    let rpms = rpms.keys().filter(|address| address.starts_with(&yum.url) && address.ends_with(".rpm"));
    let rpms = rpms.filter(|address| !address.contains("/at/") && !address.contains("/pkgdeploy-acme-"));
    assert_eq!(rpms.count(), published.len());
}

/// The id of a tag's only release.
async fn release_of(team: &Team, tag: &str) -> String {
    let found = team.graphql("{ releases(organisation: \"acme\", project: \"phoenix\", first: 50) { id tag } }").await;
    let all = found["releases"].as_array().cloned().unwrap_or_default();
    let of_tag: Vec<&Value> = all.iter().filter(|release| release["tag"] == tag).collect();
    assert_eq!(of_tag.len(), 1, "{tag} in {found:#}");
    stories::text(of_tag[0], "/id")
}

/// What apt's index lists, in the order of the releases.
async fn versions(apt: &MadeRepository) -> Vec<String> {
    let index = packages_index(apt).await;
    let versions = index.lines().filter_map(|line| line.strip_prefix("Version: ")).map(str::to_owned);
    let mut versions: Vec<String> = versions.collect();
    versions.sort_by_key(|version| version.rsplit('.').next().and_then(|last| last.parse::<u32>().ok()));
    versions
}
