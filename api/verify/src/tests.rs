#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
//! Any change of a stored event is detected.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{TimeDelta, TimeZone as _, Utc};
use composition::{Projected, Scope, every_projector};
use domain::{
    canonical,
    digest::Sha256,
    event::{BlobKind, Event, encode},
    ids::{CommandId, EventId, OrganisationId, ProjectId, ReleaseId},
    merkle, organisation, project,
    recorded::{Actor, Metadata, RawEvent, Recorded, StreamId},
    release,
    stream_kind::StreamKind,
};
use event_log::event_store::{
    EventStore as _, Expected, Filter, LogReader as _, NewEvent,
    sqlite::{ReadOnlySqliteEventStore, SqliteEventStore},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use stores::blobs::Blobs;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

/// How many changes are tried; `PKGDEPLOY_TEST_MUTATIONS` asks for more, which takes a tenth of a second each.
const MUTATIONS: usize = 200;
const RELEASES: u128 = 10;

/// A log with its live read models, as a server leaves them.
struct Written {
    folder: TempDir,
    events: Vec<Recorded<RawEvent>>,
}

fn facts() -> Vec<(StreamId, Event)> {
    let mut facts = Vec::new();
    for name in ["acme", "other"] {
        let organisation = name.parse().unwrap();
        let (id, project) =
            (OrganisationId::named(&organisation), ProjectId::named(&organisation, &"web".parse().unwrap()));
        facts.push((
            StreamId::new(StreamKind::Organisation, id.0),
            organisation::Event::Created { name: organisation.clone() }.into(),
        ));
        let added = project::Event::Added {
            organisation: organisation.clone(),
            name: "web".parse().unwrap(),
            source: "https://example.org/web.git".to_owned(),
            trigger: project::Trigger::ApiEndpoint,
        };
        facts.push((StreamId::new(StreamKind::Project, project.0), added.into()));
        for n in 0..RELEASES {
            let stream = StreamId::new(StreamKind::Release, ReleaseId(Uuid::from_u128(project.0.as_u128() ^ n)).0);
            let received = release::Event::Received {
                organisation: organisation.clone(),
                project,
                tag: format!("v{n}").parse().unwrap(),
                version: n.to_string().parse().unwrap(),
            };
            facts.push((stream.clone(), received.into()));
            facts.push((stream, release::Event::Cancelled.into()));
        }
    }
    facts
}

impl Written {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteEventStore::open(folder.path().join("log.sqlite")).await.unwrap());
        for (n, (stream, event)) in (1_u32..).zip(facts()) {
            let metadata = Metadata {
                recorded_at: Utc.timestamp_opt(1_795_000_000, 0).unwrap() + TimeDelta::milliseconds(i64::from(n)),
                actor: Actor::Worker { name: "releases".to_owned() },
                command_id: CommandId(Uuid::from_u128(u128::from(n) << 64 | 7)),
                causation: Some(EventId(Uuid::from_u128(u128::from(n)))),
                origin: None,
            };
            let event_id = EventId(Uuid::from_u128(u128::from(n) << 70 | 9));
            let new = NewEvent { event_id, event: encode(&event), metadata };
            store.append(&stream, Expected::Any, vec![new]).await.unwrap();
        }
        let blobs = Blobs::local(folder.path().join("blobs")).unwrap();
        let read_models = folder.path().join("read_models.sqlite");
        let opened = Projected::open(read_models, store.clone(), &blobs, Scope::Everything).await.unwrap();
        let (Projected { readers, .. }, runner, progress) = opened;
        let running = tokio::spawn(runner.run());
        let head = store.head().await.unwrap();
        progress.wait_for(head).await.unwrap();
        running.abort();
        let events = store.read_all(Position(0), &Filter::all(), u32::MAX).await.unwrap().events;
        store.close().await;
        readers.close().await;
        Self { folder, events }
    }

    /// The report on the log as it was written, with read models that were changed by `sql`.
    async fn verified_after(&self, sql: &str) -> Report {
        let changed = self.folder.path().join("changed_read_models.sqlite");
        let _none_before = std::fs::remove_file(&changed);
        let live = SqliteConnectOptions::new().filename(self.folder.path().join("read_models.sqlite")).read_only(true);
        let mut live = SqliteConnection::connect_with(&live).await.unwrap();
        let copy = sqlx::query("vacuum into ?").bind(changed.to_string_lossy().into_owned());
        copy.execute(&mut live).await.unwrap();
        let mut rows = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&changed)).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut rows).await.unwrap();
        rows.close().await.unwrap();
        self.verified_with(&self.copy("whole.sqlite"), Some(changed), None).await
    }

    /// The report on the log at `log`, beside the live read models.
    async fn verified(&self, log: &Path) -> Report {
        self.verified_with(log, Some(self.folder.path().join("read_models.sqlite")), None).await
    }

    async fn verified_with(&self, log: &Path, read_models: Option<PathBuf>, signed_logs: Option<PathBuf>) -> Report {
        let log = Arc::new(ReadOnlySqliteEventStore::open(log).await.unwrap());
        let sources = Sources {
            projectors: every_projector,
            log,
            blobs: Blobs::local(self.folder.path().join("blobs")).unwrap(),
            read_models,
            signed_logs,
            scratch: self.folder.path().to_owned(),
        };
        let report = verify(&sources, Span::default(), &Silent).await.unwrap();
        sources.log.close().await;
        report
    }

    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        std::fs::copy(self.folder.path().join("log.sqlite"), &copy).unwrap();
        copy
    }
}

