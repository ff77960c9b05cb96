use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::{
    checkpoint::Checkpoint,
    ids::{CommandId, EventId},
    recorded::{Actor, Metadata, Revision},
};

fn event(kind: &str) -> Recorded<RawEvent> {
    Recorded {
        position: Position(7),
        stream: format!("{kind}-{}", Uuid::from_u128(1)).parse().expect("a stream"),
        revision: Revision(2),
        event_id: EventId(Uuid::from_u128(3)),
        metadata: Metadata {
            recorded_at: DateTime::from_timestamp_micros(1_795_000_000_123_456).expect("a time"),
            actor: Actor::Worker { name: "releases".to_owned() },
            command_id: CommandId(Uuid::from_u128(4)),
            causation: None,
            origin: None,
        },
        event: RawEvent { name: format!("{kind}.happened"), schema_version: 1, payload: "{}".to_owned() },
    }
}

#[test]
fn repositories_and_keyrings_are_shown_and_everything_else_is_a_hash() {
    for kind in ["repository", "keyring"] {
        let shown = event(kind);
        let line = line(&shown);
        assert_eq!(line, canonical::line(&shown));
        assert_eq!(parse(&line, Position(7)).expect("an entry"), (Entry::Shown(shown), leaf_hash(line.as_bytes())));
    }
    for kind in ["project", "release", "delivery", "organisation", "something-new", "account", "signing-key"] {
        let hidden = event(kind);
        let leaf = leaf_hash(canonical::line(&hidden).as_bytes());
        assert_eq!(line(&hidden), format!("{{\"withheld\":\"{leaf}\"}}"));
        assert_eq!(parse(&line(&hidden), Position(7)).expect("an entry"), (Entry::Withheld(leaf), leaf));
        // A replica must not accept events that it should not have.
        assert!(parse(&canonical::line(&hidden), Position(7)).is_err());
    }
}

#[test]
fn a_line_in_other_bytes_is_refused() {
    let leaf = Sha256::of(b"x");
    for bad in [
        String::new(),
        "{}".to_owned(),
        format!("{{\"withheld\": \"{leaf}\"}}"),
        format!("{{\"withheld\":\"{}\"}}", leaf.to_string().to_uppercase()),
        format!("{{\"withheld\":\"{leaf}\",\"more\":1}}"),
    ] {
        assert!(parse(&bad, Position(1)).is_err(), "{bad}");
    }
}

#[test]
fn what_is_signed_about_keys_is_no_checkpoint_and_says_which_lines() {
    let of =
        |lines: &[&str]| signing_keys_text("host/log/acme", &lines.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
    assert!(of(&["a", "b"]).parse::<Checkpoint>().is_err());
    assert_ne!(of(&["a", "b"]), of(&["ab"]));
    assert_ne!(of(&["a"]), of(&["a", "b"]));
}
