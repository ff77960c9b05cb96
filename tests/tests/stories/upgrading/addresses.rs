//! Everything that clients can fetch from the server, and some of what they cannot.

use std::collections::BTreeSet;

use serde_json::Value;
use stories::{Format, MadeRepository, crawl, text};

use super::{
    answers::Request,
    recipe::{Made, ORGANISATIONS, Repository},
};

/// Entries in a full tile (C2SP tlog-tiles).
const TILE: usize = 256;
/// Positions between one that is asked for and the next.
const POSITIONS_APART: usize = 23;
/// Sizes of a transparency log between one whose consistency is asked for and the next.
const SIZES_APART: usize = 37;

/// All requests. Everything but the indexes of repositories is also requested with a credential that must be refused.
pub(super) async fn all(made: &Made) -> BTreeSet<Request> {
    let mut requests = BTreeSet::new();
    for repository in &made.repositories {
        requests.extend(files(made, repository).await);
        requests.extend(points(made, repository).await);
        requests.extend(forms(repository));
        requests.extend(strangers(made, repository));
        requests.extend(installers(made, repository));
    }
    for organisation in ORGANISATIONS {
        requests.extend(transparency(made, &format!("/log/{organisation}"), "operator").await);
    }
    requests.extend(transparency(made, "/log", "operator").await);
    requests.extend(logs_of_tenants());
    requests.extend(feeds(made).await);
    requests.extend(releases(made));
    requests.extend(audit());
    for path in ["/pkgdeploy_gpg.asc", "/pkgdeploy_gpg.gpg"] {
        let get = Request::get(path, "");
        requests.extend([get.clone(), get.clone().head(), get.with("range: bytes=10-99")]);
    }
    requests
}

/// The repository as it is, and as it was after each of its publications, as clients find it from its index down.
async fn files(made: &Made, repository: &Repository) -> BTreeSet<Request> {
    let mut roots = vec![String::new()];
    roots.extend(publications(made, repository).await.iter().map(|one| format!("/at/{}", text(one, "/point"))));
    if repository.format == Format::Rpm {
        let by_keys = |root: &String| (1..=4).map(|epoch| format!("{root}/key/{epoch}")).collect::<Vec<_>>();
        let (newest, oldest) = (by_keys(&roots[0]), by_keys(&roots[roots.len() - 1]));
        roots.extend(newest.into_iter().chain(oldest));
    }
    let mut requests = BTreeSet::new();
    for root in roots {
        let url = format!("{}{root}", repository.made.url);
        let served = crawl(repository.format, &MadeRepository { url, ..repository.made.clone() }).await;
        let paths = served.keys().map(|address| address.trim_start_matches(&made.server.url()).to_owned());
        requests.extend(paths.map(|path| Request::get(path, &repository.login())));
        let lists = format!("{}{root}/mirrorlist", base(repository));
        requests.insert(Request::get(lists, &repository.login()));
    }
    requests
}

/// The entrance of every other point in the past: there is nothing below it that a publication does not have.
async fn points(made: &Made, repository: &Repository) -> BTreeSet<Request> {
    let log = made.server.event_log().await;
    let newest = usize::try_from(log.position().await).expect("a small log");
    log.close().await;
    let mut points: BTreeSet<String> = ["newest", "before-1.1", "golden", "weekly", "removed", "2026-11-26T10:00:00Z"]
        .map(str::to_owned)
        .into_iter()
        .chain(
            ["20000101T000000Z", "hello@v9", "nobody@v1.0.0", "No%20point", "99999999", "29990101T000000Z"]
                .map(str::to_owned),
        )
        .collect();
    points.extend((0..=newest).step_by(POSITIONS_APART).map(|position| position.to_string()));
    for publication in publications(made, repository).await {
        let position = publication["position"].as_u64().expect("a position");
        points.extend([position - 1, position].map(|position| position.to_string()));
        points.insert(text(&publication, "/publishedAt").replace("+00:00", "Z"));
    }
    for release in &made.releases {
        points.extend([release.id.clone(), format!("{}@{}", release.project, release.tag)]);
        points.insert(format!("{}%40{}", release.project, release.tag));
    }
    points
        .into_iter()
        .map(|point| {
            Request::get(format!("{}/at/{point}/{}", base(repository), entrance(repository)), &repository.login())
        })
        .collect()
}

