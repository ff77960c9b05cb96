//! Packages that should not have been published.

use domain::digest::Sha256;

use super::*;

#[tokio::test]
async fn a_yanked_package_is_hidden_with_its_reason_until_it_is_restored() {
    let (api, id) = Api::with_debs().await;
    let sha256 = api.core.add_deb(id, "1.0").await.to_string();
    let yank = format!(
        r#"mutation {{ yankPackage(organisation: "acme", repository: "debs", sha256: "{sha256}", reason: "it deletes mail") {{ packageCount packages {{ yankReason isHidden }} }} }}"#
    );
    let yanked = api.ask(&yank).await["yankPackage"].take();
    let hidden = json!({ "packageCount": 0, "packages": [{ "yankReason": "it deletes mail", "isHidden": true }] });
    assert_eq!(yanked, hidden);
    let restore = format!(
        r#"mutation {{ restorePackage(organisation: "acme", repository: "debs", sha256: "{sha256}") {{ packageCount packages {{ yankReason isHidden }} }} }}"#
    );
    let other = Sha256::of(b"another file").to_string();
    api.refuses(&[
        (&yank.replace("mail", "more"), "refused", "this package is yanked already (it deletes mail)"),
        (&yank.replace(&sha256, &other), "refused", &other),
        (&yank.replace(&sha256, "12"), "invalid", "not a SHA-256 digest"),
        (&yank.replace("it deletes mail", " "), "invalid", "the reason is not valid"),
        (&yank.replace("debs", "other"), "refused", "there is no such repository"),
        (&restore.replace(&sha256, &other), "refused", &other),
        (&restore.replace(&sha256, "12"), "invalid", "not a SHA-256 digest"),
        (&restore.replace("debs", "D!"), "invalid", "not a repository name"),
    ])
    .await;
    let restored = api.ask(&restore).await["restorePackage"].take();
    assert_eq!(restored, json!({ "packageCount": 1, "packages": [{ "yankReason": null, "isHidden": false }] }));
}

#[tokio::test]
async fn under_the_policy_keep_a_yanked_package_stays_with_a_warning() {
    let (api, id) = Api::with_debs().await;
    let sha256 = api.core.add_deb(id, "1.0").await;
    let set = r#"mutation { setYankPolicy(organisation: "acme", repository: "debs", policy: KEEP) { yankPolicy } }"#;
    assert_eq!(api.ask(set).await["setYankPolicy"]["yankPolicy"], "KEEP");
    let yank = format!(
        r#"mutation {{ yankPackage(organisation: "acme", repository: "debs", sha256: "{sha256}", reason: "it deletes mail") {{ packages {{ yankReason isHidden }} }} }}"#
    );
    let kept = json!([{ "yankReason": "it deletes mail", "isHidden": false }]);
    assert_eq!(api.ask(&yank).await["yankPackage"]["packages"], kept);
    api.refuses(&[
        (&set.replace("debs", "other"), "refused", "there is no such repository"),
        (&set.replace("acme", "A!"), "invalid", "not an organisation name"),
    ])
    .await;
}
