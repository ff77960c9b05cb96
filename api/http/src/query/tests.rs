use super::*;

fn refused(query: &str) -> String {
    let read = |query| {
        let given = Parameters::of(Some(query), &["from", "opened"])?;
        Ok((given.number("from")?, given.truth("opened")?))
    };
    let read: Result<_, Problem> = read(query);
    read.expect_err(query).to_string()
}

#[test]
fn a_parameter_that_is_wrong_is_named_with_what_was_expected() {
    for (query, says) in [
        ("since=1", "\"since\" is not a parameter of this URL: expected from, opened"),
        ("an_unknown_parameter=1", "\"an_unknown_parameter\" is not a parameter"),
        ("an_unknown_parameters=1", "the given name is not a parameter"),
        ("pkd_feed_4Zx=1", "the given name is not a parameter"),
        ("from=1&from=1", "the parameter from is given twice"),
        ("from=", "the parameter from is not valid: expected a whole number"),
        ("from=-1", "the parameter from is not valid: expected a whole number"),
        ("from=18446744073709551616", "the parameter from is not valid: expected a whole number"),
        ("opened=yes", "the parameter opened is not valid: expected true or false"),
    ] {
        assert!(refused(query).contains(says), "{query}: {}", refused(query));
    }
}

#[test]
fn what_is_given_is_read_and_what_is_not_is_left_out() {
    let given = Parameters::of(Some("from=7&opened=true&name=a%20b"), &["from", "opened", "name"]).expect("good");
    assert_eq!((given.number("from").expect("a number"), given.truth("opened").expect("a truth")), (Some(7), true));
    assert_eq!(given.text("name"), Some("a b"));
    let none = Parameters::of(None, &["from"]).expect("good");
    assert_eq!((none.number("from").expect("nothing"), none.truth("opened").expect("nothing")), (None, false));
}
