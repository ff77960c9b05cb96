use chrono::DateTime;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    ids::{CommandId, PersonId, TokenId},
    personal::Personal,
    recorded::{Actor, StreamId},
    stream_kind::StreamKind,
};

fn recorded(name: &str, payload: &str) -> Recorded<RawEvent> {
    Recorded {
        position: Position(7),
        stream: StreamId::new(StreamKind::Release, Uuid::from_u128(1)),
        revision: Revision(2),
        event_id: EventId(Uuid::from_u128(3)),
        metadata: Metadata {
            recorded_at: DateTime::from_timestamp_micros(1_795_000_000_123_456).expect("a time"),
            actor: Actor::Worker { name: "releases".to_owned() },
            command_id: CommandId(Uuid::from_u128(4)),
            causation: None,
            origin: None,
        },
        event: RawEvent { name: name.to_owned(), schema_version: 1, payload: payload.to_owned() },
    }
}

fn cause() -> Option<EventId> {
    Some(EventId(Uuid::from_u128(5)))
}

fn origin() -> Option<Personal> {
    Some(Personal { person: PersonId(Uuid::from_u128(6)), sealed: "c2VhbGVk".to_owned() })
}

/// Hashes are made of these bytes: a golden line never changes. Those without an origin are older than origins are.
#[test]
fn a_line_holds_the_envelope_and_the_payload_as_it_is_stored_for_ever() {
    let worker = Actor::Worker { name: "releases".to_owned() };
    let operator = Actor::Operator { token: TokenId(Uuid::from_u128(7)) };
    for (golden, actor, causation, origin) in [
        (include_str!("golden/plain.json"), &worker, None, None),
        (include_str!("golden/with_cause.json"), &worker, cause(), None),
        (include_str!("golden/with_origin.json"), &operator, None, origin()),
        (include_str!("golden/with_cause_and_origin.json"), &operator, cause(), origin()),
    ] {
        let mut recorded = recorded("release.failed", r#"{"b":1,"a":1.0}"#);
        recorded.metadata = Metadata { actor: actor.clone(), causation, origin, ..recorded.metadata };
        assert_eq!(format!("{}\n", line(&recorded)), golden);
        assert_eq!(parse(golden.trim_end(), Position(7)).expect("a canonical line"), recorded);
    }
}

#[test]
fn a_payload_that_is_not_an_object_on_one_line_is_written_as_a_string() {
    for odd in ["", "7", "[1]", "{}{}", "{", "{\n}", "\"{}\"", "{}},\"x\":{}"] {
        let recorded = recorded("release.failed", odd);
        let text = line(&recorded);
        assert!(!text.contains('\n'), "{text}");
        assert_eq!(parse(&text, Position(7)).expect("a canonical line"), recorded, "{odd}");
    }
}

#[test]
fn what_is_not_canonical_is_refused() {
    let text = line(&recorded("release.failed", "{}"));
    for bad in [
        String::new(),
        "{}".to_owned(),
        text.replace(":2,", ": 2,"),
        text.replace("release-0", "0"),
        text.replace("\"payload\":{}", "\"payload\":\"{}\""),
        text.replace("\"payload\":{}", "\"payload\":{},\"more\":1"),
        text.replace("},\"payload\"", ",\"origin\":null},\"payload\""),
        format!("{text} "),
        format!("{}{text}", " ".repeat(LINE_MAX_BYTES)),
    ] {
        assert!(parse(&bad, Position(1)).is_err(), "{}", &bad[..bad.len().min(300)]);
    }
}

proptest! {
    #[test]
    fn two_events_have_two_lines_and_a_line_gives_its_event_back(
        names in proptest::array::uniform2("[a-z\"{},\\n]{0,8}"),
        payloads in proptest::array::uniform2("[a-z0-9\"{}:,\\n\\\\ ]{0,12}"),
        sealed in proptest::array::uniform2(proptest::option::of("[A-Z\"{}:,\\n\\\\]{0,4}")),
    ) {
        let [one, other] = [0, 1].map(|n| {
            let mut recorded = recorded(&names[n], &payloads[n]);
            let person = PersonId(Uuid::from_u128(6));
            recorded.metadata.origin = sealed[n].clone().map(|sealed| Personal { person, sealed });
            recorded
        });
        prop_assert_eq!(line(&one) == line(&other), one == other);
        prop_assert_eq!(parse(&line(&one), Position(7)).expect("a canonical line"), one);
    }
}
