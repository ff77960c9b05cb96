//! Every past state of a repository has an address, which apt, dnf and zypper install from with today's keys.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use stories::{Answer, Format, Machine, MadeRepository, crawl, listed_packages};

use crate::sample::{APT, ORGANISATION, Sample, YUM};

/// How long a yank may take to show in the next publication.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);
/// Debian's zypper is what a machine without dnf uses.
const WITHOUT_DNF: &str = "rm -f /usr/bin/dnf* /usr/bin/yum*";
/// Where installers put what dnf or zypper read.
const REPO_FILE: &str = "$(ls /etc/yum.repos.d/*.repo /etc/zypp/repos.d/*.repo 2>/dev/null | grep acme)";

/// When the newest publication was made, as it stands in URLs: `20261126T100000Z`.
async fn newest(format: Format, repository: &MadeRepository) -> String {
    let served = crawl(format, repository).await;
    let body = |end: &str| {
        let file = served.iter().find(|(address, _)| address.ends_with(end)).expect("it is served").1;
        String::from_utf8_lossy(&file.body).into_owned()
    };
    let seconds = match format {
        Format::Deb => {
            let release = body("/Release");
            let date = release.lines().find_map(|line| line.strip_prefix("Date: ")).expect("a date");
            DateTime::parse_from_rfc2822(&date.replace(" UTC", " +0000")).expect("a date").timestamp()
        }
        Format::Rpm => {
            let repomd = body("/repomd.xml");
            let (_, rest) = repomd.split_once("<revision>").expect("a revision");
            rest.split('<').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
        }
    };
    DateTime::<Utc>::from_timestamp(seconds, 0).expect("a time").format("%Y%m%dT%H%M%SZ").to_string()
}

/// Gives the newest publication a name.
fn named(repository: &str, name: &str) -> String {
    named_at(repository, name, "newest")
}

/// Gives a publication a name.
fn named_at(repository: &str, name: &str, point: &str) -> String {
    format!(
        r#"mutation {{ takeSnapshot(organisation: "{ORGANISATION}", repository: "{repository}", name: "{name}",
             at: "{point}") {{ name }} }}"#
    )
}

/// Yanks the noticeboard of that version.
async fn yank(sample: &Sample, repository: &str, version: &str) {
    let asked = format!(
        r#"{{ repository(organisation: "{ORGANISATION}", name: "{repository}") {{ packages {{ name version sha256 }} }} }}"#
    );
    let answer = sample.team.graphql(&asked).await;
    let packages = answer["repository"]["packages"].as_array().expect("a list").clone();
    let is_it = |package: &&serde_json::Value| {
        package["name"] == "noticeboard" && package["version"].as_str().is_some_and(|it| it.starts_with(version))
    };
    let sha256 = packages.iter().find(is_it).and_then(|package| package["sha256"].as_str()).expect("it is there");
    let yanked = format!(
        r#"mutation {{ yankPackage(organisation: "{ORGANISATION}", repository: "{repository}", sha256: "{sha256}",
             reason: "it deletes mail") {{ packages {{ name version yankReason isHidden }} }} }}"#
    );
    sample.team.graphql(&yanked).await;
}

/// The paths of the noticeboards of that version in the index.
async fn listed(format: Format, repository: &MadeRepository, version: &str) -> Vec<String> {
    let all = listed_packages(format, repository).await;
    all.into_iter().filter(|path| path.contains("noticeboard") && path.contains(version)).collect()
}

