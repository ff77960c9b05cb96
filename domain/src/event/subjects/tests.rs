use super::*;
use crate::{
    event::{encode, tests::golden},
    stream_kind::StreamKind,
};

fn stream() -> StreamId {
    StreamId::new(StreamKind::Organisation, Uuid::nil())
}

#[test]
fn the_text_of_a_subject_is_read_back() {
    let machine: MachineName = "web-1".parse().expect("a name");
    let id = Uuid::from_u128(7);
    for subject in [
        Subject::Organisation(id.into()),
        Subject::Project(id.into()),
        Subject::Repository(id.into()),
        Subject::Release(id.into()),
        Subject::Delivery(id.into()),
        Subject::Key(id.into()),
        Subject::Token(id.into()),
        Subject::Machine(machine),
        Subject::Package(Sha256::of(b"x")),
        Subject::signing_key("ab cd"),
    ] {
        assert_eq!(subject.to_string().parse(), Ok(subject));
    }
    assert_eq!(Subject::signing_key("ab cd"), Subject::SigningKey("ABCD".into()));
    for wrong in ["", "key", "key:", "key:x", "thing:1", "signing-key:", "package:ab"] {
        assert!(wrong.parse::<Subject>().is_err(), "{wrong}");
    }
}

#[test]
fn every_id_that_an_event_names_is_a_subject() {
    for (file, _, event) in golden() {
        let payload: serde_json::Value = serde_json::from_str(&encode(&event).payload).expect("JSON");
        let named: Vec<String> = subjects(&stream(), Some(&event)).iter().map(ToString::to_string).collect();
        for field in ["token", "old", "new", "key", "enrolment", "release", "project", "repository", "fingerprint"] {
            let Some(id) = payload.get(field).and_then(serde_json::Value::as_str) else { continue };
            let found = named.iter().any(|name| name.to_lowercase().ends_with(&id.to_lowercase()));
            assert!(found, "{file}: {field} {id} is not in {named:?}");
        }
    }
}

#[test]
fn nothing_is_named_twice() {
    for (file, _, event) in golden() {
        let named = subjects(&stream(), Some(&event));
        let distinct: std::collections::BTreeSet<_> = named.iter().collect();
        assert_eq!(distinct.len(), named.len(), "{file}: {named:?}");
    }
}
