//! Follows a server: imports new entries as soon as they exist, and retries after failures.

#[cfg(test)]
mod tests;

use std::time::Duration;

use archive::bundle::signing_keys;
use commands::signing_keys::PublicKeys;
use domain::{
    checkpoint::{Checkpoint, VerifierKey},
    error_chain::ErrorChain,
    recorded::Position,
};
use projections::runner::Progress;
use rand::Rng as _;
use reqwest::Client;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{
    Contact, FeedAddress, Replica, ReplicaError, Untrusted,
    feed_client::{FeedClient, FeedError, FeedPage, http_client},
    trust,
};

/// How long a replica waits after the first failure. The wait doubles with each further failure.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest wait: a replica may learn of a roll this much later once the server is back.
const RETRY_MAX: Duration = Duration::from_secs(15);
/// How often blobs that the server had lost are requested again.
const MISSING_AGAIN_AFTER: Duration = Duration::from_mins(10);
/// How long a request waits for new entries: proxies close connections that are idle for a minute.
const WAIT_SECONDS: u64 = 25;

/// What is updated when the replica serves clients.
pub struct Served {
    /// The progress of the read models.
    pub progress: Progress,
    /// The certificates that are served to clients.
    pub keys: PublicKeys,
}

/// A replica with the feed that it follows.
pub struct Follower {
    replica: Replica,
    address: FeedAddress,
    pinned: Option<String>,
    contact: Contact,
    http: Client,
    /// The number of events of signing keys it has.
    signing_keys: u64,
    wait_seconds: u64,
    retry_max: Duration,
    failures: u32,
    missing_asked_at: Option<Instant>,
}

/// A connection to the server, with the key of its log.
struct Session {
    client: FeedClient,
    key: VerifierKey,
}

impl Follower {
    /// Prepares to follow. `pinned` is the log's key, as the server's operator published it. Without it, the server's key is trusted on
    /// first use. `refuse_after` is how long clients are served without contact to the server. With it, the server is asked more often.
    ///
    /// # Errors
    /// The replica has another organisation or another key, or its log cannot be read.
    pub async fn new(
        replica: Replica,
        address: FeedAddress,
        pinned: Option<&str>,
        contact: Contact,
        refuse_after: Option<Duration>,
    ) -> Result<Self, ReplicaError> {
        let pinned = pinned.map(|key| key.trim().to_owned());
        if let Some(has) = replica.organisation().filter(|has| **has != address.organisation) {
            return Err(ReplicaError::OtherOrganisation { has: has.clone(), offered: address.organisation });
        }
        if let (Some(has), Some(offered)) = (replica.log_key(), &pinned)
            && has != offered
        {
            return Err(ReplicaError::OtherKey { has: has.to_owned(), offered: offered.clone() });
        }
        let signing_keys = signing_keys(&**replica.store(), Position(u64::MAX)).await?.len() as u64;
        let often = refuse_after.map_or(WAIT_SECONDS, |limit| limit.as_secs() / 3).max(1);
        let (http, wait_seconds) = (http_client(address.proxy.as_deref())?, often.min(WAIT_SECONDS));
        let retry_max = RETRY_MAX.min(Duration::from_secs(often));
        contact.has(replica.size(), replica.size());
        Ok(Self {
            replica,
            address,
            pinned,
            contact,
            http,
            signing_keys,
            wait_seconds,
            retry_max,
            failures: 0,
            missing_asked_at: None,
        })
    }

    /// The replica.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The state of the connection to the server.
    #[must_use]
    pub fn contact(&self) -> &Contact {
        &self.contact
    }

