//! Proofs as an issuer makes them. The issuer here is a double, with keys of its own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use axum::{Router, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::project::CiTrust;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::{claims::Claims, issuer::ProofError, *};
use crate::oidc::keys::JWKS_MAX_BYTES;

const NOW: i64 = 1_800_000_000;

/// A double of a CI system's issuer.
struct Issuer {
    url: String,
    private: EncodingKey,
    asked: Arc<AtomicUsize>,
    _serving: AbortOnDropHandle<()>,
}

impl Issuer {
    /// Serves its own key, called `kid`, and `others` beside it.
    async fn start(kid: &str, others: Vec<Value>) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("a key");
        let point = pair.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..65]].map(|half| URL_SAFE_NO_PAD.encode(half));
        let own = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": "ES256" });
        let keys = json!({ "keys": others.into_iter().chain([own]).collect::<Vec<_>>() }).to_string();
        Self::serve(keys, EncodingKey::from_ec_der(document.as_ref())).await
    }

    async fn serve(keys: String, private: EncodingKey) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, discovery) = (asked.clone(), json!({ "jwks_uri": format!("{url}/keys") }).to_string());
        let router =
            Router::new().route("/.well-known/openid-configuration", get(move || async move { discovery })).route(
                "/keys",
                get(move || async move {
                    counted.fetch_add(1, Ordering::SeqCst);
                    keys
                }),
            );
        let serving = async move { axum::serve(listener, router).await.expect("it serves") };
        Self { url, private, asked, _serving: AbortOnDropHandle::new(tokio::spawn(serving)) }
    }

    fn ours(&self) -> CiIssuer {
        CiIssuer::new(&self.url.parse().expect("an issuer"), None).expect("a client")
    }

    fn proof(&self, algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(Into::into), ..Header::new(algorithm) };
        encode(&header, claims, &self.private).expect("a proof")
    }
}

fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": "https://packages.example.com", "jti": "one-of-a-kind",
        "exp": NOW + 300, "nbf": NOW - 10, "iat": NOW,
        "repository_id": "7", "repository_owner_id": "8", "repository": "acme/web",
        "ref": "refs/tags/v1", "workflow_ref": "acme/web/.github/workflows/release.yml@refs/tags/v1",
    })
}

fn trust() -> CiTrust {
    CiTrust { repository_id: 7, owner_id: 8, ref_pattern: "refs/tags/v*".parse().expect("a pattern"), audience: None }
}

fn is_trusted(claims: &Value, at: i64) -> bool {
    let at: DateTime<Utc> = DateTime::from_timestamp(at, 0).expect("a time");
    let read = serde_json::from_value::<Claims>(claims.clone());
    read.is_ok_and(|claims| claims.job(&trust(), "https://packages.example.com", at).is_some())
}

#[test]
fn a_job_is_trusted_if_everything_its_proof_says_fits() {
    assert!(is_trusted(&claims("i"), NOW));
    for (claim, value, expected) in [
        ("repository_id", json!(7), true),
        ("repository_id", json!("70"), false),
        ("repository_id", json!("x"), false),
        ("repository_owner_id", json!("9"), false),
        ("ref", json!("refs/heads/v1"), false),
        ("ref", json!("refs/tags/1"), false),
        ("aud", json!(["https://packages.example.com"]), true),
        ("aud", json!(["https://packages.example.com", "https://other.example.com"]), false),
        ("aud", json!("https://other.example.com"), false),
        ("aud", json!("https://packages.example.com/"), false),
        ("aud", Value::Null, false),
        ("jti", json!(""), false),
        ("jti", json!("x".repeat(513)), false),
        ("exp", json!(NOW - 60), false),
        ("exp", json!(NOW - 59), true),
        ("exp", json!(NOW + 3_601), false),
        ("exp", json!(i64::MAX), false),
        // The last second that a DateTime can hold: a minute more would overflow.
        ("exp", json!(8_210_266_876_799_i64), false),
        ("nbf", json!(i64::MIN), true),
        ("nbf", json!(NOW + 60), true),
        ("nbf", json!(NOW + 61), false),
        ("iat", json!(NOW + 61), false),
        ("iat", Value::Null, false),
        ("workflow_ref", Value::Null, false),
    ] {
        let mut claims = claims("i");
        claims[claim] = value.clone();
        assert_eq!(is_trusted(&claims, NOW), expected, "{claim}: {value}");
    }
}

