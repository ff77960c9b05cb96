//! Query strings: known parameters, each given at most once.

#[cfg(test)]
mod tests;

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
                return Err(Problem::BadRequest(format!("{name} is not a parameter of this URL: expected {known}")));
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(Problem::BadRequest(format!("the parameter {name} is given twice: expected it once")));
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
    Problem::BadRequest(format!("the parameter {name} is not valid: expected {what}"))
}