    /// Imports entries until the replica is up to date. Retries for ever if the server does not answer.
    ///
    /// # Errors
    /// See [`ReplicaError`]: errors that a retry cannot solve.
    pub async fn catch_up(&mut self) -> Result<(), ReplicaError> {
        loop {
            match self.until_current().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_passing() => self.pause_after(&error).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn until_current(&mut self) -> Result<(), ReplicaError> {
        let session = self.session().await?;
        while !self.step(&session, 0, None).await? {}
        Ok(())
    }

    /// Follows for ever. After an error, the entries imported before are still served.
    pub async fn run(mut self, served: Served) {
        loop {
            let error = match self.session().await {
                Ok(session) => loop {
                    if let Err(error) = self.step(&session, self.wait_seconds, Some(&served)).await {
                        break error;
                    }
                },
                Err(error) => error,
            };
            self.pause_after(&error).await;
        }
    }

    /// Logs the error if it is new, and waits before the next attempt.
    async fn pause_after(&mut self, error: &ReplicaError) {
        let why = ErrorChain(error).to_string();
        let (server, organisation) = (self.address.server.as_str(), &self.address.organisation);
        if self.contact.has_trouble(why.clone()) {
            match error.is_passing() {
                true => warn!("cannot follow {organisation} at {server} now, trying again: {why}"),
                false => error!("cannot follow {organisation} at {server}: {why}"),
            }
        }
        let pause = pause_after(self.failures, self.retry_max);
        self.failures = self.failures.saturating_add(1);
        // Random, so that not all replicas return to a restarted server at the same moment.
        let part = rand::thread_rng().gen_range(0.5..1.0);
        tokio::time::sleep(pause.mul_f64(part)).await;
    }

    /// Connects to the server and reads the log's key, which must be the known one.
    async fn session(&self) -> Result<Session, ReplicaError> {
        let client = FeedClient::new(self.http.clone(), &self.address)?;
        let key = trust::key(&client.key().await?, &self.address.organisation)?;
        let known = self.replica.log_key().or(self.pinned.as_deref());
        match known {
            Some(has) if has != key.to_string() => {
                Err(ReplicaError::OtherKey { has: has.to_owned(), offered: key.to_string() })
            }
            _ => Ok(Session { client, key }),
        }
    }

    /// Requests and imports new entries. Returns whether the replica is up to date.
    async fn step(
        &mut self,
        session: &Session,
        wait_seconds: u64,
        served: Option<&Served>,
    ) -> Result<bool, ReplicaError> {
        let before = self.replica.size();
        // The response includes everything that happened before the request, but not necessarily anything later.
        let asked_at = self.contact.now();
        let page = session.client.page(before, self.signing_keys, wait_seconds).await;
        let page = page.map_err(|error| match error {
            FeedError::Answered { code, .. } if code == "log_is_shorter" => self.replica.is_of_another_log(),
            error => error.into(),
        })?;
        let checkpoint = trust::checkpoint(&page.head.checkpoint, &session.key)?;
        let FeedPage { head, lines } = page;
        let entries = self.replica.vouched_for(&lines, (checkpoint.size, checkpoint.root))?;
        if head.signing_keys > self.signing_keys {
            self.take_signing_keys(session, head.signing_keys, served).await?;
        }
        let Checkpoint { size, .. } = checkpoint;
        let is_empty = entries.is_empty();
        if is_empty && size < head.size {
            let server_has = head.size;
            let what = format!("the server claims that its log has {server_has} entries, but sent none after {size}");
            return Err(Untrusted::new(what).into());
        }
        self.replica.adopt(&self.address.organisation, &session.key, size.max(head.size))?;
        self.replica.is_told(size.max(head.size))?;
        self.replica.take(entries, &session.client).await?;
        self.contact.has(size, head.size);
        self.failures = 0;
        if !is_empty {
            info!("imported {} entries: now {size} of {}", size - before, head.size.max(size));
        }
        if size < head.size {
            return Ok(false);
        }
        self.take_missing(session).await?;
        if let Some(served) = served {
            served.progress.wait_for(self.replica.store().head().await?).await?;
        }
        self.contact.is_current(asked_at);
        Ok(true)
    }

    /// From time to time, requests blobs that the server had lost, which may have been restored from a backup.
    async fn take_missing(&mut self, session: &Session) -> Result<(), ReplicaError> {
        let is_soon = self.missing_asked_at.is_some_and(|at| at.elapsed() < MISSING_AGAIN_AFTER);
        if self.replica.missing_blobs() > 0 && !is_soon {
            self.missing_asked_at = Some(Instant::now());
            match self.replica.take_missing(&session.client).await? {
                0 => {}
                found => info!("imported {found} blobs that the server had lost"),
            }
        }
        self.contact.lacks(self.replica.missing_blobs());
        Ok(())
    }

    async fn take_signing_keys(
        &mut self,
        session: &Session,
        expected: u64,
        served: Option<&Served>,
    ) -> Result<(), ReplicaError> {
        let (lines, note) = session.client.signing_keys().await?;
        let events = trust::signing_keys(&lines, &note, &session.key)?;
        let count = events.len() as u64;
        if count < expected {
            let what = format!("the server claims that there are {expected} events of signing keys, but sent {count}");
            return Err(Untrusted::new(what).into());
        }
        self.replica.take_signing_keys(events).await?;
        if let Some(served) = served {
            served.keys.refresh().await?;
        }
        self.signing_keys = count;
        Ok(())
    }
}

/// The longest wait before the next attempt, after this many failures.
fn pause_after(failures: u32, max: Duration) -> Duration {
    RETRY_FIRST.saturating_mul(1 << failures.min(10)).min(max)
}
