//! A machine that has only a bundle serves what the server served, and holds no secret.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use reqwest::{Client, StatusCode};
use stories::{Answer, Format, Machine, MadeRepository, crawl, program, text};
use tempfile::TempDir;

use crate::sample::{APT, ORGANISATION, Sample, YUM};

/// What a client gets of each address.
pub(crate) type Answers = BTreeMap<String, (StatusCode, Vec<String>, Vec<u8>)>;

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_only_a_bundle_serves_the_same_bytes_and_holds_no_secret() {
    let mut sample = Sample::set_up().await;
    sample.team.create_organisation("rival").await;
    let rival = sample.team.create_repository("rival", "theirs", Format::Deb).await;
    sample.released("v1.0.0").await;
    let mut addresses = addresses(&sample).await;
    sample.released("v1.1.0").await;
    addresses.extend(self::addresses(&sample).await);
    let place = TempDir::with_prefix("pkgdeploy-replica-").expect("a temporary folder");
    let path = |name: &str| place.path().join(name);
    let (live, bundle, replica) = (sample.server.data(), path("bundle"), path("replica"));
    create_bundle(&bundle, &live);
    let refused = bundle_of("rival", &bundle, &live);
    assert!(
        refused.contains(&format!("already has a bundle of organisation {ORGANISATION}, which is kept")),
        "{refused}"
    );
    let before = answers(&sample, &addresses).await;
    assert!(before.len() > 40, "only {} addresses: {addresses:?}", before.len());
    let secrets = [
        sample.team.token().to_owned(),
        sample.project.api_token.clone(),
        sample.apt.key_secret.clone(),
        sample.yum.key_secret.clone(),
        rival.key_secret.clone(),
    ];

    // The server is gone; its address is now the replica's.
    sample.server.replace_by_replica(&bundle, &replica);
    let after = answers(&sample, &addresses).await;
    are_equal(&before, &after);
    assert_eq!(rival.get("dists/stable/InRelease").await.status, StatusCode::UNAUTHORIZED);
    let refused = sample.team.trigger(&sample.project, "{\"tag\": \"v1.1.0\"}", 0).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);

    let (debian, enterprise) = (Machine::new(), Machine::new());
    debian.ok(&sample.apt.install);
    debian.ok("apt-get update && apt-get install -y noticeboard=1.1.0");
    enterprise.ok(&sample.yum.install);
    enterprise.ok("dnf -y install noticeboard-1.1.0");

    hold_no_secret(&secrets, &live, [&bundle, &replica]);
    for folder in [&bundle, &replica] {
        assert!(!finds("theirs", folder), "another organisation is in {}", folder.display());
        assert!(finds(APT, folder) && finds(YUM, folder), "grep finds what is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_bundle_brings_what_is_new_and_a_damaged_one_nothing() {
    let mut sample = Sample::set_up().await;
    let place = TempDir::with_prefix("pkgdeploy-replica-").expect("a temporary folder");
    let path = |name: &str| place.path().join(name);
    let (live, bundle, replica) = (sample.server.data(), path("bundle"), path("replica"));
    sample.released("v1.0.0").await;
    create_bundle(&bundle, &live);
    // Once more with nothing new: the last entries, those of the release, name no blob that a replica sees.
    let blobs = count_files(&bundle.join("blobs"));
    create_bundle(&bundle, &live);
    assert_eq!(count_files(&bundle.join("blobs")), blobs);
    let older = path("older.tar");
    create_bundle(&older, &live);
    sample.server.replace_by_replica(&older, &replica);
    let release = format!("dists/{}/InRelease", sample.apt.codename);
    assert_eq!(sample.apt.get(&release).await.status, StatusCode::OK);

    // A roll ends the key where the roll is known: at the replica with the next bundle.
    sample.server.restart_on(&live);
    let roll = format!(
        "mutation {{ rollAccessKeys(organisation: \"{ORGANISATION}\", repository: \"{APT}\") \
         {{ accessKeys {{ accessKey {{ id secret }} }} }} }}"
    );
    let rolled = sample.team.graphql(&roll).await;
    let key = |name: &str| text(&rolled, &format!("/rollAccessKeys/accessKeys/0/accessKey/{name}"));
    let (id, secret) = (key("id"), key("secret"));
    create_bundle(&bundle, &live);
    sample.server.replace_by_replica(&bundle, &replica);
    assert_eq!(sample.apt.get(&release).await.status, StatusCode::UNAUTHORIZED);
    let with_new_key = sample.apt.get_as(&release, Some((&id, &secret))).await;
    assert_eq!(with_new_key.status, StatusCode::OK);
    // An older one takes nothing back.
    sample.server.replace_by_replica(&older, &replica);
    assert_eq!(sample.apt.get(&release).await.status, StatusCode::UNAUTHORIZED);
    sample.server.kill();

    let lines = fs::read_to_string(bundle.join("log.ndjson")).expect("the bundle's log");
    fs::write(bundle.join("log.ndjson"), lines.replacen("\"revision\":1,", "\"revision\":2,", 1))
        .expect("it is written");
    let fresh = path("fresh");
    let refused =
        program(&["replica", "--listen", "127.0.0.1:0", "--bundle", bundle.to_str().expect("a plain name")], &fresh);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("the copy of the event log is damaged"), "{said}");
    let served = program(&["serve", "--listen", "127.0.0.1:0"], &replica);
    assert!(String::from_utf8_lossy(&served.stderr).contains("belongs to a replica"), "{served:?}");
    let mixed = program(&["replica", "--listen", "127.0.0.1:0"], &live);
    assert!(String::from_utf8_lossy(&mixed.stderr).contains("contains secrets and is not a replica"), "{mixed:?}");
}

