use super::*;

fn issue_enrolment(limits: EnrolmentLimits) -> Command {
    let terms = Terms::Enrolment(limits);
    Command::IssueAccessKey { key: key(1), name: name(1), secret_sha256: secret(1), terms, now: now() }
}

#[test]
fn a_key_is_issued_once() {
    given::<Keyring>([]).when(issue(1)).then([shared(1)]);
    given::<Keyring>([shared(1)]).when(issue(1)).then_nothing();
}

#[test]
fn two_keys_never_share_a_name() {
    let terms = Terms::Shared { expires_at: None };
    let same_name = Command::IssueAccessKey { key: key(2), name: name(1), secret_sha256: secret(2), terms, now: now() };
    given::<Keyring>([shared(1)]).when(same_name).refused(Refusal::NameTaken(name(1)));
}

#[test]
fn a_revoked_key_is_removed_and_its_name_is_free() {
    given::<Keyring>([shared(1)]).when(Command::RevokeAccessKey { key: key(1) }).then([revoked(1)]);
    given::<Keyring>([shared(1), revoked(1)]).when(Command::RevokeAccessKey { key: key(1) }).refused(Refusal::Unknown);
    given::<Keyring>([shared(1), revoked(1)]).when(issue(1)).then([shared(1)]);
}

#[test]
fn the_name_of_an_expired_key_is_free() {
    let terms = Terms::Shared { expires_at: None };
    let again =
        Command::IssueAccessKey { key: key(2), name: name(1), secret_sha256: secret(2), terms, now: tomorrow() };
    let Event::AccessKeyIssued { kind, .. } = shared(1) else { unreachable!() };
    let issued = Event::AccessKeyIssued {
        key: key(2),
        name: name(1),
        secret_sha256: secret(2),
        kind,
        expires_at: None,
        enrols_max: None,
    };
    given::<Keyring>([enrolment(1, 3)]).when(again).then([revoked(1), issued]);
}

#[test]
fn a_key_ends_in_the_future_and_enrols_at_least_one_machine() {
    let good = EnrolmentLimits { expires_at: tomorrow(), enrols_max: ENROLS_MAX };
    given::<Keyring>([]).when(issue_enrolment(good)).then([enrolment(1, ENROLS_MAX)]);
    let ended = EnrolmentLimits { expires_at: now(), ..good };
    given::<Keyring>([]).when(issue_enrolment(ended)).refused(Refusal::AlreadyExpired);
    for enrols_max in [0, ENROLS_MAX + 1] {
        let limits = EnrolmentLimits { enrols_max, ..good };
        given::<Keyring>([]).when(issue_enrolment(limits)).refused(Refusal::EnrolsOutOfRange);
    }
}

#[test]
fn the_keys_that_a_roll_renews_have_a_limit() {
    given::<Keyring>((0..NAMED_KEYS_MAX).map(shared)).when(issue(NAMED_KEYS_MAX)).refused(Refusal::TooManyNamed);
}
