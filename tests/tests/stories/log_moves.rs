//! A log is copied from store to store, and what is served stays the same.

use eventstoredb_double::{Double, Options};
use serde_json::Value;
use stories::{Format, Machine, Served, Server, crawl, text};
use throwaway_postgres::Cluster;

use crate::sample::Sample;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_moves_to_another_store_and_back_serves_the_same_bytes() {
    let mut sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let cluster = Cluster::start();
    let data = sample.server.data();
    let file = format!("sqlite:{}", data.join("log.sqlite").display());
    let database = cluster.url("postgres");
    let back = format!("sqlite:{}", data.join("back.sqlite").display());

    let served = everything(&sample).await;
    moves(&mut sample.server, &file, &database);
    assert_eq!(everything(&sample).await, served);

    sample.released("v1.1.0").await;
    let machine = Machine::new();
    machine.ok(&sample.apt.install);
    machine.ok("apt-get update && apt-get install -y noticeboard");
    assert_eq!(machine.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.1.0");

    let double = Double::start(Options { nodes: 3, ..Options::default() }).await;
    let served = everything(&sample).await;
    moves(&mut sample.server, &database, &double.url());
    assert_eq!(everything(&sample).await, served);
    moves(&mut sample.server, &double.url(), &back);
    assert_eq!(everything(&sample).await, served);
    let other = sample.server.command(&["log", "copy", "--from", &back, "--to", &file]);
    let says = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(other.status.success(), "the first file holds a beginning of it: {says}");
    let other = sample.server.command(&["log", "copy", "--from", "sqlite:/nowhere", "--to", &file]);
    assert!(!other.status.success() && String::from_utf8_lossy(&other.stderr).contains("no event log /nowhere"));
}

/// Stops the server, copies its log, and starts it on the copy.
fn moves(server: &mut Server, from: &str, to: &str) {
    server.kill();
    let first = copied(server, from, to);
    assert_eq!(copied(server, from, to), first, "once more changes nothing");
    server.move_log(to);
    server.restart();
}

/// The Merkle root that both logs have.
fn copied(server: &Server, from: &str, to: &str) -> String {
    let ran = server.command(&["log", "copy", "--from", from, "--to", to, "--json"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let outcome: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    text(&outcome, "/root")
}

async fn everything(sample: &Sample) -> [Served; 2] {
    [crawl(Format::Deb, &sample.apt).await, crawl(Format::Rpm, &sample.yum).await]
}
