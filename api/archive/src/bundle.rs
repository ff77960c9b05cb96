//! Bundles: everything that a machine without a network needs to serve one organisation's repositories, without any secret.
//!
//! The organisation's transparency log with what a replica may see (`domain/src/feed.rs`), the blobs that those events name, the
//! events of the signing keys, and two signed notes: a checkpoint of the log, and one over the events of the signing keys.

mod tenant_log;

use std::{io::Cursor, path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use domain::{
    aggregate::Aggregate as _,
    canonical,
    checkpoint::{LogName, LogState},
    feed,
    ids::{OrganisationId, SigningKeyId},
    merkle::leaf_hash,
    names::OrganisationName,
    recorded::{Position, RawEvent, Recorded, Revision, StreamId},
    signing_key::SigningKey,
};
use event_log::{
    event_store::{EventStore, PAGE_EVENTS_MAX, ReadError},
    execute::Executor,
};
use signing::log_signer::{LogKeyError, LogSigner, SignLogError};
use stores::{
    blobs::Blobs,
    secrets::{Secrets, SecretsError},
};

use self::tenant_log::{TenantEntries, TenantTree};
use crate::{
    ArchiveError, ArchiveFolder, COPYING, Format, HowBlobs, Manifest, NamedBlobs, Watch, blobs_of,
    data_folder::DataFolder,
};

/// The public key that verifies the checkpoint.
pub const LOG_KEY: &str = "log.key";
/// The state of the log, as a signed note.
pub const CHECKPOINT: &str = "checkpoint";
/// The events of the signing keys: the certificates that machines should trust.
pub const SIGNING_KEYS: &str = "signing-keys.ndjson";
/// The signed note about these events.
pub const SIGNING_KEYS_NOTE: &str = "signing-keys.note";

/// The source of a bundle.
pub struct Sources<'a> {
    /// The log of the whole server. It is only read.
    pub log: &'a Arc<dyn EventStore>,
    /// The blobs that its events name.
    pub blobs: &'a Blobs,
    /// The store of the transparency logs' sealed key.
    pub data: &'a DataFolder,
}

/// The operator's options.
#[derive(Debug, Clone)]
pub struct Options {
    /// The organisation whose repositories are copied.
    pub organisation: OrganisationName,
    /// The last position of the log to include; its head if unset.
    pub until: Option<Position>,
    /// How to copy blobs.
    pub blobs: HowBlobs,
}

/// Why a bundle was not made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The log has no such organisation.
    #[error("there is no organisation {0} in the event log, or not up to that position")]
    NoOrganisation(OrganisationName),
    /// The folder contains another organisation's bundle.
    #[error("the folder already has a bundle of organisation {there}, which is kept: use another folder")]
    OtherOrganisation {
        /// The organisation of the existing bundle.
        there: OrganisationName,
    },
    /// The log was made before transparency logs existed.
    #[error("the event log has no signing key for transparency logs yet: start the server once to make one")]
    NoLogKey,
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The bundle cannot be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The key of the transparency logs cannot be unsealed.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The key of the transparency logs cannot be used.
    #[error(transparent)]
    LogKey(#[from] LogKeyError),
    /// The log cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignLogError),
}

/// Writes the bundle into the folder `to`: a new folder, or one that contains an earlier bundle of the same organisation, to which
/// only what is new is added. `now` is the recorded time of the bundle.
///
/// # Errors
/// See [`BundleError`]. A lost or damaged blob is not an error: the manifest lists it.
pub async fn create(
    sources: &Sources<'_>,
    to: &Path,
    options: Options,
    now: DateTime<Utc>,
    watch: Watch<'_>,
) -> Result<Manifest, BundleError> {
    let folder = ArchiveFolder::open(to, Format::Bundle, &[LOG_KEY, CHECKPOINT, SIGNING_KEYS, SIGNING_KEYS_NOTE])?;
    if let Some(there) = folder.before().and_then(|before| before.organisation.clone())
        && there != options.organisation
    {
        return Err(BundleError::OtherOrganisation { there });
    }
    let filled = fill(&folder, sources, options, now, watch).await;
    folder.end(filled)
}

