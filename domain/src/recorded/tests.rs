use super::*;

#[test]
fn what_a_newer_version_writes_beside_an_event_is_not_dropped() {
    let known = r#"{"recorded_at":"2026-11-18T11:06:40Z","actor":{"kind":"command_line"},"command_id":"00000000-0000-0000-0000-000000000004"}"#;
    assert!(serde_json::from_str::<Metadata>(known).is_ok());
    let newer = known.replace("},\"command_id", "},\"song\":1,\"command_id");
    let error = serde_json::from_str::<Metadata>(&newer).expect_err("a field of a newer version").to_string();
    assert!(error.contains("unknown field `song`"), "{error}");
}

#[test]
fn the_text_of_an_actor_is_read_back() {
    let id = Uuid::from_u128(7);
    for actor in [
        Actor::Operator { token: id.into() },
        Actor::ApiToken { token: id.into() },
        Actor::AccessKey { key: id.into() },
        Actor::Worker { name: "signing".into() },
        Actor::GithubWebhook,
        Actor::CiJob { repository_id: 7 },
        Actor::CommandLine,
    ] {
        assert_eq!(actor.to_string().parse(), Ok(actor));
    }
    for wrong in ["", "worker:", "worker", "operator:7", "ci-job:x", "someone"] {
        assert!(wrong.parse::<Actor>().is_err(), "{wrong}");
    }
}
