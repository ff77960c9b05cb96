use super::*;

#[test]
fn a_record_gives_size_and_length_of_path() {
    assert_eq!(parse(b"100644 blob 0123     42\tsrc/a.c\0"), (42, 7));
    assert_eq!(parse(b"040000 tree 0123       -\tsrc\0"), (0, 3));
}
