//! A double of a CI system's OIDC issuer: it gives jobs proofs of their identity, as GitHub Actions does. Not GitHub.

use std::{convert::Infallible, net::SocketAddr};

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The name of its only key.
const KID: &str = "double-1";
/// Bytes before the RSA key in a PKCS#8 document of 2,048 bits: version, algorithm, and the head of the octets.
const PKCS8_HEAD_BYTES: usize = 26;

/// A running issuer.
#[derive(Debug)]
pub struct CiIssuer {
    address: SocketAddr,
    private: Vec<u8>,
    serving: JoinHandle<()>,
}

impl CiIssuer {
    /// Starts it with a key of its own.
    pub async fn start() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let document = pair.as_der().expect("PKCS#8");
        let private = document.as_ref()[PKCS8_HEAD_BYTES..].to_vec();
        let public = pair.public_key();
        let [n, e] = [public.modulus(), public.exponent()]
            .map(|number| URL_SAFE_NO_PAD.encode(number.big_endian_without_leading_zero()));
        let keys = json!({ "keys": [{ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KID, "n": n, "e": e }] });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let discovery = json!({ "issuer": format!("http://{address}"), "jwks_uri": format!("http://{address}/keys") });
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (keys, discovery) = (keys.to_string(), discovery.to_string());
                let answer = service_fn(move |request: Request<Incoming>| {
                    let body = if request.uri().path() == "/keys" { keys.clone() } else { discovery.clone() };
                    async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body)))) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { address, private, serving }
    }

    /// What the server's settings call it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a job that runs now for `git_ref` can prove: claims to change, and then to sign.
    #[must_use]
    pub fn claims(&self, audience: &str, git_ref: &str, jti: &str) -> Value {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        json!({
            "iss": self.url(), "aud": audience, "jti": jti, "sub": "repo:acme/web:ref:refs/tags/v1",
            "iat": now, "nbf": now - 5, "exp": now + 300,
            "repository": "acme/web", "repository_id": "7", "repository_owner": "acme", "repository_owner_id": "8",
            "ref": git_ref, "workflow_ref": format!("acme/web/.github/workflows/release.yml@{git_ref}"),
        })
    }

    /// The proof.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(KID.to_owned()), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &EncodingKey::from_rsa_der(&self.private)).expect("a proof")
    }
}

impl Drop for CiIssuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
