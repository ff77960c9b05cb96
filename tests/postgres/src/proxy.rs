//! A way to the server on which answers get lost.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// How a client that ends its transaction in so many words says it.
const COMMIT: &[u8] = b"commit\0";

/// Forwards every byte, until it is set to lose an answer. It speaks TCP without TLS.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    loses_next: Arc<AtomicBool>,
}

impl Proxy {
    /// A way to the server on `port` of the loopback.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = listener.local_addr().expect("its number").port();
        let loses_next = Arc::new(AtomicBool::new(false));
        let arm = Arc::clone(&loses_next);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                connect(client, server, &arm);
            }
        });
        Self { port: own, loses_next }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next commit reaches the server; its answer does not come back, and the connection breaks.
    pub fn lose_the_next_acknowledgement(&self) {
        self.loses_next.store(true, Ordering::SeqCst);
    }
}

fn connect(client: TcpStream, server: TcpStream, arm: &Arc<AtomicBool>) {
    let is_losing = Arc::new(AtomicBool::new(false));
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(from_client), Ok(to_client)) = (client.try_clone(), client.try_clone()) else { return };
    let (Ok(from_server), Ok(to_server)) = (server.try_clone(), server.try_clone()) else { return };
    let (arm, loses) = (Arc::clone(arm), Arc::clone(&is_losing));
    thread::spawn(move || {
        hand_on(from_client, to_server, |bytes| {
            // One write of the client's may come in two reads: then the next commit is the one.
            if bytes.windows(COMMIT.len()).any(|part| part == COMMIT) && arm.swap(false, Ordering::SeqCst) {
                loses.store(true, Ordering::SeqCst);
            }
            true
        });
    });
    thread::spawn(move || hand_on(from_server, to_client, |_| !is_losing.load(Ordering::SeqCst)));
}

/// Until either side ends, or `may_pass` says no; then both end.
fn hand_on(mut from: TcpStream, mut to: TcpStream, may_pass: impl Fn(&[u8]) -> bool) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !may_pass(&bytes[..count]) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
