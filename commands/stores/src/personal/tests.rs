use tempfile::TempDir;

use super::*;

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn persons(folder: &TempDir) -> Persons {
    let secrets = Secrets::open(&folder.path().join("secrets"), &folder.path().join("master")).expect("a secret store");
    Persons::new(Arc::new(secrets))
}

fn files_with(folder: &TempDir, id: PersonId) -> bool {
    folder.path().join("secrets").join(id.to_string()).exists()
}

#[tokio::test]
async fn a_sealed_text_opens_for_its_person_field_and_place_alone() {
    let folder = TempDir::new().expect("a folder");
    let persons = persons(&folder);
    persons.make_key(person(1)).await.expect("a key");
    persons.make_key(person(2)).await.expect("a key");
    let name = persons.seal(person(1), Field::Name, "Ann Example").await.expect("sealed");
    assert_eq!(persons.open(&name, Field::Name).await.as_deref(), Some("Ann Example"));
    assert_eq!(persons.open(&name, Field::Email).await, None);
    assert_eq!(persons.open(&Personal { person: person(2), ..name }, Field::Name).await, None);
    let (command, other) = (CommandId(Uuid::from_u128(3)), CommandId(Uuid::from_u128(4)));
    let address = "192.0.2.7".parse().expect("an address");
    let origin = persons.seal_origin(person(1), command, address).await.expect("sealed");
    assert_eq!(persons.open_origin(&origin, command).await.as_deref(), Some("192.0.2.7"));
    assert_eq!(persons.open_origin(&origin, other).await, None);
}

#[tokio::test]
async fn the_length_of_a_sealed_text_says_nothing_and_the_longest_opens() {
    let folder = TempDir::new().expect("a folder");
    let persons = persons(&folder);
    persons.make_key(person(1)).await.expect("a key");
    let seal = async |text: &str| persons.seal(person(1), Field::Email, text).await.expect("sealed");
    assert_eq!(seal("a@b").await.sealed.len(), seal("someone.with.a.long.name@example.com").await.sealed.len());
    let longest = "a".repeat(domain::personal::TEXT_MAX_BYTES);
    assert_eq!(persons.open(&seal(&longest).await, Field::Email).await, Some(longest));
}

#[tokio::test]
async fn nothing_opens_once_the_key_is_destroyed() {
    let folder = TempDir::new().expect("a folder");
    let persons = persons(&folder);
    persons.make_key(person(1)).await.expect("a key");
    let name = persons.seal(person(1), Field::Name, "Ann Example").await.expect("sealed");
    persons.destroy(person(1)).await.expect("destroyed");
    assert_eq!(persons.open(&name, Field::Name).await, None);
    assert!(persons.seal(person(1), Field::Name, "Ann Example").await.is_err());
    let address = "192.0.2.7".parse().expect("an address");
    assert!(persons.seal_origin(person(1), CommandId(Uuid::from_u128(3)), address).await.is_none());
    assert!(!files_with(&folder, person(1)));
    persons.destroy(person(1)).await.expect("nothing to do");
}

/// A pipe in the place of a file: a reader that opens it waits until a writer opens it.
#[tokio::test]
async fn a_key_that_the_disk_does_not_give_holds_up_neither_the_thread_nor_other_persons() {
    let folder = TempDir::new().expect("a folder");
    let persons = persons(&folder);
    persons.make_key(person(1)).await.expect("a key");
    persons.make_key(person(2)).await.expect("a key");
    let file = folder.path().join("secrets").join(person(1).to_string());
    let sealed = std::fs::read(&file).expect("it is sealed");
    std::fs::remove_file(&file).expect("removed");
    let status = std::process::Command::new("mkfifo").arg(&file).status().expect("mkfifo runs");
    assert!(status.success());

    let mut waiting = std::pin::pin!(persons.seal(person(1), Field::Name, "Ann Example"));
    // One thread runs this test: had it been blocked, nothing would come after.
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    persons.seal(person(2), Field::Name, "Bob Example").await.expect("the other person does not wait");
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    tokio::task::spawn_blocking(move || std::fs::write(file, sealed)).await.expect("no panic").expect("written");
    waiting.await.expect("sealed, once the disk has answered");
}
