//! What a proof says, and whether a project trusts the job it is about.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    digest::Sha256,
    project::{CiJob, CiTrust},
};
use serde::{Deserialize, Deserializer, de::Error as _};

/// The tolerated difference between the issuer's clock and ours.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// The maximum validity of an identity token. GitHub's are valid for 5 to 15 minutes.
const LIFETIME_MAX: TimeDelta = TimeDelta::hours(1);
/// The maximum length of a claim.
const CLAIM_MAX_CHARS: usize = 512;

/// The claims that are used. Source: GitHub, "OpenID Connect reference".
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    aud: Audience,
    exp: i64,
    nbf: i64,
    iat: i64,
    pub(super) jti: String,
    #[serde(deserialize_with = "number")]
    repository_id: u64,
    #[serde(deserialize_with = "number")]
    repository_owner_id: u64,
    #[serde(rename = "ref")]
    git_ref: String,
    workflow_ref: String,
}

/// One audience, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// GitHub writes ids as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Text(String),
        Number(u64),
    }
    match Number::deserialize(deserializer)? {
        Number::Text(text) => text.parse().map_err(D::Error::custom),
        Number::Number(number) => Ok(number),
    }
}

impl Claims {
    /// The job, if the project trusts it, and the token has this `audience` and is valid at this time.
    pub(super) fn job(self, trust: &CiTrust, audience: &str, at: DateTime<Utc>) -> Option<CiJob> {
        let Self { exp, nbf, iat, .. } = self;
        // In whole seconds, which cannot overflow whatever the token says.
        let (at, leeway) = (at.timestamp(), LEEWAY.num_seconds());
        let has_begun = |begin: i64| begin.saturating_sub(leeway) <= at;
        let lifetime = exp.saturating_sub(iat);
        let in_time = at < exp.saturating_add(leeway)
            && has_begun(nbf)
            && has_begun(iat)
            && lifetime <= LIFETIME_MAX.num_seconds();
        let for_us = match &self.aud {
            Audience::One(one) => one == audience,
            Audience::Several(all) => matches!(all.as_slice(), [only] if only == audience),
        };
        let trusted = self.repository_id == trust.repository_id
            && self.repository_owner_id == trust.owner_id
            && trust.ref_pattern.matches(&self.git_ref);
        let short = [&self.jti, &self.git_ref, &self.workflow_ref].iter().all(|text| text.len() <= CLAIM_MAX_CHARS);
        let fits = in_time && for_us && trusted && short && !self.jti.is_empty();
        fits.then(|| CiJob {
            repository_id: self.repository_id,
            jti_sha256: Sha256::of(self.jti.as_bytes()),
            git_ref: self.git_ref,
            workflow_ref: self.workflow_ref,
        })
    }
}
