//! The worker beside the keys: follows what other nodes decide, deletes private parts that are done with, and warns of a
//! key's end.

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
                Err(cause) => Err(ActionError::new("the signing keys are not as they should be yet", cause)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(days_left: i64, warned_days: Option<u16>, standing: Standing) -> Key {
        Key {
            fingerprint: "AB".into(),
            epoch: 1,
            certificate: String::new(),
            secret: None,
            expires_at: Some(DateTime::UNIX_EPOCH + TimeDelta::days(days_left)),
            standing,
            is_destroyed: false,
            warned_days,
        }
    }

    #[test]
    fn a_warning_is_due_once_it_is_reached_and_only_the_nearest_one() {
        for (days_left, warned, expected) in [
            (91, None, None),
            (90, None, Some(90)),
            (89, Some(90), None),
            (30, Some(90), Some(30)),
            (7, None, Some(7)),
            (6, Some(30), Some(7)),
            (-1, Some(7), None),
            (-1, None, Some(7)),
        ] {
            let due = due_warning(&key(days_left, warned, Standing::Current), DateTime::UNIX_EPOCH);
            assert_eq!(due, expected, "{days_left} days left, warned at {warned:?}");
        }
    }

    #[test]
    fn nobody_is_warned_of_a_key_without_an_end_or_one_that_is_done_with() {
        let endless = Key { expires_at: None, ..key(0, None, Standing::Current) };
        assert_eq!(due_warning(&endless, DateTime::UNIX_EPOCH), None);
        for standing in [Standing::Retired, Standing::Compromised] {
            assert_eq!(due_warning(&key(1, None, standing), DateTime::UNIX_EPOCH), None);
        }
    }
}
