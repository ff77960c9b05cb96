//! Every past state of a repository has an address, which apt and dnf install from with today's keys.

use chrono::{DateTime, Utc};
use stories::{Format, Machine, MadeRepository, crawl};

use crate::sample::{APT, ORGANISATION, Sample, YUM};

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
    format!(
        r#"mutation {{ takeSnapshot(organisation: "{ORGANISATION}", repository: "{repository}", name: "{name}") {{ name }} }}"#
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

/// How many packages changed from that point to now, as GraphQL and the command line both say.
async fn changes(sample: &Sample, repository: &str, from: &str) -> usize {
    let asked = format!(
        r#"{{ repository(organisation: "{ORGANISATION}", name: "{repository}") {{
             diff(from: "{from}") {{ changes {{ name from to }} }} }} }}"#
    );
    let answer = sample.team.graphql(&asked).await;
    let told = answer["repository"]["diff"]["changes"].as_array().expect("a list").clone();
    let named = format!("{ORGANISATION}/{repository}");
    let output = sample.server.command(&["diff", &named, from, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let listed = report["changes"].as_array().expect("a list");
    assert!(listed.iter().all(|change| change["from"].as_str().is_some_and(|from| from.starts_with("1.0.0"))));
    assert_eq!(listed.len(), told.len());
    told.len()
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
