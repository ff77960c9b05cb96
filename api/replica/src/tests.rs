use std::sync::Arc;

use archive::{
    ArchiveError, ArchiveFolder, Format, Manifest,
    bundle::LOG_KEY,
    data_folder::{DataFolder, Locations},
};
use chrono::Utc;
use domain::{
    checkpoint::{LogName, LogState},
    digest::Sha256,
    feed,
};
use event_log::{
    event_store::{BoxError, EventStore, sqlite::SqliteEventStore},
    execute::Executor,
};
use futures::future::BoxFuture;
use ports::trees::Trees;
use signing::log_signer::LogSigner;
use stores::secrets::Secrets;
use tempfile::TempDir;

use super::{
    Replica, ReplicaError,
    bundle::{NOTE_MAX_BYTES, load},
    trust,
};

/// A log of one entry.
struct OneEntry;

impl Trees for OneEntry {
    fn now(&self, _: LogName) -> Option<LogState> {
        Some(LogState { size: 1, root: Sha256::of(b"entry") })
    }

    fn root_at(&self, log: LogName, _: u64) -> BoxFuture<'_, Result<Option<Sha256>, BoxError>> {
        Box::pin(async move { Ok(self.now(log).map(|state| state.root)) })
    }
}

async fn signer(folder: &TempDir) -> LogSigner {
    let path = folder.path();
    let store: Arc<dyn EventStore> = Arc::new(SqliteEventStore::open(path.join("log.sqlite")).await.expect("a log"));
    let secrets = Arc::new(Secrets::open(&path.join("secrets"), &path.join("master.key")).expect("secrets"));
    let executor = Executor::new(store, Utc::now);
    let signed = path.join("signed_logs");
    LogSigner::open(&executor, &secrets, "host", Arc::new(OneEntry), signed).await.expect("a signer")
}

#[tokio::test]
async fn only_what_the_logs_own_key_signed_is_believed() {
    let [folder, other] = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let (signer, other) = (signer(&folder).await, self::signer(&other).await);
    let acme = "acme".parse().expect("a name");
    let origin = signer.origin(Some(&acme));
    let key_text = signer.verifier_key(&origin).to_string();
    let key = trust::key(&key_text, &acme).expect("the log's key");
    assert!(trust::key(&key_text, &"rival".parse().expect("a name")).is_err(), "another log's key");

    let log = LogName::Server;
    let note = signer.checkpoint(log, &origin).await.expect("signed").expect("it has an entry");
    let checkpoint = trust::checkpoint(&note, &key).expect("it is signed");
    assert_eq!((checkpoint.size, checkpoint.root), (1, Sha256::of(b"entry")));
    let forged = other.checkpoint(log, &origin).await.expect("signed").expect("it has an entry");
    let of_another_log =
        signer.checkpoint(LogName::Organisation(domain::ids::OrganisationId::named(&acme)), "host/log/x");
    let of_another_log = of_another_log.await.expect("signed").expect("it has an entry");
    for bad in [forged, of_another_log, note.replacen("\n1\n", "\n2\n", 1), String::new()] {
        assert!(trust::checkpoint(&bad, &key).is_err(), "{bad}");
    }

    // A note about no keys is no note about some.
    let about_none = signer.note(&origin, feed::signing_keys_text(&origin, &[]));
    assert!(trust::signing_keys(&[], &about_none, &key).expect("it is signed").is_empty());
    assert!(trust::signing_keys(&["{}".to_owned()], &about_none, &key).is_err());
    assert!(trust::signing_keys(&[], &note, &key).is_err(), "a checkpoint is no note on keys");
    let about_nonsense = signer.note(&origin, feed::signing_keys_text(&origin, &["{}".to_owned()]));
    assert!(trust::signing_keys(&["{}".to_owned()], &about_nonsense, &key).is_err());
}

#[tokio::test]
async fn a_bundle_with_a_key_that_does_not_end_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let locations = Locations { folder: Some(folder.path().join("replica")), ..Locations::default() };
    let data = DataFolder::open(&locations).expect("a folder");
    let mut replica = Replica::open(data).await.expect("a replica");
    for (bytes, is_read) in [(NOTE_MAX_BYTES, true), (NOTE_MAX_BYTES + 1, false)] {
        let path = folder.path().join(format!("bundle-{bytes}"));
        let bundle = ArchiveFolder::open(&path, Format::Bundle, &[LOG_KEY]).expect("a folder");
        let text = vec![b'x'; usize::try_from(bytes).expect("not so many")];
        let key = bundle.put(LOG_KEY, &mut text.as_slice()).expect("written");
        let manifest = Manifest {
            format: Format::Bundle,
            made_at: Utc::now(),
            organisation: Some("acme".parse().expect("a name")),
            log: bundle.log().expect("a log").finish().expect("written"),
            blobs: archive::BlobsPart::default(),
            files: [(LOG_KEY.to_owned(), key)].into(),
        };
        bundle.end(Ok::<_, ArchiveError>(manifest)).expect("a bundle");
        let refused = load(&mut replica, &path, None, &|_, _, _| {}).await.expect_err("it is no key");
        let is_too_long = matches!(refused, ReplicaError::Archive(ArchiveError::TooLong { .. }));
        assert_eq!(is_too_long, !is_read, "{refused}");
    }
}