/// A change of one stored event, and the positions that a finding may name for it.
async fn mutate(log: &Path, random: &mut StdRng, last: u64) -> (String, std::ops::RangeInclusive<u64>) {
    let mut rows = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(log)).await.unwrap();
    for trigger in ["event_is_never_updated", "event_is_never_deleted"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("drop trigger {trigger}"))).execute(&mut rows).await.unwrap();
    }
    let position = random.gen_range(1..=last);
    let run = async |rows: &mut SqliteConnection, sql: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(rows).await.unwrap();
    };
    let outcome = match random.gen_range(0..8) {
        0 => {
            run(&mut rows, format!("delete from event where position = {position}")).await;
            // The event before it, for the last one; the one after it otherwise.
            ("delete".to_owned(), position.saturating_sub(1)..=position + 1)
        }
        1 => {
            let sql = format!(
                "update event set position = position + 10000 where position >= {position}; \
                 insert into event select {position}, stream_id, 900, randomblob(16), name, schema_version, metadata, payload \
                 from event where position = {position} + 10000; \
                 update event set position = position - 9999 where position > 10000"
            );
            run(&mut rows, sql).await;
            ("insert".to_owned(), position..=position)
        }
        2 => {
            let (a, b) = (position.min(last - 1), position.min(last - 1) + 1);
            let sql = format!(
                "update event set position = 0 where position = {a}; update event set position = {a} where position = {b}; \
                 update event set position = {b} where position = 0"
            );
            run(&mut rows, sql).await;
            ("reorder".to_owned(), a..=a)
        }
        3 => {
            run(&mut rows, format!("delete from event where position >= {position}")).await;
            ("truncate".to_owned(), position.saturating_sub(1)..=position)
        }
        _ => {
            let column =
                *["payload", "metadata", "name", "event_id", "revision", "schema_version"].choose(random).unwrap();
            flip(&mut rows, column, position, random).await;
            (format!("flip in {column}"), position..=position)
        }
    };
    rows.close().await.unwrap();
    outcome
}

async fn flip(rows: &mut SqliteConnection, column: &str, position: u64, random: &mut StdRng) {
    let sql = format!("select cast({column} as blob) as was from event where position = {position}");
    let was: Vec<u8> = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *rows).await.unwrap().get("was");
    let mut now = was.clone();
    while now == was {
        let at = random.gen_range(0..now.len());
        now[at] = match column {
            "event_id" => random.r#gen(),
            "revision" | "schema_version" => random.gen_range(b'1'..=b'9'),
            _ => random.gen_range(b' '..=b'~'),
        };
    }
    let value = match column {
        "event_id" => format!("x'{}'", hex::encode(&now)),
        "revision" | "schema_version" => String::from_utf8(now).unwrap(),
        _ => format!("cast(x'{}' as text)", hex::encode(&now)),
    };
    let sql = format!("update or ignore event set {column} = {value} where position = {position}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(rows).await.unwrap();
}

