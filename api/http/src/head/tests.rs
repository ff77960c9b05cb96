use super::*;

#[test]
fn a_head_ends_at_its_empty_line_however_it_arrives() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(end(b"GET / HTTP/1.1\nHost: a\n\nrest", 0), Some(24));
    for cut in 0..head.len() {
        assert_eq!(end(&head[..cut], 0), None, "{cut}");
        assert_eq!(end(head, cut), Some(head.len()), "{cut}");
    }
}

#[test]
fn a_head_says_how_its_body_ends() {
    assert_eq!(judge(b"GET / HTTP/1.1\r\n\r\n"), Ok(Body::Length(0)));
    assert_eq!(judge(b"POST / HTTP/1.1\r\ncontent-LENGTH:  12 \r\n\r\n"), Ok(Body::Length(12)));
    assert_eq!(judge(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), Ok(Body::Chunked));
}

#[test]
fn two_lengths_and_bare_line_feeds_are_offences() {
    for lengths in ["Content-Length: 1\r\nTransfer-Encoding: x\r\n", "transfer-encoding: x\r\ncontent-length: 1\r\n"] {
        assert_eq!(judge(format!("GET / HTTP/1.1\r\n{lengths}\r\n").as_bytes()), Err(Offence::TwoLengths));
    }
    for head in ["GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\n\n"] {
        assert_eq!(judge(head.as_bytes()), Err(Offence::BareLineFeed), "{head:?}");
    }
}
