//! Query strings: known parameters, each given at most once.

use super::problem::Problem;

/// The maximum length of an unknown parameter's name that an error repeats.
const NAME_SHOWN_MAX_BYTES: usize = 20;

/// A parsed query string.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses `query`, whose parameters must be among the `known` ones.
    ///
    /// # Errors
    /// One is unknown, or given twice.
    pub fn of(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut given: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned() {
            if !known.contains(&name.as_str()) {
                let (name, known) = (shown(&name), known.join(", "));
                return Err(Problem::BadRequest(format!(
                    "{name} is not a parameter of this address: expected {known}"
                )));
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(Problem::BadRequest(format!("{name}: given twice")));
            }
            given.push((name, value));
        }
        Ok(Self(given))
    }

    /// A text. `None` if the parameter is not given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A whole number. `None` if the parameter is not given.
    ///
    /// # Errors
    /// It is not a whole number.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let number = |text: &str| text.parse().map_err(|_| expected(name, "a whole number"));
        self.text(name).map(number).transpose()
    }

    /// A boolean. False if the parameter is not given.
    ///
    /// # Errors
    /// It is neither `true` nor `false`.
    pub fn truth(&self, name: &str) -> Result<bool, Problem> {
        self.text(name).map_or(Ok(false), |text| text.parse().map_err(|_| expected(name, "true or false")))
    }
}

/// The parameter's name for an error message, if it looks like a name: a secret given by mistake is not repeated.
fn shown(name: &str) -> String {
    let is_word =
        name.len() <= NAME_SHOWN_MAX_BYTES && name.chars().all(|c| c.is_ascii_lowercase() || "_-".contains(c));
    if is_word { format!("{name:?}") } else { "the given name".to_owned() }
}

/// The problem of a parameter with an invalid value.
#[must_use]
pub fn expected(name: &str, what: &str) -> Problem {
    Problem::BadRequest(format!("{name}: expected {what}"))
}

#[cfg(test)]
mod tests {
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
            ("since=1", "\"since\" is not a parameter of this address: expected from, opened"),
            ("an_unknown_parameter=1", "\"an_unknown_parameter\" is not a parameter"),
            ("an_unknown_parameters=1", "the given name is not a parameter"),
            ("pkd_feed_4Zx=1", "the given name is not a parameter"),
            ("from=1&from=1", "from: given twice"),
            ("from=", "from: expected a whole number"),
            ("from=-1", "from: expected a whole number"),
            ("from=18446744073709551616", "from: expected a whole number"),
            ("opened=yes", "opened: expected true or false"),
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
}
