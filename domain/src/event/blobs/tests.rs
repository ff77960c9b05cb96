use super::*;
use crate::event::{encode, tests::golden};

#[test]
fn as_many_blobs_are_named_as_an_event_has_fields_for_them() {
    for (file, _, event) in golden() {
        let payload = serde_json::from_str(&encode(&event).payload).expect("JSON");
        let mut expected = Vec::new();
        collect(&payload, &mut expected);
        assert_eq!(blobs(&event).len(), expected.len(), "{file} names {expected:?}");
    }
}

/// The value of a field `sha256`, `log`, `blob` or `segmented_file` names a blob, except for index files that are
/// stored elsewhere or not at all.
fn collect(value: &serde_json::Value, digests: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, field) in fields {
                let stored_as_it_is = fields.get("stored").is_none_or(|stored| stored == "blob");
                match field.as_str() {
                    Some(digest) if key == "sha256" && stored_as_it_is => digests.push(digest.to_owned()),
                    Some(digest) if ["log", "blob", "rope"].contains(&key.as_str()) => {
                        digests.push(digest.to_owned());
                    }
                    _ => collect(field, digests),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, digests)),
        _ => {}
    }
}
