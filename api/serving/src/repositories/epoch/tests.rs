use super::*;

#[test]
fn an_epoch_is_a_number_in_its_one_spelling() {
    for (path, expected) in [
        ("repodata/repomd.xml", (None, "repodata/repomd.xml")),
        ("key/2/repodata/repomd.xml", (Some(Epoch(2)), "repodata/repomd.xml")),
        ("key/1000/mirrorlist", (Some(Epoch(EPOCHS_MAX)), "mirrorlist")),
        ("keys/2/x", (None, "keys/2/x")),
    ] {
        assert_eq!(split(path).expect("a path"), expected, "{path}");
    }
    for bad in ["key/0/x", "key/01/x", "key/+1/x", "key/1001/x", "key/4294967296/x", "key/x/y", "key/"] {
        assert!(matches!(split(bad), Err(Problem::NotFound(_))), "{bad}");
    }
}