#[tokio::test]
async fn only_what_the_issuer_signed_is_its_word() {
    let (issuer, stranger) =
        (Issuer::start("k1", vec![json!({ "kty": "new" })]).await, Issuer::start("k1", vec![]).await);
    let (ours, good) = (issuer.ours(), claims(&issuer.url));
    let proof = issuer.proof(Algorithm::ES256, Some("k1"), &good);
    assert_eq!(ours.claims(&proof).await.expect("genuine").jti, "one-of-a-kind");
    let [header, body, signature] = proof.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k1"}"#);
    let hmac = encode(
        &Header { kid: Some("k1".into()), ..Header::new(Algorithm::HS256) },
        &good,
        &EncodingKey::from_secret(b"public key").expect("a key"),
    );
    let other_body = URL_SAFE_NO_PAD.encode(claims(&issuer.url).to_string().replace("v1", "v2"));
    for (why, proof) in [
        ("another issuer's signature", stranger.proof(Algorithm::ES256, Some("k1"), &good)),
        ("another issuer's name", issuer.proof(Algorithm::ES256, Some("k1"), &claims(&stranger.url))),
        ("an unknown key", issuer.proof(Algorithm::ES256, Some("k2"), &good)),
        ("no key", issuer.proof(Algorithm::ES256, None, &good)),
        ("no algorithm", format!("{none}.{body}.")),
        ("a shared secret", hmac.expect("a proof")),
        ("another body", format!("{header}.{other_body}.{signature}")),
        ("no signature", format!("{header}.{body}.")),
        ("nonsense", "nonsense".to_owned()),
        ("nothing", String::new()),
    ] {
        assert!(matches!(ours.claims(&proof).await, Err(ProofError::NotGenuine(_))), "{why}");
    }
}

#[tokio::test]
async fn unknown_keys_make_us_ask_the_issuer_once_in_an_interval() {
    let issuer = Issuer::start("k1", vec![]).await;
    let ours = issuer.ours();
    let invented = issuer.proof(Algorithm::ES256, Some("k2"), &claims(&issuer.url));
    for _ in 0..20 {
        assert!(matches!(ours.claims(&invented).await, Err(ProofError::NotGenuine(_))));
    }
    assert!(ours.claims(&issuer.proof(Algorithm::ES256, Some("k1"), &claims(&issuer.url))).await.is_ok());
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keys_that_are_too_many_or_nonsense_are_not_taken() {
    let private = EncodingKey::from_secret(b"unused").expect("a key");
    for keys in ["x".repeat(JWKS_MAX_BYTES + 1), "{}".to_owned(), String::new()] {
        let issuer = Issuer::serve(keys, private.clone()).await;
        let proof = Issuer::start("k1", vec![]).await.proof(Algorithm::ES256, Some("k1"), &claims(&issuer.url));
        assert!(matches!(issuer.ours().claims(&proof).await, Err(ProofError::NoKeys(_))));
    }
}

#[test]
fn an_issuer_is_reached_over_tls_unless_it_is_here() {
    for (text, is_good) in [
        ("https://token.actions.githubusercontent.com", true),
        ("https://host.example.com/_services/token/", true),
        ("http://127.0.0.1:9", true),
        ("http://token.example.com", false),
        ("https://user@host.example.com", false),
        ("https://host.example.com/?a", false),
        ("nonsense", false),
    ] {
        assert_eq!(text.parse::<IssuerUrl>().is_ok(), is_good, "{text}");
    }
}
