//! A backup that was taken under load makes another server with the same bytes.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::Value;
use stories::{Format, Machine, crawl, program, text};
use tempfile::TempDir;

use crate::sample::{ORGANISATION, Sample};

/// A repository's first index is signed by then, or never.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);

/// A command's answer, which must be a JSON object.
fn asked(arguments: &[&str], data: &Path) -> Value {
    let ran = program(arguments, data);
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {errors}"))
}

/// The number of events and the Merkle root of a log's first events, in words.
fn log_root(data: &Path, until: u64) -> String {
    let ran = program(&["export", "--until", &until.to_string()], data);
    assert!(ran.status.success());
    String::from_utf8_lossy(&ran.stderr).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_backed_up_under_load_and_comes_back_elsewhere() {
    let mut sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let place = TempDir::with_prefix("pkgdeploy-backup-").expect("a temporary folder");
    let path = |name: &str| place.path().join(name).to_str().expect("temporary folders have plain names").to_owned();
    let (under_load, backup) = (path("under-load"), path("backup.tar"));
    let live = sample.server.data();

    // Keys are rolled and a release is made while two backups are taken, one on top of the other.
    sample.team.create_repository(ORGANISATION, "rolled", Format::Deb).await;
    let over = Arc::new(AtomicBool::new(false));
    let rolling = tokio::spawn(roll_until(sample.team.clone(), over.clone()));
    let (team, project) = (sample.team.clone(), sample.project.clone());
    let releasing = tokio::spawn(async move { team.released(&project, "v1.1.0").await });
    let (first, second) = tokio::task::block_in_place(|| {
        let back_up = || asked(&["backup", &under_load, "--with-master-key", "--json"], &live);
        (back_up(), back_up())
    });
    releasing.await.expect("the release is made");
    over.store(true, Ordering::Relaxed);
    assert!(rolling.await.expect("keys are rolled") > 0);
    let events = |manifest: &Value| manifest["log"]["events"].as_u64().expect("a number");
    assert!(events(&second) > events(&first), "there was no load: {first:#} {second:#}");
    let root = format!("{} events, Merkle root {}", events(&second), text(&second, "/log/merkle_root"));
    assert_eq!(log_root(&live, events(&second)), root, "a backup is the log up to a moment");

    // What was backed up under load is whole.
    let restored = place.path().join("restored");
    asked(&["restore", &under_load, "--json"], &restored);
    assert_eq!(log_root(&restored, u64::MAX >> 1), root);
    let verified = asked(&["verify", "--json"], &restored);
    assert_eq!(verified["findings"].as_array().map_or(0, Vec::len), 0, "{verified:#}");

    let apt = crawl(Format::Deb, &sample.apt).await;
    let yum = crawl(Format::Rpm, &sample.yum).await;
    let last = asked(&["backup", &backup, "--with-master-key", "--json"], &live);
    sample.server.kill();
    let elsewhere = place.path().join("elsewhere");
    let restored = asked(&["restore", &backup, "--json"], &elsewhere);
    assert_eq!(text(&restored, "/merkle_root"), text(&last, "/log/merkle_root"));
    sample.server.restart_on(&elsewhere);
    assert_eq!(crawl(Format::Deb, &sample.apt).await, apt);
    assert_eq!(crawl(Format::Rpm, &sample.yum).await, yum);

    let (debian, enterprise) = (Machine::new(), Machine::new());
    debian.ok(&sample.apt.install);
    debian.ok("apt-get update && apt-get install -y noticeboard=1.1.0");
    enterprise.ok(&sample.yum.install);
    enterprise.ok("dnf -y install noticeboard-1.1.0");
    // The operator's token, the project's, and the signing keys work as before.
    let refused = sample.team.trigger(&sample.project, "{\"tag\": \"v1.1.0\"}", 0).await;
    assert_eq!(refused.code(), "tag_has_release");
    let new = sample.team.create_repository(ORGANISATION, "after", Format::Deb).await;
    let deadline = Instant::now() + PUBLISHED_WITHIN;
    while new.get(&format!("dists/{}/InRelease", new.codename)).await.status != StatusCode::OK {
        assert!(Instant::now() < deadline, "nothing is signed; the server's log:\n{}", sample.server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let again = program(&["restore", &backup], &elsewhere);
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"), "{again:?}");
}

/// Rolls keys until it is stopped, and counts.
async fn roll_until(team: stories::Team, over: Arc<AtomicBool>) -> u32 {
    let roll = format!(
        "mutation {{ rollAccessKeys(organisation: \"{ORGANISATION}\", repository: \"rolled\") \
         {{ accessKeys {{ accessKey {{ id }} }} }} }}"
    );
    let mut rolls = 0;
    while !over.load(Ordering::Relaxed) {
        team.graphql(&roll).await;
        rolls += 1;
    }
    rolls
}
