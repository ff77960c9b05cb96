use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Reads `pieces` as they would arrive one by one.
fn notes(pieces: &[&[u8]]) -> Notes {
    let mut io = StrictIo::new(tokio::io::empty(), 100, Duration::from_secs(1));
    pieces.iter().for_each(|piece| io.follow(piece));
    io.notes()
}

#[test]
fn heads_are_found_behind_bodies_wherever_the_pieces_are_cut() {
    let stream = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\n\n\n\n\r\nGET /\nx: y\r\n\r\n";
    for cut in 0..stream.len() {
        let (left, right) = stream.split_at(cut);
        assert_eq!(notes(&[left, right]).offence(), Some(Offence::BareLineFeed), "{cut}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(notes(&bytes).offence(), Some(Offence::BareLineFeed));
    assert_eq!(notes(&[&stream[..45]]).offence(), None);
}

#[test]
fn what_cannot_be_followed_is_the_last_request() {
    assert!(!notes(&[b"GET / HTTP/1.1\r\n\r\n"]).is_last_request());
    assert!(notes(&[b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"]).is_last_request());
    assert!(notes(&[&[b'x'; 101]]).is_last_request());
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up_and_one_that_takes_slowly_is_not() {
    let (mut client, server) = tokio::io::duplex(1);
    let mut io = StrictIo::new(server, 100, Duration::from_millis(200));
    let reading = tokio::spawn(async move {
        let mut two = [0; 2];
        client.read_exact(&mut two).await.expect("two bytes");
        client
    });
    io.write_all(b"12").await.expect("they are taken");
    let _client = reading.await.expect("no panic");
    io.write_all(b"3").await.expect("it fits the buffer");
    let error = io.write_all(b"4").await.expect_err("the client stopped reading");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
