use super::*;
use crate::testing::given;

fn generated() -> Event {
    Event::Generated { fingerprint: "AB".into(), certificate: "-----BEGIN".into() }
}

fn generate(fingerprint: &str) -> Command {
    Command::Generate { fingerprint: fingerprint.into(), certificate: "-----BEGIN".into() }
}

#[test]
fn a_key_is_generated_once() {
    given::<SigningKey>([]).when(generate("AB")).then([generated()]);
    given::<SigningKey>([generated()]).when(generate("AB")).then_nothing();
}

#[test]
fn a_key_is_never_replaced_in_place() {
    given::<SigningKey>([generated()]).when(generate("CD")).refused(Refusal::Exists("AB".into()));
}