async fn fill(
    folder: &ArchiveFolder,
    sources: &Sources<'_>,
    options: Options,
    now: DateTime<Utc>,
    watch: Watch<'_>,
) -> Result<Manifest, BundleError> {
    let Sources { log, blobs, .. } = sources;
    let Options { organisation, until, blobs: how } = options;
    let head = log.head().await?;
    let until = until.map_or(head, |until| until.min(head));
    let signing_keys = signing_keys(&***log, until).await?;

    let id = OrganisationId::named(&organisation);
    let mut entries = TenantEntries::new(&***log, id, until);
    let mut lines = folder.log()?;
    let mut named = NamedBlobs::new(folder, blobs, how);
    while let Some(event) = entries.next().await? {
        lines.push_as(&feed::line(&event), leaf_hash(canonical::line(&event).as_bytes()))?;
        if feed::is_shown(&event.stream) {
            named.put_all(blobs_of(&event, lines.events())?, &lines).await?;
        }
        watch(COPYING, event.position.0, until.0);
    }
    if lines.events() == 0 {
        return Err(BundleError::NoOrganisation(organisation));
    }
    let part = lines.finish()?;
    let blobs = named.finish().await?;

    let tree = TenantTree {
        log: (*log).clone(),
        organisation: id,
        now: LogState { size: part.events, root: part.merkle_root },
    };
    let signer = signer(sources, &signing_keys, tree).await?;
    let origin = signer.origin(Some(&organisation));
    let checkpoint = signer.checkpoint(LogName::Organisation(id), &origin).await?.unwrap_or_default();
    let (lines, note) = vouched_for(&signing_keys, &signer, &origin);
    let key = format!("{}\n", signer.verifier_key(&origin));
    let texts = [(LOG_KEY, key), (CHECKPOINT, checkpoint), (SIGNING_KEYS, lines), (SIGNING_KEYS_NOTE, note)];
    let files = texts.into_iter().map(|(name, text)| Ok((name.to_owned(), folder.put(name, &mut Cursor::new(text))?)));
    let files = files.collect::<Result<_, ArchiveError>>()?;
    let organisation = Some(organisation);
    Ok(Manifest { format: Format::Bundle, made_at: now, organisation, log: part, blobs, files })
}

/// The events of the signing keys up to that position: certificates and ids, nothing secret.
///
/// # Errors
/// The log cannot be read.
pub async fn signing_keys(log: &dyn EventStore, until: Position) -> Result<Vec<Recorded<RawEvent>>, ReadError> {
    let stream = StreamId::new(SigningKey::KIND, SigningKeyId::service().0);
    let mut events: Vec<Recorded<RawEvent>> = Vec::new();
    loop {
        let after = events.last().map_or(Revision(0), |last| last.revision);
        let page = log.read_stream(&stream, after, PAGE_EVENTS_MAX).await?;
        let is_last = page.is_empty() || page.iter().any(|event| event.position > until);
        events.extend(page.into_iter().filter(|event| event.position <= until));
        if is_last {
            return Ok(events);
        }
    }
}

/// The events of the signing keys as lines, and a note about them signed with the key of the log named `origin`.
#[must_use]
pub fn vouched_for(signing_keys: &[Recorded<RawEvent>], signer: &LogSigner, origin: &str) -> (String, String) {
    let lines: Vec<String> = signing_keys.iter().map(canonical::line).collect();
    let note = signer.note(origin, feed::signing_keys_text(origin, &lines));
    (lines.iter().map(|line| format!("{line}\n")).collect(), note)
}

/// The key that signs the server's checkpoints. It must exist: only a server creates it.
async fn signer(
    sources: &Sources<'_>,
    signing_keys: &[Recorded<RawEvent>],
    tree: TenantTree,
) -> Result<LogSigner, BundleError> {
    if !signing_keys.iter().any(|event| event.event.name == "signing-key.log_key_made") {
        return Err(BundleError::NoLogKey);
    }
    let Sources { log, data, .. } = sources;
    let executor = Executor::new((*log).clone(), Utc::now);
    let secrets = Arc::new(Secrets::open(&data.secrets(), data.master_key())?);
    Ok(LogSigner::open(&executor, &secrets, "", Arc::new(tree), data.signed_logs()).await?)
}
