//! Access keys rolled under load: how fast a roll answers, and whether an old key is ever let in after that.
//!
//! `cargo bench -p stories --bench roll_under_load [-- ROLLS [CLIENTS]]`, 1,000 and 64 if not said. Each client loops on
//! `InRelease` over one connection, every other time with a key that was rolled away. A request counts as wrong if it
//! started after the answer of the roll that ended its key had arrived, and was let in.
//!
//! `PKGDEPLOY_BIN` names the server's binary; without it, it is built of the present sources.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use stories::{Format, MadeRepository, Server, Team, text};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const ORGANISATION: &str = "acme";
const REPOSITORY: &str = "debian";
const ROLLS_DEFAULT: usize = 1_000;
const CLIENTS_DEFAULT: usize = 64;
/// How many dead keys clients go on trying: the newest are the ones a late server would still let in.
const DEAD_KEYS_TRIED: usize = 4;
/// An index that is not published by then never will be.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(30);

/// An access key as clients show it, and when it died.
#[derive(Clone)]
struct Key {
    authorization: Arc<str>,
    /// When the answer of the roll that ended it had arrived.
    dead_at: Option<Instant>,
}

#[derive(Default)]
struct Counts {
    let_in: AtomicU64,
    refused: AtomicU64,
    /// Let in with a key that was dead when the request started.
    wrongly_let_in: AtomicU64,
    /// Refused with a key that was alive when the answer came.
    wrongly_refused: AtomicU64,
}

#[tokio::main]
async fn main() {
    // `cargo bench` itself adds `--bench`.
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let rolls = numbers.first().copied().unwrap_or(ROLLS_DEFAULT);
    let clients = numbers.get(1).copied().unwrap_or(CLIENTS_DEFAULT);

    let server = Server::start();
    let team = server.operator();
    team.create_organisation(ORGANISATION).await;
    let repository = team.create_repository(ORGANISATION, REPOSITORY, Format::Deb).await;
    let index = index_path(&repository).await;

    let first = Key { authorization: authorization(&repository.key_id, &repository.key_secret), dead_at: None };
    let keys = Arc::new(RwLock::new(vec![first]));
    let (counts, stop) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
    let running: Vec<_> = (0..clients)
        .map(|_| tokio::spawn(client(server.url(), index.clone(), keys.clone(), counts.clone(), stop.clone())))
        .collect();

    let started = Instant::now();
    let mut times = roll(&team, rolls, &keys).await;
    let elapsed = started.elapsed();
    stop.store(true, Ordering::Relaxed);
    for client in running {
        client.await.expect("a client ends when it is stopped");
    }
    report(&mut times, elapsed, clients, &counts);
}

/// Rolls one after the other, and tells clients of each new key when its answer is there. How long each took.
async fn roll(team: &Team, rolls: usize, keys: &RwLock<Vec<Key>>) -> Vec<Duration> {
    let document = format!(
        "mutation {{ rollAccessKeys(organisation: \"{ORGANISATION}\", repository: \"{REPOSITORY}\") \
         {{ accessKeys {{ accessKey {{ id secret }} }} }} }}"
    );
    let mut times = Vec::with_capacity(rolls);
    for _ in 0..rolls {
        let asked = Instant::now();
        let answer = team.graphql(&document).await;
        let answered = Instant::now();
        times.push(answered - asked);
        let of_key = |what: &str| text(&answer, &format!("/rollAccessKeys/accessKeys/0/accessKey/{what}"));
        let (id, secret) = (of_key("id"), of_key("secret"));
        let mut keys = keys.write().expect("no client panicked");
        for key in keys.iter_mut() {
            key.dead_at.get_or_insert(answered);
        }
        keys.push(Key { authorization: authorization(&id, &secret), dead_at: None });
    }
    times
}

