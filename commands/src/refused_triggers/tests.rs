use domain::{
    names::{OrganisationName, ProjectName},
    project::{GitUrl, Trigger},
    recorded::{Actor, Position},
};
use event_log::event_store::{LogReader as _, sqlite::SqliteEventStore};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::*;

const PROJECT: ProjectId = ProjectId(uuid::Uuid::from_u128(1));

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a time")
}

fn note(refused: &RefusedTriggers, reason: TriggerRefused, second: i64) {
    refused.note(PROJECT, reason, at(second));
}

fn counts(taken: &[((ProjectId, TriggerRefused), Refused)]) -> Vec<u64> {
    taken.iter().map(|(_, refused)| refused.count).collect()
}

#[tokio::test]
async fn the_first_refusal_is_recorded_at_once_and_a_flood_once_a_minute() {
    let (refused, start) = (RefusedTriggers::default(), Instant::now());
    note(&refused, TriggerRefused::WrongSignature, 1);
    assert_eq!(counts(&refused.take_due(start)), [1]);
    for second in 2..1_002 {
        note(&refused, TriggerRefused::WrongSignature, second);
    }
    assert_eq!(refused.take_due(start + RECORD_EVERY - Duration::from_millis(1)), []);
    assert_eq!(refused.next_due(), Some(start + RECORD_EVERY));
    let flood = Refused { count: 1_000, first_at: at(2), last_at: at(1_001) };
    assert_eq!(refused.take_due(start + RECORD_EVERY), [((PROJECT, TriggerRefused::WrongSignature), flood)]);
    assert_eq!(refused.next_due(), None);
}

#[tokio::test]
async fn the_first_of_a_reason_is_recorded_at_once_while_another_reason_waits() {
    let folder = TempDir::new().expect("a folder");
    let store = Arc::new(SqliteEventStore::open(&folder.path().join("log.sqlite")).await.expect("a log"));
    let executor = Arc::new(Executor::new(store.clone(), Utc::now));
    let organisation: OrganisationName = "acme".parse().expect("a name");
    let name: ProjectName = "web".parse().expect("a name");
    let project = ProjectId::named(&organisation, &name);
    let source = GitUrl::parse("https://example.org/web.git", false).expect("a URL");
    let add = Command::Add { organisation, name, source, trigger: Trigger::GithubWebhook };
    executor.execute::<Project>(project.0, add, &Context::of(Actor::CommandLine)).await.expect("added");

    let refused = RefusedTriggers::default();
    let _recording = AbortOnDropHandle::new(tokio::spawn(refused.clone().record(executor)));
    let recorded_at = async |position: Position| {
        let mut hint = store.hint();
        while store.head().await.expect("readable") < position {
            hint.changed().await.expect("the log is open");
        }
    };
    let added = store.head().await.expect("readable");
    refused.note(project, TriggerRefused::OtherTrigger, Utc::now());
    timeout(RECORD_EVERY / 2, recorded_at(Position(added.0 + 1))).await.expect("the first is recorded");
    refused.note(project, TriggerRefused::OtherTrigger, Utc::now());
    // The test runs on one thread: now the recorder sees what has to wait.
    tokio::task::yield_now().await;
    refused.note(project, TriggerRefused::WrongSignature, Utc::now());
    timeout(RECORD_EVERY / 2, recorded_at(Position(added.0 + 2))).await.expect("and so is the first of another reason");
}

#[tokio::test]
async fn reasons_are_counted_apart_and_forgotten_when_nothing_comes() {
    let (refused, start) = (RefusedTriggers::default(), Instant::now());
    note(&refused, TriggerRefused::WrongSignature, 1);
    note(&refused, TriggerRefused::TooMany, 1);
    assert_eq!(counts(&refused.take_due(start)), [1, 1]);
    assert_eq!(refused.take_due(start + RECORD_EVERY), []);
    assert!(refused.0.counts.lock().expect("a lock").is_empty());
}

#[tokio::test]
async fn no_more_than_so_many_are_counted() {
    let (refused, start) = (RefusedTriggers::default(), Instant::now());
    for n in 0..=COUNTED_MAX as u128 {
        refused.note(ProjectId(uuid::Uuid::from_u128(n)), TriggerRefused::WrongToken, at(1));
    }
    assert_eq!(refused.take_due(start).len(), COUNTED_MAX);
}
