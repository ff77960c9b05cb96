//! A wrapper of a connection: it checks the raw bytes of each request, and fails if the client stops reading.

#[cfg(test)]
mod tests;

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::head::{self, Body, Offence};

/// The findings about a connection's requests, shared with the service that handles them.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Clone, Copy, Default)]
struct Noted {
    offence: Option<Offence>,
    unfollowed: bool,
}

impl Notes {
    /// The first violation on this connection. Nothing after it can be trusted.
    pub(super) fn offence(&self) -> Option<Offence> {
        self.noted().offence
    }

    /// Whether later requests could not be checked, so that the connection must close after this one.
    pub(super) fn is_last_request(&self) -> bool {
        let noted = self.noted();
        noted.unfollowed || noted.offence.is_some()
    }

    fn noted(&self) -> Noted {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Noted)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The parser's state.
#[derive(Debug)]
enum Place {
    /// In a head, with the bytes received so far.
    Head(Vec<u8>),
    /// In a body, with the number of bytes left.
    Body(u64),
    /// Beyond the part that is checked.
    Lost,
}

/// `S` with both checks.
pub(super) struct StrictIo<S> {
    inner: S,
    notes: Notes,
    place: Place,
    head_max_bytes: usize,
    stalled_max: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> StrictIo<S> {
    /// Checks heads of up to `head_max_bytes`, which hyper limits too. A write fails if it waits longer than `stalled_max`.
    pub(super) fn new(inner: S, head_max_bytes: usize, stalled_max: Duration) -> Self {
        let place = Place::Head(Vec::new());
        Self { inner, notes: Notes::default(), place, head_max_bytes, stalled_max, stalled: None }
    }

    /// The findings about this connection.
    pub(super) fn notes(&self) -> Notes {
        self.notes.clone()
    }

    /// Checks `bytes`, which were just read.
    fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Lost => return,
                Place::Body(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[here..];
                    *left -= here as u64;
                    if *left == 0 {
                        self.place = Place::Head(Vec::new());
                    }
                }
                Place::Head(head) => {
                    if head.is_empty() && matches!(bytes, [b'\r' | b'\n', ..]) {
                        // Empty lines before a request are ignored (RFC 9112, 2.2).
                        bytes = &bytes[1..];
                        continue;
                    }
                    let searched = head.len();
                    head.extend_from_slice(bytes);
                    let Some(end) = head::end(head, searched) else {
                        if head.len() > self.head_max_bytes {
                            self.lose();
                        }
                        return;
                    };
                    bytes = &bytes[end - searched..];
                    match head::judge(&head[..end]) {
                        Ok(Body::Length(0)) => head.clear(),
                        Ok(Body::Length(length)) => self.place = Place::Body(length),
                        Ok(Body::Chunked) => self.lose(),
                        Err(offence) => {
                            self.notes.note(|noted| noted.offence = Some(offence));
                            self.place = Place::Lost;
                        }
                    }
                }
            }
        }
    }

    fn lose(&mut self) {
        self.notes.note(|noted| noted.unfollowed = true);
        self.place = Place::Lost;
    }

    /// Returns a write's result, or an error if the client has read nothing for too long.
    fn progress<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let stalled_max = self.stalled_max;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(stalled_max))).as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        this.follow(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StrictIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write(cx, bytes);
        this.progress(cx, result)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_flush(cx);
        this.progress(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.progress(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write_vectored(cx, pieces);
        this.progress(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
