use super::*;

#[test]
fn a_filter_that_is_wrong_is_named_with_what_was_expected() {
    let set = |change: fn(&mut Question)| {
        let mut question = Question::default();
        change(&mut question);
        question.wanted(Vec::new()).map(|_| ()).map_err(|error| error.to_string())
    };
    let range = |from: &str, until: &str| {
        let question = Question { from: Some(from.into()), until: Some(until.into()), ..Question::default() };
        question.wanted(Vec::new()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(set(|_| {}), Ok(()));
    assert_eq!(range("2026-11-01", "2026-11-01T00:00:00.001Z"), Ok(()));
    assert_eq!(set(|q| q.kinds = vec!["keyring".into()]), Ok(()));
    for (wrong, begins) in [
        (set(|q| q.about = Some("thing:1".into())), "about: \"thing:1\" is not a valid subject"),
        (set(|q| q.names = vec!["keyring.sung".into()]), "name: there is no event"),
        (set(|q| q.kinds = vec!["song".into()]), "kind: there is no kind"),
        (who("me").map(|_| ()).map_err(|error| error.to_string()), "actor: \"me\" is not a valid actor"),
        (who("person:me").map(|_| ()).map_err(|error| error.to_string()), "actor: "),
        (set(|q| q.from = Some("yesterday".into())), "from: not a valid time"),
        (set(|q| q.until = Some("2026-13-01".into())), "until: not a valid time"),
        (set(|q| q.organisation = Some("A!".into())), "organisation: "),
        (range("2026-11-02", "2026-11-01"), "until: expected a time after from, which is 2026-11-02T00:00:00Z"),
        (range("2026-11-01", "2026-11-01T00:00:00Z"), "until: expected a time after from"),
    ] {
        let why = wrong.expect_err("it is wrong");
        assert!(why.starts_with(begins), "{why}");
    }
}

#[test]
fn an_id_may_be_written_as_its_holder_sees_it() {
    let id = Uuid::from_u128(7);
    assert_eq!(key_or_token(&id_text(id)), Ok(id));
    assert_eq!(key_or_token(&id.to_string()), Ok(id));
    assert_eq!(who(&format!("operator:{}", id_text(id))), Ok(Who::Actor(Actor::Operator { token: id.into() })));
}