async fn publications(made: &Made, repository: &Repository) -> Vec<Value> {
    let Repository { organisation, name, .. } = repository;
    let asked = format!(
        "{{ repository(organisation: \"{organisation}\", name: \"{name}\") \
         {{ publications(first: 200) {{ point position publishedAt }} }} }}"
    );
    let found = made.team.graphql(&asked).await;
    found["repository"]["publications"].as_array().expect("a list").clone()
}

/// What a client fetches first.
fn entrance(repository: &Repository) -> String {
    match repository.format {
        Format::Deb => format!("dists/{}/InRelease", repository.made.codename),
        Format::Rpm => "repodata/repomd.xml".to_owned(),
    }
}

/// The path of the repository's root.
fn base(repository: &Repository) -> String {
    let kind = if repository.format == Format::Deb { "apt" } else { "yum" };
    format!("/{kind}/{}", repository.login())
}

/// The same file in every way in which HTTP asks for one, and names that no file has.
fn forms(repository: &Repository) -> Vec<Request> {
    let (base, login) = (base(repository), repository.login());
    let get = Request::get(format!("{base}/{}", entrance(repository)), &login);
    let with = |header: &str| get.clone().with(header);
    let mut requests = vec![
        get.clone().head(),
        with("range: bytes=0-99"),
        with("range: bytes=-1"),
        with("range: bytes=99999999-"),
        with("if-none-match: *"),
        with("if-none-match: \"0\""),
        with("if-match: \"0\""),
        with("if-modified-since: Thu, 01 Jan 2998 00:00:00 GMT"),
        with("if-modified-since: Thu, 01 Jan 1998 00:00:00 GMT"),
        with("accept-encoding: gzip, zstd"),
    ];
    let paths = [
        "",
        "nothing",
        "pool/none.deb",
        "dists/unknown/InRelease",
        "Packages/none.rpm",
        "a/../b",
        "a%2fb",
        "at/",
        "key/9/repodata/repomd.xml",
        "repodata/repomd.xml.key",
    ];
    requests.extend(paths.map(|path| Request::get(format!("{base}/{path}"), &login)));
    let other = if repository.format == Format::Deb { "yum" } else { "apt" };
    requests.push(Request::get(format!("/{other}/{login}/{}", entrance(repository)), &login));
    requests
}

/// Every login there is, at the entrance; only the repository's own open it.
fn strangers(made: &Made, repository: &Repository) -> Vec<Request> {
    let path = format!("{}/{}", base(repository), entrance(repository));
    let logins = made.logins.keys().map(String::as_str).chain([""]);
    logins.map(|login| Request::get(path.clone(), login)).collect()
}

