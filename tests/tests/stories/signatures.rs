//! What is served is signed, and other people's tools say so.

use std::fs;

use stories::{Format, Machine, Served, crawl, run_host};
use tempfile::TempDir;

use crate::sample::Sample;

#[tokio::test(flavor = "multi_thread")]
async fn other_peoples_tools_accept_the_packages_and_the_signed_indexes() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let folder = TempDir::new().expect("a temporary folder");
    let key = sample.team.get("/pkgdeploy_gpg.asc").await;
    fs::write(folder.path().join("key.asc"), &key.body).expect("the key is written");
    save(&folder, "apt", &sample.apt.url, &crawl(Format::Deb, &sample.apt).await);
    save(&folder, "yum", &sample.yum.url, &crawl(Format::Rpm, &sample.yum).await);
    let run = |script: &str| {
        let ran = run_host(&format!("cd {}; {script}", folder.path().display()));
        assert!(ran.ok, "{script}: {}", ran.text);
        ran.text
    };

    run("gpg --homedir . --batch --dearmor <key.asc >key.gpg");
    run(&format!("gpgv --keyring ./key.gpg apt/dists/{}/InRelease", sample.apt.codename));
    run(&format!("cd apt/dists/{}; gpgv --keyring ../../../key.gpg Release.gpg Release", sample.apt.codename));
    run("gpgv --keyring ./key.gpg yum/repodata/repomd.xml.asc yum/repodata/repomd.xml");

    let control = run("dpkg-deb --field $(find apt -name 'noticeboard*.deb') Package Version Architecture Depends");
    for line in ["Package: noticeboard", "Version: 1.0.0", "Architecture: all", "Depends: python3"] {
        assert!(control.lines().any(|found| found == line), "{line} in {control}");
    }
    run("dpkg-deb --contents $(find apt -name 'noticeboard*.deb')");

    let merged =
        run("mergerepo_c --repo \"file://$PWD/yum\" --outputdir merged 2>&1; zcat -f merged/repodata/*primary.xml*");
    assert!(merged.contains("<name>noticeboard</name>"), "{merged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rpm_says_that_a_released_package_is_signed() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let served = crawl(Format::Rpm, &sample.yum).await;
    let (_, package) = served
        .iter()
        .find(|(address, _)| address.contains("/noticeboard") && address.ends_with(".rpm"))
        .expect("an rpm is served");
    let machine = Machine::new();
    machine.put("/root/package.rpm", &package.body);
    machine.put("/root/key.asc", &sample.team.get("/pkgdeploy_gpg.asc").await.body);
    // rpm says "digests OK" and ends with 0 for a package without any signature.
    let unknown = machine.run("rpm -K /root/package.rpm");
    assert!(!unknown.ok && unknown.text.contains("SIGNATURES NOT OK"), "{}", unknown.text);
    let checked = machine.ok("rpm --import /root/key.asc; rpm -K /root/package.rpm");
    assert!(checked.contains("digests signatures OK"), "{checked}");
}

/// Writes what lies below `root` as files.
fn save(folder: &TempDir, name: &str, root: &str, served: &Served) {
    for (address, file) in served {
        if let Some(path) = address.strip_prefix(root) {
            let path = folder.path().join(name).join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a file has a folder")).expect("its folder is made");
            fs::write(path, &file.body).expect("it is written");
        }
    }
}
