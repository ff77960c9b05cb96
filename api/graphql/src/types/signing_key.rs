//! A signing key, as GraphQL shows it.

use async_graphql::{Context, Enum, Result, SimpleObject};
use chrono::{DateTime, Utc};
use commands::signing_keys::SigningKeys;
use domain::signing_key::Key;
use signing::Certificate;

use crate::{error::internal, parts::part};

/// Where a signing key stands in a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::signing_key::Standing")]
pub(crate) enum SigningKeyState {
    /// Made, and sent to machines ahead; signs nothing yet.
    Next,
    /// Signs indexes beside the current one.
    Overlapping,
    /// Signs everything.
    Current,
    /// Signed until the cut-over; retire it when machines know the new one.
    Replaced,
    /// Done with. What it signed is still trusted.
    Retired,
    /// In wrong hands. Nothing it signed is trusted.
    Compromised,
}

/// A key that signs, signed or is to sign packages and indexes.
#[derive(Debug, SimpleObject)]
pub(crate) struct SigningKey {
    /// Which key of this server it is, counted from 1.
    epoch: u32,
    /// Its full fingerprint.
    fingerprint: String,
    /// Where it stands in a rotation.
    state: SigningKeyState,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When clients stop believing it; never if it is null.
    expires_at: Option<DateTime<Utc>>,
    /// Whether its private part is deleted.
    destroyed: bool,
    /// Its public certificate in ASCII armor.
    certificate: String,
}

impl SigningKey {
    /// Every key that the server ever had, oldest first.
    pub(crate) fn all(ctx: &Context<'_>) -> Result<Vec<Self>> {
        part::<SigningKeys>(ctx).now().keys.iter().map(Self::of).collect()
    }

    fn of(key: &Key) -> Result<Self> {
        let certificate = Certificate::parse(&key.certificate).map_err(|error| internal(&error))?;
        Ok(Self {
            epoch: key.epoch,
            fingerprint: key.fingerprint.to_string(),
            state: key.standing.into(),
            created_at: certificate.created_at(),
            expires_at: key.expires_at,
            destroyed: key.is_destroyed,
            certificate: key.certificate.clone(),
        })
    }
}
