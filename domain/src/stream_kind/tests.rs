use std::collections::BTreeSet;

use super::*;
use crate::event::NAMES;

#[test]
fn a_kind_is_read_as_it_is_written_and_no_other_text_is_one() {
    for kind in StreamKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    for text in ["", "releases", "Release", "signing"] {
        let error = text.parse::<StreamKind>().expect_err(text).to_string();
        assert!(StreamKind::ALL.iter().all(|kind| error.contains(kind.as_str())), "{error}");
    }
}

#[test]
fn every_event_is_named_after_the_kind_of_its_stream() {
    let of_events = NAMES.iter().map(|name| name.split_once('.').expect("a kind and what happened").0);
    assert_eq!(of_events.collect::<BTreeSet<_>>(), StreamKind::ALL.iter().map(|kind| kind.as_str()).collect());
}
