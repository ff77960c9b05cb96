//! `pkgdeploy audit` and the same over GraphQL: who, what, when, and because of what.

use serde_json::Value;
use stories::text;

use crate::sample::{APT, ORGANISATION, Sample};

impl Sample {
    fn audited(&self, arguments: &[&str]) -> Vec<Value> {
        let ran = self.server.command(&[&["audit", "--json"], arguments].concat());
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        let lines = String::from_utf8(ran.stdout).expect("text");
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    async fn asked(&self, question: &str) -> Value {
        self.team.graphql(&format!("{{ {question} }}")).await
    }
}

fn names(entries: &Value) -> Vec<&str> {
    entries.as_array().expect("a list").iter().map(|entry| entry["name"].as_str().expect("a name")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_followed_to_the_trigger_and_a_key_from_its_first_day_to_its_last() {
    let sample = Sample::set_up().await;
    let release = sample.released("v1.0.0").await;

    let story = sample.audited(&["release", &release.id()]).pop().expect("a story");
    assert_eq!(text(&story, "/tag"), "v1.0.0");
    let published = story["published"].as_array().expect("a list");
    assert_eq!(published.len(), 2, "one in each repository: {story:#}");
    let signature = text(&published[0], "/id");
    let chain = Value::Array(sample.audited(&["chain", &signature]));
    assert_eq!(names(&chain), ["project.trigger_accepted", "repository.package_added", "repository.index_signed"]);
    assert!(text(&chain[0], "/actor").starts_with("api-token:"), "{chain:#}");
    let same = sample.asked(&format!(r#"chain(event: "{signature}") {{ name id actor }}"#)).await;
    assert_eq!(names(&same["chain"]), names(&chain));

    let key = sample.apt.key_id.clone();
    let at = text(&sample.audited(&["key", &key])[0], "/issued_at");
    let could_enter = |at: &str| {
        let access = sample.audited(&["access", &format!("{ORGANISATION}/{APT}"), "--at", at]).remove(0);
        access["entrants"].as_array().expect("a list").iter().any(|entrant| entrant["key"] == key.as_str())
    };
    assert!(could_enter(&at));
    let revoke = format!(
        r#"mutation {{ revokeAccessKey(organisation: "{ORGANISATION}", repository: "{APT}", key: "{key}") {{ __typename }} }}"#
    );
    let _revoked = sample.team.graphql(&revoke).await;
    let events = sample.asked(r#"events(filter: {kinds: ["keyring"]}, first: 1) { events { name by } next }"#).await;
    assert!(events["events"]["next"].is_u64(), "{events:#}");
    assert!(could_enter(&at), "what was true stays true");
    let story = sample.audited(&["key", &key]).remove(0);
    assert_eq!(text(&story, "/ends_because"), "revoked");
    assert_eq!(names(&story["events"]), ["keyring.access_key_issued", "keyring.access_key_revoked"]);
    assert!(!could_enter(&text(&story, "/ends_at")));

    for (arguments, says) in [
        (&["--from", "yesterday"][..], "from: not a valid time: expected one such as"),
        (&["--from", "2026-11-02", "--until", "2026-11-02"], "until: expected a time after from"),
        (&["--organisation", "nobody"], "there is no organisation nobody"),
        (&["--limit", "0"], "--limit"),
    ] {
        let wrong = sample.server.command(&[&["audit", "events"], arguments].concat());
        let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert!(!wrong.status.success() && said.contains(says), "{said}");
    }
    for (form, said) in [(&[][..], "no event matches\n"), (&["--json"], "")] {
        let empty = sample.server.command(&[&["audit", "events", "--until", "2020-01-01"], form].concat());
        assert!(empty.status.success() && empty.stdout.is_empty(), "{empty:?}");
        assert_eq!(String::from_utf8_lossy(&empty.stderr), said);
    }
}
