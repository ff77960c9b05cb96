//! A newer version takes over the data folder of an older one as it is: what was recorded verifies, and clients get the same
//! bytes.
//!
//! `tests/data_folders/` holds a folder that each of some older versions made, with what it answered.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use stories::{Server, program};
use tempfile::TempDir;

mod addresses;
mod answers;
mod recipe;

use self::answers::{Answers, Logins, Request, ask, differences};

/// Where the recipe writes a folder of the present version to, if this is set.
const WRITE_TO: &str = "PKGDEPLOY_WRITE_DATA_FOLDER";
/// The data folder, packed.
const DATA: &str = "data.tar.zst";
/// What the older version answered.
const ANSWERS: &str = "answers.tsv";
/// The credentials that requests use.
const LOGINS: &str = "logins.json";

/// A data folder that an older version made.
struct Fixture {
    folder: PathBuf,
    answers: Answers,
    logins: Logins,
}

impl Fixture {
    fn read(folder: &Path) -> Self {
        let text = |name| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let logins = serde_json::from_str::<serde_json::Value>(&text(LOGINS)).expect("JSON");
        let logins = logins.as_object().expect("an object").iter();
        let logins = logins.map(|(name, secret)| (name.clone(), secret.as_str().expect("a text").to_owned())).collect();
        Self { folder: folder.to_owned(), answers: answers::read(&text(ANSWERS)), logins }
    }

    fn unpack(&self, place: &Path) -> PathBuf {
        let mut tar = Command::new("tar");
        tar.args(["--zstd", "--extract", "--no-same-owner", "--preserve-permissions", "--file"]);
        assert!(tar.arg(self.folder.join(DATA)).arg("-C").arg(place).status().expect("tar runs").success());
        place.join("data")
    }

    /// Verifies the folder, serves it, and compares; again when it was served.
    async fn is_served_the_same(&self, data: &Path) {
        verify(data);
        let mut server = Server::start_on(data, &recipe::options());
        let recorded = server.event_log().await;
        let before = recorded.position().await;
        let now = ask(&server.url(), self.answers.keys(), &self.logins).await;
        let found = differences(&self.answers, &now);
        assert!(found.is_empty(), "{} is not served as before:\n{found}", self.folder.display());
        assert_eq!(recorded.names_after(before).await, [""; 0], "reading records nothing");
        recorded.close().await;
        server.stop();
        verify(data);
    }
}

fn verify(data: &Path) {
    let ran = program(&["verify"], data);
    let said = [&ran.stdout[..], &ran.stderr].concat();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// The folders of older versions.
fn older() -> Vec<Fixture> {
    let entries = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/data_folders")).expect("the folder is there");
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "there is a folder of an older version");
    folders.iter().map(|folder| Fixture::read(folder)).collect()
}

/// Removes what is built from the log.
fn remove_read_models(data: &Path) {
    let mut removed = 0;
    for entry in fs::read_dir(data).expect("the data folder is readable") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("read_models.sqlite")) {
            fs::remove_file(&path).expect("a read model can be deleted");
            removed += 1;
        }
    }
    assert!(removed > 0, "there were no read models");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_folder_of_an_older_version_is_verified_and_served_byte_for_byte() {
    for older in older() {
        let place = TempDir::with_prefix("pkgdeploy-older-").expect("a temporary folder");
        let data = older.unpack(place.path());
        older.is_served_the_same(&data).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_folder_of_an_older_version_is_served_byte_for_byte_without_its_read_models() {
    for older in older() {
        let place = TempDir::with_prefix("pkgdeploy-older-").expect("a temporary folder");
        let data = older.unpack(place.path());
        remove_read_models(&data);
        older.is_served_the_same(&data).await;
    }
}

/// The comparison finds what it is for: a byte of a package, a digit of an expected digest, a header, a status.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_in_the_data_folder_of_an_older_version_is_found() {
    let older = older().remove(0);
    let place = TempDir::with_prefix("pkgdeploy-older-").expect("a temporary folder");
    let data = older.unpack(place.path());
    let is_package = |request: &&Request| request.path.starts_with("/apt/acme/debian/pool/");
    let package = older.answers.keys().find(is_package).expect("a package is fetched");
    let expected = Answers::from([(package.clone(), older.answers[package].clone())]);
    let line = answers::written(&expected);
    for (from, to) in [("sha256=", "sha256=0"), ("\t200\t", "\t404\t"), ("etag: ", "etag: W/")] {
        assert!(!differences(&answers::read(&line.replacen(from, to, 1)), &expected).is_empty(), "{from}");
    }

    let (_, digest) = line.split_once("sha256=").expect("a digest");
    let blob = data.join("blobs/sha256").join(&digest[..2]).join(&digest[..64]);
    let mut bytes = fs::read(&blob).expect("the package's blob is there");
    bytes[100] ^= 1;
    fs::write(&blob, bytes).expect("it can be changed");
    assert!(!program(&["verify"], &data).status.success(), "verify finds it");
    let server = Server::start_on(&data, &recipe::options());
    let now = ask(&server.url(), [package], &older.logins).await;
    assert!(!differences(&expected, &now).is_empty(), "it is not served as before");
}

/// So that the recipe can be followed when the next version is to be remembered, which it is if the variable says where.
#[tokio::test(flavor = "multi_thread")]
async fn the_recipe_makes_a_data_folder_that_this_version_serves_the_same_after_a_restart() {
    let mut made = recipe::make().await;
    let requests = addresses::all(&made).await;
    made.is_quiet().await;
    let answers = ask(&made.server.url(), &requests, &made.logins).await;
    made.server.stop();
    let fixture = Fixture { folder: made.server.data(), answers, logins: made.logins };
    if let Some(to) = std::env::var_os(WRITE_TO) {
        write(&fixture, Path::new(&to));
    }
    remove_read_models(&fixture.folder);
    fixture.is_served_the_same(&fixture.folder).await;
}

fn write(fixture: &Fixture, to: &Path) {
    fs::create_dir_all(to).expect("the folder is made");
    let parent = fixture.folder.parent().expect("a data folder has a parent");
    let packed = Command::new("tar")
        .args(["--zstd", "--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--file"])
        .arg(to.join(DATA))
        .arg("-C")
        .arg(parent)
        .arg("data")
        .env("ZSTD_CLEVEL", "19")
        .status();
    assert!(packed.expect("tar runs").success());
    fs::write(to.join(ANSWERS), answers::written(&fixture.answers)).expect("the answers are written");
    let logins = serde_json::json!(fixture.logins);
    fs::write(to.join(LOGINS), format!("{logins:#}\n")).expect("the logins are written");
}
