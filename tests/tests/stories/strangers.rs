//! Who has no key learns nothing: not which repositories there are, and not which files.

use reqwest::StatusCode;
use stories::{Answer, Machine, MadeRepository};

use crate::sample::Sample;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_key_gets_the_same_answer_for_everything() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let unknown = MadeRepository { url: sample.apt.url.replace("/apt/acme/", "/apt/nobody/"), ..sample.apt.clone() };
    let index = format!("dists/{}/InRelease", sample.apt.codename);
    let (id, secret) = (sample.apt.key_id.as_str(), sample.apt.key_secret.as_str());
    let expected = shown(&sample.apt.get_as(&index, None).await);
    assert_eq!(expected.0, StatusCode::UNAUTHORIZED);

    let mut changed = secret.to_owned();
    let last = changed.pop().expect("a secret has characters");
    changed.push(if last == 'a' { 'b' } else { 'a' });
    let other = (sample.yum.key_id.as_str(), sample.yum.key_secret.as_str());
    let refused = [
        ("no key, unknown file", &sample.apt, None),
        ("changed secret", &sample.apt, Some((id, changed.as_str()))),
        ("empty secret", &sample.apt, Some((id, ""))),
        ("unknown key", &sample.apt, Some(("nobody", secret))),
        ("another repository's key", &sample.apt, Some(other)),
        ("no key, rpms", &sample.yum, None),
        ("no key, unknown repository", &unknown, None),
        ("good key, unknown repository", &unknown, Some((id, secret))),
    ];
    for (what, repository, login) in refused {
        for path in [index.as_str(), "repodata/repomd.xml", "mirrorlist", "pool/nothing.deb"] {
            assert_eq!(shown(&repository.get_as(path, login).await), expected, "{what}: {path}");
        }
    }
    assert_eq!(sample.apt.get(&index).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_from_the_answer_on_and_others_still_work() {
    let sample = Sample::set_up().await;
    let made = "mutation { issueAccessKey(organisation: \"acme\", repository: \"debian\", name: \"laptop\") \
         { accessKey { id secret } } }";
    let made = sample.team.graphql(made).await;
    let id = stories::text(&made, "/issueAccessKey/accessKey/id");
    let secret = stories::text(&made, "/issueAccessKey/accessKey/secret");
    let index = format!("dists/{}/InRelease", sample.apt.codename);
    assert_eq!(sample.apt.get_as(&index, Some((&id, &secret))).await.status, StatusCode::OK);

    let revoke = format!(
        "mutation {{ revokeAccessKey(organisation: \"acme\", repository: \"debian\", key: \"{id}\") {{ __typename }} }}"
    );
    sample.team.graphql(&revoke).await;
    assert_eq!(sample.apt.get_as(&index, Some((&id, &secret))).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(sample.apt.get(&index).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_with_a_wrong_key_installs_nothing() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let machine = Machine::new();
    machine.ok(&sample.apt.install);
    machine.ok(&format!("grep -rlF '{0}' /etc/apt | xargs sed -i 's/{0}/wrong/'", sample.apt.key_secret));
    let update = machine.run("apt-get update");
    assert!(update.text.contains("401"), "{}", update.text);
    assert!(!machine.run("apt-get install -y noticeboard").ok);
}

/// What a stranger can see of an answer.
fn shown(answer: &Answer) -> (StatusCode, String, Vec<String>) {
    let varying = ["date", "x-request-id"];
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !varying.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    (answer.status, answer.text(), headers)
}