/// Downloads the index over one connection until it is stopped.
async fn client(url: String, path: String, keys: Arc<RwLock<Vec<Key>>>, counts: Arc<Counts>, stop: Arc<AtomicBool>) {
    let host = url.trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(&host).await.expect("the server listens");
    connection.set_nodelay(true).expect("a TCP socket");
    for turn in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (number, key) = pick(&keys.read().expect("no client panicked"), turn);
        let started = Instant::now();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\n\r\n", key.authorization);
        connection.write_all(request.as_bytes()).await.expect("the server reads");
        let is_let_in = read_answer(&mut connection).await;
        if is_let_in {
            counts.let_in.fetch_add(1, Ordering::Relaxed);
            if key.dead_at.is_some_and(|dead_at| dead_at <= started) {
                counts.wrongly_let_in.fetch_add(1, Ordering::Relaxed);
            }
            continue;
        }
        counts.refused.fetch_add(1, Ordering::Relaxed);
        // The roll that is on its way may have ended the key already: only then is it dead a moment later.
        if key.dead_at.is_none() && !dies_soon(&keys, number).await {
            counts.wrongly_refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The newest key, or every other time one of the last that died.
fn pick(keys: &[Key], turn: usize) -> (usize, Key) {
    let newest = keys.len() - 1;
    let back = if turn.is_multiple_of(2) { 0 } else { 1 + turn / 2 % DEAD_KEYS_TRIED };
    let number = newest.saturating_sub(back);
    (number, keys[number].clone())
}

/// Whether the answer of the roll that ended this key is about to arrive.
async fn dies_soon(keys: &RwLock<Vec<Key>>, number: usize) -> bool {
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline {
        if keys.read().expect("no client panicked")[number].dead_at.is_some() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

/// Reads one whole answer. True for 200, false for 401; anything else ends the measure.
async fn read_answer(connection: &mut TcpStream) -> bool {
    let mut read = Vec::with_capacity(16 * 1024);
    let head_end = loop {
        let count = connection.read_buf(&mut read).await.expect("the server answers");
        assert!(count > 0, "the server closed a connection");
        if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = std::str::from_utf8(&read[..head_end]).expect("headers are ASCII").to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length is known");
    let end = head_end + length.trim().parse::<usize>().expect("a length is a number");
    while read.len() < end {
        assert!(connection.read_buf(&mut read).await.expect("the whole body") > 0, "the body was cut");
    }
    match &head[..12] {
        "http/1.1 200" => true,
        "http/1.1 401" => false,
        other => panic!("expected 200 or 401: {other}"),
    }
}

/// The path of the index, once it can be had.
async fn index_path(repository: &MadeRepository) -> String {
    let deadline = Instant::now() + PUBLISHED_WITHIN;
    let index = format!("dists/{}/InRelease", repository.codename);
    while repository.get(&index).await.status != 200 {
        assert!(Instant::now() < deadline, "the repository is not published");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    format!("/apt/{ORGANISATION}/{REPOSITORY}/{index}")
}

fn authorization(id: &str, secret: &str) -> Arc<str> {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))).into()
}

#[expect(clippy::print_stdout, reason = "this is the benchmark's answer")]
fn report(times: &mut [Duration], elapsed: Duration, clients: usize, counts: &Counts) {
    times.sort();
    let at = |share: f64| {
        let index = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len()) - 1;
        times[index].as_secs_f64() * 1_000.0
    };
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (let_in, refused) = (count(&counts.let_in), count(&counts.refused));
    println!("clients {clients}, rolls {}, {:.1} s", times.len(), elapsed.as_secs_f64());
    println!("roll ms: p50 {:.1}  p90 {:.1}  p99 {:.1}  max {:.1}", at(0.5), at(0.9), at(0.99), at(1.0));
    println!(
        "requests: {let_in} let in, {refused} refused, {:.0}/s",
        (let_in + refused) as f64 / elapsed.as_secs_f64()
    );
    println!("let in with a key whose roll had answered before: {}", count(&counts.wrongly_let_in));
    println!("refused with the key of the day: {}", count(&counts.wrongly_refused));
    let is_right = count(&counts.wrongly_let_in) == 0 && count(&counts.wrongly_refused) == 0;
    assert!(is_right, "an old key was let in, or a new one refused");
}
