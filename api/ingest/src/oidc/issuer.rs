//! The issuer of CI jobs' identity tokens, and the check of their signatures.

use std::{fmt, str::FromStr};

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use url::{Host, Url};

use super::{claims::Claims, keys::Keys};

/// The maximum length of an issuer's URL.
const ISSUER_MAX_BYTES: usize = 300;
/// The accepted signature algorithms. A key names its algorithm; a token with another one is refused.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// The URL that identifies an issuer: `https://token.actions.githubusercontent.com`. No trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUrl(String);

/// The text is not a valid issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "oidc.issuer is not a valid issuer URL: expected https://host[/path] without login, query or fragment (http only for this machine itself)"
)]
pub struct InvalidIssuerUrl;

impl Default for IssuerUrl {
    /// GitHub Actions. Source: GitHub, "OpenID Connect reference".
    fn default() -> Self {
        Self("https://token.actions.githubusercontent.com".to_owned())
    }
}

impl FromStr for IssuerUrl {
    type Err = InvalidIssuerUrl;
    fn from_str(text: &str) -> Result<Self, InvalidIssuerUrl> {
        let url = Url::parse(text).map_err(|_| InvalidIssuerUrl)?;
        let fits = text.len() <= ISSUER_MAX_BYTES
            && is_safe(&url)
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if fits { Ok(Self(text.trim_end_matches('/').to_owned())) } else { Err(InvalidIssuerUrl) }
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the connection protects what is downloaded from there.
pub(super) fn is_safe(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

/// Why an identity token is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProofError {
    /// It is not an identity token, or it is not signed with a known key.
    #[error("the identity token (OIDC) is not a valid token of the configured issuer")]
    NotGenuine(#[source] Option<jsonwebtoken::errors::Error>),
    /// The issuer's keys cannot be downloaded.
    #[error("cannot fetch the issuer's identity key set (JWKS)")]
    NoKeys(#[source] super::keys::KeysError),
}

/// An issuer and its public keys.
pub struct CiIssuer {
    pub(super) url: IssuerUrl,
    keys: Keys,
}

impl CiIssuer {
    /// The issuer at `url`, reached through `proxy`.
    ///
    /// # Errors
    /// The proxy is not a valid URL, or this machine's certificates cannot be read.
    pub fn new(url: &IssuerUrl, proxy: Option<&str>) -> Result<Self, reqwest::Error> {
        Ok(Self { url: url.clone(), keys: Keys::new(&url.0, proxy)? })
    }

    /// The claims of an identity token, if the issuer signed it. The caller must check times, audience and job.
    pub(super) async fn claims(&self, proof: &str) -> Result<Claims, ProofError> {
        let not_genuine = |error| ProofError::NotGenuine(Some(error));
        let header = decode_header(proof).map_err(not_genuine)?;
        let kid = header.kid.filter(|_| ALGORITHMS.contains(&header.alg)).ok_or(ProofError::NotGenuine(None))?;
        let key = self.keys.find(&kid).await.map_err(ProofError::NoKeys)?.ok_or(ProofError::NotGenuine(None))?;
        let mut validation = Validation::new(key.algorithm);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims::<&str>(&[]);
        validation.set_issuer(&[&self.url.0]);
        let claims: Claims = decode(proof, &key.decoding, &validation).map_err(not_genuine)?.claims;
        if claims.iss == self.url.0 { Ok(claims) } else { Err(ProofError::NotGenuine(None)) }
    }
}

impl fmt::Debug for CiIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CiIssuer").field("url", &self.url).finish_non_exhaustive()
    }
}
