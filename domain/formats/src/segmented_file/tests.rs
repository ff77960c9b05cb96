#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{collections::HashMap, io::Read as _};

use proptest::prelude::*;

use super::*;

const FOOT: &str = "</end>";

fn segmented_file(entries: &[String]) -> Segmented {
    let mut segmented_file = Segmented::default();
    for (index, entry) in entries.iter().enumerate() {
        segmented_file.push(Revision(index as u64 + 2), entry);
    }
    segmented_file
}

fn frame(head: bool, len: usize) -> Frame {
    Frame {
        head: if head { format!("<start n=\"{len}\">") } else { String::new() },
        foot: if head { FOOT } else { "" },
    }
}

fn pack(segmented_file: &mut Segmented, len: usize, frame: &Frame, codec: Codec) -> Packed {
    segmented_file.prepare(len, codec);
    segmented_file.pack(len, frame, codec)
}

fn unpacked(bytes: &[u8], codec: Codec) -> Vec<u8> {
    match codec {
        Codec::Gz => {
            let mut text = Vec::new();
            flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text).unwrap();
            text
        }
        Codec::Zst => zstd::stream::decode_all(bytes).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_file_grown_entry_by_entry_is_the_file_made_at_once(
        entries in prop::collection::vec("[a-z\u{e4}\n]{0,12}", 0..300),
        steps in prop::collection::vec(0..300_usize, 1..5),
        head: bool,
        codec in prop_oneof![Just(Codec::Gz), Just(Codec::Zst)],
    ) {
        let mut grown = segmented_file(&entries);
        let mut store: HashMap<Sha256, Bytes> = HashMap::new();
        for len in steps.into_iter().map(|step| step.min(entries.len())) {
            let frame = frame(head, len);
            let text = format!("{}{}{}", frame.head, entries[..len].concat(), frame.foot);
            let of_text = Measure { sha256: Sha256::of(text.as_bytes()), size_bytes: text.len() as u64 };
            prop_assert_eq!(grown.measure(len, &frame), of_text);

            let packed = pack(&mut grown, len, &frame, codec);
            store.extend(packed.new_blobs.iter().map(|blob| (Sha256::of(blob), blob.clone())));
            grown.confirm_stored(codec, packed.full_segments);
            let from_scratch = pack(&mut segmented_file(&entries[..len]), len, &frame, codec);
            prop_assert_eq!(packed.measure, from_scratch.measure);
            prop_assert_eq!(&packed.manifest, &from_scratch.manifest);

            let manifest = Manifest::parse(&packed.manifest.to_bytes()).unwrap();
            let bytes: Vec<u8> = manifest.pieces.iter().flat_map(|piece| match piece {
                Piece::Blob { sha256, .. } => store[sha256].to_vec(),
                Piece::Inline(bytes) => bytes.to_vec(),
            }).collect();
            prop_assert_eq!(manifest.size_bytes(), bytes.len() as u64);
            let of_bytes = Measure { sha256: Sha256::of(&bytes), size_bytes: bytes.len() as u64 };
            prop_assert_eq!(packed.measure, of_bytes);
            prop_assert_eq!(unpacked(&bytes, codec), text.into_bytes());
        }
    }
}

#[test]
fn one_more_entry_makes_one_new_blob() {
    let mut entries: Vec<String> = (0..SEGMENT_ENTRIES * 3 + 5).map(|n| format!("entry {n}\n")).collect();
    let mut segmented_file = segmented_file(&entries);
    let packed = pack(&mut segmented_file, entries.len(), &Frame::default(), Codec::Gz);
    assert_eq!(packed.new_blobs.len(), 4);
    segmented_file.confirm_stored(Codec::Gz, packed.full_segments);
    entries.push("one more\n".into());
    segmented_file.push(Revision(9999), "one more\n");
    assert_eq!(pack(&mut segmented_file, entries.len(), &Frame::default(), Codec::Gz).new_blobs.len(), 1);
}

#[test]
fn a_state_has_the_entries_up_to_its_revision() {
    let entries: Vec<String> = (0..SEGMENT_ENTRIES + 1).map(|n| n.to_string()).collect();
    let segmented_file = segmented_file(&entries);
    let last = entries.len() as u64 + 1;
    for (revision, len) in [(0, 0), (1, 0), (2, 1), (last - 1, SEGMENT_ENTRIES), (last, SEGMENT_ENTRIES + 1)] {
        assert_eq!(segmented_file.len_at(Revision(revision)), len, "at revision {revision}");
    }
    assert_eq!(segmented_file.len_at(Revision(u64::MAX)), entries.len());
}

#[test]
fn an_empty_file_is_still_a_gz_file() {
    let packed = Segmented::default().pack(0, &Frame::default(), Codec::Gz);
    let [Piece::Inline(bytes)] = packed.manifest.pieces.as_slice() else { panic!("{packed:?}") };
    assert_eq!(unpacked(bytes, Codec::Gz), b"");
}

#[test]
fn a_manifest_is_text_that_names_each_piece() {
    let sha256 = Sha256::of(b"x");
    let manifest =
        Manifest { pieces: vec![Piece::Inline(Bytes::from_static(b"\x1f")), Piece::Blob { sha256, size_bytes: 1 }] };
    assert_eq!(manifest.to_bytes(), format!("pkgdeploy-rope 1\ninline 1f\nblob {sha256} 1\n"));
}

#[test]
fn an_invalid_manifest_is_refused_with_its_line() {
    for (text, line) in [
        ("", 1),
        ("pkgdeploy-rope 2\n", 1),
        ("pkgdeploy-rope 1", 1),
        ("pkgdeploy-rope 1\nblob 12 3\n", 2),
        ("pkgdeploy-rope 1\ninline 1f\ninline 1\n", 3),
        ("pkgdeploy-rope 1\n../../etc/passwd\n", 2),
    ] {
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap_err().line, line, "{text:?}");
    }
}
