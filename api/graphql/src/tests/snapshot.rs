//! The past of a repository: its publications, their names, and what is between two of them.

use super::*;

/// Two publications of `acme/debs`: with one package, and with two.
async fn published_twice() -> Api {
    let (api, id) = Api::with_debs().await;
    for version in ["1.0", "1.1"] {
        api.core.add_deb(id, version).await;
        api.core.publish(id).await;
    }
    api
}

fn ask_debs(fields: &str) -> String {
    format!(r#"{{ repository(organisation: "acme", name: "debs") {{ {fields} }} }}"#)
}

#[tokio::test]
async fn every_publication_has_an_address_of_its_own_and_is_listed_newest_first() {
    let api = published_twice().await;
    let publications = ask_debs("publications { publishedAt point position url snapshots }");
    let found = api.ask(&publications).await["repository"]["publications"].take();
    let [newest, oldest] = found.as_array().expect("a list").as_slice() else { panic!("{found}") };
    assert_eq!(newest["url"], format!("http://127.0.0.1:8080/apt/acme/debs/at/{}/", text(&newest["point"])));
    let before =
        ask_debs(&format!(r#"publications(first: 1, before: "{}") {{ point }}"#, text(&newest["publishedAt"])));
    assert_eq!(each(&api.ask(&before).await["repository"]["publications"], "point"), [text(&oldest["point"])]);
    for (point, meant) in [("newest".to_owned(), newest), (text(&oldest["point"]), oldest)] {
        let found = api.ask(&ask_debs(&format!(r#"publication(at: "{point}") {{ position }}"#))).await;
        assert_eq!(found["repository"]["publication"]["position"], meant["position"], "{point}");
    }
    let never = api.ask(&ask_debs(r#"publication(at: "unknown") { position }"#)).await;
    assert_eq!(never["repository"]["publication"], Value::Null);
    api.refuses(&[(&ask_debs(r#"publication(at: "no point!") { position }"#), "invalid", "not a point in time")]).await;
}

#[tokio::test]
async fn what_changed_between_two_publications_is_told_by_package() {
    let api = published_twice().await;
    let points = each(&api.ask(&ask_debs("publications { point }")).await["repository"]["publications"], "point");
    let diff = ask_debs(&format!(
        r#"diff(from: "{}") {{ from {{ point }} to {{ point }} changes {{ cursor change name architecture from to filesAdded filesRemoved }} }}"#,
        points[1]
    ));
    let found = api.ask(&diff).await["repository"]["diff"].take();
    assert_eq!((&found["from"]["point"], &found["to"]["point"]), (&json!(points[1]), &json!(points[0])));
    let mut change = found["changes"][0].clone();
    let cursor = text(&change["cursor"].take());
    let changed = json!({
        "cursor": null, "change": "CHANGED", "name": "hello", "architecture": "amd64", "from": "1.0", "to": "1.1", "filesAdded": 1,
        "filesRemoved": 0
    });
    assert_eq!(change, changed, "{found}");
    let rest = diff.replace("changes {", &format!(r#"changes(after: "{cursor}") {{"#));
    assert_eq!(api.ask(&rest).await["repository"]["diff"]["changes"], json!([]));
    api.refuses(&[
        (&ask_debs(r#"diff(from: "unknown") { from { point } }"#), "not_found", "unknown"),
        (&ask_debs(r#"diff(from: "no point!") { from { point } }"#), "invalid", "not a point in time"),
        (&diff.replace("changes {", r#"changes(after: "?") {"#), "invalid", ""),
    ])
    .await;
}

#[tokio::test]
async fn a_name_means_one_publication_for_ever() {
    let api = published_twice().await;
    let take = |name: &str, at: &str| {
        format!(
            r#"mutation {{ takeSnapshot(organisation: "acme", repository: "debs", name: "{name}"{at}) {{ snapshots {{ name url publishedAt takenAt }} publications {{ point snapshots }} }} }}"#
        )
    };
    let taken = api.ask(&take("golden", "")).await["takeSnapshot"].take();
    assert_eq!(each(&taken["snapshots"], "name"), ["golden"]);
    assert_eq!(taken["snapshots"][0]["url"], "http://127.0.0.1:8080/apt/acme/debs/at/golden/");
    assert_eq!(taken["publications"][0]["snapshots"], json!(["golden"]));
    let oldest = format!(r#", at: "{}""#, text(&taken["publications"][1]["point"]));
    api.ask(&take("first", &oldest)).await;
    let after = api.ask(&ask_debs(r#"snapshots(first: 1, after: "first") { name }"#)).await;
    assert_eq!(each(&after["repository"]["snapshots"], "name"), ["golden"]);

    let remove = r#"mutation { removeSnapshot(organisation: "acme", repository: "debs", name: "golden") { snapshots { name } publications { point } } }"#;
    let removed = api.ask(remove).await["removeSnapshot"].take();
    assert_eq!(each(&removed["snapshots"], "name"), ["first"]);
    assert_eq!(removed["publications"].as_array().map(Vec::len), Some(2), "the publication stays");
    assert_eq!(
        each(&api.ask(remove).await["removeSnapshot"]["snapshots"], "name"),
        ["first"],
        "the same again changes nothing"
    );
    api.refuses(&[
        (&remove.replace("golden", "silver"), "refused", "no snapshot silver"),
        (&remove.replace("golden", "newest"), "invalid", "not a snapshot's name"),
        (&remove.replace("debs", "other"), "refused", "there is no such repository"),
        (&take("golden", &oldest), "refused", "use another name, even if that snapshot was removed"),
        (&take("newest", ""), "invalid", "not a snapshot's name"),
        (&take("other", r#", at: "unknown""#), "not_found", "unknown"),
        (&take("other", r#", at: "no point!""#), "invalid", "not a point in time"),
        (&take("other", "").replace("debs", "other"), "not_found", "there is no such repository"),
        (&ask_debs(r#"snapshots(after: "newest") { name }"#), "invalid", "not a snapshot's name"),
    ])
    .await;
}

#[tokio::test]
async fn a_repository_that_was_never_published_has_no_past() {
    let (api, _) = Api::with_debs().await;
    let empty =
        api.ask(&ask_debs(r#"publications { point } publication(at: "newest") { point }"#)).await["repository"].take();
    assert_eq!(empty, json!({ "publications": [], "publication": null }));
    let take = r#"mutation { takeSnapshot(organisation: "acme", repository: "debs", name: "golden") { name } }"#;
    api.refuses(&[(take, "not_found", "newest")]).await;
}
