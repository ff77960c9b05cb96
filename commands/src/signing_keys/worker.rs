//! The worker beside the keys: follows what other nodes decide, deletes private parts that are done with, and warns of a
//! key's end.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    aggregate::Aggregate as _,
    event::Event,
    ids::SigningKeyId,
    recorded::Recorded,
    signing_key::{Command, EXPIRY_WARNINGS_DAYS, Key, SigningKey, Standing},
};
use event_log::{event_store::Filter, execute::Context};
use futures::FutureExt as _;
use tokio::time::Instant;
use tracing::{info, warn};
use workers::{Action, ActionError, Items, Next, Spec, Worker};

use super::{SigningKeys, SigningKeysError, make};

/// How often the keys' ends are looked at when nothing else happens.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// All keys are one row. What is known of them is in their stream, which is short.
impl Worker for SigningKeys {
    type Key = ();
    type Item = ();

    fn spec(&self) -> Spec {
        Spec { follows: Some(Filter::kinds([SigningKey::KIND])), ..Spec::looking("signing keys") }
    }

    fn fold(&self, _: &Recorded<Event>, items: &mut Items<(), ()>) {
        items.insert((), ());
        items.touch(&());
    }

    fn look(&self, items: &mut Items<(), ()>) {
        items.insert((), ());
    }

    fn act(self: Arc<Self>, _: &(), _: &mut Items<(), ()>) -> Option<Action> {
        let tending = async move {
            match self.tend().await {
                Ok(()) => Ok(Next::At(Instant::now() + LOOK_EVERY)),
                Err(cause) => Err(ActionError::new("cannot finish what is still to do for the signing keys", cause)),
            }
        };
        Some(tending.boxed())
    }
}

impl SigningKeys {
    /// Does what the keys' state asks for. The same again does nothing.
    async fn tend(&self) -> Result<(), SigningKeysError> {
        self.refresh().await?;
        for key in &self.now().keys {
            let done_with = matches!(key.standing, Standing::Retired | Standing::Compromised);
            if done_with && !key.is_destroyed {
                self.destroy(key).await?;
            }
            if let Some(days_left) = due_warning(key, self.0.executor.now()) {
                let fingerprint = key.fingerprint.clone();
                warn!("the signing key {fingerprint} ends in less than {days_left} days: rotate to a new one");
                self.record(Command::RecordExpiryNear { fingerprint, days_left }).await?;
            }
        }
        self.refresh().await
    }

    /// Deleted first, recorded after: what is recorded is true.
    async fn destroy(&self, key: &Key) -> Result<(), SigningKeysError> {
        self.0.secrets.delete(make::sealed_under(key)).await?;
        let fingerprint = key.fingerprint.clone();
        info!("the private part of the signing key {fingerprint} is deleted");
        self.record(Command::RecordDestroyed { fingerprint }).await
    }

    async fn record(&self, command: Command) -> Result<(), SigningKeysError> {
        let context = Context::of_worker("signing-keys", None);
        self.0.executor.execute::<SigningKey>(SigningKeyId::service().0, command, &context).await?;
        Ok(())
    }
}

/// The warning that is due for `key` at `now` and was not given.
fn due_warning(key: &Key, now: DateTime<Utc>) -> Option<u16> {
    if matches!(key.standing, Standing::Retired | Standing::Compromised) {
        return None;
    }
    let left = key.expires_at? - now;
    let reached = EXPIRY_WARNINGS_DAYS.into_iter().filter(|days| left <= TimeDelta::days(i64::from(*days)));
    let nearest = reached.min()?;
    key.warned_days.is_none_or(|warned| nearest < warned).then_some(nearest)
}
