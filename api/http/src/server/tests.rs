use std::net::SocketAddr;

use axum::{body::Body, routing::get};
use tokio::{task::JoinHandle, time::Instant};

use super::*;

/// Long enough for everything here, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A server on a real socket, stopped when it is dropped.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn run(limits: Limits) -> Running {
    let endless =
        || async { Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 65536]))) };
    let router = Router::new()
        .route("/", get(|| async { "hello" }).post(|body: String| async { body }))
        .route(
            "/panic",
            get(|| async {
                let nothing: [u8; 0] = [];
                nothing[std::hint::black_box(1) - 1].to_string()
            }),
        )
        .route("/never", get(std::future::pending::<String>))
        .route("/endless", get(endless));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let stop = CancellationToken::new();
    Running { address, task: tokio::spawn(serve(listener, router, limits, stop.clone())), stop }
}

fn quick() -> Limits {
    let short = Duration::from_millis(300);
    Limits { head_max: short, stalled_max: short, drain_max: short, ..Limits::default() }
}

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.address).await.expect("a connection")
}

/// Everything until the server closes; fails the test if it does not.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut bytes)).await;
    // A reset is a close too: the server had not read all.
    let _ = read.expect("the server closes the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends bytes and reads until the server closes.
async fn exchange(server: &Running, request: &str) -> String {
    let mut stream = connect(server).await;
    stream.write_all(request.as_bytes()).await.expect("the request goes out");
    until_closed(&mut stream).await
}

#[tokio::test]
async fn a_request_is_answered_with_an_id() {
    let server = run(Limits::default()).await;
    let answer = exchange(&server, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    assert!(answer.contains("x-request-id: "), "{answer}");
}

#[tokio::test]
async fn a_silent_socket_is_closed() {
    let server = run(quick()).await;
    until_closed(&mut connect(&server).await).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = run(quick()).await;
    let answer = exchange(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_client_that_sends_header_after_header_is_closed() {
    let server = run(quick()).await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.expect("the first lines go out");
    let (mut reading, mut writing) = stream.into_split();
    let trickle = async {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        while writing.write_all(b"X-More: 1\r\n").await.is_ok() {
            tick.tick().await;
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = reading.read_to_end(&mut answer) => {}
        () = trickle => {}
        () = sleep(SOON) => panic!("still open"),
    }
}

#[tokio::test]
async fn two_lengths_bare_line_feeds_and_a_missing_host_are_refused() {
    let server = run(Limits::default()).await;
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        // The second request on a connection is checked like the first.
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\nHost: a\r\n\r\n",
    ] {
        let answer = exchange(&server, request).await;
        assert!(answer.contains("HTTP/1.1 400 Bad Request\r\n"), "{request:?}: {answer}");
        assert!(answer.contains("connection: close"), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_chunked_body_is_read_and_ends_its_connection() {
    let server = run(Limits::default()).await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let answer = exchange(&server, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hi"), "{answer}");
}

#[tokio::test]
async fn a_head_at_the_limit_passes_and_a_longer_one_is_answered_431() {
    let limits = Limits { head_max_bytes: 1000, ..Limits::default() };
    let server = run(limits).await;
    let rest = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: \r\n\r\n".len();
    for (filler, status) in [(1000 - rest, "200"), (1001 - rest, "431"), (50_000, "431")] {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(filler));
        let answer = exchange(&server, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{filler}: {answer}");
    }
}

#[tokio::test]
async fn a_panic_is_answered_500_and_the_connection_histories_on() {
    let server = run(quick()).await;
    let twice = "GET /panic HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = exchange(&server, twice).await;
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.ends_with("hello"), "{answer}");
    assert!(answer.contains("application/problem+json") && !answer.contains("out of bounds"), "{answer}");
}

#[tokio::test]
async fn one_connection_too_many_is_told_when_to_come_back() {
    let server = run(Limits { connections_max: 1, ..Limits::default() }).await;
    let mut first = connect(&server).await;
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the request goes out");
    first.read_u8().await.expect("the first is being answered");
    let answer = exchange(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: "), "{answer}");
}

#[test]
fn connections_are_turned_away_before_files_run_out() {
    let connections = |files| Limits::with_open_files(files).connections_max;
    assert_eq!([0, 1_024, 4_096].map(connections), [1, 256, 1_792]);
    assert_eq!([524_288, u64::MAX].map(connections), [10_000, 10_000]);
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let server = run(Limits { drain_max: Duration::from_secs(60), ..quick() }).await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the request goes out");
    stream.read_u8().await.expect("it is being answered");
    server.stop.cancel();
    // The endless answer never ends by itself, so the server can only stop because it gave up.
    let server_ended = async {
        while !server.task.is_finished() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, server_ended).await.expect("the server stops");
}

#[tokio::test]
async fn stopping_closes_idle_connections_at_once_and_open_requests_at_the_deadline() {
    let mut server = run(Limits { drain_max: Duration::from_millis(300), ..Limits::default() }).await;
    let mut idle = connect(&server).await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the request goes out");
    idle.read_u8().await.expect("it is being answered");
    let mut open = connect(&server).await;
    open.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the request goes out");
    // Once a third connection is answered, the second was accepted.
    exchange(&server, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;

    let stopped = Instant::now();
    server.stop.cancel();
    until_closed(&mut idle).await;
    assert!(!server.task.is_finished(), "the open request is waited for");
    (&mut server.task).await.expect("no panic");
    assert!(stopped.elapsed() >= Duration::from_millis(300));
    assert!(TcpStream::connect(server.address).await.is_err(), "the server no longer listens");
}

#[tokio::test]
async fn a_request_knows_the_other_end_of_its_connection() {
    let whence = async |axum::Extension(Peer(address)): axum::Extension<Peer>| address.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let stop = CancellationToken::new();
    let router = Router::new().route("/", get(whence));
    let server = Running { address, task: tokio::spawn(serve(listener, router, quick(), stop.clone())), stop };
    let answer = exchange(&server, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
}