fn count_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

fn create_bundle(to: &Path, data: &Path) {
    assert_eq!(bundle_of(ORGANISATION, to, data), "");
}

/// What is said against it.
fn bundle_of(organisation: &str, to: &Path, data: &Path) -> String {
    let to = to.to_str().expect("temporary folders have plain names");
    let ran = program(&["bundle", "create", to, "--organisation", organisation], data);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.success(), said.is_empty(), "{said}");
    said
}

/// Every address that the repositories' indexes lead to now, the installers, and the certificates.
pub(crate) async fn addresses(sample: &Sample) -> BTreeSet<String> {
    let mut addresses = BTreeSet::new();
    for (format, repository, name) in [(Format::Deb, &sample.apt, APT), (Format::Rpm, &sample.yum, YUM)] {
        addresses.extend(crawl(format, repository).await.into_keys());
        let install = format!("{}/install/{ORGANISATION}/{name}", sample.server.url());
        let word = if format == Format::Deb { "deb" } else { "rpm" };
        let files = [String::new(), format!("/installer.{word}"), "/cloud-init.yaml".to_owned()];
        addresses.extend(files.map(|file| format!("{install}{file}")));
    }
    addresses.extend(["asc", "gpg"].map(|end| format!("{}/pkgdeploy_gpg.{end}", sample.server.url())));
    addresses
}

async fn answers(sample: &Sample, addresses: &BTreeSet<String>) -> Answers {
    answers_at(&sample.server.url(), sample, addresses).await
}

/// The same, of the server at `url`.
pub(crate) async fn answers_at(url: &str, sample: &Sample, addresses: &BTreeSet<String>) -> Answers {
    let http = Client::builder().no_proxy().build().expect("an HTTP client");
    let mut answers = Answers::new();
    for address in addresses {
        let key = |repository: &MadeRepository| (repository.key_id.clone(), repository.key_secret.clone());
        let (id, secret) = key(if address.contains(APT) { &sample.apt } else { &sample.yum });
        let path = address.strip_prefix(&sample.server.url()).expect("an address of this server");
        let answer = Answer::to(http.get(format!("{url}{path}")).basic_auth(id, Some(secret))).await;
        let value = |name| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let headers = ["etag", "last-modified", "content-type", "cache-control", "content-disposition"];
        let headers = headers.map(|name| format!("{name}: {}", value(name))).to_vec();
        answers.insert(address.clone(), (answer.status, headers, answer.body.clone()));
    }
    answers
}

/// The second has every answer of the first, to the byte.
pub(crate) fn are_equal(first: &Answers, second: &Answers) {
    for (address, answer) in first {
        assert_eq!(second.get(address).map(|it| (&it.0, &it.1)), Some((&answer.0, &answer.1)), "{address}");
        assert!(second[address].2 == answer.2, "{address} has other bytes");
    }
}

/// Neither the secrets nor their sealed forms are below `folders`, in clear or packed.
pub(crate) fn hold_no_secret<'a>(
    secrets: &[String],
    live: &Path,
    folders: impl IntoIterator<Item = &'a std::path::PathBuf>,
) {
    for folder in folders {
        for secret in secrets {
            let secret = secret.rsplit('_').next().unwrap_or(secret);
            assert!(!finds(secret, folder), "a secret is in {}", folder.display());
        }
        for name in ["PRIVATE KEY", "pkd_key_", "pkd_op_", "pkd_api_", "pkd_feed_"] {
            assert!(!finds(name, folder), "{name} is in {}", folder.display());
        }
        for sealed in fs::read_dir(live.join("secrets")).expect("the sealed secrets") {
            let sealed = fs::read(sealed.expect("an entry").path()).expect("a sealed secret");
            assert!(!files(folder).contains(&sealed), "a sealed secret is in {}", folder.display());
        }
        let master_key = fs::read(live.join("master.key")).expect("the master key");
        let holds = |file: &Vec<u8>| file.windows(master_key.len()).any(|piece| piece == master_key);
        assert!(!files(folder).iter().any(holds), "the master key is in {}", folder.display());
    }
}

fn finds(text: &str, folder: &Path) -> bool {
    let found = Command::new("grep").args(["-raqF", "-e", text]).arg(folder).status().expect("grep runs");
    assert!(found.code().is_some_and(|code| code < 2), "grep failed");
    found.success()
}

/// The content of every file below `folder`.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(fs::read(&path).expect("a file")) }
    }
    found
}
