#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
//! A restore returns exactly what was backed up, or reports the difference.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use chrono::{TimeZone as _, Utc};
use domain::{
    event::encode,
    ids::{CommandId, EventId, ReleaseId},
    recorded::{Actor, Metadata, Position, StreamId},
    release,
    stream_kind::StreamKind,
};
use event_log::{
    event_store::{self, Expected, LogUrl, NewEvent},
    log_lines,
};
use futures::FutureExt as _;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{
    Archive,
    data_folder::{DataFolderError, Locations},
    pack,
};

const COPIES: Options = Options { with_master_key: false, blobs: HowBlobs::Copied, is_checked: false };

/// A data folder with an open log, as under a running server.
struct Live {
    folder: TempDir,
    data: DataFolder,
    log: Arc<dyn EventStore>,
    blobs: Blobs,
    events: u128,
}

fn at(root: &Path) -> Locations {
    Locations { folder: Some(root.to_owned()), ..Locations::default() }
}

fn data_folder(root: &Path) -> DataFolder {
    DataFolder::open(&at(root)).unwrap()
}

impl Live {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = data_folder(&folder.path().join("data"));
        let log = event_store::open(data.log()).await.unwrap();
        let blobs = Blobs::local(data.blobs()).unwrap();
        fs::create_dir(data.secrets()).unwrap();
        fs::create_dir(data.signed_logs()).unwrap();
        fs::write(data.master_key(), [7; 32]).unwrap();
        Self { folder, data, log, blobs, events: 0 }
    }

    /// Records that a release failed, with a log of that text.
    async fn fails(&mut self, text: &str) -> Sha256 {
        let log = self.blobs.put_bytes(Bytes::from(text.to_owned())).await.unwrap();
        self.events += 1;
        let event = release::Event::Failed {
            step: release::Step::Building,
            code: "command_failed".to_owned(),
            message: text.to_owned(),
            log: Some(log),
        };
        let metadata = Metadata {
            recorded_at: Utc.timestamp_opt(1_795_000_000, 0).unwrap(),
            actor: Actor::Worker { name: "releases".to_owned() },
            command_id: CommandId(Uuid::from_u128(7)),
            causation: None,
            origin: None,
        };
        let stream = StreamId::new(StreamKind::Release, ReleaseId(Uuid::from_u128(self.events)).0);
        let event_id = EventId(Uuid::from_u128(self.events));
        let new = NewEvent { event_id, event: encode(&event.into()), metadata };
        self.log.append(&stream, Expected::NEW, vec![new]).await.unwrap();
        log
    }

    fn seals(&self, id: u128, text: &str) -> PathBuf {
        let path = self.data.secrets().join(Uuid::from_u128(id).to_string());
        fs::write(&path, text).unwrap();
        path
    }

    /// The number of blobs in the backup, and the other files among them.
    fn copied_blobs(&self) -> usize {
        fn files(path: &Path) -> usize {
            let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
        }
        files(&self.path("backup/blobs"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn backed_up(&self, options: Options) -> Result<Manifest, BackupError> {
        let sources = Sources { log: &*self.log, blobs: &self.blobs, data: &self.data };
        let now = Utc.timestamp_opt(1_795_000_001, 0).unwrap();
        backup(&sources, &self.path("backup"), options, now, &|_, _, _| {}).await
    }

    /// Restores into a folder of that name.
    async fn restored(&self, from: &str, to: &str) -> Result<(Restored, DataFolder), RestoreError> {
        let locations = at(&self.path(to));
        let restored = self.restored_by(from, &locations, DamagedBlobs::Refused, &|_, _, _| {}).await?;
        Ok((restored, DataFolder::open(&locations).unwrap()))
    }

    async fn restored_by(
        &self,
        from: &str,
        locations: &Locations,
        damaged: DamagedBlobs,
        watch: Watch<'_>,
    ) -> Result<Restored, RestoreError> {
        let archive = Archive::open(&self.path(from), Format::Backup)?;
        let data = DataFolder::to_restore(locations).unwrap();
        let unfinished = Unfinished::begin(&data, &archive)?;
        let log = event_store::open(data.log()).await.unwrap();
        let restoring = restore(&archive, &data, &*log, unfinished, damaged, watch);
        let ended = std::panic::AssertUnwindSafe(restoring).catch_unwind().await;
        log.close().await;
        ended.unwrap_or_else(|killed| std::panic::resume_unwind(killed))
    }

    /// The same, killed in that step.
    async fn killed(&self, locations: &Locations, during: &str) {
        let watch = |step: crate::Step, _, _| assert!(!step.words.starts_with(during), "killed");
        let restoring = self.restored_by("backup", locations, DamagedBlobs::Refused, &watch);
        std::panic::AssertUnwindSafe(restoring).catch_unwind().await.unwrap_err();
    }

    async fn root(&self) -> Sha256 {
        let head = self.log.head().await.unwrap();
        log_lines::export(&*self.log, head, &mut Vec::new(), |_| {}).await.unwrap().root
    }
}

#[tokio::test]
async fn a_restore_has_the_same_root_as_the_backup() {
    let mut live = Live::new().await;
    let first = live.fails("one").await;
    live.fails("two").await;
    live.seals(1, "sealed");
    fs::write(live.data.signed_logs().join("server"), "2 root").unwrap();
    let manifest = live.backed_up(COPIES).await.unwrap();
    assert_eq!(manifest.log.merkle_root, live.root().await);
    assert_eq!((manifest.log.events, manifest.blobs.count, manifest.blobs.bytes), (2, 2, 6));
    pack(&live.path("backup"), &live.path("backup.tar")).unwrap();

    for (from, to) in [("backup", "from-folder"), ("backup.tar", "from-file")] {
        let (restored, data) = live.restored(from, to).await.unwrap();
        assert_eq!((restored.merkle_root, restored.events), (manifest.log.merkle_root, 2));
        assert_eq!(Blobs::local(data.blobs()).unwrap().get(first).await.unwrap(), "one");
        let sealed = data.secrets().join(Uuid::from_u128(1).to_string());
        assert_eq!(fs::read_to_string(&sealed).unwrap(), "sealed");
        assert_eq!(fs::read_to_string(data.signed_logs().join("server")).unwrap(), "2 root");
        for private in [data.path().to_owned(), data.secrets(), sealed, live.path(from)] {
            assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o077, 0, "{}", private.display());
        }
        let again = live.restored(from, to).await.map(drop);
        assert!(matches!(again, Err(RestoreError::NotEmpty { .. })), "{again:?}");
    }
}

#[tokio::test]
async fn the_master_key_is_in_a_backup_only_if_it_was_asked_for() {
    let mut live = Live::new().await;
    live.fails("one").await;
    live.backed_up(COPIES).await.unwrap();
    let (_, data) = live.restored("backup", "without").await.unwrap();
    assert!(!data.master_key().exists());
    live.backed_up(Options { with_master_key: true, ..COPIES }).await.unwrap();
    let (_, data) = live.restored("backup", "with").await.unwrap();
    assert_eq!(fs::read(data.master_key()).unwrap(), [7; 32]);
    // A later backup without it removes it from the folder.
    live.backed_up(COPIES).await.unwrap();
    let keys = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(MASTER_KEY);
    assert!(!fs::read_dir(live.path("backup")).unwrap().any(|entry| keys(&entry.unwrap())));
}

#[tokio::test]
async fn a_later_backup_adds_what_is_new_and_forgets_secrets_that_ended() {
    let mut live = Live::new().await;
    let first = live.fails("one").await;
    let ended = live.seals(1, "ended");
    live.backed_up(COPIES).await.unwrap();
    let copied = live.path("backup/blobs").join(stores::blobs::place(first));
    let before = fs::metadata(&copied).unwrap().modified().unwrap();
    fs::remove_file(ended).unwrap();
    live.seals(2, "new");
    live.fails("two").await;
    // As an interrupted attempt leaves it.
    fs::write(live.path("backup/secrets").join(Uuid::from_u128(3).to_string()), "stray").unwrap();
    let mut log = fs::OpenOptions::new().append(true).open(live.path("backup/log.ndjson")).unwrap();
    std::io::Write::write_all(&mut log, b"{\"half\":").unwrap();

    let manifest = live.backed_up(COPIES).await.unwrap();
    assert_eq!(manifest.log.events, 2);
    assert_eq!(fs::metadata(&copied).unwrap().modified().unwrap(), before, "a blob is copied once");
    let names: Vec<_> = fs::read_dir(live.path("backup/secrets")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, [format!("{}.{}", Uuid::from_u128(2), Sha256::of(b"new")).as_str()]);
    let (restored, _) = live.restored("backup", "to").await.unwrap();
    assert_eq!(restored.merkle_root, live.root().await);
}

#[tokio::test]
async fn hard_links_are_the_same_file_and_copies_are_not() {
    use std::os::unix::fs::MetadataExt as _;
    for (blobs, links) in [(HowBlobs::Copied, 1), (HowBlobs::Linked, 2)] {
        let mut live = Live::new().await;
        let blob = live.fails("one").await;
        live.backed_up(Options { blobs, ..COPIES }).await.unwrap();
        assert_eq!(fs::metadata(live.blobs.local_path(blob).unwrap()).unwrap().nlink(), links);
    }
}

/// Changes a secret, a signed state and the counts of key usage.
fn moves_on(live: &Live, how: &str) {
    live.seals(1, how);
    fs::write(live.data.signed_logs().join("server"), how).unwrap();
}

#[tokio::test]
async fn an_interrupted_backup_leaves_the_previous_one_intact() {
    let mut live = Live::new().await;
    live.fails("one").await;
    moves_on(&live, "before");
    let kept = live.backed_up(COPIES).await.unwrap();
    moves_on(&live, "after");
    live.fails("two").await;

    let sources = Sources { log: &*live.log, blobs: &live.blobs, data: &live.data };
    let path = live.path("backup");
    let killed = backup(&sources, &path, COPIES, Utc::now(), &|_, _, _| panic!("killed"));
    std::panic::AssertUnwindSafe(killed).catch_unwind().await.unwrap_err();
    let (restored, data) = live.restored("backup", "to").await.unwrap();
    assert_eq!(restored.merkle_root, kept.log.merkle_root);
    assert_eq!(fs::read_to_string(data.signed_logs().join("server")).unwrap(), "before");

    live.backed_up(COPIES).await.unwrap();
    let (_, data) = live.restored("backup", "again").await.unwrap();
    assert_eq!(fs::read_to_string(data.signed_logs().join("server")).unwrap(), "after");
    assert_eq!(fs::read_dir(live.path("backup/signed_logs")).unwrap().count(), 1, "the older one is gone");

    // A file of an interrupted run, in a folder that no later run used.
    fs::write(live.path("backup/blobs/.unfinished-1"), "").unwrap();
    fs::write(live.path("backup/blobs").join(Sha256::of(b"").to_string()), "").unwrap();
    live.backed_up(COPIES).await.unwrap();
    assert_eq!(live.copied_blobs(), 2);
}

#[tokio::test]
async fn a_backup_of_another_log_or_an_earlier_state_never_replaces_an_existing_one() {
    let mut live = Live::new().await;
    live.fails("one").await;
    live.fails("two").await;
    moves_on(&live, "kept");
    let kept = live.backed_up(COPIES).await.unwrap();
    for texts in [&["one", "other"][..], &["one"], &["one", "other", "more"]] {
        let mut other = Live::new().await;
        for text in texts {
            other.fails(text).await;
        }
        moves_on(&other, "other");
        let sources = Sources { log: &*other.log, blobs: &other.blobs, data: &other.data };
        let refused = backup(&sources, &live.path("backup"), COPIES, Utc::now(), &|_, _, _| {}).await;
        let is_refused = matches!(refused, Err(BackupError::Archive(ArchiveError::OtherLog { events: 2, .. })));
        assert!(is_refused, "{texts:?}: {refused:?}");
    }
    let (restored, data) = live.restored("backup", "to").await.unwrap();
    assert_eq!(restored.merkle_root, kept.log.merkle_root);
    assert_eq!(fs::read_to_string(data.signed_logs().join("server")).unwrap(), "kept");
    assert_eq!(fs::read_dir(live.path("backup/secrets")).unwrap().count(), 1, "and no other's secret stays there");
    assert_eq!(live.copied_blobs(), 2, "nor another's blobs");
}

#[tokio::test]
async fn a_lost_or_damaged_blob_is_listed_and_the_rest_is_backed_up() {
    let mut live = Live::new().await;
    let lost = live.fails("lost").await;
    let damaged = live.fails("damaged").await;
    let good = live.fails("good").await;
    fs::remove_file(live.blobs.local_path(lost).unwrap()).unwrap();
    fs::write(live.blobs.local_path(damaged).unwrap(), "damageD").unwrap();
    let manifest = live.backed_up(COPIES).await.unwrap();
    assert_eq!(lacks(&manifest), Some(&BTreeSet::from([lost, damaged])));
    let (restored, data) = live.restored("backup", "to").await.unwrap();
    assert_eq!((restored.missing_blobs, restored.blobs), (2, 1));
    assert_eq!(Blobs::local(data.blobs()).unwrap().get(good).await.unwrap(), "good");
}

#[tokio::test]
async fn what_an_earlier_backup_copied_stays_when_a_blob_is_lost() {
    let mut live = Live::new().await;
    let lost = live.fails("lost").await;
    live.backed_up(COPIES).await.unwrap();
    // If it was a segmented file, its segments are unknown.
    fs::write(live.path("backup/blobs").join(Sha256::of(b"piece").to_string()), "piece").unwrap();
    fs::remove_file(live.blobs.local_path(lost).unwrap()).unwrap();
    let manifest = live.backed_up(COPIES).await.unwrap();
    assert_eq!(lacks(&manifest), Some(&BTreeSet::from([lost])));
    assert_eq!(live.copied_blobs(), 2);
}

#[tokio::test]
async fn any_change_of_a_backup_is_detected_before_an_event_is_recorded() {
    let mut live = Live::new().await;
    let blob = live.fails("one").await;
    live.fails("two").await;
    live.seals(1, "sealed");
    live.backed_up(COPIES).await.unwrap();
    let place = stores::blobs::place(blob);
    let secret = format!("secrets/{}.{}", Uuid::from_u128(1), Sha256::of(b"sealed"));
    let log = fs::read_to_string(live.path("backup/log.ndjson")).unwrap();
    let shorter = log.lines().next().unwrap().to_owned() + "\n";
    let manifest = fs::read_to_string(live.path("backup/manifest.json")).unwrap();
    for (n, (file, text, says)) in [
        (format!("blobs/{place}"), "two".to_owned(), "damaged"),
        (secret, "opened".to_owned(), "damaged"),
        ("log.ndjson".to_owned(), log.replacen("\"message\":\"one\"", "\"message\":\"eno\"", 1), "damaged"),
        ("log.ndjson".to_owned(), log.replacen('{', "[", 1), "line 1"),
        ("log.ndjson".to_owned(), shorter, "damaged"),
        ("log.ndjson".to_owned(), log.replacen("release.failed", "release.fallen", 1), "newer version"),
        ("manifest.json".to_owned(), manifest.replacen("secrets/", "secrets/../", 1), "does not belong into a backup"),
        ("manifest.json".to_owned(), manifest.replacen("backup 2", "bundle 2", 1), "it is a bundle"),
        ("manifest.json".to_owned(), "{}".to_owned(), "manifest.json"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = live.path("backup").join(&file);
        let before = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let to = format!("to-{n}");
        let refused = live.restored("backup", &to).await.map(drop).expect_err(&file);
        let refused = domain::error_chain::ErrorChain(&refused).to_string();
        assert!(refused.contains(says), "{file}: {refused}");
        if live.path(&to).join("log.sqlite").exists() {
            let data = DataFolder::to_restore(&at(&live.path(&to))).unwrap();
            let log = event_store::open_read_only(data.log()).await.unwrap();
            assert_eq!(log.head().await.unwrap(), Position(0), "{file}");
        }
        fs::write(&path, before).unwrap();
    }
    live.restored("backup", "to").await.unwrap();
}

#[tokio::test]
async fn damage_in_a_backup_is_detected_and_a_blob_is_copied_again() {
    let mut live = Live::new().await;
    let blob = live.fails("one").await;
    live.backed_up(COPIES).await.unwrap();
    let copied = live.path("backup/blobs").join(stores::blobs::place(blob));
    fs::write(&copied, "eno").unwrap();
    live.backed_up(Options { is_checked: true, ..COPIES }).await.unwrap();
    assert_eq!(fs::read_to_string(&copied).unwrap(), "one");

    let log = live.path("backup/log.ndjson");
    let lines = fs::read_to_string(&log).unwrap();
    fs::write(&log, lines.replacen("\"message\":\"one\"", "\"message\":\"eno\"", 1)).unwrap();
    let refused = live.backed_up(COPIES).await;
    assert!(matches!(refused, Err(BackupError::Archive(ArchiveError::Rotten { events: 1, .. }))), "{refused:?}");
}

#[tokio::test]
async fn after_an_interrupted_restore_only_another_restore_opens_the_folder() {
    let mut live = Live::new().await;
    live.fails("one").await;
    live.fails("two").await;
    live.seals(1, "sealed");
    let manifest = live.backed_up(Options { with_master_key: true, ..COPIES }).await.unwrap();
    for during in ["Checking", "Recording"] {
        let to = at(&live.path(during));
        live.killed(&to, during).await;
        for refused in [DataFolder::open(&to), DataFolder::existing(&to)] {
            assert!(matches!(refused, Err(DataFolderError::HalfRestored { .. })), "{during}: {refused:?}");
        }
        // Files that an operator added are neither used nor removed.
        fs::write(live.path(during).join("notes"), "").unwrap();
        let refused = live.restored("backup", during).await.map(drop);
        assert!(matches!(&refused, Err(RestoreError::Foreigner { what, .. }) if what == "notes"), "{refused:?}");
        fs::remove_file(live.path(during).join("notes")).unwrap();
        // Files of the first attempt are not reused.
        fs::write(live.path(during).join("secrets").join(Uuid::from_u128(9).to_string()), "stray").unwrap();
        let (restored, data) = live.restored("backup", during).await.unwrap();
        assert_eq!(restored.merkle_root, manifest.log.merkle_root);
        assert_eq!(fs::read_dir(data.secrets()).unwrap().count(), 1);
        assert!(!data.unfinished_restore().exists());
    }
}

#[tokio::test]
async fn a_restore_marks_the_folder_first_and_excludes_other_restores() {
    let mut live = Live::new().await;
    live.fails("one").await;
    live.backed_up(COPIES).await.unwrap();
    let archive = Archive::open(&live.path("backup"), Format::Backup).unwrap();
    let data = data_folder(&live.path("to"));
    let _first = Unfinished::begin(&data, &archive).unwrap();
    let names: Vec<_> = fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, [data.unfinished_restore()]);
    let second = Unfinished::begin(&data, &archive).map(drop);
    assert!(matches!(second, Err(RestoreError::Busy { .. })), "{second:?}");
}

#[tokio::test]
async fn an_interrupted_restore_into_a_log_elsewhere_continues() {
    let mut live = Live::new().await;
    live.fails("one").await;
    live.fails("two").await;
    let manifest = live.backed_up(COPIES).await.unwrap();
    let lines = fs::read_to_string(live.path("backup/log.ndjson")).unwrap();
    let first = lines.lines().next().unwrap().to_owned() + "\n";
    let other = first.replacen("\"message\":\"one\"", "\"message\":\"eno\"", 1);
    for (name, recorded, goes_on) in [("begun", first, true), ("other", other, false)] {
        let log: LogUrl = format!("sqlite:{}", live.path(&format!("{name}.sqlite")).display()).parse().unwrap();
        let mut to = at(&live.path(name));
        to.log = Some(log.clone());
        live.killed(&to, "Checking").await;
        let store = event_store::open(&log).await.unwrap();
        log_lines::import(&*store, &mut recorded.as_bytes(), |_| {}).await.unwrap();
        store.close().await;
        let restored = live.restored_by("backup", &to, DamagedBlobs::Refused, &|_, _, _| {}).await;
        match restored {
            Ok(restored) => assert!(goes_on && restored.merkle_root == manifest.log.merkle_root, "{name}"),
            Err(RestoreError::OtherLog { .. }) => assert!(!goes_on, "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
        // A log that no restore began is not changed, even if this backup continues it.
        let mut fresh = at(&live.path(&format!("fresh-{name}")));
        fresh.log = Some(log);
        let refused = live.restored_by("backup", &fresh, DamagedBlobs::Refused, &|_, _, _| {}).await.map(drop);
        assert!(matches!(refused, Err(RestoreError::LogNotEmpty { .. })), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn an_existing_master_key_is_kept_unless_it_is_the_backups() {
    let mut live = Live::new().await;
    live.fails("one").await;
    live.backed_up(Options { with_master_key: true, ..COPIES }).await.unwrap();
    for (name, key, is_same) in [("same", [7; 32], true), ("other", [8; 32], false)] {
        let to = Locations { master_key: Some(live.path(&format!("{name}.key"))), ..at(&live.path(name)) };
        fs::write(live.path(&format!("{name}.key")), key).unwrap();
        let restored = live.restored_by("backup", &to, DamagedBlobs::Refused, &|_, _, _| {}).await.map(drop);
        assert_eq!(restored.is_ok(), is_same, "{restored:?}");
        assert_eq!(fs::read(live.path(&format!("{name}.key"))).unwrap(), key);
    }
}

#[tokio::test]
async fn a_truncated_tar_file_is_reported() {
    let mut live = Live::new().await;
    live.fails(&"long ".repeat(1000)).await;
    // Its name with its digest is longer than a tar header allows.
    live.seals(1, "sealed");
    live.backed_up(COPIES).await.unwrap();
    pack(&live.path("backup"), &live.path("backup.tar")).unwrap();
    let whole = fs::read(live.path("backup.tar")).unwrap();
    let end_mark = 1024;
    for bytes in (0..whole.len() - end_mark).step_by(100).chain([whole.len() - end_mark]) {
        fs::write(live.path("cut.tar"), &whole[..bytes]).unwrap();
        let refused = live.restored("cut.tar", "to").await.map(drop).expect_err("it is cut off");
        let says = refused.to_string();
        assert!(matches!(refused, RestoreError::Archive(ArchiveError::CutOff { .. })), "{bytes}: {says}");
        assert!(says.contains("cut.tar") && says.contains(&format!("after {bytes} bytes")), "{says}");
        assert!(!live.path("to").exists(), "nothing is made for it");
    }
    live.restored("backup.tar", "to").await.unwrap();
}

#[tokio::test]
async fn damaged_blobs_of_a_backup_are_skipped_on_request() {
    let mut live = Live::new().await;
    let mut blobs = Vec::new();
    for text in ["gone", "rotten", "unreadable", "good"] {
        blobs.push(live.fails(text).await);
    }
    live.backed_up(COPIES).await.unwrap();
    let place = |blob: Sha256| live.path("backup/blobs").join(stores::blobs::place(blob));
    fs::remove_file(place(blobs[0])).unwrap();
    fs::write(place(blobs[1]), "rotteN").unwrap();
    fs::remove_file(place(blobs[2])).unwrap();
    fs::create_dir(place(blobs[2])).unwrap();
    let refused = live.restored("backup", "to").await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("--without-damaged"), "{refused}");

    // Into the same folder as the first attempt.
    let to = at(&live.path("to"));
    let restored = live.restored_by("backup", &to, DamagedBlobs::LeftOut, &|_, _, _| {}).await.unwrap();
    assert_eq!(restored.damaged_blobs, BTreeSet::from_iter(blobs[..3].iter().copied()));
    assert_eq!((restored.events, restored.blobs, restored.merkle_root), (4, 1, live.root().await));
    let data = DataFolder::open(&to).unwrap();
    assert_eq!(Blobs::local(data.blobs()).unwrap().get(blobs[3]).await.unwrap(), "good");

    // Any other error still ends the restore.
    fs::write(live.path("backup/log.ndjson"), "{}\n").unwrap();
    let to = at(&live.path("again"));
    let refused = live.restored_by("backup", &to, DamagedBlobs::LeftOut, &|_, _, _| {}).await.map(drop);
    assert!(matches!(refused, Err(RestoreError::Archive(ArchiveError::Line { line: 1, .. }))), "{refused:?}");
}

#[tokio::test]
async fn a_folder_with_other_content_is_not_changed() {
    let live = Live::new().await;
    fs::create_dir(live.path("backup")).unwrap();
    fs::write(live.path("backup/holiday.jpg"), "").unwrap();
    let refused = live.backed_up(COPIES).await;
    assert!(matches!(refused, Err(BackupError::Archive(ArchiveError::Occupied { .. }))), "{refused:?}");
    fs::remove_file(live.path("backup/holiday.jpg")).unwrap();
    let _held = ArchiveFolder::open(&live.path("backup"), Format::Backup, &[]).unwrap();
    let refused = live.backed_up(COPIES).await;
    assert!(matches!(refused, Err(BackupError::Archive(ArchiveError::Busy { .. }))), "{refused:?}");
}
