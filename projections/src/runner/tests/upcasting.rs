//! A released shape changes: logs from before, after and across the change give the same read models.

use std::collections::HashMap;

use domain::{
    event::{
        encode,
        upcasting::{Fields, Step},
    },
    ids::ProjectId,
    names::TagName,
    release,
    version::ReleaseVersion,
};
use serde_json::Value;

use super::*;
use crate::{credentials, dashboard, testing::dump};

/// `release.failed` gets a field `cause` with its `code` and `message` in version 2; this program wants them side by side,
/// which is version 3.
const CHANGED: &[Step] = &[
    Step { name: "release.failed", from: 1, upcast: gather_the_cause },
    Step { name: "release.failed", from: 2, upcast: spread_the_cause },
];

fn gather_the_cause(mut fields: Fields) -> Fields {
    let cause: Fields = ["code", "message"].into_iter().filter_map(|key| fields.remove_entry(key)).collect();
    fields.insert("cause".to_owned(), Value::Object(cause));
    fields
}

fn spread_the_cause(mut fields: Fields) -> Fields {
    if let Some(Value::Object(cause)) = fields.remove("cause") {
        fields.extend(cause);
    }
    fields
}

/// `release.failed` as each version of the program wrote it.
fn failed(version: u32) -> RawEvent {
    let failed = release::Event::Failed {
        step: release::Step::Building,
        code: "timeout".into(),
        message: "slow".into(),
        log: None,
    };
    let released = encode(&failed.into());
    let fields: Fields = serde_json::from_str(&released.payload).unwrap();
    let fields = CHANGED.iter().take(version as usize - 1).fold(fields, |fields, step| (step.upcast)(fields));
    RawEvent { schema_version: version, payload: Value::Object(fields).to_string(), ..released }
}

/// The read models of a log in which releases failed as these versions of the program wrote it.
async fn read_models(versions: [u32; 3]) -> HashMap<String, Vec<String>> {
    let world = World::new();
    let mut last = Position(0);
    for (id, version) in (1..).zip(versions) {
        let tag: TagName = format!("v{id}.0").parse().unwrap();
        let received = release::Event::Received {
            organisation: "acme".parse().unwrap(),
            project: ProjectId(ID),
            version: ReleaseVersion::from_tag(&tag).unwrap(),
            tag,
        };
        world.log.append("release", Uuid::from_u128(id), 1, received);
        world.log.append("release", Uuid::from_u128(id), 2, release::Event::BuildSlotGranted);
        last = world.log.append_raw("release", Uuid::from_u128(id), 3, failed(version));
    }
    let models = ReadModels::open(world.read_models()).await.unwrap();
    let (_, credentials) = credentials::credentials(models.readers.clone());
    let (_, dashboard) = dashboard::dashboard(models.readers.clone());
    let projectors: Vec<Box<dyn Projector>> = vec![Box::new(credentials), Box::new(dashboard)];
    let (runner, progress) = Runner::open(models.writer, world.log.clone(), projectors).await.unwrap();
    let task = tokio::spawn(runner.reading(Codec::of(CHANGED)).run());
    progress.wait_for(last).await.unwrap();
    task.abort();
    dump(world.read_models()).await
}

#[tokio::test]
async fn logs_from_before_after_and_across_a_change_of_shape_give_the_same_read_models() {
    let expected = read_models([1, 1, 1]).await;
    assert!(format!("{expected:?}").contains("timeout"), "{expected:?}");
    for versions in [[2, 2, 2], [3, 3, 3], [1, 2, 3], [3, 1, 2]] {
        assert_eq!(read_models(versions).await, expected, "{versions:?}");
    }
}
