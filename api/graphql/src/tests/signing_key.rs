//! Signing keys: a rotation step by step, and a stolen key.

use super::*;

const KEYS: &str = "{ epoch fingerprint state destroyed expiresAt certificate }";

async fn fingerprints(api: &Api) -> Vec<String> {
    each(&api.ask("{ signingKeys { fingerprint } }").await["signingKeys"], "fingerprint")
}

async fn states(api: &Api, mutation: &str) -> Vec<String> {
    let answer = api.ask(&format!("mutation {{ {mutation} {KEYS} }}")).await;
    let field = mutation.split('(').next().expect("a name");
    each(&answer[field], "state")
}

/// The fingerprint of a key that no server here has.
const UNKNOWN: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

#[tokio::test]
async fn a_rotation_is_prepared_overlaps_cuts_over_and_retires_the_old_key() {
    let api = Api::open().await;
    let first = api.ask(&format!("{{ signingKeys {KEYS} }}")).await["signingKeys"][0].take();
    assert_eq!((&first["epoch"], &first["state"], &first["destroyed"]), (&json!(1), &json!("CURRENT"), &json!(false)));
    assert!(text(&first["certificate"]).starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    let old = text(&first["fingerprint"]);
    let retire = format!(r#"retireKey(fingerprint: "{old}")"#);
    api.refuses(&[
        ("mutation { beginOverlap { epoch } }", "refused", "there is no next signing key"),
        ("mutation { cutOver { epoch } }", "refused", "there is no next signing key"),
        (&format!("mutation {{ {retire} {{ epoch }} }}"), "refused", "cut over to another one first"),
        (
            &format!("mutation {{ retireKey(fingerprint: \"{UNKNOWN}\") {{ epoch }} }}"),
            "refused",
            "no signing key with",
        ),
        (
            r#"mutation { retireKey(fingerprint: "AB") { epoch } }"#,
            "invalid",
            "fingerprint: \"AB\" is not a key's full",
        ),
    ])
    .await;
    assert_eq!(states(&api, "prepareNextKey").await, ["CURRENT", "NEXT"]);
    api.refuses(&[
        ("mutation { prepareNextKey { epoch } }", "refused", "the next signing key is already announced"),
        ("mutation { cutOver { epoch } }", "refused", "begin the overlap first"),
    ])
    .await;
    assert_eq!(states(&api, "beginOverlap").await, ["CURRENT", "OVERLAPPING"]);
    assert_eq!(states(&api, "cutOver").await, ["REPLACED", "CURRENT"]);
    api.refuses(&[("mutation { prepareNextKey { epoch } }", "refused", "the previous rotation is not finished")]).await;
    // As gpg prints it.
    let in_groups = old.to_lowercase().as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
    assert_eq!(states(&api, &retire.replace(&old, &in_groups)).await, ["RETIRED", "CURRENT"]);
}

#[tokio::test]
async fn a_stolen_key_is_declared_with_its_fingerprint_twice_and_another_takes_its_place() {
    let api = Api::open().await;
    let stolen = fingerprints(&api).await.remove(0);
    let declare = |confirm: &str| format!(r#"declareCompromised(fingerprint: "{stolen}", confirm: "{confirm}")"#);
    let unknown =
        format!(r#"mutation {{ declareCompromised(fingerprint: "{UNKNOWN}", confirm: "{UNKNOWN}") {{ epoch }} }}"#);
    api.refuses(&[
        (&format!("mutation {{ {} {{ epoch }} }}", declare(UNKNOWN)), "invalid", "confirm: expected the fingerprint"),
        (&format!("mutation {{ {} {{ epoch }} }}", declare("yes")), "invalid", "confirm: \"yes\" is not a key's full"),
        (&unknown, "refused", "no signing key with fingerprint 0123456789ABCDEF"),
    ])
    .await;
    assert_eq!(states(&api, &declare(&stolen)).await, ["COMPROMISED", "CURRENT"]);
    assert_ne!(fingerprints(&api).await[1], stolen);
}

#[tokio::test]
async fn no_query_answers_with_a_private_key() {
    let api = Api::open().await;
    api.ask("mutation { prepareNextKey { epoch } }").await;
    assert!(!api.ask(EVERYTHING).await.to_string().contains("PRIVATE KEY"));
}
