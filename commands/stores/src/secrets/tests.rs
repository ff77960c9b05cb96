use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use tempfile::TempDir;

use super::*;

const SECRET: &[u8] = b"correct horse battery staple";
const ID: Uuid = Uuid::from_u128(7);

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("secrets")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("master.key")
    }

    fn open(&self) -> Result<Store, SecretsError> {
        Store::open(&self.folder(), &self.key())
    }

    fn with_a_secret() -> (Self, Store) {
        let place = Self::new();
        let secrets = place.open().expect("opens");
        secrets.seal(ID, "test", SECRET).expect("seals");
        (place, secrets)
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("exists").permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

#[track_caller]
fn says(error: &SecretsError, words: &str) {
    let message = error.to_string();
    assert!(message.contains(words), "{message}");
    assert!(!format!("{error:?} {message}").contains("horse"));
}

#[test]
fn a_sealed_secret_is_there_after_a_restart_and_its_file_does_not_show_it() {
    let (place, secrets) = Place::with_a_secret();
    drop(secrets);
    let secrets = place.open().expect("opens again");
    assert_eq!(*secrets.unseal(ID, "test").expect("opens"), SECRET);
    let file = fs::read(place.folder().join(ID.to_string())).expect("file");
    assert!(!file.windows(5).any(|window| window == b"horse"));
}

#[test]
fn only_the_owner_may_read_what_the_store_writes() {
    let (place, _secrets) = Place::with_a_secret();
    assert_eq!(mode(&place.folder()), 0o700);
    assert_eq!(mode(&place.folder().join(ID.to_string())), 0o600);
    assert_eq!(mode(&place.key()), 0o600);
    let names = fs::read_dir(place.folder()).expect("list").count();
    assert_eq!(names, 1, "no unfinished file stays");
}

#[test]
fn a_master_key_or_folder_open_to_others_is_refused() {
    let (place, _secrets) = Place::with_a_secret();
    for open_mode in [0o640, 0o604, 0o660] {
        chmod(&place.key(), open_mode);
        says(&place.open().expect_err("open to others"), "chmod 600");
    }
    chmod(&place.key(), 0o400);
    place.open().expect("read-only for the owner is fine");
    chmod(&place.folder(), 0o750);
    says(&place.open().expect_err("open to the group"), "chmod 700");
}

#[test]
fn a_master_key_of_another_length_or_kind_is_refused() {
    let place = Place::new();
    for length in [0, 31, 33] {
        fs::write(place.key(), vec![1; length]).expect("write");
        chmod(&place.key(), 0o600);
        says(&place.open().expect_err("wrong length"), "exactly 32 random bytes");
    }
    fs::remove_file(place.key()).expect("remove");
    fs::create_dir(place.key()).expect("folder");
    says(&place.open().expect_err("a folder"), "exactly 32 random bytes");
}

#[test]
fn a_lost_master_key_is_not_replaced_while_secrets_depend_on_it() {
    let (place, _secrets) = Place::with_a_secret();
    fs::remove_file(place.key()).expect("remove");
    says(&place.open().expect_err("missing"), "restore it from the backup");
    assert!(!place.key().exists());
}

#[test]
fn another_master_key_is_noticed_at_the_start_and_when_unsealing() {
    let (place, secrets) = Place::with_a_secret();
    fs::write(place.key(), [9; 32]).expect("overwrite");
    says(&place.open().expect_err("wrong key"), "another master key");

    let (other_place, _other) = Place::with_a_secret();
    let name = ID.to_string();
    fs::copy(other_place.folder().join(&name), place.folder().join(&name)).expect("copy");
    says(&secrets.unseal(ID, "test").expect_err("wrong key"), "another master key");
}

#[test]
fn a_moved_file_does_not_open() {
    let (place, secrets) = Place::with_a_secret();
    let other = Uuid::from_u128(8);
    fs::copy(place.folder().join(ID.to_string()), place.folder().join(other.to_string())).expect("copy");
    says(&secrets.unseal(other, "test").expect_err("moved"), &ID.to_string());
}

#[test]
fn another_purpose_does_not_open() {
    let (_place, secrets) = Place::with_a_secret();
    says(&secrets.unseal(ID, "tes").expect_err("other purpose"), "another purpose");
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed() {
    let (place, secrets) = Place::with_a_secret();
    let path = place.folder().join(ID.to_string());
    let good = fs::read(&path).expect("file");
    for position in 0..good.len() {
        let mut changed = good.clone();
        changed[position] ^= 1;
        fs::write(&path, &changed).expect("write");
        says(&secrets.unseal(ID, "test").expect_err("changed"), "");
        fs::write(&path, &good[..position]).expect("write");
        says(&secrets.unseal(ID, "test").expect_err("cut"), "");
    }
    let longer = [good.as_slice(), &vec![0; SECRET_MAX_BYTES + 1]].concat();
    fs::write(&path, longer).expect("write");
    says(&secrets.unseal(ID, "test").expect_err("longer"), "was changed");
}

#[test]
fn a_secret_is_never_overwritten_and_the_first_one_stays() {
    let (_place, secrets) = Place::with_a_secret();
    says(&secrets.seal(ID, "test", b"other").expect_err("taken"), "never overwritten");
    assert_eq!(*secrets.unseal(ID, "test").expect("opens"), SECRET);
}

#[test]
fn the_longest_secret_fits_and_one_byte_more_does_not() {
    let (_place, secrets) = Place::with_a_secret();
    let longest = vec![1; SECRET_MAX_BYTES];
    secrets.seal(Uuid::from_u128(1), "test", &longest).expect("fits");
    assert_eq!(*secrets.unseal(Uuid::from_u128(1), "test").expect("opens"), longest);
    let longer = vec![1; SECRET_MAX_BYTES + 1];
    says(&secrets.seal(Uuid::from_u128(2), "test", &longer).expect_err("too long"), "at most 64 KiB");
}

#[test]
fn a_deleted_secret_cannot_be_read_and_deleting_twice_is_fine() {
    let (place, secrets) = Place::with_a_secret();
    secrets.delete(ID).expect("deletes");
    secrets.delete(ID).expect("nothing to do");
    assert!(matches!(secrets.unseal(ID, "test"), Err(SecretsError::NotFound { id }) if id == ID));
    assert!(!place.folder().join(ID.to_string()).exists());
}
