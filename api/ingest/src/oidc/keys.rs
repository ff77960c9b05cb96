//! An issuer's public keys: downloaded when first needed, and again when a token names an unknown key.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::size::Size;
use futures::StreamExt as _;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use moka::future::Cache;
use reqwest::{Client, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use super::issuer::is_safe;

/// The minimum interval between downloads caused by unknown keys: anyone can invent a token.
pub(crate) const JWKS_REFETCH_INTERVAL: Duration = Duration::from_secs(60);
/// The maximum size of an issuer's response. GitHub's keys have 8 KB.
pub(crate) const JWKS_MAX_BYTES: usize = 256 * 1024;
/// How long keys are cached: a key that the issuer withdrew is refused within a day.
const KEYS_KEPT_FOR: Duration = Duration::from_hours(24);
/// The maximum number of cached keys.
const KEYS_MAX: usize = 100;
/// The time limit of a request to the issuer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A public key of the issuer.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

/// The keys of one issuer.
pub(super) struct Keys {
    http: Client,
    discovery: String,
    known: Cache<(), Arc<HashMap<String, Arc<Key>>>>,
    asked_at: Mutex<Option<Instant>>,
}

/// The issuer's keys cannot be downloaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysError {
    /// No answer.
    #[error("the issuer of identity tokens (OIDC) does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// A status other than 200.
    #[error("the issuer of identity tokens (OIDC) answered with HTTP status {0}")]
    Status(reqwest::StatusCode),
    /// The response is too long.
    #[error("the answer of the issuer of identity tokens (OIDC) is larger than {}", Size(JWKS_MAX_BYTES as u64))]
    TooLong,
    /// The response is not a valid key set.
    #[error(
        "the answer of the issuer of identity tokens (OIDC) is not valid: expected its configuration, or a JSON Web Key Set (JWKS)"
    )]
    NotUnderstood(#[source] serde_json::Error),
    /// Its keys could be changed on the network path.
    #[error("the issuer's identity key set (JWKS) is not at an https URL")]
    NotSafe,
    /// The last request failed a moment ago.
    #[error("the issuer's identity key set (JWKS) was requested less than {} s ago: it is not requested again so soon", JWKS_REFETCH_INTERVAL.as_secs())]
    AskedLately,
}

#[derive(Deserialize)]
struct Discovery {
    jwks_uri: Url,
}

impl Keys {
    pub(super) fn new(issuer: &str, proxy: Option<&str>) -> Result<Self, reqwest::Error> {
        let mut http = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(ANSWER_WITHIN);
        if let Some(proxy) = proxy {
            http = http.proxy(reqwest::Proxy::all(proxy)?);
        }
        Ok(Self {
            http: http.build()?,
            discovery: format!("{issuer}/.well-known/openid-configuration"),
            known: Cache::builder().max_capacity(1).time_to_live(KEYS_KEPT_FOR).build(),
            asked_at: Mutex::default(),
        })
    }

    /// The key called `kid`, if the issuer has it.
    pub(super) async fn find(&self, kid: &str) -> Result<Option<Arc<Key>>, KeysError> {
        let known = self.known.get(&()).await;
        if let Some(key) = known.as_ref().and_then(|keys| keys.get(kid)) {
            return Ok(Some(key.clone()));
        }
        // One request is sent; concurrent callers wait for its result.
        let mut asked_at = self.asked_at.lock().await;
        if let Some(key) = self.known.get(&()).await.and_then(|keys| keys.get(kid).cloned()) {
            return Ok(Some(key));
        }
        if asked_at.is_some_and(|at| at.elapsed() < JWKS_REFETCH_INTERVAL) {
            return if self.known.contains_key(&()) { Ok(None) } else { Err(KeysError::AskedLately) };
        }
        *asked_at = Some(Instant::now());
        let keys = Arc::new(self.fetch().await?);
        self.known.insert((), keys.clone()).await;
        Ok(keys.get(kid).cloned())
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<Key>>, KeysError> {
        let Discovery { jwks_uri } = self.get(&self.discovery).await?;
        if !is_safe(&jwks_uri) {
            return Err(KeysError::NotSafe);
        }
        // A key of an unsupported kind must not prevent the use of the others.
        let set: LooseSet = self.get(jwks_uri.as_str()).await?;
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(JwkSet { keys: keys.collect() }.keys.iter().filter_map(read).take(KEYS_MAX).collect())
    }

    async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, KeysError> {
        let answer = self.http.get(address).send().await.map_err(KeysError::Unreachable)?;
        if answer.status() != 200 {
            return Err(KeysError::Status(answer.status()));
        }
        let (mut bytes, mut pieces) = (Vec::new(), answer.bytes_stream());
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.map_err(KeysError::Unreachable)?);
            if bytes.len() > JWKS_MAX_BYTES {
                return Err(KeysError::TooLong);
            }
        }
        serde_json::from_slice(&bytes).map_err(KeysError::NotUnderstood)
    }
}

#[derive(Deserialize)]
struct LooseSet {
    keys: Vec<serde_json::Value>,
}

/// A signing key, with the only algorithm allowed for it.
fn read(jwk: &Jwk) -> Option<(String, Arc<Key>)> {
    let kid = jwk.common.key_id.clone()?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let algorithm = match (&jwk.algorithm, jwk.common.key_algorithm) {
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Algorithm::RS256,
        (AlgorithmParameters::EllipticCurve(curve), None | Some(KeyAlgorithm::ES256))
            if curve.curve == EllipticCurve::P256 =>
        {
            Algorithm::ES256
        }
        _ => return None,
    };
    let decoding = DecodingKey::from_jwk(jwk).ok()?;
    Some((kid, Arc::new(Key { algorithm, decoding })))
}
