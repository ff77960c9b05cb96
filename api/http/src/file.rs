//! Responds to GET and HEAD with a file: validators, caching, and one range. Only bytes that are sent are read.

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts},
    response::IntoResponse as _,
};

use super::{
    conditional::{Validators, Verdict, http_date},
    problem::Problem,
};

/// How long a file that never changes may be cached: a year, the longest that RFC 9111 caches honour.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
const MUTABLE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// A file, as described by the response's headers.
#[derive(Debug, Clone)]
pub struct FileHead {
    /// What conditions are judged against.
    pub validators: Validators,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Whether the content of this URL never changes.
    pub immutable: bool,
}

/// The parts of a request on which the response with a file depends.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// GET or HEAD.
    pub method: &'a Method,
    /// Its conditions and range.
    pub headers: &'a HeaderMap,
}

impl<'a> From<&'a Parts> for Asked<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self { method: &parts.method, headers: &parts.headers }
    }
}

impl FileHead {
    /// Builds the response. `open` is called only if bytes are to be sent, with their range.
    ///
    /// # Errors
    /// `PreconditionFailed`, `RangeNotSatisfiable`, and what `open` fails with.
    pub async fn answer<F>(
        &self,
        asked: Asked<'_>,
        open: impl FnOnce(Range<u64>) -> F,
    ) -> Result<Response<Body>, Problem>
    where
        F: Future<Output = Result<Body, Problem>>,
    {
        let size_bytes = self.validators.size_bytes;
        let (status, range) = match self.validators.judge(asked.method, asked.headers) {
            Verdict::Whole => (StatusCode::OK, 0..size_bytes),
            Verdict::Piece(range) => (StatusCode::PARTIAL_CONTENT, range),
            Verdict::NotModified => return Ok(self.respond(StatusCode::NOT_MODIFIED, Body::empty())),
            Verdict::PreconditionFailed => return Err(Problem::PreconditionFailed),
            Verdict::Unsatisfiable => return Err(Problem::RangeNotSatisfiable { size_bytes }),
        };
        let length_bytes = range.end - range.start;
        let body =
            if asked.method == Method::HEAD || length_bytes == 0 { Body::empty() } else { open(range.clone()).await? };
        let mut response = self.respond(status, body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length_bytes));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
            headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&range).expect("digits are ASCII"));
        }
        Ok(response)
    }

    /// The headers that a 304 carries as well as a 200 (RFC 9110, 15.4.5).
    fn respond(&self, status: StatusCode, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.reserve(8);
        headers.insert(header::ETAG, self.validators.etag.clone());
        headers.insert(header::CACHE_CONTROL, if self.immutable { IMMUTABLE } else { MUTABLE });
        if let Some(at) = self.validators.modified_at {
            headers.insert(header::LAST_MODIFIED, http_date(at));
        }
        response
    }
}

/// Responds with a short generated text, which must not be cached.
#[must_use]
pub fn text(content_type: &'static str, text: String) -> Response<Body> {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "private, no-cache")];
    (headers, text).into_response()
}
