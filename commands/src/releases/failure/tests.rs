use super::*;

#[test]
fn only_a_release_that_has_ended_is_left_alone_when_it_refuses_a_step() {
    for (refusal, expected) in [
        (Refusal::Ended, None),
        (Refusal::Unknown, None),
        (Refusal::TooEarly("it has no build slot"), Some("out_of_order")),
        (Refusal::NoSuchPackage("config.yml".into()), Some("out_of_order")),
        (Refusal::TooManyAttempts("config.yml".into()), Some("too_many_attempts")),
    ] {
        let code = match Stop::from(ExecuteError::Refused(refusal.clone())) {
            Stop::Failed(failure) => Some(failure.code),
            _ => None,
        };
        assert_eq!(code, expected, "{refusal}");
    }
}
