//! Sends a server deliveries at a steady pace while it builds a package, and tells how long the answers took.
//!
//! Latency is counted from the moment at which a delivery was due, so that a server that falls behind cannot hide it.
//! `scripts/bench/webhooks.sh` runs this against a release build; only this machine's loopback is used.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use stories::{Format, Project, Server, Webhook};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

const DELIVERIES_PER_SECOND: u32 = 1_000;
const SECONDS_DEFAULT: u32 = 10;
const SECONDS_MAX: u32 = 60;
const CONNECTIONS: usize = 64;
/// The build that runs meanwhile keeps one processor busy.
const BUSY: &str = "name: busy\nformat: deb\narchitecture: all\nbuild:\n  commands: i=0; while [ $i -lt 50000000 ]; do i=$((i+1)); done\n\
                    install:\n  copy:\n    - source: greeting.txt\n      destination: /usr/share/busy/greeting.txt\n";

#[tokio::main]
async fn main() {
    let seconds =
        std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(SECONDS_DEFAULT).min(SECONDS_MAX);
    let code = Project::new().file(".pkgdeploy/config.yml", BUSY).file("greeting.txt", "Hello.\n").tag("v1.0.0");
    let server = Server::start();
    let team = server.operator();
    team.create_organisation("acme").await;
    team.create_repository("acme", "debian", Format::Deb).await;
    let made = team.create_project("acme", "web", &code.source()).await;
    let hook = Webhook::connect(&team, &made.id, 7).await;
    team.graphql(&format!("mutation {{ chooseTrigger(project: {:?}, trigger: GITHUB_WEBHOOK) {{ id }} }}", made.id))
        .await;
    let log = server.event_log().await;
    hook.deliver("create", "first", &hook.created("v1.0.0")).await;
    log.wait_for("release.build_set_up", 0).await;

    let total = (DELIVERIES_PER_SECOND * seconds) as usize;
    let requests: Arc<Vec<Vec<u8>>> = Arc::new((0..total).map(|n| request(&server, &hook, n)).collect());
    let before = log.position().await;
    let address = server.url().trim_start_matches("http://").to_owned();
    let start = Instant::now() + Duration::from_millis(200);
    let connections = (0..CONNECTIONS).map(|first| {
        let (address, requests) = (address.clone(), requests.clone());
        tokio::spawn(async move { one_connection(&address, &requests, first, start).await })
    });
    let mut latencies = Vec::with_capacity(total);
    for connection in connections.collect::<Vec<_>>() {
        latencies.extend(connection.await.expect("a connection is done"));
    }
    let took = start.elapsed();
    let (good, mut times): (Vec<bool>, Vec<Duration>) = latencies.into_iter().unzip();
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    let names = log.names_after(before).await;
    let building = !names.iter().any(|name| name == "release.uploaded" || name == "release.failed");
    println!(
        "{total} deliveries in {:.1} s, {} answered 200 or 202, {} recorded; a build ran {}: p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms",
        took.as_secs_f64(),
        good.iter().filter(|good| **good).count(),
        names.iter().filter(|name| *name == "delivery.received").count(),
        if building { "all the time" } else { "for a part of the time" },
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
    );
    log.close().await;
}

/// A signed delivery. Every tenth is a tag that has a release already, the others are pushes of branches.
fn request(server: &Server, hook: &Webhook, n: usize) -> Vec<u8> {
    let git_ref = if n.is_multiple_of(10) { "refs/tags/v1.0.0" } else { "refs/heads/main" };
    let mut payload = hook.pushed(git_ref, false);
    // As large as GitHub's are.
    payload["commits"] = json!([{ "id": "0".repeat(40), "message": "x".repeat(6_000) }]);
    let body = payload.to_string();
    let host = server.url();
    format!(
        "POST /webhooks/github/{} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         X-GitHub-Event: push\r\nX-GitHub-Delivery: load-{n}\r\nX-Hub-Signature-256: {}\r\n\r\n{body}",
        hook.project,
        host.trim_start_matches("http://"),
        body.len(),
        hook.signature(&body)
    )
    .into_bytes()
}

/// Sends every `CONNECTIONS`-th request when it is due, one after the other's answer.
async fn one_connection(address: &str, requests: &[Vec<u8>], first: usize, start: Instant) -> Vec<(bool, Duration)> {
    let mut stream = BufReader::new(TcpStream::connect(address).await.expect("the server listens"));
    stream.get_mut().set_nodelay(true).expect("a socket");
    let mut answers = Vec::new();
    for n in (first..requests.len()).step_by(CONNECTIONS) {
        let due = start + Duration::from_secs(1) * u32::try_from(n).expect("few") / DELIVERIES_PER_SECOND;
        tokio::time::sleep_until(due.into()).await;
        stream.get_mut().write_all(&requests[n]).await.expect("the server reads");
        let status = answer(&mut stream).await;
        answers.push((matches!(status, 200 | 202), due.elapsed()));
    }
    answers
}

/// Reads one answer; its status.
async fn answer(stream: &mut BufReader<TcpStream>) -> u16 {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the server answers"));
    }
    let head = String::from_utf8(head).expect("ASCII").to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let mut body = vec![0; length.trim().parse().expect("a number")];
    stream.read_exact(&mut body).await.expect("the server answers in full");
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}
