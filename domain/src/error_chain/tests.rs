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
        (&["cannot read it", "(code: 26) file is not a database"], "cannot read it: (code: 26) file is not a database"),
        (
            &["cannot read it", "error: no database", "no database", "deeper"],
            "cannot read it: error: no database: deeper",
        ),
    ] {
        assert_eq!(ErrorChain(&*layers(texts).expect("an error")).to_string(), line);
    }
}
