use ::rpm::{Header as Expected, HeaderEntry, IndexData, IndexTag, Lead, PackageMetadata};

use super::*;
use crate::packaging::rpm_header::{Header, Headers, padding};

fn values() -> Vec<(u32, Value)> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    vec![
        (1014, Value::Text("MIT".to_owned())),
        (1004, Value::Translated(texts(&["summary", "Zusammenfassung"]))),
        (1030, Value::Int16(vec![0o100_644, 1])),
        (1000, Value::Text("name".to_owned())),
        (1006, Value::Int32(vec![1, u32::MAX])),
        (5009, Value::Int64(vec![1 << 40])),
        (1117, Value::Texts(texts(&["a", "", "ü"]))),
        (261, Value::Bytes(vec![7, 0, 9])),
    ]
}

#[test]
fn a_header_is_laid_out_as_the_rpm_crate_does_it() {
    let entries = values().into_iter().map(|(tag, value)| {
        let data = match value {
            Value::Int16(numbers) => IndexData::Int16(numbers),
            Value::Int32(numbers) => IndexData::Int32(numbers),
            Value::Int64(numbers) => IndexData::Int64(numbers),
            Value::Text(text) => IndexData::StringTag(text),
            Value::Texts(texts) => IndexData::StringArray(texts),
            Value::Translated(texts) => IndexData::I18NString(texts),
            Value::Bytes(bytes) => IndexData::Bin(bytes),
        };
        HeaderEntry::new(tag, data)
    });
    let expected = PackageMetadata {
        lead: Lead::new("name"),
        signature: Expected::new_empty(),
        header: Expected::from_entries(entries, IndexTag::RPMTAG_HEADERIMMUTABLE),
    };
    assert_eq!(build(63, values()).expect("short"), expected.header_bytes().expect("writes"));
}

#[test]
fn a_lead_is_written_as_the_rpm_crate_does_it() {
    for name in ["name", &"long".repeat(40)] {
        let (signature, header) = (Expected::new_empty(), Expected::from_entries([], IndexTag::RPMTAG_HEADERIMMUTABLE));
        let expected = PackageMetadata { lead: Lead::new(name), signature, header };
        let mut bytes = Vec::new();
        expected.write(&mut bytes).expect("writes");
        assert_eq!(lead(name), bytes[..LEAD_BYTES]);
    }
}

#[test]
fn values_are_read_as_they_were_written() {
    let bytes = build(63, values()).expect("short");
    let header = Header::read(&mut bytes.as_slice(), "a header").expect("our own");
    header.check_region(63).expect("one region");
    assert_eq!(header.bytes(), bytes);
    assert_eq!(header.text(1014).expect("text"), Some("MIT"));
    assert_eq!(header.texts(1004).expect("texts"), ["summary", "Zusammenfassung"]);
    assert_eq!(header.texts(1117).expect("texts"), ["a", "", "ü"]);
    assert_eq!(header.numbers(1030).expect("numbers"), [0o100_644, 1]);
    assert_eq!(header.numbers(1006).expect("numbers"), [1, u32::MAX.into()]);
    assert_eq!(header.number(5009).expect("number"), Some(1 << 40));
    assert_eq!(header.binary(261).expect("bytes"), Some([7, 0, 9].as_slice()));
    assert!(!header.has(1001));
}

#[test]
fn the_payload_begins_where_the_headers_end() {
    let signature = build(62, vec![(269, Value::Text("odd".to_owned()))]).expect("short");
    let zeroes = vec![0; padding(&signature)];
    let header = build(63, values()).expect("short");
    let bytes = [lead("name").to_vec(), signature, zeroes, header, b"payload".to_vec()].concat();
    let headers = Headers::read(&mut bytes.as_slice()).expect("our own");
    assert_eq!(headers.header_start() % 8, 0);
    assert_eq!(&bytes[headers.header_end() as usize..], b"payload");
}

#[test]
fn a_header_that_no_reader_takes_is_not_written() {
    let longest = HEADER_MAX_BYTES as usize - 3 * ENTRY_BYTES;
    let build = |length| build(63, vec![(1000, Value::Bytes(vec![0; length]))]);
    let bytes = build(longest).expect("the longest");
    Header::read(&mut bytes.as_slice(), "a header").expect("is read");
    assert!(matches!(build(longest + 1), Err(PackageFileError::TooLarge { .. })));
}