/// The lines of the log, as far as they can be read.
async fn lines(log: &Path) -> Option<Vec<String>> {
    let store = ReadOnlySqliteEventStore::open(log).await.unwrap();
    let page = store.read_all(Position(0), &Filter::all(), u32::MAX).await.ok();
    store.close().await;
    page.map(|page| page.events.iter().map(canonical::line).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_random_changes_to_a_log_each_is_found_and_named() {
    let mutations = std::env::var("PKGDEPLOY_TEST_MUTATIONS").map_or(MUTATIONS, |asked| asked.parse().unwrap());
    let written = Written::new().await;
    let good = written.verified(&written.copy("good.sqlite")).await;
    assert!(good.is_good(), "{good}");
    assert_eq!(good.not_compared, None);
    let before: Vec<String> = written.events.iter().map(canonical::line).collect();
    let mut random = StdRng::seed_from_u64(4);
    let (mut found, mut void) = (0, 0);
    while found < mutations {
        let log = written.copy("changed.sqlite");
        let (what, positions) = mutate(&log, &mut random, before.len() as u64).await;
        // An id in capital letters, say, is the same event in other bytes.
        if lines(&log).await.is_some_and(|lines| lines == before) {
            void += 1;
            continue;
        }
        let report = written.verified(&log).await;
        let named = report.findings.first().is_some_and(|first| positions.contains(&first.place.position.0));
        assert!(named, "mutation {found}: {what}, expected at {positions:?}: {report}");
        found += 1;
    }
    assert!(void < mutations / 10, "{void} changes left every event as it was");
}

#[tokio::test]
async fn a_log_that_was_cut_off_is_found_by_what_was_signed_without_read_models() {
    let written = Written::new().await;
    let signed = written.folder.path().join("signed_logs");
    std::fs::create_dir(&signed).unwrap();
    let root = |events: &[Recorded<RawEvent>]| {
        let mut tree = merkle::Accumulator::default();
        events.iter().for_each(|event| tree.push(merkle::leaf_hash(canonical::line(event).as_bytes())));
        tree.root()
    };
    // Each organisation has the half of the events, one after the other.
    let (all, half) = (written.events.as_slice(), written.events.len() / 2);
    let acme = OrganisationId::named(&"acme".parse().unwrap()).to_string();
    let other = OrganisationId::named(&"other".parse().unwrap()).to_string();
    let verified = async |log: &Path, states: &[(&str, usize, Sha256)]| {
        for (name, size, root) in states {
            std::fs::write(signed.join(name), format!("{size} {root}\n")).unwrap();
        }
        let report = written.verified_with(log, None, Some(signed.clone())).await;
        states.iter().for_each(|(name, ..)| std::fs::remove_file(signed.join(name)).unwrap());
        report
    };
    let states = [
        ("server", all.len() - 1, root(&all[..all.len() - 1])),
        (&*acme, half, root(&all[..half])),
        (&*other, half, root(&all[half..])),
    ];
    let whole = written.copy("whole.sqlite");
    let good = verified(&whole, &states).await;
    assert!(good.is_good(), "{good}");

    let cut = written.copy("cut.sqlite");
    let mut rows = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&cut)).await.unwrap();
    let cut_off = format!("drop trigger event_is_never_deleted; delete from event where position > {}", half + 2);
    sqlx::raw_sql(sqlx::AssertSqlSafe(cut_off)).execute(&mut rows).await.unwrap();
    rows.close().await.unwrap();
    for state in states {
        let report = verified(&cut, &[state]).await;
        match state.0 == acme {
            true => assert!(report.is_good(), "{report}"),
            false => {
                let found = report.findings.first().expect("it is found");
                assert_eq!(found.place.position, Position(half as u64 + 2), "{report}");
                assert!(found.what.contains("events after this position are missing"), "{report}");
            }
        }
    }

    let forged = verified(&whole, &[(&*acme, half, root(&all[..1]))]).await;
    let found = forged.findings.first().expect("it is found");
    assert_eq!(found.place.position, Position(half as u64), "{forged}");
    assert!(found.what.contains("is not the one that was recorded"), "{forged}");

    std::fs::write(signed.join("holiday.jpg"), "").unwrap();
    let log = Arc::new(ReadOnlySqliteEventStore::open(&whole).await.unwrap());
    let sources = Sources {
        projectors: every_projector,
        log,
        blobs: Blobs::local(written.folder.path().join("blobs")).unwrap(),
        read_models: None,
        signed_logs: Some(signed),
        scratch: written.folder.path().to_owned(),
    };
    let refused = verify(&sources, Span::default(), &Silent).await.expect_err("another program created the file");
    let refused = domain::error_chain::ErrorChain(&refused).to_string();
    assert!(refused.contains("holiday.jpg is not the name of a transparency log"), "{refused}");
}

