use super::*;

fn record(number: u32, content: &[u8]) -> Command {
    let (sha256, content) = (Sha256::of(b"package"), Sha256::of(content));
    Command::RecordInstaller { number, sha256, generation: 1, content }
}

fn published(number: u32, content: &[u8]) -> Event {
    let (sha256, content) = (Sha256::of(b"package"), Sha256::of(content));
    Event::InstallerPublished { number, sha256, generation: 1, content }
}

#[test]
fn an_installer_is_recorded_once_for_each_content() {
    given::<Keyring>([]).when(record(1, b"a")).then([published(1, b"a")]);
    given::<Keyring>([published(1, b"a")]).when(record(1, b"a")).then_nothing();
    given::<Keyring>([published(1, b"a")]).when(record(2, b"a")).then_nothing();
    given::<Keyring>([published(1, b"a")]).when(record(3, b"b")).then([published(3, b"b")]);
}

#[test]
fn of_two_publishers_the_second_is_superseded() {
    given::<Keyring>([published(2, b"a")]).when(record(2, b"b")).refused(Refusal::InstallerSuperseded);
    given::<Keyring>([published(2, b"a")]).when(record(1, b"b")).refused(Refusal::InstallerSuperseded);
}

#[test]
fn a_roll_ends_keys_and_not_the_installer() {
    let rolled = Event::Rolled { generation: 2, keys: vec![] };
    given::<Keyring>([published(2, b"a"), rolled]).when(record(2, b"b")).refused(Refusal::InstallerSuperseded);
}
