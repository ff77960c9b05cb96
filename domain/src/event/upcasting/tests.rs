//! A shape that changes twice: `release.failed` as it is released, one with its cause in a separate field, and back.

use serde_json::json;

use super::*;
use crate::event::{Codec, DecodeError, tests::golden};
use crate::recorded::RawEvent;

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

fn failed() -> (RawEvent, crate::event::Event) {
    let (_, text, event) = golden().into_iter().find(|(file, ..)| *file == "release.failed.v1").expect("a golden file");
    (serde_json::from_str(text).expect("a stored event"), event)
}

#[test]
fn an_old_shape_goes_through_every_step_to_the_newest() {
    let (first, event) = failed();
    let fields: Fields = serde_json::from_str(&first.payload).expect("an object");
    let second = Value::Object(upcast(&CHANGED[..1], &first.name, 1, fields));
    assert_eq!(second["cause"], json!({"code": "timeout", "message": "too slow"}));
    let codec = Codec::of(CHANGED);
    let second = RawEvent { schema_version: 2, payload: second.to_string(), ..first.clone() };
    for stored in [first, second, codec.encode(&event)] {
        assert_eq!(codec.decode(&stored).expect("readable"), event, "version {}", stored.schema_version);
    }
    assert_eq!(codec.encode(&event).schema_version, 3);
}

#[test]
fn the_golden_corpus_says_the_same_whatever_changes_after_it() {
    for (file, text, event) in golden() {
        let raw: RawEvent = serde_json::from_str(text).expect("a stored event");
        assert_eq!(Codec::of(CHANGED).decode(&raw).unwrap_or_else(|error| panic!("{file}: {error}")), event, "{file}");
    }
}

#[test]
fn the_other_names_keep_their_version() {
    assert_eq!(newest_version(CHANGED, "release.uploaded"), 1);
    assert_eq!(Codec::of(CHANGED).encode(&crate::release::Event::Uploaded.into()).schema_version, 1);
}

#[test]
fn a_step_leaves_what_it_cannot_read_to_the_codec() {
    let (mut stored, _) = failed();
    for payload in ["{}", "[]", "{\"cause\":3}"] {
        stored.payload = payload.to_owned();
        assert!(matches!(Codec::of(CHANGED).decode(&stored), Err(DecodeError::Malformed { .. })), "{payload}");
    }
}

#[test]
fn the_steps_of_a_name_are_a_chain_from_its_first_version() {
    for steps in [RELEASED, CHANGED] {
        for step in steps {
            let before = steps.iter().take_while(|other| !std::ptr::eq(*other, step));
            let expected = newest_version(&before.copied().collect::<Vec<_>>(), step.name);
            assert_eq!(step.from, expected, "{}", step.name);
        }
    }
}
