//! Prints an error and all its causes on one line.

use std::{error::Error, fmt};

/// An error with its causes, on one line. A cause that an error's own text already contains is not repeated.
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{says}")]
    struct Layer {
        says: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Option<Box<Layer>> {
        let (says, deeper) = texts.split_first()?;
        Some(Box::new(Layer { says, source: layers(deeper) }))
    }

    #[test]
    fn each_cause_is_said_once() {
        for (texts, line) in [
            (&["cannot read it"][..], "cannot read it"),
            (
                &["cannot read it", "(code: 26) file is not a database"],
                "cannot read it: (code: 26) file is not a database",
            ),
            (
                &["cannot read it", "error: no database", "no database", "deeper"],
                "cannot read it: error: no database: deeper",
            ),
        ] {
            assert_eq!(ErrorChain(&*layers(texts).expect("an error")).to_string(), line);
        }
    }
}
