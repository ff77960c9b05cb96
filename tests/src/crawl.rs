//! Everything a repository serves, found as a package client finds it: from the index down.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Stdio},
};

use reqwest::StatusCode;

use crate::{Answer, Format, MadeRepository, api::get_with_login};

/// Every address that answered, with what it answered.
pub type Served = BTreeMap<String, ServedFile>;

/// What a client can see of one answer, except the time at which it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedFile {
    /// `ETag`, `Last-Modified` and `Content-Type`.
    pub headers: Vec<String>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// `GET`s everything below a repository's root.
///
/// # Panics
/// If an index names something that is not served.
pub async fn crawl(format: Format, repository: &MadeRepository) -> Served {
    let mut served = Served::new();
    match format {
        Format::Deb => crawl_apt(repository, &mut served).await,
        Format::Rpm => crawl_yum(repository, &mut served).await,
    }
    served
}

/// The packages that a repository's index lists now: the path of each below the root.
///
/// # Panics
/// If an index is not served.
pub async fn listed_packages(format: Format, repository: &MadeRepository) -> Vec<String> {
    let mut served = Served::new();
    match format {
        Format::Deb => {
            let path = format!("{}/dists/{}/main/binary-amd64/Packages.gz", repository.url, repository.codename);
            let index = gunzip(&fetch(repository, &mut served, path).await);
            index.lines().filter_map(|line| line.strip_prefix("Filename: ")).map(str::to_owned).collect()
        }
        Format::Rpm => {
            let mirrors = fetch(repository, &mut served, format!("{}/mirrorlist", repository.url)).await;
            let root = at_the_server_of(repository, String::from_utf8(mirrors).expect("a mirror list is text").trim());
            let repomd = fetch(repository, &mut served, format!("{root}repodata/repomd.xml")).await;
            let lists = hrefs(&String::from_utf8(repomd).expect("repomd.xml is text"));
            let primary = lists.iter().find(|href| href.contains("primary.xml")).expect("a list of packages");
            hrefs(&gunzip(&fetch(repository, &mut served, format!("{root}{primary}")).await))
        }
    }
}

/// apt's list of packages for amd64, but for the repository's own installer, which is always there.
///
/// # Panics
/// If it is not served.
pub async fn packages_index(repository: &MadeRepository) -> String {
    let path = format!("dists/{}/main/binary-amd64/Packages.gz", repository.codename);
    let answer = repository.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    let index = gunzip(&answer.body);
    let others = index.split_inclusive("\n\n").filter(|stanza| !stanza.starts_with("Package: pkgdeploy-"));
    others.collect()
}

async fn crawl_apt(repository: &MadeRepository, served: &mut Served) {
    let suite = format!("{}/dists/{}", repository.url, repository.codename);
    for name in ["InRelease", "Release.gpg"] {
        fetch(repository, served, format!("{suite}/{name}")).await;
    }
    let release = fetch(repository, served, format!("{suite}/Release")).await;
    let release = String::from_utf8(release).expect("Release is text");
    let listed = release.lines().skip_while(|line| *line != "SHA256:").skip(1).take_while(|line| line.starts_with(' '));
    let mut packages = BTreeSet::new();
    for line in listed {
        let [digest, _, name] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("not a file: {line}") };
        let (folder, _) = name.rsplit_once('/').unwrap_or((".", name));
        if name.ends_with("/Packages") {
            // Listed because apt wants its digest, served only in its compressed forms.
            continue;
        }
        let body = fetch(repository, served, format!("{suite}/{folder}/by-hash/SHA256/{digest}")).await;
        assert_eq!(body, fetch(repository, served, format!("{suite}/{name}")).await, "{name}");
        if name.ends_with("/Packages.gz") {
            let text = gunzip(&body);
            packages.extend(text.lines().filter_map(|line| line.strip_prefix("Filename: ")).map(str::to_owned));
        }
    }
    for name in packages {
        fetch(repository, served, format!("{}/{name}", repository.url)).await;
    }
}

async fn crawl_yum(repository: &MadeRepository, served: &mut Served) {
    let mirrors = fetch(repository, served, format!("{}/mirrorlist", repository.url)).await;
    let mirrors = String::from_utf8(mirrors).expect("a mirror list is text");
    let publication = mirrors.trim().trim_end_matches('/').to_owned();
    assert!(!publication.contains('\n'), "a mirror list names one publication: {mirrors}");
    let publication = at_the_server_of(repository, &publication);
    for root in [repository.url.clone(), publication] {
        fetch(repository, served, format!("{root}/repodata/repomd.xml.asc")).await;
        let repomd = fetch(repository, served, format!("{root}/repodata/repomd.xml")).await;
        for href in hrefs(&String::from_utf8(repomd).expect("repomd.xml is text")) {
            let body = fetch(repository, served, format!("{root}/{href}")).await;
            if href.contains("primary.xml") {
                for package in hrefs(&gunzip(&body)) {
                    fetch(repository, served, format!("{root}/{package}")).await;
                }
            }
        }
    }
}

/// A public address, at the server that the repository is fetched from: the two may have different names.
fn at_the_server_of(repository: &MadeRepository, address: &str) -> String {
    let (server, _) = repository.url.split_once("/yum/").expect("the address of an rpm repository");
    let (_, path) = address.split_once("/yum/").expect("an address in an rpm repository");
    format!("{server}/yum/{path}")
}

async fn fetch(repository: &MadeRepository, served: &mut Served, address: String) -> Vec<u8> {
    let answer = get_with_login(&address, Some((&repository.key_id, &repository.key_secret))).await;
    assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.text());
    let seen = ServedFile { headers: stable_headers(&answer), body: answer.body.clone() };
    served.insert(address, seen);
    answer.body
}

fn stable_headers(answer: &Answer) -> Vec<String> {
    let value = |name| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ["etag", "last-modified", "content-type"].map(|name| format!("{name}: {}", value(name))).to_vec()
}

/// What stands in `<location href="…"/>`.
fn hrefs(xml: &str) -> Vec<String> {
    let after = xml.split("<location").skip(1).filter_map(|rest| rest.split_once("href=\""));
    after.filter_map(|(_, rest)| rest.split_once('"')).map(|(href, _)| href.to_owned()).collect()
}

fn gunzip(bytes: &[u8]) -> String {
    use std::io::Write as _;
    let mut child =
        Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip starts");
    let mut pipe = child.stdin.take().expect("its input is piped");
    let owned = bytes.to_vec();
    let writer = std::thread::spawn(move || pipe.write_all(&owned));
    let output = child.wait_with_output().expect("gzip ends");
    writer.join().expect("the writer ends").expect("gzip reads");
    assert!(output.status.success(), "not gzip");
    String::from_utf8(output.stdout).expect("an index is text")
}
