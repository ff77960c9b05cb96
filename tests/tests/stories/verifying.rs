//! `pkgdeploy verify`: nothing is believed that can be checked.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use stories::{Server, StartOptions, text};

use crate::sample::Sample;

impl Sample {
    /// What a check says, and whether it ended well.
    fn verified(&self) -> (bool, Value) {
        let ran = self.server.command(&["verify", "--json"]);
        let said = String::from_utf8_lossy(&ran.stdout);
        let report = serde_json::from_str(&said);
        (ran.status.success(), report.unwrap_or_else(|_| panic!("{said}\n{}", String::from_utf8_lossy(&ran.stderr))))
    }

    /// What is wrong after the change, which must be found, and first of all.
    fn finds(&self) -> String {
        let (is_good, report) = self.verified();
        assert!(!is_good, "{report:#}");
        text(&report, "/findings/0/what")
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.server.data().join("blobs/sha256").join(&digest[..2]).join(digest)
    }

    async fn change(&self, file: &str, sql: &'static str) {
        let options = SqliteConnectOptions::new().filename(self.server.data().join(file));
        let mut rows = SqliteConnection::connect_with(&options).await.expect("the file opens");
        sqlx::raw_sql(sql).execute(&mut rows).await.expect("the change is made");
        rows.close().await.expect("the file closes");
    }

    /// The blobs that the newest event of that name names.
    async fn digests(&self, name: &'static str) -> Vec<String> {
        let options = SqliteConnectOptions::new().filename(self.server.data().join("log.sqlite")).read_only(true);
        let mut rows = SqliteConnection::connect_with(&options).await.expect("the log opens");
        let payload = "select payload from event where name = ? order by position desc limit 1";
        let payload: Option<String> =
            sqlx::query_scalar(payload).bind(name).fetch_optional(&mut rows).await.expect("the log is read");
        let words = payload.iter().flat_map(|payload| payload.split('"'));
        let digests: BTreeSet<_> = words.filter(|word| word.len() == 64 && self.blob(word).is_file()).collect();
        digests.into_iter().map(str::to_owned).collect()
    }

    /// The digest that SQL finds in the log's payloads.
    async fn digest(&self, sql: &'static str) -> String {
        let options = SqliteConnectOptions::new().filename(self.server.data().join("log.sqlite")).read_only(true);
        let mut rows = SqliteConnection::connect_with(&options).await.expect("the log opens");
        sqlx::query_scalar(sql).fetch_one(&mut rows).await.expect("a digest")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_log_is_verified_beside_the_running_server_and_each_change_is_found() {
    let mut sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    sample.released("v1.1.0").await;
    let (is_good, report) = sample.verified();
    assert!(is_good, "{report:#}");
    let count = |field: &str| report[field].as_u64().unwrap_or_else(|| panic!("{field} of {report:#}"));
    // An installer and two versions, in a repository of each format, and one signature more for APT's second file.
    assert!(count("publications") >= 4, "{report:#}");
    assert!(count("signatures") >= 3 * count("publications") / 2, "{report:#}");
    assert!(count("blobs") > 20 && count("compared_tables") > 10, "{report:#}");
    assert_eq!(report["not_compared"], Value::Null, "{report:#}");

    sample.server.kill();
    let said = sample.server.command(&["verify"]);
    assert!(said.status.success());
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("Everything is as it was recorded."), "{said}");

    // A package's bytes.
    let deb = "select payload ->> '$.package.sha256' from event where name = 'release.package_ready' limit 1";
    let deb = sample.digest(deb).await;
    let mut bytes = fs::read(sample.blob(&deb)).expect("the deb is there");
    bytes[100] ^= 1;
    fs::write(sample.blob(&deb), &bytes).expect("it can be changed");
    assert!(sample.finds().contains(&deb));
    bytes[100] ^= 1;
    fs::write(sample.blob(&deb), &bytes).expect("it can be changed back");

    // A folder in the place of each kind of blob, one after the other; each is named, and the rest is checked.
    let (_, good) = sample.verified();
    for kind in ["release.package_ready", "release.package_uploaded", "repository.index_signed"] {
        for digest in sample.digests(kind).await {
            let aside = sample.blob(&digest).with_extension("aside");
            fs::rename(sample.blob(&digest), &aside).expect("it can be moved");
            fs::create_dir(sample.blob(&digest)).expect("a folder");
            let (is_good, report) = sample.verified();
            assert!(!is_good && report["findings"].to_string().contains(&digest), "{kind}: {report:#}");
            assert_eq!(report["events"], good["events"], "{kind}: {report:#}");
            fs::remove_dir(sample.blob(&digest)).expect("the folder goes");
            fs::rename(aside, sample.blob(&digest)).expect("it comes back");
        }
    }

    // A signature, with another one of the same key in its place.
    let signatures = "select json_extract(payload, '$.signatures[0].sha256') from event \
                      where name = 'repository.index_signed' order by position";
    let first = sample.digest(signatures).await;
    let before = fs::read(sample.blob(&first)).expect("the signature is there");
    fs::remove_file(sample.blob(&first)).expect("it can be removed");
    assert!(sample.finds().contains(&first));
    fs::write(sample.blob(&first), before).expect("it comes back");

    // A row that people see.
    sample
        .change("read_models.sqlite", "update package_file set size_bytes = size_bytes + 1 where path like '%.rpm'")
        .await;
    assert!(sample.finds().contains("package_file"));
    sample
        .change("read_models.sqlite", "update package_file set size_bytes = size_bytes - 1 where path like '%.rpm'")
        .await;
    let (is_good, report) = sample.verified();
    assert!(is_good, "{report:#}");

    // A fact that an index was rendered from.
    sample
        .change(
            "log.sqlite",
            "drop trigger event_is_never_updated; \
             update event set payload = replace(payload, 'noticeboard', 'noticebored') \
             where position = (select min(position) from event where name = 'repository.package_added' \
             and payload like '%noticeboard%')",
        )
        .await;
    let (_, report) = sample.verified();
    let findings = report["findings"].to_string();
    assert!(findings.contains("is not what that state renders to"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_checks_itself_and_says_on_its_metrics_what_it_found() {
    let tables = "[verify]\nevery_seconds = 1\n".to_owned();
    let server = Server::start_with(&StartOptions { tables, ..StartOptions::default() });
    let found = async |expected: &str| {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let metrics = reqwest::get(format!("{}/metrics", server.url())).await.expect("metrics");
            let metrics = metrics.text().await.expect("a text");
            if metrics.lines().any(|line| line == format!("pkgdeploy_verify_findings {expected}")) {
                return;
            }
            assert!(Instant::now() < deadline, "the server did not find {expected} faults:\n{metrics}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    found("0").await;
    let options = SqliteConnectOptions::new().filename(server.data().join("read_models.sqlite"));
    let mut rows = SqliteConnection::connect_with(&options).await.expect("the file opens");
    let change = "update operator_token set secret_sha256 = 'x' || substr(secret_sha256, 2)";
    sqlx::raw_sql(change).execute(&mut rows).await.expect("the change is made");
    found("1").await;
    assert!(server.log().contains("operator_token"), "{}", server.log());
}
