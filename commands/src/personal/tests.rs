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

#[test]
fn a_sealed_text_opens_for_its_person_field_and_place_alone() {
    let folder = TempDir::new().expect("a folder");
    let persons = persons(&folder);
    persons.make_key(person(1)).expect("a key");
    persons.make_key(person(2)).expect("a key");
    let name = persons.seal(person(1), Field::Name, "Ann Example").expect("sealed");
    assert_eq!(persons.open(&name, Field::Name).as_deref(), Some("Ann Example"));
    assert_eq!(persons.open(&name, Field::Email), None);
    assert_eq!(persons.open(&Personal { person: person(2), ..name }, Field::Name), None);
    let (command, other) = (CommandId(Uuid::from_u128(3)), CommandId(Uuid::from_u128(4)));
    let origin = persons.seal_origin(person(1), command, "192.0.2.7".parse().expect("an address")).expect("sealed");
    assert_eq!(persons.open_origin(&origin, command).as_deref(), Some("192.0.2.7"));
    assert_eq!(persons.open_origin(&origin, other), None);
}

#[test]
fn the_length_of_a_sealed_text_says_nothing_and_the_longest_opens() {
    let folder = TempDir::new().expect("a folder");
    let persons = persons(&folder);
    persons.make_key(person(1)).expect("a key");
    let seal = |text: &str| persons.seal(person(1), Field::Email, text).expect("sealed");
    assert_eq!(seal("a@b").sealed.len(), seal("somebody.with.a.long.name@example.com").sealed.len());
    let longest = "a".repeat(domain::personal::TEXT_MAX_BYTES);
    assert_eq!(persons.open(&seal(&longest), Field::Email), Some(longest));
}

#[test]
fn nothing_opens_once_the_key_is_destroyed() {
    let folder = TempDir::new().expect("a folder");
    let persons = persons(&folder);
    persons.make_key(person(1)).expect("a key");
    let name = persons.seal(person(1), Field::Name, "Ann Example").expect("sealed");
    persons.destroy(person(1)).expect("destroyed");
    assert_eq!(persons.open(&name, Field::Name), None);
    assert!(persons.seal(person(1), Field::Name, "Ann Example").is_err());
    assert!(
        persons
            .seal_origin(person(1), CommandId(Uuid::from_u128(3)), "192.0.2.7".parse().expect("an address"))
            .is_none()
    );
    assert!(!files_with(&folder, person(1)));
    persons.destroy(person(1)).expect("nothing to do");
}
