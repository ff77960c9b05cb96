//! All error responses, as problem JSON (RFC 9457). This is the only place that maps errors to statuses.

#[cfg(test)]
mod tests;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use domain::size::Size;
use event_log::event_store::BoxError;

/// Why a request failed. The text is sent to the client, the source is only logged.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The request is not valid HTTP, or not valid for its URL.
    #[error("{0}")]
    BadRequest(String),
    /// A repository was requested without a valid access key. Does not reveal whether the repository exists.
    #[error(
        "this needs an access key of the repository: send it with HTTP Basic authentication, the key's id as user name and the key as password"
    )]
    NeedsAccessKey,
    /// The API was called without a token that permits this.
    #[error("this needs a token that is allowed to do it: send it in the header Authorization: Bearer pkd_…")]
    NeedsToken,
    /// A delivery without the project's signature. Does not reveal whether the project exists.
    #[error(
        "this needs the header X-Hub-Signature-256: the HMAC of the raw request body with the project's webhook secret"
    )]
    NeedsSignature,
    /// A CI job without a valid identity token. Does not reveal whether the project exists, or what is wrong.
    #[error(
        "the identity token (OIDC) is not accepted: expected a valid one of a CI job that the project trusts, with the right audience and not used before"
    )]
    NeedsCiProof,
    /// The resource does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The URL exists, but not with this method.
    #[error("this URL accepts only GET and HEAD")]
    MethodNotAllowed,
    /// The same, for a route whose `Allow` header lists its methods.
    #[error("this URL does not accept the request's method: the Allow header lists the methods that it accepts")]
    OtherMethod,
    /// The request was not received, or not answered, in time.
    #[error("the request took longer than {limit_seconds} s")]
    TimedOut {
        /// How long it may take.
        limit_seconds: u64,
    },
    /// The request conflicts with the current state.
    #[error("{detail}")]
    Conflict {
        /// The stable code of the rule.
        code: &'static str,
        /// The current state, and the conflict.
        detail: String,
    },
    /// `If-Match` or `If-Unmodified-Since` does not hold.
    #[error("the file does not match the request's If-Match or If-Unmodified-Since header: it has changed")]
    PreconditionFailed,
    /// The body is too large.
    #[error("the request body is too large: at most {} are accepted", Size(*.limit_bytes as u64))]
    TooLarge {
        /// The maximum size.
        limit_bytes: usize,
    },
    /// The `Range` lies outside the file.
    #[error("the requested range is outside the file, which has {size_bytes} bytes")]
    RangeNotSatisfiable {
        /// The size of the file.
        size_bytes: u64,
    },
    /// The request is well-formed but cannot be fulfilled.
    #[error("{detail}")]
    Unprocessable {
        /// The stable code of the rule.
        code: &'static str,
        /// What is wrong, and what was expected.
        detail: String,
    },
    /// The client sent too many requests.
    #[error("too many requests: wait {retry_after_seconds} s")]
    TooManyRequests {
        /// The seconds until a retry.
        retry_after_seconds: u32,
    },
    /// Temporarily not available, for the reason in `what`.
    #[error("{what}")]
    Unavailable {
        /// What is not available.
        what: &'static str,
        /// The seconds until a retry.
        retry_after_seconds: u32,
    },
    /// An internal error.
    #[error("cannot {action}: the server's log says why")]
    Internal {
        /// The operation that failed.
        action: &'static str,
        /// The cause, which is logged but never sent.
        source: BoxError,
    },
}

impl Problem {
    /// An internal error during `action`, phrased to follow "cannot …".
    pub fn internal(action: &'static str) -> impl FnOnce(BoxError) -> Self {
        move |source| Self::Internal { action, source }
    }

    /// The status, the stable code for programs, and the title.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request", "Bad request"),
            Self::NeedsAccessKey => (StatusCode::UNAUTHORIZED, "needs_access_key", "No access"),
            Self::NeedsToken => (StatusCode::UNAUTHORIZED, "needs_token", "No access"),
            Self::NeedsCiProof => (StatusCode::UNAUTHORIZED, "needs_ci_proof", "No access"),
            Self::NeedsSignature => (StatusCode::UNAUTHORIZED, "needs_signature", "No access"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed"),
            Self::OtherMethod => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed"),
            Self::TimedOut { .. } => (StatusCode::REQUEST_TIMEOUT, "timed_out", "Request timed out"),
            Self::Conflict { code, .. } => (StatusCode::CONFLICT, code, "Conflict"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition_failed", "Precondition failed"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large"),
            Self::RangeNotSatisfiable { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", "Range not satisfiable")
            }
            Self::Unprocessable { code, .. } => (StatusCode::UNPROCESSABLE_ENTITY, code, "Cannot be processed"),
            Self::TooManyRequests { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            Self::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now"),
            Self::Internal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }

    /// The response's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind().0
    }

    /// The code by which programs distinguish problems. It never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind().1
    }

    /// The headers that its status requires.
    fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            Self::NeedsAccessKey => Some((
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"pkgdeploy\", charset=\"UTF-8\""),
            )),
            Self::NeedsToken | Self::NeedsCiProof => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"pkgdeploy\"")))
            }
            Self::NeedsSignature => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("X-Hub-Signature-256 realm=\"pkgdeploy\"")))
            }
            Self::MethodNotAllowed => Some((header::ALLOW, HeaderValue::from_static("GET, HEAD"))),
            Self::RangeNotSatisfiable { size_bytes } => {
                let value = HeaderValue::from_str(&format!("bytes */{size_bytes}")).expect("digits are ASCII");
                Some((header::CONTENT_RANGE, value))
            }
            Self::TooManyRequests { retry_after_seconds } | Self::Unavailable { retry_after_seconds, .. } => {
                Some((header::RETRY_AFTER, HeaderValue::from(*retry_after_seconds)))
            }
            Self::BadRequest(_)
            | Self::OtherMethod
            | Self::NotFound(_)
            | Self::TimedOut { .. }
            | Self::Conflict { .. }
            | Self::PreconditionFailed
            | Self::TooLarge { .. }
            | Self::Unprocessable { .. }
            | Self::Internal { .. } => None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let (status, code, title) = self.kind();
        if let Self::Internal { action, source } = &self {
            tracing::error!(error = %chain(source.as_ref()), "cannot {action}");
        }
        let body = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": status.as_u16(),
            "detail": self.to_string(),
            "code": code,
        });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = self.header() {
            headers.insert(name, value);
        }
        response
    }
}

/// An error and its causes on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