/// Waits until the newest publication is without the noticeboard of that version.
async fn hidden(format: Format, repository: &MadeRepository, version: &str) {
    let deadline = Instant::now() + PUBLISHED_WITHIN;
    while !listed(format, repository, version).await.is_empty() {
        assert!(Instant::now() < deadline, "{version} is still published");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The reason that comes with a package.
fn warning(answer: &Answer) -> Option<&str> {
    answer.headers.get("x-pkgdeploy-yanked").map(|reason| reason.to_str().expect("ASCII"))
}

/// A machine whose dnf, or zypper if it has no dnf, uses the repository.
fn enterprise(sample: &Sample, prepare: &str) -> Machine {
    let machine = Machine::new();
    machine.ok(prepare);
    machine.ok(&sample.yum.install);
    machine
}

/// How many packages changed from that point to now, as GraphQL and the command line both say.
async fn changes(sample: &Sample, repository: &str, from: &str) -> usize {
    let asked = format!(
        r#"{{ repository(organisation: "{ORGANISATION}", name: "{repository}") {{
             diff(from: "{from}") {{ changes {{ name from to }} }} }} }}"#
    );
    let answer = sample.team.graphql(&asked).await;
    let changes = answer["repository"]["diff"]["changes"].as_array().expect("a list").clone();
    let named = format!("{ORGANISATION}/{repository}");
    let output = sample.server.command(&["diff", &named, from, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let listed = report["changes"].as_array().expect("a list");
    assert!(listed.iter().all(|change| change["from"].as_str().is_some_and(|from| from.starts_with("1.0.0"))));
    assert_eq!(listed.len(), changes.len());
    changes.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_takes_a_snapshot_and_dnf_a_point_in_time_with_todays_keys() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let (apt_then, yum_then) = (newest(Format::Deb, &sample.apt).await, newest(Format::Rpm, &sample.yum).await);
    sample.team.graphql(&named(APT, "before-1.1")).await;
    sample.team.graphql(&named(YUM, "before-1.1")).await;
    sample.released("v1.1.0").await;

    assert_eq!(changes(&sample, APT, "before-1.1").await, 1);
    assert_eq!(changes(&sample, YUM, "before-1.1").await, 1);
    let debian = Machine::debian_13();
    debian.ok(&sample.apt.install);
    debian.ok("apt-get update && apt-get install -y noticeboard");
    assert_eq!(debian.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.1.0");
    let older = Machine::debian_13();
    older.ok(&sample.apt.install);
    older.ok(&format!("apt-get -S {apt_then} update && apt-get -S {apt_then} install -y noticeboard"));
    assert_eq!(older.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.0.0");
    let named = Machine::debian_13();
    named.ok(&sample.apt.install);
    named.ok("apt-get -S before-1.1 update && apt-get -S before-1.1 install -y noticeboard");
    assert_eq!(named.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.0.0");
    let nonsense = older.run("apt-get -S 20000101T000000Z update");
    assert!(!nonsense.ok, "there was nothing in the year 2000: {}", nonsense.text);

    let enterprise = Machine::new();
    enterprise.ok(&sample.yum.install);
    let at = format!("{}/at/{yum_then}/", sample.yum.url.trim_end_matches('/'));
    enterprise.ok(&format!("sed -i '/^mirrorlist=/d; /^baseurl=/d; /^\\[/a baseurl={at}' /etc/yum.repos.d/*.repo"));
    enterprise.ok("dnf -y install noticeboard");
    assert!(enterprise.ok("rpm -q noticeboard").starts_with("noticeboard-1.0.0-"));
    let named = Machine::new();
    named.ok(&sample.yum.install);
    let list = format!("{}/at/before-1.1/mirrorlist", sample.yum.url.trim_end_matches('/'));
    named.ok(&format!("sed -i 's,^mirrorlist=.*,mirrorlist={list},' /etc/yum.repos.d/*.repo"));
    named.ok("dnf -y install noticeboard");
    assert!(named.ok("rpm -q noticeboard").starts_with("noticeboard-1.0.0-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_installed_by_its_project_and_tag() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    sample.released("v1.1.0").await;
    let point = "noticeboard@v1.0.0";
    assert_eq!(changes(&sample, APT, point).await, 1);
    assert_eq!(changes(&sample, YUM, point).await, 1);
    sample.team.graphql(&named_at(APT, "golden", point)).await;

    let by_snapshot = Machine::debian_13();
    by_snapshot.ok(&sample.apt.install);
    by_snapshot.ok(&format!("apt-get -S {point} update && apt-get -S {point} install -y noticeboard"));
    // Debian 12 has apt 2.6, which knows no snapshots, and dnf.
    let by_address = Machine::new();
    by_address.ok(&sample.apt.install);
    let address = format!("{}/at/{point}/", sample.apt.url);
    by_address.ok(&format!("sed -i 's,^URIs: .*,URIs: {address},' /etc/apt/sources.list.d/*.sources"));
    by_address.ok("apt-get update && apt-get install -y noticeboard");
    for machine in [&by_snapshot, &by_address] {
        assert_eq!(machine.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.0.0");
    }
    for (option, folder) in [("baseurl", ""), ("mirrorlist", "mirrorlist")] {
        let enterprise = Machine::new();
        enterprise.ok(&sample.yum.install);
        let address = format!("{}/at/{point}/{folder}", sample.yum.url);
        enterprise.ok(&format!("sed -i 's,^mirrorlist=.*,{option}={address},' /etc/yum.repos.d/*.repo"));
        enterprise.ok("dnf -y install noticeboard");
        assert!(enterprise.ok("rpm -q noticeboard").starts_with("noticeboard-1.0.0-"), "by {option}");
    }

    let named = format!("{ORGANISATION}/{APT}");
    for (unknown, why) in [
        ("noticeboard@v9", "the project noticeboard has no release of the tag v9"),
        ("bulletin@v1.0.0", "acme has no project bulletin with a release"),
    ] {
        let output = sample.server.command(&["diff", &named, unknown]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && message.contains(why), "{message}");
        let refused = sample.team.graphql_answer(&named_at(APT, "silver", unknown)).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "not_found", "{refused}");
        assert!(refused["errors"][0]["message"].as_str().is_some_and(|it| it.contains(why)), "{refused}");
        let answer = sample.apt.get(&format!("at/{unknown}/dists/{}/InRelease", sample.apt.codename)).await;
        assert_eq!(answer.status, 404);
        let same = format!(
            "no version for the point in time {unknown}: nothing of a release of that tag of that project is published in it"
        );
        assert!(answer.text().contains(&same), "an access key does not show which projects exist: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yanked_package_is_no_longer_installed_but_from_the_past() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    sample.released("v1.1.0").await;
    let with_it = newest(Format::Deb, &sample.apt).await;
    let machine = Machine::debian_13();
    machine.ok(&sample.apt.install);
    machine.ok("apt-get update && apt-cache show noticeboard=1.1.0");
    yank(&sample, APT, "1.1.0").await;
    // The next publication follows within seconds.
    machine.ok("for try in $(seq 30); do apt-get update; apt-cache madison noticeboard | grep -q 1.1.0 || exit 0; sleep 1; done; exit 1");
    machine.ok("apt-get install -y noticeboard");
    assert_eq!(machine.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.0.0");
    let past = Machine::debian_13();
    past.ok(&sample.apt.install);
    past.ok(&format!("apt-get -S {with_it} update && apt-get -S {with_it} install -y noticeboard"));
    assert_eq!(past.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yanked_rpm_is_hidden_from_dnf_and_zypper_and_installed_from_the_past() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    sample.released("v1.1.0").await;
    let with_it = newest(Format::Rpm, &sample.yum).await;
    let path = listed(Format::Rpm, &sample.yum, "1.1.0").await.pop().expect("it is published");
    assert_eq!(warning(&sample.yum.get(&path).await), None);
    yank(&sample, YUM, "1.1.0").await;
    hidden(Format::Rpm, &sample.yum, "1.1.0").await;
    assert_eq!(sample.yum.get(&path).await.status, 404, "who still holds the older list is not given it");
    let past = sample.yum.get(&format!("at/{with_it}/{path}")).await;
    assert_eq!((past.status.as_u16(), warning(&past)), (200, Some("it deletes mail")));

    for (client, prepare, install) in
        [("dnf", "true", "dnf -y install noticeboard"), ("zypper", WITHOUT_DNF, "zypper -n install noticeboard")]
    {
        let present = enterprise(&sample, prepare);
        present.ok(install);
        assert!(present.ok("rpm -q noticeboard").starts_with("noticeboard-1.0.0-"), "{client} in the present");
        let past = enterprise(&sample, prepare);
        past.ok(&format!("sed -i 's,/key/,/at/{with_it}&,' {REPO_FILE}; grep /at/ {REPO_FILE}"));
        past.ok(install);
        assert!(past.ok("rpm -q noticeboard").starts_with("noticeboard-1.1.0-"), "{client} in the past");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yanked_package_that_is_kept_is_still_installed_and_comes_with_the_warning() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    sample.released("v1.1.0").await;
    for (format, name, repository) in [(Format::Deb, APT, &sample.apt), (Format::Rpm, YUM, &sample.yum)] {
        let keep = format!(
            r#"mutation {{ setYankPolicy(organisation: "{ORGANISATION}", repository: "{name}", policy: KEEP) {{ yankPolicy }} }}"#
        );
        sample.team.graphql(&keep).await;
        yank(&sample, name, "1.1.0").await;
        let path = listed(format, repository, "1.1.0").await.pop().expect("it stays in the index");
        let point = newest(format, repository).await;
        for root in ["", &format!("at/{point}/")] {
            let answer = repository.get(&format!("{root}{path}")).await;
            assert_eq!((answer.status.as_u16(), warning(&answer)), (200, Some("it deletes mail")), "{root}{path}");
        }
    }
    let debian = Machine::new();
    debian.ok(&sample.apt.install);
    debian.ok("apt-get update && apt-get install -y noticeboard");
    assert_eq!(debian.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.1.0");
    for (client, prepare, install) in
        [("dnf", "true", "dnf -y install noticeboard"), ("zypper", WITHOUT_DNF, "zypper -n install noticeboard")]
    {
        let machine = enterprise(&sample, prepare);
        machine.ok(install);
        assert!(machine.ok("rpm -q noticeboard").starts_with("noticeboard-1.1.0-"), "{client}");
    }
}