/// The installers with each key of the repository, whether it works or not. Nothing of this enrols a machine or renews a key.
fn installers(made: &Made, repository: &Repository) -> Vec<Request> {
    let install = format!("/install/{}", repository.login());
    let files =
        ["", "/installer.deb", "/installer.rpm", "/cloud-init.yaml", "/ansible.yml", "/credentials", "/nothing"];
    let own = made.logins.keys().filter(|login| login.starts_with(&repository.login()));
    let logins: Vec<&str> = own.map(String::as_str).chain(["", "nobody", "operator"]).collect();
    let of_file = |file: &str| {
        let path = format!("{install}{file}");
        logins.iter().map(|login| Request::get(path.clone(), login)).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(of_file).collect()
}

/// A transparency log of this size: its checkpoint, its tiles, and the proof of each entry.
async fn transparency(made: &Made, log: &str, login: &str) -> BTreeSet<Request> {
    let note = made.team.get(&format!("{log}/checkpoint")).await.text();
    let size: usize = note.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or_else(|| panic!("{log}: {note}"));
    let mut paths: BTreeSet<String> = ["checkpoint", "key"].map(str::to_owned).into();
    for tile in 0..size.div_ceil(TILE) {
        let width = TILE.min(size - tile * TILE);
        let part = if width == TILE { String::new() } else { format!(".p/{width}") };
        paths.insert(format!("tile/0/{tile:03}{part}"));
        let entries = format!("tile/entries/{tile:03}{part}");
        let lines = made.team.get(&format!("{log}/{entries}")).await.text();
        paths.insert(entries);
        for line in lines.lines() {
            let event: Value = serde_json::from_str(line).expect("an entry is JSON");
            paths.insert(format!("proof/event/{}?size={size}", text(&event, "/event_id")));
        }
    }
    if size > TILE {
        paths.insert(format!("tile/1/000.p/{}", size / TILE));
    }
    for older in (1..=size).step_by(SIZES_APART) {
        paths.insert(format!("proof/consistency?from={older}&to={size}"));
        paths.insert(format!("tile/0/000.p/{}", older.min(TILE - 1)));
    }
    for wrong in [
        "nothing".to_owned(),
        "tile/0/x001/000".to_owned(),
        "tile/0/1".to_owned(),
        "proof/event/00000000-0000-0000-0000-000000000000".to_owned(),
        "proof/event/nothing".to_owned(),
        format!("proof/consistency?from=1&to={}", size + 1000),
        "proof/consistency?from=1".to_owned(),
    ] {
        paths.insert(wrong);
    }
    paths.into_iter().map(|path| Request::get(format!("{log}/{path}"), login)).collect()
}

/// Who may read which organisation's log.
fn logs_of_tenants() -> Vec<Request> {
    let logins = [
        "",
        "nobody",
        "acme/debian",
        "acme/debian rolled",
        "globex/tools",
        "acme/hello",
        "acme/hello rolled",
        "ann",
        "bob",
    ];
    let logs = ["/log", "/log/acme", "/log/globex", "/log/initech", "/log/hooli"];
    let of_log = |log| logins.map(|login| Request::get(format!("{log}/checkpoint"), login));
    logs.into_iter().flat_map(of_log).collect()
}

/// What replicas follow. No request waits, for nothing comes.
async fn feeds(made: &Made) -> BTreeSet<Request> {
    let mut requests = BTreeSet::new();
    for organisation in ORGANISATIONS {
        for login in ["", "feed acme berlin", "feed acme closed", "feed globex berlin", "operator"] {
            let of = |path: &str| Request::get(format!("/feed/{organisation}/{path}"), login);
            requests
                .extend(["key", "signing-keys", "log?from=0&signing_keys=0", "log?from=99999&signing_keys=0"].map(of));
        }
    }
    for organisation in ["acme", "globex"] {
        let login = format!("feed {organisation} berlin");
        let token = &made.logins[&login];
        let request =
            made.team.request(reqwest::Method::GET, &format!("/feed/{organisation}/log?from=0&signing_keys=0"));
        let page = stories::Answer::to(request.bearer_auth(token)).await.text();
        for (entry, line) in page.lines().skip(1).enumerate() {
            for digest in line.split('"').filter(|word| word.len() == 64) {
                requests.insert(Request::get(format!("/feed/{organisation}/blobs/{digest}?entry={entry}"), &login));
            }
            if entry % SIZES_APART == 0 {
                requests.insert(Request::get(format!("/feed/{organisation}/log?from={entry}&signing_keys=0"), &login));
            }
        }
    }
    requests
}

/// Where releases stand, and what their builds said.
fn releases(made: &Made) -> Vec<Request> {
    let logins = [
        "operator",
        "ann",
        "acme/hello",
        "acme/hello reader",
        "acme/hello revoked",
        "acme/hello rolled",
        "globex/widget",
        "",
    ];
    let of_release = |id: &str| {
        let paths = [format!("/api/v1/releases/{id}"), format!("/api/v1/releases/{id}/log")];
        paths.into_iter().flat_map(|path| logins.map(|login| Request::get(path.clone(), login))).collect::<Vec<_>>()
    };
    let ids = made.releases.iter().map(|release| release.id.as_str());
    ids.chain(["00000000-0000-7000-8000-000000000000", "nothing"]).flat_map(of_release).collect()
}

/// Events as lines of the log.
fn audit() -> Vec<Request> {
    let queries = [
        "",
        "?organisation=acme",
        "?organisation=globex",
        "?kind=release",
        "?name=keyring.rolled,repository.index_signed",
        "?after=40",
        "?until=2000-01-01T00:00:00Z",
        "?nonsense=1",
    ];
    let of_query = |query| ["operator", "bob", ""].map(|login| Request::get(format!("/audit/export{query}"), login));
    queries.into_iter().flat_map(of_query).collect()
}