/// What is found, in one text.
fn found(report: &Report) -> String {
    report.findings.iter().map(|finding| format!("{}: {}\n", finding.place, finding.what)).collect()
}

#[tokio::test]
async fn what_is_wrong_with_the_live_read_models_is_a_finding_and_the_rest_is_checked() {
    let written = Written::new().await;
    let good = written.verified_after("select 1").await;
    assert!(good.is_good() && good.not_compared.is_none(), "{good}");
    for (change, expected) in [
        ("drop table release", "have no table release"),
        ("drop table projector_checkpoint", "cannot be compared"),
        ("delete from projector_checkpoint where name = 'dashboard'", "do not say how far dashboard had come"),
        ("alter table release add column note text", "release cannot be compared"),
        (
            "update projector_checkpoint set version = version + 1 where name = 'dashboard'",
            "if a newer program made them",
        ),
        ("create view spies as select * from release", "have a view spies"),
        ("create trigger spies after update on release begin delete from release; end", "have a trigger spies"),
    ] {
        let report = written.verified_after(change).await;
        assert!(found(&report).contains(expected), "{change}: {report}");
        assert_eq!((report.events, report.findings.len()), (good.events, 1), "{change}: {report}");
    }
    let report =
        written.verified_after("update projector_checkpoint set version = version - 1 where name = 'dashboard'").await;
    assert!(report.is_good(), "an older version's rows are no fault: {report}");
    assert!(report.not_compared.as_ref().is_some_and(|why| why.contains("dashboard are of version")), "{report}");

    for garbage in ["no database at all, though it is long enough for the first page of one".repeat(99), String::new()]
    {
        let file = written.folder.path().join("garbage.sqlite");
        std::fs::write(&file, &garbage).unwrap();
        let report = written.verified_with(&written.copy("whole.sqlite"), Some(file.clone()), None).await;
        assert!(found(&report).contains("garbage.sqlite cannot be compared"), "{report}");
        assert_eq!(report.not_compared.as_deref(), Some("the live ones cannot be read"));
        assert_eq!((report.events, report.findings.len()), (good.events, 1), "{report}");
        assert_eq!(std::fs::read_to_string(file).unwrap(), garbage, "it stays as it was");
    }
}

#[tokio::test]
async fn a_blob_that_cannot_be_read_is_a_finding_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::local(folder.path().join("blobs")).unwrap();
    let digest = Sha256::of(b"a folder is in its place");
    std::fs::create_dir_all(blobs.local_path(digest).unwrap()).unwrap();
    for kind in [BlobKind::Whole, BlobKind::Segmented] {
        let named = HashMap::from([(digest, (Place::at(Position(7)), kind))]);
        let pass = blobs::run(&blobs, named, &Silent).await;
        assert_eq!(pass.findings.len(), 1);
        assert_eq!(pass.findings[0].place, Place::at(Position(7)));
        assert!(pass.findings[0].what.contains(&digest.to_string()), "{}", pass.findings[0].what);
        assert!(pass.findings[0].what.contains("directory"), "{}", pass.findings[0].what);
    }
}
