use composition::testing::Core;
use projections::{audit_index::Page, read_models::ReadModels};
use tempfile::TempDir;

use super::{super::Question, *};

#[tokio::test]
async fn an_answer_shows_what_was_recorded_just_before_the_question() {
    let core = Core::open().await;
    let newest = core.make_organisations(50).await;

    let auditor = Auditor::new(core.store.clone(), &core.projected.readers, None, None);
    let auditor = auditor.up_to_date().await.expect("answers");
    let wanted = auditor.wanted(&Question::default()).await.expect("a question");
    let page = Page { after: None, newest_first: true, limit: 1 };
    let found = auditor.page(&wanted, page).await.expect("an answer");
    assert_eq!(found.events.first().map(|entry| entry.position), Some(newest.0));
}

#[tokio::test]
async fn an_answer_says_what_it_may_lack_if_no_server_projects_the_log() {
    let core = Core::open().await;
    let newest = core.make_organisations(1).await;
    let folder = TempDir::new().expect("a folder");
    let rows = ReadModels::open(folder.path().join("read_models.sqlite")).await.expect("read models");

    let behind = Auditor::new(core.store.clone(), &rows.readers, None, None).caught_up().await.expect("an answer");
    let behind = behind.expect("nothing is projected");
    assert_eq!(behind, Behind { shown: Position(0), head: newest });
    assert!(behind.to_string().contains("events after position 0 may be missing"), "{behind}");
}
